//! Every way in which a lease is lost, and that each is told once and for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenure::holder::{Clock, SupervisorOptions, SystemClock};
use tenure::{LeaseHolder, Loss, LossKind, StartRequest, Supervisor, v1};

use crate::fault_server::{FaultServer, PATIENCE, StreamMode, client, world};
use crate::holding::{TTL, hold};

async fn lost(lease: &LeaseHolder) -> Loss {
    tokio::time::timeout(PATIENCE, lease.lost()).await.expect("the loss is told")
}

#[tokio::test]
async fn a_push_tells_how_the_session_ended() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("the join", |inner| inner.joins() == 1).await;
    let verdict = server.faults.world().end("acme/api", v1::EndCause::ForceTakenOver);
    let lost_push = v1::Lost { verdict: Some(verdict.clone()) };
    server.push("ses_1", v1::push::Kind::Lost(lost_push)).await;
    let loss = lost(&lease).await;
    assert_eq!((loss.kind, loss.verdict), (LossKind::Ended, Some(verdict)));
    assert_eq!(loss.reason, None, "it was pushed, and no refusal was needed");
    assert!(!lease.is_held());
    assert_eq!(lease.work_time_left(), Duration::ZERO);
}

#[tokio::test]
async fn an_expiry_is_told() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("the join", |inner| inner.joins() == 1).await;
    server.push("ses_1", v1::push::Kind::Expired(v1::Expired::default())).await;
    assert_eq!(lost(&lease).await.kind, LossKind::Expired);
}

#[tokio::test]
async fn a_session_that_ended_while_the_holder_was_away_is_told_at_the_next_join() {
    let world = world();
    let (mut dying, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let client = client(&[&dying.endpoint, &other.endpoint]).await;
    let lease = hold(&client).await;
    dying.until("the join", |inner| inner.joins() == 1).await;
    let verdict = world.lock().unwrap().end("acme/api", v1::EndCause::Cleared);
    dying.kill();
    let loss = lost(&lease).await;
    assert_eq!((loss.kind, loss.verdict), (LossKind::Ended, Some(verdict)));
    assert_eq!(loss.reason, Some(tenure::Reason::NoSession));
}

#[tokio::test]
async fn a_success_that_comes_after_the_loss_revives_nothing() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("the join", |inner| inner.joins() == 1).await;
    server.inner().stream_mode = StreamMode::Withhold;
    server.until("a beat, not answered yet", |inner| !inner.withheld.is_empty()).await;
    server.push("ses_1", v1::push::Kind::Lost(v1::Lost::default())).await;
    let withheld = server.inner().withheld.clone();
    for response in withheld {
        server.send_all(Ok(response)).await;
    }
    let loss = lost(&lease).await;
    assert_eq!(loss.kind, LossKind::Ended);
    let leaves = |inner: &crate::fault_server::Inner| {
        inner.messages.iter().any(|message| !message.leaves.is_empty())
    };
    server.until("the holder leaves", leaves).await;
    assert_eq!(lease.loss(), Some(loss), "the loss is final");
    assert!(!lease.is_held());
}

#[tokio::test]
async fn without_answers_the_work_stops_before_the_lease_expires() {
    let server = FaultServer::spawn(&world());
    server.inner().stream_mode = StreamMode::Hang;
    let client = client(&[&server.endpoint]).await;
    let begun = Instant::now();
    let lease = hold(&client).await;
    assert!(lease.is_held());
    let loss = lost(&lease).await;
    assert_eq!(loss.kind, LossKind::StoppedWork);
    assert!(!lease.is_held());
    let took = begun.elapsed();
    assert!(took >= TTL * 2 / 3, "{took:?} is too early");
    // Only what is scheduled late on a busy machine comes on top of two thirds.
    assert!(took < TTL, "{took:?} is too late");
}

#[tokio::test]
async fn a_lease_that_stopped_can_still_be_released() {
    let server = FaultServer::spawn(&world());
    server.inner().stream_mode = StreamMode::Hang;
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    lost(&lease).await;
    assert_eq!(lease.release().await.unwrap().ended_session_id, "ses_1");
}

#[tokio::test]
async fn a_dropped_holder_beats_no_more() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let supervisor = Supervisor::new(client);
    let start = |workspace: &str| StartRequest::new(workspace, "actor", TTL);
    let dropped = supervisor.hold(start("acme/api")).await.unwrap();
    let kept = supervisor.hold(start("acme/web")).await.unwrap();
    server.until("both joined", |inner| inner.joins() == 2).await;
    drop(dropped);
    let left = |inner: &crate::fault_server::Inner| {
        inner.messages.iter().any(|message| !message.leaves.is_empty())
    };
    server.until("it leaves the stream", left).await;
    assert_eq!(server.faults.world().sessions.len(), 2, "and releases nothing");
    server.inner().messages.clear();
    server.until("beats of the other", |inner| inner.beats() >= 2).await;
    let inner = server.inner();
    assert!(inner.messages.iter().all(|message| message.beats.len() <= 1));
    assert!(kept.is_held());
}

/// The clocks of this machine, which can seem to have slept.
#[derive(Default)]
struct Sleeper {
    slept_ms: AtomicU64,
}

impl Clock for Sleeper {
    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn boot(&self) -> Duration {
        SystemClock.boot() + Duration::from_millis(self.slept_ms.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_machine_that_slept_too_long_stops_the_work_at_once() {
    let server = FaultServer::spawn(&world());
    let clock = Arc::new(Sleeper::default());
    let mut options = SupervisorOptions::default();
    options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let supervisor = Supervisor::with_options(client(&[&server.endpoint]).await, options);
    let start = StartRequest::new("acme/api", "actor", Duration::from_secs(600));
    let lease = supervisor.hold(start).await.unwrap();
    server.until("the join", |inner| inner.joins() == 1).await;
    // When this has come through, nothing wakes the background task but its own look.
    let gates = v1::GatesChanged { gates_revision: 1 };
    server.push("ses_1", v1::push::Kind::GatesChanged(gates)).await;
    let before = v1::Directives::default();
    let quiet = lease.directives_other_than(&before);
    tokio::time::timeout(PATIENCE, quiet).await.unwrap();
    assert!(lease.is_held());
    clock.slept_ms.store(500_000, Ordering::SeqCst);
    assert!(!lease.is_held(), "also before the background task has looked");
    assert_eq!(lost(&lease).await.kind, LossKind::StoppedWork);
}

#[tokio::test]
async fn a_request_to_yield_is_told_and_asked_about_at_once() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let start = StartRequest::new("acme/api", "actor", Duration::from_secs(600));
    let lease = LeaseHolder::start(client, start).await.unwrap();
    server.until("the join", |inner| inner.joins() == 1).await;
    assert_eq!(server.inner().beats(), 0);
    let asked = v1::YieldRequested {
        grace_left: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        successor_actor_id: "other".into(),
        ..Default::default()
    };
    server.push("ses_1", v1::push::Kind::YieldRequested(asked.clone())).await;
    let told = tokio::time::timeout(PATIENCE, lease.yield_requested()).await.unwrap();
    assert_eq!(told, asked);
    server.until("a beat that asks for the timing", |inner| inner.beats() == 1).await;
    assert!(lease.is_held(), "the lease goes on until the deadline");
}
