//! What surrounds a session: written part by part, read as a whole or not at all.

use std::sync::Arc;

use tenure_core::name::SectionName;
use tenure_core::parts::{Needs, Parts};
use tenure_core::session::Revision;
use tenure_core::surroundings::{Signals, Surroundings};
use tenure_core::workspace::Tenure;
use tenured::store::{
    AroundWrite, Guard, ListFilter, Load, Reads, Retention, Store, Stored, Upkeep, Version, Write,
};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, free, key, loaded, session, tenure, write,
};
use crate::surrounding::{
    EACH_PART, a_little, at_the_limits, bytes, escalation, every_part, put, replaced, section,
    sections, signals, surrounded,
};

/// A first write with everything around it.
pub fn create_with(workspace: &str, surroundings: Surroundings) -> Write {
    let surroundings = Arc::new(surroundings);
    Write { around: Some(AroundWrite { parts: every_part(), surroundings }), ..create(workspace) }
}

pub async fn whole(store: &impl Reads, workspace: &str) -> Stored {
    store.whole(key(workspace)).await.unwrap().stored.unwrap()
}

pub async fn every_part_survives_at_its_limits<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    let (first, second) = (at_the_limits(0), at_the_limits(1));
    let writes = vec![create_with("a", first.clone()), create_with("b", second.clone())];
    apply(&store, acquired.epoch, writes).await;
    assert_eq!(surrounded(&store, "a").await, first);
    assert_eq!(*whole(&store, "b").await.surroundings.unwrap(), second);
    store.close().await.unwrap();
    let store = harness.open();
    store.acquire().await.unwrap();
    assert_eq!(surrounded(&store, "b").await, second);
    assert_eq!(*whole(&store, "a").await.surroundings.unwrap(), first);
}

pub async fn only_the_parts_that_are_named_change<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut wanted = a_little(0);
    let row = created(&store, acquired.epoch, create_with("a", wanted.clone())).await;
    created(&store, acquired.epoch, create_with("b", wanted.clone())).await;
    let untouched = wanted.clone();
    let pairs = EACH_PART.into_iter().zip(EACH_PART.into_iter().cycle().skip(3));
    let sets = EACH_PART.into_iter().chain(pairs.map(|(one, other)| one.with(other)));
    let mut version = 1;
    for parts in sets.chain([every_part()]) {
        for next in [a_little(version), Surroundings::default(), a_little(version + 1)] {
            let next_version = version as u64;
            let write = put("a", row, next_version, parts, next.clone());
            apply(&store, acquired.epoch, vec![write]).await;
            wanted = replaced(&wanted, parts, &next);
            assert_eq!(surrounded(&store, "a").await, wanted, "{parts:?}");
            version += 1;
        }
    }
    assert_eq!(surrounded(&store, "b").await, untouched);
}

pub async fn no_part_at_all_is_nothing_written<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create_with("a", a_little(0))).await;
    let writes = vec![put("a", row, 1, Parts::NONE, a_little(1))];
    apply(&store, acquired.epoch, writes).await;
    assert_eq!(surrounded(&store, "a").await, a_little(0));
}

pub async fn an_empty_part_is_the_same_as_none<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    created(&store, acquired.epoch, create_with("b", Surroundings::default())).await;
    assert_eq!(surrounded(&store, "a").await, Surroundings::default());
    assert_eq!(surrounded(&store, "b").await, Surroundings::default());
    let writes = vec![put("a", row, 1, every_part(), a_little(0))];
    apply(&store, acquired.epoch, writes).await;
    let writes = vec![put("a", row, 2, every_part(), Surroundings::default())];
    apply(&store, acquired.epoch, writes).await;
    assert_eq!(surrounded(&store, "a").await, Surroundings::default());
}

