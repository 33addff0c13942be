//! Heartbeat streams, as far as the engine is concerned.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tenure_core::ledger::EndCause;
use tenure_core::name::{ActorId, SessionId};
use tenure_core::refusal::Reason;
use tenured::access::Caller;
use tenured::engine::outbox::{
    Delivery, Incoming, IncomingBeat, IncomingJoin, Next, Outbox, Push, WhyRefused,
};
use tenured::engine::{Failure, QUEUE_MAX};
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};
use tokio::task::coop::unconstrained;

use crate::world::{World, clear, force, heartbeat, key};

pub struct Stream<'a> {
    world: &'a World,
    outbox: Arc<Outbox>,
    message_id: u64,
}

impl<'a> Stream<'a> {
    fn open(world: &'a World) -> Self {
        let outbox = Arc::new(Outbox::new(Arc::new(Caller::local(None)), 100));
        Self { world, outbox, message_id: 0 }
    }

    fn send(&mut self, joins: Vec<IncomingJoin>, beats: &[u32], leaves: Vec<u32>) {
        self.message_id += 1;
        let beats =
            beats.iter().map(|&handle| IncomingBeat { handle, activity: Ok(None), report: None });
        let message =
            Incoming { message_id: self.message_id, joins, beats: beats.collect(), leaves };
        let accepted = self.outbox.accept(message, || self.world.engine.clock()).unwrap();
        self.world.engine.submit(&self.outbox, accepted).unwrap();
    }

    fn join(&mut self, handle: u32, workspace: &str, session_id: &SessionId) {
        let identity = (key(workspace), session_id.clone(), ActorId::imported("a"));
        self.send(vec![IncomingJoin { handle, identity: Ok(identity) }], &[], Vec::new());
    }

    pub async fn next(&self) -> Delivery {
        let next = poll_fn(|cx| self.outbox.poll_next(cx));
        match tokio::time::timeout(Duration::from_secs(60), next).await {
            Ok(Next::Deliver(delivery)) => delivery,
            other => panic!("{other:?}"),
        }
    }

    async fn is_silent(&self) -> bool {
        let next = poll_fn(|cx| self.outbox.poll_next(cx));
        tokio::time::timeout(Duration::from_secs(1), next).await.is_err()
    }
}

async fn started(world: &World) -> SessionId {
    world.started("w", "a", 30).await.session.session.id.unwrap()
}

/// A stream on which `w`'s session has joined under handle 1.
pub async fn joined(world: &World) -> (Stream<'_>, SessionId) {
    let session_id = started(world).await;
    let mut stream = Stream::open(world);
    stream.join(1, "w", &session_id);
    assert_eq!(stream.next().await.joined[0].handle, 1);
    (stream, session_id)
}

#[tokio::test(start_paused = true)]
async fn a_beat_is_durable_when_its_result_comes() {
    let world = World::new().await;
    let (mut stream, _) = joined(&world).await;
    stream.send(Vec::new(), &[1], Vec::new());
    let delivery = stream.next().await;
    let stored = world.stored("w").await.unwrap().tenure;
    assert_eq!(Some(delivery.renewed[0].revision), stored.revision);
    assert_eq!(stored.session.unwrap().beats, 1);
}

