//! What prune forgets, and what it must not.

use tenure_core::event::{Event, What};
use tenure_core::ledger::EndCause;
use tenure_core::name::SessionId;
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::{Epoch, Outcome, Pruned, Reads, Retention, Store, Upkeep};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, beat, create, created, entry, event, important, key, loaded_outcome, ordinary, outcome,
    sighting, transfer,
};

/// Forgets nothing.
pub const KEEP: Retention = Retention {
    lease_now: LeaseInstant(0),
    events_before: WallTime(0),
    events_max: u64::MAX,
    important_events_before: WallTime(0),
    ledger_before: WallTime(0),
    machines_before: WallTime(0),
    wall_now: WallTime(0),
    rows_max: 1_000,
};

async fn log(store: &impl Store, epoch: Epoch, events: Vec<Event>) {
    let mut first = create("a");
    first.events = events;
    apply(store, epoch, vec![first]).await;
}

async fn kept(store: &impl Store) -> Vec<u64> {
    let page = store.events(None, 0, 1_000).await.unwrap();
    page.events.iter().map(|event| event.event.at.0).collect()
}

pub async fn outcomes_go_at_their_time<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    first.outcomes = (1..=5).map(|n| outcome("a", &format!("r{n}"), n * 10)).collect();
    apply(&store, acquired.epoch, vec![first]).await;
    let pruned = store.prune(Retention { lease_now: LeaseInstant(30), ..KEEP }).await.unwrap();
    assert_eq!(pruned, Pruned { outcomes: 3, ..Pruned::default() });
    for (id, stays) in [("r1", false), ("r3", false), ("r4", true), ("r5", true)] {
        assert_eq!(loaded_outcome(&store, "a", id).await.is_some(), stays, "{id}");
    }
}

pub async fn ordinary_events_go_by_age<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    log(&store, acquired.epoch, (1..=6).map(|at| ordinary("a", at)).collect()).await;
    let pruned = store.prune(Retention { events_before: WallTime(4), ..KEEP }).await.unwrap();
    assert_eq!(pruned, Pruned { events: 3, ..Pruned::default() });
    assert_eq!(kept(&store).await, [4, 5, 6]);
    let page = store.events(None, 0, 1).await.unwrap();
    assert_eq!(page.compacted_through, page.events[0].sequence - 1);
    assert_eq!(store.counts().await.unwrap().events, 3);
}

pub async fn ordinary_events_go_by_number<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    log(&store, acquired.epoch, (1..=6).map(|at| ordinary("a", at)).collect()).await;
    let pruned = store.prune(Retention { events_max: 2, ..KEEP }).await.unwrap();
    assert_eq!(pruned.events, 4);
    assert_eq!(kept(&store).await, [5, 6]);
    // Age and number together remove each event once.
    let both = Retention { events_max: 1, events_before: WallTime(6), ..KEEP };
    assert_eq!(store.prune(both).await.unwrap().events, 1);
    assert_eq!(kept(&store).await, [6]);
    assert_eq!(store.prune(Retention { events_max: 0, ..KEEP }).await.unwrap().events, 1);
    assert_eq!(store.counts().await.unwrap().events, 0);
}

pub async fn important_events_stay_longer<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let ended = |at, cause| {
        let entry = entry("a", "ses_1", at, cause);
        event(
            Some(key("a")),
            at,
            What::SessionEnded { entry: Box::new(entry), transfer_completed: false },
        )
    };
    let scheduled = What::TransferScheduled { transfer: Box::new(transfer(9)) };
    let events = vec![
        ended(1, EndCause::ForceTakenOver),
        ended(2, EndCause::TakenOver),
        event(Some(key("a")), 3, scheduled),
        ordinary("a", 4),
        important("a", 5),
        ended(6, EndCause::Cleared),
    ];
    log(&store, acquired.epoch, events).await;
    let retention =
        Retention { events_before: WallTime(100), important_events_before: WallTime(3), ..KEEP };
    assert_eq!(store.prune(retention).await.unwrap().events, 4);
    assert_eq!(kept(&store).await, [3, 5]);
    // The log is no longer complete up to the newest that was removed, although older ones stay.
    let page = store.events(None, 0, 10).await.unwrap();
    assert_eq!(page.compacted_through, page.newest);
    // They do not count as ordinary.
    let retention = Retention { events_max: 0, ..KEEP };
    assert_eq!(store.prune(retention).await.unwrap().events, 0);
    let retention = Retention { important_events_before: WallTime(100), ..KEEP };
    assert_eq!(store.prune(retention).await.unwrap().events, 2);
}

