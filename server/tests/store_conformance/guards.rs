//! Guards: a write that was decided on a state that has gone is not applied.

use tenure_core::ledger::EndCause;
use tenure_core::name::SessionId;
use tenured::store::{Batch, Guard, Outcome, Reads, RowId, Store, Version};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, entry, key, loaded, loaded_outcome, ordinary, outcome,
    renewal, row_of, session, tenure, write,
};

pub async fn a_wrong_version_is_a_conflict_of_that_write_only<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = vec![create("a"), create("b"), create("c")];
    let rows: Vec<_> =
        apply(&store, acquired.epoch, writes).await.outcomes.iter().map(row_of).collect();
    let writes = vec![beat("a", rows[0], 1), beat("b", rows[1], 2), beat("c", rows[2], 1)];
    let committed = store.commit(batch(acquired.epoch, writes)).await.unwrap();
    let applied = |row| Outcome::Applied { row: Some(row), sequences: 0..0 };
    assert_eq!(committed.outcomes, [applied(rows[0]), Outcome::Conflict, applied(rows[2])]);
    let version = async |name| loaded(&store, name).await.unwrap().version;
    assert_eq!(version("a").await, Version(2));
    assert_eq!(version("b").await, Version(1));
    assert_eq!(version("c").await, Version(2));
}

pub async fn a_renewal_whose_guard_has_gone_is_named_and_the_others_are_applied<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = vec![create("a"), create("b"), create("c")];
    let rows: Vec<_> =
        apply(&store, acquired.epoch, writes).await.outcomes.iter().map(row_of).collect();
    let nowhere = RowId(9_999);
    let renewals =
        vec![renewal(rows[2], 1), renewal(nowhere, 1), renewal(rows[0], 1), renewal(rows[1], 2)];
    let batch = Batch { renewals, ..batch(acquired.epoch, Vec::new()) };
    let committed = store.commit(batch).await.unwrap();
    let mut conflicts = committed.conflicting_renewals;
    conflicts.sort_unstable();
    assert_eq!(conflicts, [1, 3]);
    let renewed = loaded(&store, "a").await.unwrap();
    assert_eq!((renewed.version, renewed.tenure.session.unwrap().beats), (Version(2), 1));
    assert_eq!(loaded(&store, "b").await.unwrap().version, Version(1));
    assert_eq!(loaded(&store, "c").await.unwrap().version, Version(2));
}

pub async fn a_conflict_leaves_nothing_of_its_write<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let before = loaded(&store, "a").await;
    let guard = Guard::At(row, Version(7));
    let mut stale = write(key("a"), guard, 8, tenure(8, session("other", "other", 8)));
    stale.events = vec![ordinary("a", 1)];
    stale.sealed = vec![entry("a", "ses_a", 1, EndCause::Cleared)];
    stale.outcomes = vec![outcome("a", "r1", 600)];
    let mut good = create("b");
    good.events = vec![ordinary("b", 2)];
    let committed = store.commit(batch(acquired.epoch, vec![stale, good])).await.unwrap();
    assert_eq!(committed.outcomes[0], Outcome::Conflict);
    assert_eq!(loaded(&store, "a").await, before);
    assert!(loaded_outcome(&store, "a", "r1").await.is_none());
    assert_eq!(store.ledger_entry(SessionId::imported("ses_a")).await.unwrap(), None);
    let events = store.events(None, 0, 10).await.unwrap().events;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.key, Some(key("b")));
}

pub async fn absent_conflicts_where_something_is_stored<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    created(&store, acquired.epoch, create("a")).await;
    let before = loaded(&store, "a").await;
    let other = write(key("a"), Guard::Absent, 1, tenure(1, session("other", "other", 1)));
    let committed = store.commit(batch(acquired.epoch, vec![other, create("b")])).await.unwrap();
    assert_eq!(committed.outcomes[0], Outcome::Conflict);
    assert!(matches!(committed.outcomes[1], Outcome::Applied { row: Some(_), .. }));
    assert_eq!(loaded(&store, "a").await, before);
}

pub async fn an_unknown_place_is_a_conflict<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for row in [0, -1, 77, i64::MAX, i64::MIN] {
        let writes = vec![beat("a", RowId(row), 1)];
        let committed = store.commit(batch(acquired.epoch, writes)).await.unwrap();
        assert_eq!(committed.outcomes, [Outcome::Conflict]);
    }
    assert_eq!(loaded(&store, "a").await, None);
}

pub async fn outcomes_alone_are_guarded_too<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    for guard in [Guard::Absent, Guard::At(row, Version(2)), Guard::At(RowId(99), Version(1))] {
        let mut write = create("a");
        write.guard = guard;
        write.lease = None;
        write.tenure = None;
        write.outcomes = vec![outcome("a", "r1", 600)];
        let committed = store.commit(batch(acquired.epoch, vec![write])).await.unwrap();
        assert_eq!(committed.outcomes, [Outcome::Conflict], "under {guard:?}");
    }
    assert!(loaded_outcome(&store, "a", "r1").await.is_none());
}

pub async fn a_conflict_does_not_use_up_a_place<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let first = created(&store, acquired.epoch, create("a")).await;
    for _ in 0..5 {
        store.commit(batch(acquired.epoch, vec![create("a")])).await.unwrap();
    }
    let second = created(&store, acquired.epoch, create("b")).await;
    assert_eq!(second.0, first.0 + 1);
}
