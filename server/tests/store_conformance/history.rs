//! The event log, the ledger and the counters.

use tenure_core::event::What;
use tenure_core::ledger::EndCause;
use tenure_core::name::SessionId;
use tenured::store::{Counts, Epoch, Guard, Outcome, Reads, RowId, Store, Upkeep, Version, Write};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, entry, event, free, key, ordinary, write,
};

/// A beat with events beside it.
fn beat_with_events(workspace: &str, row: RowId, version: u64, events: u64) -> Write {
    let mut write = beat(workspace, row, version);
    write.events = (0..events).map(|n| ordinary(workspace, n)).collect();
    write
}

pub async fn sequences_rise_by_commit_and_by_write<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let a = created(&store, acquired.epoch, create("a")).await;
    let b = created(&store, acquired.epoch, create("b")).await;
    let mut last = 0;
    for version in 1..6 {
        let writes =
            vec![beat_with_events("b", b, version, 3), beat_with_events("a", a, version, 2)];
        let committed = apply(&store, acquired.epoch, writes).await;
        for (outcome, events) in committed.outcomes.iter().zip([3, 2]) {
            let Outcome::Applied { sequences, .. } = outcome else { panic!("{outcome:?}") };
            assert!(sequences.start > last);
            assert_eq!(sequences.end - sequences.start, events);
            last = sequences.end - 1;
        }
        let page = store.events(None, last - 1, 10).await.unwrap();
        assert_eq!((page.events[0].sequence, page.newest), (last, last));
        assert_eq!(page.events[0].event, ordinary("a", 1));
    }
}

pub async fn sequences_are_never_given_twice<H: Harness>() {
    let (harness, store, mut acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    apply(&store, acquired.epoch, vec![beat_with_events("a", row, 1, 5)]).await;
    let before = store.events(None, 0, 10).await.unwrap().newest;
    // A batch that is refused must not give its sequences to the next one in another meaning.
    let refused = batch(Epoch(acquired.epoch.0 + 5), vec![beat_with_events("a", row, 2, 5)]);
    store.commit(refused).await.unwrap_err();
    store.close().await.unwrap();
    let store = harness.open();
    acquired = store.acquire().await.unwrap();
    let committed = apply(&store, acquired.epoch, vec![beat_with_events("a", row, 2, 1)]).await;
    let Outcome::Applied { sequences, .. } = &committed.outcomes[0] else { panic!() };
    assert!(sequences.start > before);
}

pub async fn events_are_read_in_pages<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    apply(&store, acquired.epoch, vec![beat_with_events("a", row, 1, 10)]).await;
    let mut after = 0;
    let mut times = Vec::new();
    for wanted in [4, 4, 2, 0] {
        let page = store.events(None, after, 4).await.unwrap();
        assert_eq!(page.events.len(), wanted);
        assert!(page.read_through >= after);
        assert_eq!(page.compacted_through, 0);
        times.extend(page.events.iter().map(|event| event.event.at.0));
        after = page.read_through;
    }
    assert_eq!(times, (0..10).collect::<Vec<_>>());
    assert_eq!(after, store.events(None, 0, 1).await.unwrap().newest);
}

pub async fn events_of_one_workspace_are_read_past_the_others<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let a = created(&store, acquired.epoch, create("a")).await;
    let b = created(&store, acquired.epoch, create("b")).await;
    for version in 1..4 {
        let writes =
            vec![beat_with_events("a", a, version, 1), beat_with_events("b", b, version, 5)];
        apply(&store, acquired.epoch, writes).await;
    }
    let first = store.events(Some(key("a")), 0, 2).await.unwrap();
    assert_eq!(first.events.len(), 2);
    assert_eq!(first.read_through, first.events[1].sequence);
    let second = store.events(Some(key("a")), first.read_through, 2).await.unwrap();
    assert_eq!(second.events.len(), 1);
    assert_eq!(second.read_through, second.newest, "the rest of the log is not of this workspace");
    assert!(first.events.iter().chain(&second.events).all(|e| e.event.key == Some(key("a"))));
    let unknown = store.events(Some(key("c")), 0, 2).await.unwrap();
    assert!(unknown.events.is_empty());
    assert_eq!(unknown.read_through, unknown.newest);
}