pub async fn ledger_entries_go_by_age<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    let sealed = |at| entry("a", &format!("ses_{at}"), at, EndCause::Cleared);
    // Not in the order of their ends.
    first.sealed = vec![sealed(30), sealed(10), sealed(20)];
    apply(&store, acquired.epoch, vec![first]).await;
    let retention = Retention { ledger_before: WallTime(20), ..KEEP };
    let pruned = store.prune(retention).await.unwrap();
    assert_eq!(pruned, Pruned { ledger_entries: 1, ..Pruned::default() });
    for (id, stays) in [("ses_10", false), ("ses_20", true), ("ses_30", true)] {
        let found = store.ledger_entry(SessionId::imported(id)).await.unwrap();
        assert_eq!(found.is_some(), stays, "{id}");
    }
    assert_eq!(store.counts().await.unwrap().ledger_entries, 2);
}

pub async fn one_call_removes_a_bounded_number<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    first.events = (1..=9).map(|at| ordinary("a", at)).chain([important("a", 10)]).collect();
    first.outcomes = (0..5).map(|n| outcome("a", &format!("r{n}"), 1)).collect();
    first.sightings = (0..4).map(|n| sighting(&format!("m{n}"), 5)).collect();
    first.sealed = (0..5).map(|n| entry("a", &format!("s{n}"), 1, EndCause::Cleared)).collect();
    apply(&store, acquired.epoch, vec![first]).await;
    let everything = Retention {
        lease_now: LeaseInstant(100),
        events_before: WallTime(100),
        events_max: 0,
        important_events_before: WallTime(100),
        ledger_before: WallTime(100),
        machines_before: WallTime(100),
        wall_now: WallTime(200),
        rows_max: 3,
    };
    let mut rounds = 0;
    let mut removed = 0;
    loop {
        let pruned = store.prune(everything).await.unwrap();
        let rows = pruned.events + pruned.ledger_entries + pruned.outcomes + pruned.machines;
        assert!(rows <= 3, "{pruned:?}");
        if rows == 0 {
            break;
        }
        removed += rows;
        rounds += 1;
    }
    assert_eq!((removed, rounds), (24, 8));
}

pub async fn sequences_rise_across_prune_and_restart<H: Harness>() {
    let (harness, mut store, mut acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let mut last = 0;
    for version in 1..5 {
        let mut write = beat("a", row, version);
        write.events = vec![ordinary("a", 1), ordinary("a", 1)];
        let committed = apply(&store, acquired.epoch, vec![write]).await;
        let Outcome::Applied { sequences, .. } = &committed.outcomes[0] else { panic!() };
        assert!(sequences.start > last, "{sequences:?} after {last}");
        last = sequences.end - 1;
        let pruned = store.prune(Retention { events_max: 0, ..KEEP }).await.unwrap();
        assert_eq!(pruned.events, 2);
        store.close().await.unwrap();
        store = harness.open();
        acquired = store.acquire().await.unwrap();
        let page = store.events(None, 0, 1).await.unwrap();
        assert_eq!((page.newest, page.compacted_through), (last, last));
    }
}

pub async fn nothing_to_forget_is_nothing_removed<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    log(&store, acquired.epoch, vec![ordinary("a", 1), important("a", 2)]).await;
    assert_eq!(store.prune(KEEP).await.unwrap(), Pruned::default());
    let none = Retention { rows_max: 0, events_max: 0, ..KEEP };
    assert_eq!(store.prune(none).await.unwrap(), Pruned::default());
    assert_eq!(store.events(None, 0, 10).await.unwrap().compacted_through, 0);
}
