//! Waiting: first come, first served, in the very step that makes it possible.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::command::{Await, Command, RequestedHolder};
use tenure_core::event::What;
use tenure_core::ledger::EndCause;
use tenure_core::machine::MachineCommand;
use tenure_core::name::{InstanceId, MachineId};
use tenure_core::refusal::Reason;
use tenure_core::reply::Reply;
use tenure_core::session::MachineRef;
use tenure_core::time::Span;
use tenured::access::Caller;
use tenured::engine::machines::MachineOrder;
use tenured::engine::waits::{Place, Wait, WaitUpdate, Waiting};
use tenured::engine::{Answer, EngineOptions, Failure, Once, Request};
use tenured::store::Reads;
use tenured::store::memory::Fate;
use tokio::time::timeout;

use crate::world::{World, clear, give_up, heartbeat, key, start};

/// What `actor` asks for who waits to start, and with a reason to take over as well.
fn asks(actor: &str, take_over: bool) -> Await {
    let Request { command: Command::Start(start), .. } = start("w", actor, 60) else { panic!() };
    let take_over = take_over.then(|| "it died".into());
    Await { start, take_over, claim_within: Span::from_secs(10) }
}

pub fn waiting(actor: &str) -> Waiting {
    let Request { key, caller, .. } = start("w", actor, 60);
    Waiting { key, asks: asks(actor, false), caller, once: None }
}

fn with_id(waiting: Waiting, request_id: &str, content: u8) -> Waiting {
    let once = Once { rpc: "AwaitSession", request_id: request_id.into(), digest: [content; 32] };
    Waiting { once: Some(once), ..waiting }
}

impl World {
    /// Lets `actor` wait, and see where it stands.
    async fn waits(&self, waiting: Waiting, position: u32) -> Wait {
        let mut wait = self.engine.wait(waiting).unwrap();
        assert_eq!(place(&mut wait).await.position, position);
        wait
    }
}

async fn place(wait: &mut Wait) -> Place {
    match update(wait).await {
        WaitUpdate::Place(place) => place,
        over => panic!("{over:?}"),
    }
}

async fn update(wait: &mut Wait) -> WaitUpdate {
    let update = timeout(Duration::from_secs(600), wait.next()).await;
    update.expect("to be told within ten minutes").unwrap()
}

/// How the wait ends, whatever is told before.
async fn end(wait: &mut Wait) -> Result<Answer, Failure> {
    loop {
        if let WaitUpdate::Over(over) = update(wait).await {
            assert!(wait.next().await.is_none());
            return *over;
        }
    }
}

pub async fn granted(wait: &mut Wait) -> tenure_core::session::Session {
    match end(wait).await.unwrap().reply {
        Reply::Started(started) => started.session.session,
        Reply::TakenOver(taken) => taken.session.session,
        other => panic!("{other:?}"),
    }
}