pub async fn a_cursor_from_the_future_stays<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    apply(&store, acquired.epoch, vec![beat_with_events("a", row, 1, 2)]).await;
    let page = store.events(None, 1_000, 2).await.unwrap();
    assert!(page.events.is_empty());
    assert_eq!(page.read_through, 1_000);
    assert!(page.newest < 1_000);
}

pub async fn service_events_come_before_those_of_the_writes<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    first.events = vec![ordinary("a", 1)];
    let mut batch = batch(acquired.epoch, vec![first]);
    let step = |by_ms| event(None, 2, What::ClockStepped { by_ms });
    batch.service_events = vec![step(i64::MIN), step(i64::MAX)];
    let committed = store.commit(batch).await.unwrap();
    let Outcome::Applied { sequences, .. } = &committed.outcomes[0] else { panic!() };
    assert_eq!(committed.service_sequences.end, sequences.start);
    let events = store.events(None, 0, 10).await.unwrap().events;
    let logged: Vec<_> = events.into_iter().map(|event| event.event).collect();
    assert_eq!(logged, [step(i64::MIN), step(i64::MAX), ordinary("a", 1)]);
    assert_eq!(store.events(Some(key("a")), 0, 10).await.unwrap().events.len(), 1);
}

pub async fn the_ledger_finds_ended_sessions<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    let mut legacy = entry("a", "", 3, EndCause::Replaced);
    legacy.session_id = None;
    let entries = vec![
        entry("a", "ses_1", 1, EndCause::Yielded),
        entry("a", "ses_2", 2, EndCause::ForceTakenOver),
        legacy,
    ];
    first.sealed = entries.clone();
    apply(&store, acquired.epoch, vec![first]).await;
    let find = async |id: &str| store.ledger_entry(SessionId::imported(id)).await.unwrap();
    assert_eq!(find("ses_1").await.as_ref(), Some(&entries[0]));
    assert_eq!(find("ses_2").await.as_ref(), Some(&entries[1]));
    assert_eq!(find("ses_a").await, None, "it lives");
    assert_eq!(find("").await, None);
}

pub async fn the_newest_entry_of_a_repeated_id_counts<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    first.sealed = vec![entry("a", "legacy", 9, EndCause::Cleared)];
    let mut second = create("b");
    second.sealed = vec![entry("b", "legacy", 5, EndCause::Yielded)];
    apply(&store, acquired.epoch, vec![first, second]).await;
    let found = store.ledger_entry(SessionId::imported("legacy")).await.unwrap();
    assert_eq!(found.unwrap().cause, EndCause::Yielded);
}

pub async fn counts_follow_every_change<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    let counts = |workspaces, sessions, events, ledger_entries| Counts {
        workspaces,
        sessions,
        events,
        ledger_entries,
    };
    assert_eq!(store.counts().await.unwrap(), Counts::default());
    let a = created(&store, acquired.epoch, create("a")).await;
    created(&store, acquired.epoch, create("b")).await;
    assert_eq!(store.counts().await.unwrap(), counts(2, 2, 0, 0));
    // A session that is stored again is not one more.
    let again = create("a").tenure.as_deref().cloned().unwrap();
    let write_again = write(key("a"), Guard::At(a, Version(1)), 2, again);
    apply(&store, acquired.epoch, vec![write_again]).await;
    assert_eq!(store.counts().await.unwrap(), counts(2, 2, 0, 0));
    let cleared = free(2);
    for version in 2..4 {
        let guard = Guard::At(a, Version(version));
        let mut clear = write(key("a"), guard, version + 1, cleared.clone());
        clear.sealed = vec![entry("a", "ses_a", 1, EndCause::Cleared)];
        clear.events = vec![ordinary("a", 1), ordinary("a", 2)];
        apply(&store, acquired.epoch, vec![clear]).await;
    }
    assert_eq!(store.counts().await.unwrap(), counts(2, 1, 4, 2));
    store.close().await.unwrap();
    assert_eq!(harness.open().counts().await.unwrap(), counts(2, 1, 4, 2));
}
