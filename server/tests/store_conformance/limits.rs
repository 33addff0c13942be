//! Texts and numbers as broken and hostile callers, and damaged imports, hold them.

use std::sync::Arc;

use tenure_core::name::{ActorId, Key, ProfileName, SessionId, WorkspaceName};
use tenure_core::session::{Activity, Revision};
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::{CommitError, Guard, LeaseRow, ListFilter, Outcome, Reads, Store, Version};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, entry, key, loaded, ordinary, outcome, program, session,
    tenure, write,
};

pub const HOSTILE: [&str; 9] = [
    "'; DROP TABLE session; --",
    "\" OR 1=1 --",
    "nul\0inside",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}desrever\u{202c}",
    "line\nfeed\r\ttab\u{7}",
    "%_*?[a-z]",
    "\u{10ffff}\u{feff}🦀 e\u{301} \u{fffd}",
    "{\"json\": [1, \"\\u0000\"]}",
];

pub async fn hostile_texts_survive_unchanged<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for (n, text) in HOSTILE.into_iter().enumerate() {
        let key =
            Key { workspace: WorkspaceName::imported(text), profile: ProfileName::imported(text) };
        let mut session = session(text, text, 1);
        program(&mut session).supervisor = Some(ActorId::imported(text));
        session.activity =
            Some(Activity { text: Arc::from(text), set_at: WallTime(1), revision: Revision(1) });
        let wanted = tenure(1, session);
        let mut first = write(key.clone(), Guard::Absent, 1, wanted.clone());
        first.events = vec![ordinary(text, n as u64)];
        first.sealed = vec![entry(text, text, 1, tenure_core::ledger::EndCause::Cleared)];
        first.outcomes = vec![outcome(text, text, 600)];
        apply(&store, acquired.epoch, vec![first]).await;

        assert_eq!(store.get(key.clone()).await.unwrap().unwrap().tenure, wanted);
        let found = crate::sample::loaded_outcome(&store, text, text).await;
        assert_eq!(found, Some(outcome(text, text, 600)));
        let sealed = store.ledger_entry(SessionId::imported(text)).await.unwrap().unwrap();
        assert_eq!(sealed.session_id, Some(SessionId::imported(text)));
        let events = store.events(Some(key.clone()), 0, 10).await.unwrap().events;
        assert_eq!(events[0].event, ordinary(text, n as u64));
        let mine = |filter| store.list(filter, None, 100);
        let by_owner = ListFilter { owner: Some(text.to_owned()), ..ListFilter::default() };
        let by_boss = ListFilter { supervisor: Some(text.to_owned()), ..ListFilter::default() };
        let by_name = ListFilter { prefix: Some(text.to_owned()), ..ListFilter::default() };
        for filter in [by_owner, by_boss, by_name] {
            let rows = mine(filter).await.unwrap().rows;
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].key, key);
        }
    }
    let listed = store.list(ListFilter::default(), None, 100).await.unwrap();
    assert_eq!(listed.rows.len(), HOSTILE.len());
}

/// A number may be stored as the greatest that a store can hold, and never as a smaller one.
fn at_least_as_far(found: u64, wanted: u64) {
    assert!(found >= wanted.min(i64::MAX as u64), "{found} for {wanted}");
}

pub async fn numbers_beyond_the_stores_saturate<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for (n, number) in [i64::MAX as u64 - 1, i64::MAX as u64, 1 << 63, u64::MAX].iter().enumerate()
    {
        let name = format!("w{n}");
        let mut first = create(&name);
        first.lease = Some(LeaseRow {
            version: Version(1),
            revision: Revision(1),
            last_heartbeat_at: Some(WallTime(*number)),
            expires_at: Some(LeaseInstant(*number)),
            beats: *number,
        });
        first.events = vec![ordinary(&name, *number)];
        first.outcomes = vec![outcome(&name, "r", *number)];
        let mut batch = batch(acquired.epoch, vec![first]);
        batch.lease_now = LeaseInstant(*number);
        store.commit(batch).await.unwrap();
        let mut session = loaded(&store, &name).await.unwrap().tenure.session.unwrap();
        at_least_as_far(session.beats, *number);
        let renewal = program(&mut session).renewal.unwrap();
        at_least_as_far(renewal.expires_at.0, *number);
        at_least_as_far(renewal.last_heartbeat_at.0, *number);
        let kept = crate::sample::loaded_outcome(&store, &name, "r").await.unwrap();
        at_least_as_far(kept.keep_until.0, *number);
        let events = store.events(Some(key(&name)), 0, 1).await.unwrap().events;
        at_least_as_far(events[0].event.at.0, *number);
    }
    at_least_as_far(store.acquire().await.unwrap().lease_mark.0, u64::MAX);
}

pub async fn a_version_beyond_the_stores_is_refused<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let before = loaded(&store, "a").await;
    let mut version = beat("a", row, 1);
    version.lease.as_mut().unwrap().version = Version(1 << 63);
    let mut revision = beat("a", row, 1);
    revision.lease.as_mut().unwrap().revision = Revision(u64::MAX);
    for write in [version, revision] {
        let error = store.commit(batch(acquired.epoch, vec![write])).await.unwrap_err();
        assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
        assert_eq!(loaded(&store, "a").await, before);
    }
    let mut last = beat("a", row, 1);
    last.lease.as_mut().unwrap().version = Version(i64::MAX as u64);
    apply(&store, acquired.epoch, vec![last]).await;
    assert_eq!(loaded(&store, "a").await.unwrap().version, Version(i64::MAX as u64));
}

pub async fn a_guard_beyond_the_stores_is_a_conflict<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let mut last = beat("a", row, 1);
    last.lease.as_mut().unwrap().version = Version(i64::MAX as u64);
    apply(&store, acquired.epoch, vec![last]).await;
    let mut write = beat("a", row, 1);
    write.guard = Guard::At(row, Version(u64::MAX));
    let mut alone = write.clone();
    alone.lease = None;
    alone.outcomes = vec![outcome("a", "r", 1)];
    for write in [write, alone] {
        let committed = store.commit(batch(acquired.epoch, vec![write])).await.unwrap();
        assert_eq!(committed.outcomes, [Outcome::Conflict]);
    }
}

pub async fn a_cursor_beyond_the_stores_finds_nothing<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("a");
    first.events = vec![ordinary("a", 1)];
    apply(&store, acquired.epoch, vec![first]).await;
    let page = store.events(None, u64::MAX, 10).await.unwrap();
    assert!(page.events.is_empty());
    assert_eq!(page.read_through, u64::MAX);
}