#[tokio::test(start_paused = true)]
async fn join_and_beat_may_come_in_one_message() {
    let world = World::new().await;
    let session_id = started(&world).await;
    let mut stream = Stream::open(&world);
    let identity = Ok((key("w"), session_id, ActorId::imported("a")));
    stream.send(vec![IncomingJoin { handle: 1, identity }], &[1], Vec::new());
    // The beat waits for the join; whether both results come at once is a matter of timing.
    let mut delivery = stream.next().await;
    assert_eq!(delivery.joined.len(), 1);
    if delivery.renewed.is_empty() {
        delivery = stream.next().await;
    }
    assert_eq!(delivery.renewed[0].message_id, 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_told_that_it_lost_and_why() {
    let world = World::new().await;
    let (stream, session_id) = joined(&world).await;
    world.call(force("w", "b", session_id, 0)).await.unwrap();
    let pushes = stream.next().await.pushes;
    let [(1, Push::Lost(entry))] = &pushes[..] else { panic!("{pushes:?}") };
    assert_eq!(entry.cause, EndCause::ForceTakenOver);
    assert_eq!(entry.why.as_deref(), Some("maintenance"));
    assert!(entry.successor.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_told_that_it_expired() {
    let world = World::new().await;
    let (mut stream, _) = joined(&world).await;
    let pushes = stream.next().await.pushes;
    assert!(matches!(pushes[..], [(1, Push::Expired { .. })]), "{pushes:?}");
    // Nothing more comes but refusals of what it still sends.
    stream.send(Vec::new(), &[1], Vec::new());
    let refused = stream.next().await.refused;
    assert!(matches!(&refused[0].why, WhyRefused::Rules(r) if r.reason == Reason::LeaseExpired));
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_asked_to_yield_and_its_beats_end_at_the_deadline() {
    let world = World::new().await;
    let (mut stream, session_id) = joined(&world).await;
    world.call(force("w", "b", session_id, 10)).await.unwrap();
    let pushes = stream.next().await.pushes;
    let [(1, Push::YieldRequested { transfer, .. })] = &pushes[..] else { panic!("{pushes:?}") };
    stream.send(Vec::new(), &[1], Vec::new());
    let renewed = stream.next().await.renewed;
    assert_eq!(renewed[0].effective_expiry, transfer.deadline);
    assert!(renewed[0].directives_changed);
    assert!(matches!(stream.next().await.pushes[..], [(1, Push::Lost(_))]));
}

#[tokio::test(start_paused = true)]
async fn who_joins_too_late_learns_how_the_session_ended() {
    let world = World::new().await;
    let session_id = started(&world).await;
    world.call(clear("w", "a")).await.unwrap();
    let mut stream = Stream::open(&world);
    stream.join(1, "w", &session_id);
    let refused = stream.next().await.refused;
    let WhyRefused::Rules(refusal) = &refused[0].why else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, Reason::NoSession);
    assert_eq!(refusal.verdict.as_ref().unwrap().cause, EndCause::Cleared);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_told_nothing_and_loses_nothing() {
    let world = World::new().await;
    let (mut stream, session_id) = joined(&world).await;
    stream.send(Vec::new(), &[], vec![1]);
    assert!(!world.seen("w").await.stale);
    world.call(force("w", "b", session_id, 0)).await.unwrap();
    assert!(stream.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_the_store_refused_is_answered_and_may_be_sent_again() {
    let world = World::new().await;
    let (mut stream, _) = joined(&world).await;
    world.store.script(Fate::Refuse);
    stream.send(Vec::new(), &[1], Vec::new());
    let refused = stream.next().await.refused;
    assert!(matches!(refused[0].why, WhyRefused::Failed(Failure::Store(_))));
    stream.send(Vec::new(), &[1], Vec::new());
    assert_eq!(stream.next().await.renewed.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn several_streams_hear_of_one_session() {
    let world = World::new().await;
    let (first, session_id) = joined(&world).await;
    let mut second = Stream::open(&world);
    second.join(7, "w", &session_id);
    second.next().await;
    world.call(clear("w", "a")).await.unwrap();
    assert!(matches!(first.next().await.pushes[..], [(1, Push::Lost(_))]));
    assert!(matches!(second.next().await.pushes[..], [(7, Push::Lost(_))]));
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_waits_for_a_result_is_not_starved_by_a_long_queue() {
    let mut world = World::new().await;
    // Commits that take a while, so that there is something to be seen between them.
    let slow = MemoryOptions { delay_max: Duration::from_millis(10), ..MemoryOptions::default() };
    world.store = Arc::new(MemoryStore::new(slow));
    let world = world.on_its_store().await;
    world.started("busy", "b", 60).await;
    let (mut stream, _) = joined(&world).await;
    // The second beat waits for the result of the first, while calls for several batches come in.
    stream.send(Vec::new(), &[1], Vec::new());
    stream.send(Vec::new(), &[1], Vec::new());
    let call = |_| Box::pin(unconstrained(world.engine.execute(heartbeat("busy", "b", None))));
    let mut calls: Vec<_> = (0..QUEUE_MAX).map(call).collect();
    assert!(calls.iter_mut().all(|call| call.now_or_never().is_none()));
    let last = stream.message_id;
    while stream.next().await.renewed.iter().all(|renewed| renewed.message_id != last) {}
    let answers = calls.iter_mut().map(|call| call.now_or_never());
    let waiting = answers.filter(Option::is_none).count();
    assert!(waiting > QUEUE_MAX / 2, "{waiting} of {QUEUE_MAX} calls were waiting");
}
