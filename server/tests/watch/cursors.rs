//! Leaving and coming back, with the cursor that was told last.

use tenure::v1;
use tenure::v1::watch_sessions_response::Update;
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::Retention;
use tenured::store::memory::MemoryOptions;
use tonic::Code;

use crate::rig::{Server, after, told};

/// Retention that leaves the newest `events_max` ordinary events.
const fn keep(events_max: u64) -> Retention {
    Retention {
        lease_now: LeaseInstant(0),
        events_before: WallTime(0),
        events_max,
        important_events_before: WallTime(0),
        ledger_before: WallTime(0),
        machines_before: WallTime(0),
        wall_now: WallTime(0),
        rows_max: 1_000,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumed_from_any_event_goes_on_with_the_next_one() {
    let server = Server::on_sqlite().await;
    let (cursor, mut reader) = server.watch_from(v1::WatchSessionsRequest::default()).await;
    for n in 0..5 {
        server.start_session(&format!("acme/w{n}"), "worker").await;
        server.give_up(&format!("acme/w{n}"), "worker").await;
    }
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(reader.event().await);
    }
    for (seen, event) in all.iter().enumerate() {
        let cursor = v1::Cursor { log_id: event.log_id.clone(), sequence: event.sequence };
        let (told, mut resumed) = server.watch_from(after(cursor.clone())).await;
        assert_eq!(told, cursor);
        for expected in &all[seen + 1..] {
            assert_eq!(resumed.event().await.sequence, expected.sequence);
        }
    }
    let (_, mut again) = server.watch_from(after(cursor)).await;
    for expected in &all {
        assert_eq!(again.event().await, *expected, "and says the same");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_follow_a_session_from_hand_to_hand() {
    let server = Server::on_sqlite().await;
    let filter = v1::EventFilter { owner: "ours".to_owned(), ..v1::EventFilter::default() };
    let request = v1::WatchSessionsRequest {
        filter: Some(filter),
        snapshot: true,
        ..v1::WatchSessionsRequest::default()
    };
    server.start_session("acme/theirs", "theirs").await;
    server.start_session("acme/api", "ours").await;
    let (_, mut reader) = server.watch_from(request).await;
    let Update::SnapshotPage(page) = reader.next().await else { panic!("the snapshot") };
    let shown: Vec<_> = page.sessions.iter().map(|session| &*session.workspace).collect();
    assert_eq!((shown, page.last), (vec!["acme/api"], true));
    server.give_up("acme/theirs", "theirs").await;
    server.give_up("acme/api", "ours").await;
    server.start_session("acme/api", "theirs").await;
    server.start_session("acme/web", "ours").await;
    let left = reader.event().await;
    assert_eq!((left.r#type(), &*left.workspace), (v1::EventType::SessionEnded, "acme/api"));
    let came = reader.event().await;
    assert_eq!((came.r#type(), &*came.workspace), (v1::EventType::SessionStarted, "acme/web"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_retention_has_passed_is_refused_with_one_that_is_good() {
    let server = Server::on_memory(MemoryOptions::default()).await;
    let cursor = server.newest().await;
    for n in 0..10 {
        server.start_session(&format!("acme/w{n}"), "worker").await;
    }
    server.store.prune(keep(3)).await.unwrap();
    let refused = server.watch(after(cursor.clone())).await.err().unwrap();
    let (code, reason, refusal) = told(&refused);
    assert_eq!((code, &*reason), (Code::OutOfRange, "SEQUENCE_COMPACTED"));
    let (_, mut resumed) = server.watch_from(after(refusal.oldest.unwrap())).await;
    assert_eq!(resumed.event().await.workspace, "acme/w7", "the oldest that is kept");
    // The listing is refused alike.
    let request = v1::ListEventsRequest { from: Some(cursor), ..Default::default() };
    let refused = server.history.clone().list_events(request).await.unwrap_err();
    assert_eq!(told(&refused).1, "SEQUENCE_COMPACTED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_of_another_log_or_of_the_future_are_refused() {
    let server = Server::on_sqlite().await;
    let newest = server.newest().await;
    let other = v1::Cursor { log_id: "log_other".to_owned(), ..newest.clone() };
    let refused = server.watch(after(other)).await.err().unwrap();
    let (code, reason, refusal) = told(&refused);
    assert_eq!((code, &*reason), (Code::OutOfRange, "LOG_REPLACED"));
    assert_eq!(refusal.oldest.unwrap().log_id, newest.log_id);
    for sequence in [newest.sequence + 1_000, u64::MAX] {
        let future = v1::Cursor { sequence, ..newest.clone() };
        let refused = server.watch(after(future)).await.err().unwrap();
        let (code, reason, _) = told(&refused);
        assert_eq!((code, &*reason), (Code::InvalidArgument, "INVALID_ARGUMENT"));
    }
}