pub async fn a_load_brings_surroundings_only_where_they_are_asked_for<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = vec![create_with("a", a_little(0)), create_with("b", a_little(1)), create("c")];
    apply(&store, acquired.epoch, writes).await;
    let keys = [
        ("b", Needs::Tenure),
        ("none", Needs::Everything),
        ("a", Needs::Everything),
        ("c", Needs::Everything),
    ];
    let keys = keys.map(|(name, needs)| (key(name), needs)).to_vec();
    let load = Load { keys, outcomes: Vec::new() };
    let found = store.load(load).await.unwrap().workspaces;
    assert_eq!(found[0].as_ref().unwrap().surroundings, None);
    assert_eq!(found[1], None);
    assert_eq!(found[2].as_ref().unwrap().surroundings.as_deref(), Some(&a_little(0)));
    assert_eq!(found[3].as_ref().unwrap().surroundings.as_deref(), Some(&Surroundings::default()));
    assert_eq!(store.get(key("a")).await.unwrap().unwrap().surroundings, None);
    let page = store.list(ListFilter::default(), None, 10).await.unwrap();
    assert!(page.rows.iter().all(|row| row.stored.surroundings.is_none()));
}

pub async fn a_whole_workspace_is_read_from_one_snapshot<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let nothing = store.whole(key("a")).await.unwrap();
    assert_eq!((nothing.stored, nothing.sequence), (None, 0));
    let mut first = create_with("a", a_little(0));
    first.events = vec![crate::sample::ordinary("a", 1)];
    apply(&store, acquired.epoch, vec![first]).await;
    let found = store.whole(key("a")).await.unwrap();
    assert_eq!(found.sequence, store.events(None, 0, 1).await.unwrap().newest);
    let stored = found.stored.unwrap();
    let without = Stored { surroundings: None, ..stored.clone() };
    assert_eq!(store.get(key("a")).await.unwrap(), Some(without));
    assert_eq!(*stored.surroundings.unwrap(), a_little(0));
}

pub async fn a_beat_leaves_the_surroundings_alone<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create_with("a", a_little(0));
    Arc::make_mut(first.tenure.as_mut().unwrap()).signals = signals(4);
    let row = created(&store, acquired.epoch, first).await;
    apply(&store, acquired.epoch, vec![beat("a", row, 1)]).await;
    let mut renewing = batch(acquired.epoch, Vec::new());
    renewing.renewals = vec![crate::sample::renewal(row, 2)];
    store.commit(renewing).await.unwrap();
    let stored = whole(&store, "a").await;
    assert_eq!(stored.version, Version(3));
    assert_eq!(stored.tenure.signals, signals(4));
    assert_eq!(*stored.surroundings.unwrap(), a_little(0));
}

pub async fn surroundings_outlive_their_session<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create_with("a", a_little(0))).await;
    let cleared = Tenure { signals: signals(1), ..free(2) };
    let guard = Guard::At(row, Version(1));
    apply(&store, acquired.epoch, vec![write(key("a"), guard, 2, cleared.clone())]).await;
    let stored = whole(&store, "a").await;
    assert_eq!(stored.tenure, cleared);
    assert_eq!(*stored.surroundings.unwrap(), a_little(0));
}

pub async fn every_read_sees_the_signals<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    let mut wanted = tenure(1, session("ses_a", "worker", 1));
    wanted.signals = signals(u64::MAX);
    let first = write(key("a"), Guard::Absent, 1, wanted.clone());
    let row = created(&store, acquired.epoch, first).await;
    let changed = Signals { blocking: None, ..signals(5) };
    let mut store = store;
    let steps = [signals(u64::MAX), changed, Signals::default(), signals(7)];
    for (version, signals) in (1..).zip(steps) {
        wanted.revision = Some(Revision(version + 1));
        wanted.signals = signals;
        let guard = Guard::At(row, Version(version));
        let write = write(key("a"), guard, version + 1, wanted.clone());
        let epoch = store.acquire().await.unwrap().epoch;
        apply(&store, epoch, vec![write]).await;
        store.close().await.unwrap();
        store = harness.open();
        assert_eq!(loaded(&store, "a").await.unwrap().tenure, wanted);
        assert_eq!(store.get(key("a")).await.unwrap().unwrap().tenure, wanted);
        assert_eq!(whole(&store, "a").await.tenure, wanted);
        assert_eq!(store.leases(None, 1).await.unwrap()[0].tenure, wanted);
        let all = ListFilter::default();
        let few = ListFilter { owner: Some("worker".to_owned()), ..ListFilter::default() };
        for filter in [all, few] {
            let page = store.list(filter, None, 1).await.unwrap();
            assert_eq!(page.rows[0].stored.tenure, wanted);
        }
    }
}