/// Whether nothing is told for a while.
async fn is_quiet(wait: &mut Wait) -> bool {
    timeout(Duration::from_secs(5), wait.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_free_workspace_is_had_at_once() {
    let world = World::new().await;
    let mut wait = world.engine.wait(waiting("a")).unwrap();
    let session = granted(&mut wait).await;
    assert_eq!(world.stored("w").await.unwrap().tenure.session, Some(session));
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_the_order_in_which_they_came() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut b = world.waits(waiting("b"), 1).await;
    let mut c = world.waits(waiting("c"), 2).await;
    world.call(clear("w", "a")).await.unwrap();
    let session = granted(&mut b).await;
    assert_eq!(session.actor().unwrap().as_str(), "b");
    assert_eq!(place(&mut c).await.position, 1);
    world.call(give_up("w", "b", session.id.unwrap())).await.unwrap();
    assert_eq!(granted(&mut c).await.actor().unwrap().as_str(), "c");
}

#[tokio::test(start_paused = true)]
async fn a_place_says_who_holds_the_workspace_and_why_it_cannot_be_had() {
    let world = World::new().await;
    let held = world.started("w", "a", 60).await.session.session;
    let mut wait = world.engine.wait(waiting("b")).unwrap();
    let Place { position, waiters, holder, waiting_for } = place(&mut wait).await;
    assert_eq!((position, waiters, waiting_for), (1, 1, Some(Reason::LeaseHeld)));
    assert_eq!(holder.unwrap().session.id, held.id);
    // The same once the lease has run out, without asking.
    let later = place(&mut wait).await;
    assert_eq!(later.waiting_for, Some(Reason::StaleLeaseHeld));
    assert!(later.holder.unwrap().stale);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_comes_later_meets_the_one_who_waited() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut wait = world.waits(waiting("b"), 1).await;
    // Both are in one batch.
    let (cleared, started) =
        tokio::join!(world.call(clear("w", "a")), world.refused(start("w", "c", 60)));
    assert!(cleared.is_ok());
    assert_eq!(started, Reason::LeaseHeld);
    granted(&mut wait).await;
    assert_eq!(world.stored("w").await.unwrap().version.0, 2, "one write freed and granted");
}

#[tokio::test(start_paused = true)]
async fn those_who_cannot_be_served_are_passed_over() {
    let mut world = World::new().await;
    world.started("w", "a", 60).await;
    let mut b = world.waits(waiting("b"), 1).await;
    let taker = Waiting { asks: asks("c", true), ..waiting("c") };
    let mut c = world.waits(taker, 2).await;
    let session = granted(&mut c).await;
    assert_eq!(session.actor().unwrap().as_str(), "c");
    assert!(matches!(world.event().await.what, What::SessionStarted { .. }));
    // Expiry and takeover are one step.
    let published = world.feed.recv().await.unwrap();
    let kinds: Vec<_> = published.events.iter().map(|event| &event.event.what).collect();
    assert!(matches!(
        kinds[..],
        [What::SessionExpired { .. }, What::SessionEnded { .. }, What::SessionStarted { .. }]
    ));
    let held_by_c = place(&mut b).await;
    assert_eq!((held_by_c.position, held_by_c.waiting_for), (1, Some(Reason::LeaseHeld)));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_nobody_claims_is_given_to_the_next() {
    let mut world = World::new().await;
    // What is granted in the very millisecond of the boot may be from before.
    tokio::time::sleep(Duration::from_millis(2)).await;
    world.started("w", "a", 600).await;
    world.event().await;
    let mut b = world.waits(waiting("b"), 1).await;
    let mut c = world.waits(waiting("c"), 2).await;
    world.call(clear("w", "a")).await.unwrap();
    granted(&mut b).await;
    let before = world.engine.clock().now.lease;
    assert_eq!(granted(&mut c).await.actor().unwrap().as_str(), "c");
    let waited = world.engine.clock().now.lease.since(before);
    assert!((10_000..10_300).contains(&waited.0), "{waited:?}");
    world.feed.recv().await.unwrap();
    let published = world.feed.recv().await.unwrap();
    let What::SessionEnded { entry, .. } = &published.events[0].event.what else { panic!() };
    assert_eq!(entry.cause, EndCause::Yielded);
}

#[tokio::test(start_paused = true)]
async fn a_beat_claims_the_grant() {
    let world = World::new().await;
    let mut wait = world.engine.wait(waiting("b")).unwrap();
    let session = granted(&mut wait).await;
    let Reply::Beat(beat) = world.call(heartbeat("w", "b", session.id.clone())).await.unwrap()
    else {
        panic!()
    };
    let lives = beat.effective_expiry.since(world.engine.clock().now.lease);
    assert_eq!(lives, Span::from_secs(60));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.seen("w").await.session.id, session.id);
    let stored = world.stored("w").await.unwrap().tenure.session.unwrap();
    assert!(!stored.unclaimed, "the claim is stored");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_gone_is_passed_over() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let b = world.waits(waiting("b"), 1).await;
    let mut c = world.waits(waiting("c"), 2).await;
    drop(b);
    assert_eq!(place(&mut c).await.position, 1);
    world.call(clear("w", "a")).await.unwrap();
    assert_eq!(granted(&mut c).await.actor().unwrap().as_str(), "c");
}

#[tokio::test(start_paused = true)]
async fn the_same_wait_asked_again_keeps_its_place() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut first = world.waits(with_id(waiting("b"), "id", 1), 1).await;
    let mut c = world.waits(waiting("c"), 2).await;
    let mut again = world.waits(with_id(waiting("b"), "id", 1), 1).await;
    assert!(matches!(end(&mut first).await, Err(Failure::Displaced)));
    // Its call has ended since, and must not end the new one's wait.
    drop(first);
    world.call(clear("w", "a")).await.unwrap();
    granted(&mut again).await;
    assert!(is_quiet(&mut c).await || c.next().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_same_wait_asked_again_is_told_its_grant() {
    let world = World::new().await;
    let mut wait = world.engine.wait(with_id(waiting("b"), "id", 1)).unwrap();
    let session = granted(&mut wait).await;
    let mut again = world.engine.wait(with_id(waiting("b"), "id", 1)).unwrap();
    let answer = end(&mut again).await.unwrap();
    assert!(answer.replayed);
    assert_eq!(answer.reply.granted().unwrap().session.id, session.id);
}

#[tokio::test(start_paused = true)]
async fn a_wait_with_the_id_of_another_is_refused() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut first = world.waits(with_id(waiting("b"), "id", 1), 1).await;
    let mut other = world.engine.wait(with_id(waiting("c"), "id", 2)).unwrap();
    let Err(Failure::Refused(refusal)) = end(&mut other).await else { panic!() };
    assert_eq!(refusal.reason, Reason::RequestIdReused);
    assert!(is_quiet(&mut first).await);
}

/// A wait of one process of `actor`, which supersedes an older one.
fn superseding(actor: &str, instance: &str) -> Waiting {
    let mut waiting = waiting(actor);
    waiting.asks.start.supersede = true;
    if let RequestedHolder::Autonomous(lease) = &mut waiting.asks.start.holder {
        lease.instance = Some(InstanceId::imported(instance));
    }
    waiting
}

#[tokio::test(start_paused = true)]
async fn who_comes_supersedes_an_older_process_whatever_becomes_of_the_step() {
    for fate in [Fate::Apply, Fate::Conflict, Fate::LoseUnapplied, Fate::LoseApplied] {
        let world = World::new().await;
        let old = world.engine.wait(superseding("a", "old"));
        let old = granted(&mut old.unwrap()).await.id.unwrap();
        world.store.script(fate);
        let mut wait = world.engine.wait(superseding("a", "new")).unwrap();
        let session = granted(&mut wait).await;
        assert_eq!(world.stored("w").await.unwrap().tenure.session, Some(session), "{fate:?}");
        let entry = world.store.ledger_entry(old).await.unwrap().unwrap();
        assert_eq!(entry.cause, EndCause::Superseded, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_supersedes_nobody() {
    let world = World::new().await;
    world.started("w", "b", 600).await;
    let mut first = world.waits(superseding("a", "first"), 1).await;
    let mut second = world.waits(superseding("a", "second"), 2).await;
    world.call(clear("w", "b")).await.unwrap();
    let session = granted(&mut first).await;
    world.call(heartbeat("w", "a", session.id.clone())).await.unwrap();
    assert_eq!(place(&mut second).await.waiting_for, Some(Reason::LeaseHeld));
    assert!(is_quiet(&mut second).await);
    world.call(give_up("w", "a", session.id.unwrap())).await.unwrap();
    granted(&mut second).await;
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_cure_is_answered() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut wrong = waiting("b");
    wrong.asks.start.expected.session_id =
        Some(tenure_core::name::SessionId::imported("ses_other"));
    let mut wait = world.engine.wait(wrong).unwrap();
    let Err(Failure::Refused(refusal)) = end(&mut wait).await else { panic!() };
    assert_eq!(refusal.reason, Reason::SessionMismatch);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_may_wait() {
    let options = EngineOptions { waiters_max: 2, ..EngineOptions::default() };
    let world = World::with(options).await;
    world.started("w", "a", 60).await;
    let _b = world.waits(waiting("b"), 1).await;
    let c = world.waits(waiting("c"), 2).await;
    let mut d = world.engine.wait(waiting("d")).unwrap();
    assert!(matches!(end(&mut d).await, Err(Failure::TooManyWaiters)));
    drop(c);
    world.waits(waiting("d"), 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_lost_grants_nothing_and_keeps_the_order() {
    for fate in [Fate::Conflict, Fate::LoseUnapplied, Fate::LoseApplied] {
        let world = World::new().await;
        world.started("w", "a", 60).await;
        let mut b = world.waits(waiting("b"), 1).await;
        let mut c = world.waits(waiting("c"), 2).await;
        world.store.script(fate);
        let before = world.engine.clock().now.lease;
        world.call(clear("w", "a")).await.unwrap();
        let session = granted(&mut b).await;
        // Not by way of another, who did not claim it.
        let waited = world.engine.clock().now.lease.since(before);
        assert!(waited < Span::from_secs(5), "{fate:?}: {waited:?}");
        let stored = world.stored("w").await.unwrap();
        assert_eq!(stored.tenure.session.as_ref(), Some(&session), "{fate:?}");
        world.call(give_up("w", "b", session.id.unwrap())).await.unwrap();
        assert_eq!(granted(&mut c).await.actor().unwrap().as_str(), "c");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_who_come_to_a_free_workspace_the_first_has_it_whatever_becomes_of_the_step() {
    for fate in [Fate::Apply, Fate::Conflict, Fate::LoseUnapplied, Fate::LoseApplied] {
        let world = World::new().await;
        world.store.script(fate);
        // Both are in one batch.
        let mut b = world.engine.wait(waiting("b")).unwrap();
        let mut c = world.engine.wait(waiting("c")).unwrap();
        assert_eq!(place(&mut c).await.position, 1, "{fate:?}");
        let session = granted(&mut b).await;
        assert_eq!(world.stored("w").await.unwrap().tenure.session, Some(session), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiters_outlast_a_store_that_takes_nothing_for_a_while() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut b = world.waits(waiting("b"), 1).await;
    world.store.script(Fate::Refuse);
    assert!(matches!(world.engine.execute(clear("w", "a")).await, Err(Failure::Store(_))));
    assert_eq!(world.seen("w").await.session.actor().unwrap().as_str(), "a");
    world.call(clear("w", "a")).await.unwrap();
    granted(&mut b).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_behind_a_start_that_is_lost_is_served() {
    let world = World::new().await;
    world.store.script(Fate::Refuse);
    // Both are in one batch.
    let waits = async { granted(&mut world.engine.wait(waiting("b")).unwrap()).await };
    let (lost, session) = tokio::join!(world.engine.execute(start("w", "a", 60)), waits);
    assert!(lost.is_err() && session.actor().unwrap().as_str() == "b");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_tells_those_who_wait() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut wait = world.waits(waiting("b"), 1).await;
    world.engine.stop().await;
    assert!(matches!(end(&mut wait).await, Err(Failure::Stopping)));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_ends_all_waits() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut wait = world.waits(waiting("b"), 1).await;
    world.store.script(Fate::Fail);
    let _ = world.engine.execute(clear("w", "a")).await;
    assert!(matches!(end(&mut wait).await, Err(Failure::Store(_))));
}

#[tokio::test(start_paused = true)]
async fn operators_see_who_waits_page_by_page() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut waits = Vec::new();
    for (position, actor) in (1..).zip(["b", "c", "d"]) {
        waits.push(world.waits(waiting(actor), position).await);
    }
    assert_eq!(world.engine.waiter_count(&key("w")), 3);
    let page = world.engine.waiters(key("w"), 0, 2).await.unwrap();
    let rest = world.engine.waiters(key("w"), page.next.unwrap(), 2).await.unwrap();
    let seen: Vec<_> = page.waiters.iter().chain(&rest.waiters).collect();
    let actors: Vec<_> = seen.iter().map(|w| w.actor.as_ref().unwrap().as_str()).collect();
    assert_eq!(actors, ["b", "c", "d"]);
    assert_eq!(seen.iter().map(|waiter| waiter.position).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rest.next, None);
    drop(waits);
    assert!(world.engine.waiters(key("w"), 0, 10).await.unwrap().waiters.is_empty());
    assert_eq!(world.engine.waiter_count(&key("w")), 0);
}

/// Ten thousand wait for one workspace and each gives it up as soon as it has it. What it costs
/// grows with their number and not with its square: each is told a few times.
#[tokio::test(start_paused = true)]
async fn ten_thousand_are_served_without_a_herd() {
    const WAITERS: u32 = 10_000;
    let options = EngineOptions { waiters_max: WAITERS as usize, ..EngineOptions::default() };
    let world = World::with(options).await;
    let held = world.started("w", "a", 60).await.session.session;
    let mut waits = Vec::new();
    for n in 0..WAITERS {
        waits.push(world.engine.wait(waiting(&format!("b{n}"))).unwrap());
    }
    world.engine.waiters(key("w"), 0, 1).await.unwrap();
    let mut told = 0_u32;
    let mut holder = ("a".to_owned(), held.id.unwrap());
    for (n, wait) in waits.iter_mut().enumerate() {
        world.call(give_up("w", &holder.0, holder.1)).await.unwrap();
        let session = loop {
            match update(wait).await {
                WaitUpdate::Place(_) => told += 1,
                WaitUpdate::Over(over) => break over.unwrap().reply,
            }
        };
        let Reply::Started(started) = session else { panic!() };
        holder = (format!("b{n}"), started.session.session.id.unwrap());
    }
    // Each is told when it comes, and as it moves up at the front; hardly more, because all of
    // this takes less than a second of the lease clock.
    assert!(told <= 3 * WAITERS, "told {told} times");
}

/// A wait from the machine `m`.
fn waiting_on_m(actor: &str) -> Waiting {
    let mut waiting = waiting(actor);
    let id = MachineId::imported("m");
    waiting.asks.start.machine = Some(MachineRef { id, host: "m".into(), labels: [].into() });
    waiting
}

async fn cordon_m(world: &World) {
    let (id, caller) = (MachineId::imported("m"), Arc::new(Caller::local(None)));
    let command = MachineCommand::Cordon { reason: None };
    world.engine.order(MachineOrder { id, command, caller, known: None }).await.unwrap();
}

async fn is_barred(wait: &mut Wait) -> bool {
    let ended = end(wait).await;
    matches!(ended, Err(Failure::Refused(refusal)) if refusal.reason == Reason::MachineCordoned)
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_on_a_cordoned_machine_is_refused_in_its_turn_and_the_next_is_served() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let mut before = world.waits(waiting_on_m("b"), 1).await;
    cordon_m(&world).await;
    let mut after = world.waits(waiting_on_m("c"), 2).await;
    let mut elsewhere = world.waits(waiting("d"), 3).await;
    world.call(clear("w", "a")).await.unwrap();
    assert!(is_barred(&mut before).await && is_barred(&mut after).await);
    assert_eq!(granted(&mut elsewhere).await.actor().unwrap().as_str(), "d");
    let mut at_once = world.engine.wait(Waiting { key: key("free"), ..waiting_on_m("e") }).unwrap();
    assert!(is_barred(&mut at_once).await);
}
