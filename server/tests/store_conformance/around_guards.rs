//! What surrounds a session stays as it was where a write is not applied, or not meant to.

use std::sync::Arc;

use tenure_core::surroundings::Surroundings;
use tenured::store::{
    AroundWrite, CommitError, Epoch, Guard, Outcome, Reads, RowId, Store, Version,
};

use crate::around::{create_with, whole};
use crate::harness::{Harness, acquired};
use crate::sample::{apply, batch, create, created, key, loaded, outcome, session, tenure, write};
use crate::surrounding::{a_little, escalation, every_part, put, signals, surrounded};

/// Writes of `a`, at version 1, that are not applied; each brings everything.
async fn assert_leaves_no_trace(store: &impl Store, epoch: Epoch, guard: Guard, conflicts: bool) {
    let before = whole(store, "a").await;
    let mut other = write(key("a"), guard, 9, tenure(9, session("other", "other", 9)));
    Arc::make_mut(other.tenure.as_mut().unwrap()).signals = signals(9);
    let surroundings = Arc::new(a_little(7));
    other.around = Some(AroundWrite { parts: every_part(), surroundings });
    let answer = store.commit(batch(epoch, vec![other])).await;
    match answer {
        Ok(committed) => {
            assert_eq!((committed.outcomes, conflicts), (vec![Outcome::Conflict], true));
        }
        Err(error) => assert!(matches!((error, conflicts), (CommitError::Fenced, false))),
    }
    assert_eq!(whole(store, "a").await, before);
    let page = store.escalations(Default::default(), None, 1_000).await.unwrap();
    assert_eq!(page.rows.len(), before.surroundings.unwrap().escalations.len());
}

pub async fn a_conflict_leaves_no_trace_of_its_parts<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create_with("a", a_little(0))).await;
    for guard in [Guard::Absent, Guard::At(row, Version(2)), Guard::At(RowId(99), Version(1))] {
        assert_leaves_no_trace(&store, acquired.epoch, guard, true).await;
    }
    assert_leaves_no_trace(&store, Epoch(acquired.epoch.0 + 1), Guard::At(row, Version(1)), false)
        .await;
}

pub async fn outcomes_alone_write_no_parts<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create_with("a", a_little(0))).await;
    let mut alone = put("a", row, 1, every_part(), a_little(1));
    alone.lease = None;
    alone.outcomes = vec![outcome("a", "r1", 600)];
    let mut unknown = create_with("b", a_little(1));
    unknown.lease = None;
    apply(&store, acquired.epoch, vec![alone, unknown]).await;
    assert_eq!(surrounded(&store, "a").await, a_little(0));
    assert_eq!(store.whole(key("b")).await.unwrap().stored, None);
}

pub async fn one_id_is_of_one_escalation_in_a_workspace<H: Harness>() {
    use tenure_core::escalation::EscalationKind::Blocking;
    let (_harness, store, acquired) = acquired::<H>().await;
    let one =
        Surroundings { escalations: vec![escalation("e", Blocking)], ..Surroundings::default() };
    let writes = vec![create_with("a", one.clone()), create_with("b", one.clone())];
    apply(&store, acquired.epoch, writes).await;
    let mut twice = one.clone();
    twice.escalations.extend(one.escalations.clone());
    let refused = batch(acquired.epoch, vec![create("c"), create_with("d", twice)]);
    let error = store.commit(refused).await.unwrap_err();
    assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
    assert_eq!(loaded(&store, "c").await, None);
    assert_eq!(surrounded(&store, "a").await, one);
    assert_eq!(surrounded(&store, "b").await, one);
}
