//! Watches as their callers see them, on simulated time.

use std::future::pending;

use futures_util::{FutureExt, StreamExt};
use tenure::v1::watch_sessions_response::Update as Sent;
use tokio::time::{Instant, sleep};
use tonic::Code;
use tonic_types::StatusExt;

use super::*;
use crate::watch::fake::{Fake, NOBODY};

fn watches(fake: &Fake) -> Watches {
    Watches::new(fake.reads(), fake.feed(), 3)
}

async fn open(fake: &Fake, request: v1::WatchSessionsRequest) -> WatchStream {
    watches(fake).open(request, pending()).await.expect("a good request")
}

fn everything() -> v1::WatchSessionsRequest {
    v1::WatchSessionsRequest::default()
}

fn since(fake: &Fake, sequence: u64) -> v1::WatchSessionsRequest {
    let from = Some(message::cursor(&fake.log_id(), sequence));
    v1::WatchSessionsRequest { from, ..v1::WatchSessionsRequest::default() }
}

async fn next(stream: &mut WatchStream) -> Sent {
    let message = stream.next().await.expect("the watch goes on").expect("no status yet");
    message.update.expect("every message says something")
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// The sequences up to the status, and the status.
async fn to_the_end(stream: &mut WatchStream) -> (Vec<u64>, Status) {
    let mut sequences = Vec::new();
    // Bounded, because a watch that never ends goes on telling its progress.
    for _ in 0..1_000 {
        match stream.next().await.expect("a status comes first") {
            Ok(message) => {
                if let Some(Sent::Event(event)) = message.update {
                    sequences.push(event.sequence);
                }
            }
            Err(status) => {
                assert!(stream.next().await.is_none(), "nothing comes after the status");
                return (sequences, status);
            }
        }
    }
    panic!("the watch does not end");
}

#[tokio::test(start_paused = true)]
async fn a_watch_sends_its_cursor_then_the_snapshot_then_events() {
    let fake = Fake::new(64);
    fake.hold("acme/api", "worker");
    fake.hold("acme/web", NOBODY);
    fake.publish_all();
    let request = v1::WatchSessionsRequest { snapshot: true, ..everything() };
    let mut stream = open(&fake, request).await;
    let Sent::Progress(progress) = next(&mut stream).await else { panic!("the cursor first") };
    assert_eq!(progress.cursor, Some(message::cursor(&fake.log_id(), 2)));
    let Sent::SnapshotPage(page) = next(&mut stream).await else { panic!("then the snapshot") };
    let shown: Vec<_> = page.sessions.iter().map(|s| (&*s.workspace, &*s.actor_id)).collect();
    assert_eq!(shown, [("acme/api", "worker"), ("acme/web", "interactive")]);
    assert_eq!((page.cursor, page.last), (Some(message::cursor(&fake.log_id(), 2)), true));
    fake.hold("acme/api", "other");
    fake.publish_all();
    let Sent::Event(event) = next(&mut stream).await else { panic!("then events") };
    assert_eq!((event.sequence, event.r#type()), (3, v1::EventType::SessionStarted));
    assert_eq!((&*event.log_id, &*event.workspace), (&*fake.log_id().0, "acme/api"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_and_what_it_has_unread_is_still_sent() {
    let fake = Fake::new(4);
    let stream = &mut open(&fake, since(&fake, 0)).await;
    for n in 0..500 {
        fake.hold(&format!("w{n}"), "x");
        fake.publish_all();
    }
    sleep(UNREAD_MAX + Duration::from_secs(1)).await;
    let (sequences, status) = to_the_end(stream).await;
    assert_eq!((status.code(), &*reason(&status)), (Code::ResourceExhausted, "WATCH_LAGGED"));
    let count = u64::try_from(sequences.len()).unwrap();
    assert_eq!(sequences, (1..=count).collect::<Vec<_>>(), "up to a place to resume from");
    assert_eq!(sequences.len(), UNREAD_MESSAGES_MAX - 1, "the queue, less the first progress");
    let (more, _) = {
        let mut resumed = open(&fake, since(&fake, count)).await;
        fake.stop();
        to_the_end(&mut resumed).await
    };
    assert_eq!(more, (count + 1..=500).collect::<Vec<_>>(), "and nothing is lost by resuming");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_still_reads_is_not_cut_and_misses_nothing() {
    let fake = Fake::new(4);
    let mut stream = open(&fake, since(&fake, 0)).await;
    for n in 0..400 {
        fake.hold(&format!("w{n}"), "x");
        fake.publish_all();
    }
    let mut expected = 1;
    // Half of what it takes may be progress, which is always due for one so slow.
    for _ in 0..2 * 400 + 64 {
        sleep(UNREAD_MAX - Duration::from_secs(1)).await;
        if let Sent::Event(event) = next(&mut stream).await {
            assert_eq!(event.sequence, expected);
            expected += 1;
        }
        if expected > 400 {
            return;
        }
    }
    panic!("only {expected} events came");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_a_watch_also_when_its_queue_is_full() {
    let fake = Fake::new(4);
    let quiet = &mut watches(&fake).open(everything(), sleep(UNREAD_MAX / 2)).await.unwrap();
    let begun = Instant::now();
    let (_, status) = to_the_end(quiet).await;
    assert_eq!((status.code(), &*reason(&status)), (Code::Unavailable, "DRAINING"));
    assert_eq!(begun.elapsed(), UNREAD_MAX / 2, "at once");
    let request = since(&fake, 0);
    let full = &mut watches(&fake).open(request, sleep(UNREAD_MAX / 2)).await.unwrap();
    for n in 0..500 {
        fake.hold(&format!("w{n}"), "x");
        fake.publish_all();
    }
    sleep(UNREAD_MAX).await;
    let (sequences, status) = to_the_end(full).await;
    assert_eq!(reason(&status), "DRAINING");
    assert!(sequences.len() < UNREAD_MESSAGES_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_watch_begun_while_the_server_drains_ends_at_once() {
    let fake = Fake::new(4);
    let mut stream = watches(&fake).open(everything(), std::future::ready(())).await.unwrap();
    assert_eq!(reason(&to_the_end(&mut stream).await.1), "DRAINING");
}

#[tokio::test(start_paused = true)]
async fn one_watch_too_many_is_refused_until_another_one_ends() {
    let fake = Fake::new(4);
    let watches = watches(&fake);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(watches.open(everything(), pending()).await.unwrap());
    }
    let refused = watches.open(everything(), pending()).await.err().unwrap();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::ResourceExhausted, "TOO_MANY_STREAMS"));
    held.pop();
    assert!(watches.open(everything(), pending()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_task_of_a_watch_ends_with_its_stream() {
    let fake = Fake::new(4);
    let (alive, ended) = tokio::sync::oneshot::channel::<()>();
    // The future is dropped with the task that holds it.
    let drain = async move {
        let _alive = alive;
        pending::<()>().await;
    };
    let mut stream = watches(&fake).open(everything(), drain).await.unwrap();
    next(&mut stream).await;
    drop(stream);
    let left = Instant::now();
    assert!(ended.await.is_err(), "dropped, never sent");
    assert_eq!(left.elapsed(), Duration::ZERO, "at once, not with the next progress");
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_is_refused_before_anything_is_read() {
    let fake = Fake::new(4);
    fake.fail_reads();
    let request = v1::WatchSessionsRequest { snapshot: true, ..since(&fake, 0) };
    let refused = watches(&fake).open(request, pending()).await.err().unwrap();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::InvalidArgument, "INVALID_ARGUMENT"));
}

#[tokio::test(start_paused = true)]
async fn cursors_that_cannot_be_continued_from_are_refused_with_their_reason() {
    let fake = Fake::new(4);
    for n in 0..10 {
        fake.hold(&format!("w{n}"), "x");
    }
    fake.compact(5);
    let other = v1::Cursor { log_id: "log_other".to_owned(), sequence: 7 };
    let replaced = v1::WatchSessionsRequest { from: Some(other), ..everything() };
    for (request, code, expected) in [
        (since(&fake, 4), Code::OutOfRange, "SEQUENCE_COMPACTED"),
        (replaced, Code::OutOfRange, "LOG_REPLACED"),
        (since(&fake, 11), Code::InvalidArgument, "INVALID_ARGUMENT"),
    ] {
        let refused = watches(&fake).open(request, pending()).await.err().unwrap();
        assert_eq!((refused.code(), &*reason(&refused)), (code, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_shows_that_it_lives_at_least_every_ten_seconds() {
    let fake = Fake::new(4);
    let mut stream = open(&fake, everything()).await;
    let begun = Instant::now();
    for _ in 0..10 {
        let before = Instant::now();
        assert!(matches!(next(&mut stream).await, Sent::Progress(_)));
        assert!(before.elapsed() <= Duration::from_secs(10));
    }
    assert!(begun.elapsed() > Duration::from_secs(10), "and no more often than needed");
    assert!(stream.next().now_or_never().is_none());
}