pub async fn escalations_keep_their_order_through_every_change<H: Harness>() {
    use tenure_core::escalation::EscalationKind::{Blocking, NonBlocking};
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let raised = |ids: &str| {
        let raised = ids.split(' ').filter(|id| !id.is_empty());
        let escalations = raised.map(|id| escalation(id, Blocking)).collect();
        Surroundings { escalations, ..Surroundings::default() }
    };
    // Raised, raised before others, resolved at each end and between, put in another order.
    let steps = ["m", "m z", "m z a", "b m z a", "b m a", "m a", "m", "", "x y z", "z x y", "y"];
    let mut version = 1;
    for ids in steps {
        let write = put("a", row, version, Parts::ESCALATIONS, raised(ids));
        apply(&store, acquired.epoch, vec![write]).await;
        version += 1;
        assert_eq!(surrounded(&store, "a").await, raised(ids), "{ids}");
    }
    let mut edited = raised("y z");
    edited.escalations[0].kind = NonBlocking;
    let write = put("a", row, version, Parts::ESCALATIONS, edited.clone());
    apply(&store, acquired.epoch, vec![write]).await;
    assert_eq!(surrounded(&store, "a").await, edited);
}

pub async fn sections_come_change_and_go_one_by_one<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut wanted = sections((0..16).map(|n| section(n, 1_000)));
    let row = created(&store, acquired.epoch, create_with("a", wanted.clone())).await;
    let name = |n: usize| -> SectionName { section(n, 0).name };
    let mut steps: Vec<Surroundings> = Vec::new();
    // Another content, of the same length and of another; another type of the same content.
    for (n, bytes) in [(3, bytes(99, 1_000)), (4, bytes(98, 1))] {
        Arc::make_mut(wanted.sections.get_mut(&name(n)).unwrap()).content = bytes;
        steps.push(wanted.clone());
    }
    Arc::make_mut(wanted.sections.get_mut(&name(5)).unwrap()).content_type = Arc::from("");
    steps.push(wanted.clone());
    wanted.sections.remove(&name(0));
    steps.push(wanted.clone());
    wanted.sections.insert(name(20), Arc::new(section(20, 10)));
    steps.push(wanted.clone());
    // Contents change places.
    let (one, other) = (name(6), name(7));
    let content = wanted.sections[&one].content.clone();
    let swapped = wanted.sections[&other].content.clone();
    Arc::make_mut(wanted.sections.get_mut(&one).unwrap()).content = swapped;
    Arc::make_mut(wanted.sections.get_mut(&other).unwrap()).content = content;
    steps.push(wanted);
    for (version, next) in (1..).zip(steps) {
        let write = put("a", row, version, Parts::SECTIONS, next.clone());
        apply(&store, acquired.epoch, vec![write]).await;
        assert_eq!(surrounded(&store, "a").await, next);
    }
}

pub async fn counts_and_retention_leave_surroundings_alone<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    apply(&store, acquired.epoch, vec![create("a"), create("b")]).await;
    let before = store.counts().await.unwrap();
    let row = loaded(&store, "a").await.unwrap().row;
    let writes = vec![put("a", row, 1, every_part(), a_little(0))];
    apply(&store, acquired.epoch, writes).await;
    assert_eq!(store.counts().await.unwrap(), before);
    let late = tenure_core::time::WallTime(u64::MAX);
    let everything = Retention {
        lease_now: tenure_core::time::LeaseInstant(u64::MAX),
        events_before: late,
        events_max: 0,
        important_events_before: late,
        ledger_before: late,
        machines_before: late,
        wall_now: late,
        rows_max: 1_000,
    };
    store.prune(everything).await.unwrap();
    assert_eq!(surrounded(&store, "a").await, a_little(0));
    assert_eq!(store.counts().await.unwrap(), before);
}
