//! Machines in the engine: a cordon holds from the step that stores it, through faults and
//! restarts, and sightings come with the steps that they are of.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::command::{Command, Expected, RequestedSuccessor, TakeOver};
use tenure_core::event::{Event, What};
use tenure_core::machine::{Held, Machine, MachineCommand, MachineRefusal, MachineState};
use tenure_core::name::{ActorId, MachineId};
use tenure_core::refusal::Reason;
use tenure_core::reply::Reply;
use tenure_core::session::MachineRef;
use tenure_core::time::Span;
use tenured::access::Caller;
use tenured::engine::machines::{MachineOrder, OrderFailure, Ordered};
use tenured::engine::{Batching, Failure, Request};
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};
use tenured::store::{Reads, StoredMachine};

use crate::world::{World, clear, force, give_up, heartbeat, request, start};

const CORDON: MachineCommand = MachineCommand::Cordon { reason: None };
const UNCORDON: MachineCommand = MachineCommand::Uncordon { reason: None };

fn id() -> MachineId {
    MachineId::imported("m")
}

/// The same request, from the machine `m`.
fn on_m(mut request: Request) -> Request {
    let machine = Some(MachineRef { id: id(), host: "build-7".into(), labels: [].into() });
    match &mut request.command {
        Command::Start(start) => start.machine = machine,
        Command::TakeOver(takeover) => takeover.machine = machine,
        Command::ForceTakeOver(force) => force.machine = machine,
        other => panic!("{other:?}"),
    }
    request
}

fn take_over(workspace: &str, actor: &str) -> Request {
    let successor = RequestedSuccessor::Autonomous {
        actor: ActorId::imported(actor),
        ttl: None,
        supervisor: None,
        instance: None,
    };
    let (reason, expected) = ("it is stale".into(), Expected::default());
    request(workspace, Command::TakeOver(TakeOver { successor, reason, machine: None, expected }))
}

async fn known(world: &World) -> Option<StoredMachine> {
    world.store.machine(id()).await.unwrap()
}

async fn order(world: &World, command: MachineCommand) -> Ordered {
    let (caller, known) = (Arc::new(Caller::local(None)), known(world).await);
    world.engine.order(MachineOrder { id: id(), command, caller, known }).await
}

async fn state(world: &World) -> MachineState {
    let stored = known(world).await.unwrap();
    stored.machine.state(stored.held, world.engine.clock().now.wall)
}

/// The events of the log, without what concerns the server.
async fn log(world: &World) -> Vec<Event> {
    let page = world.store.events(None, 0, 1_000).await.unwrap();
    let of_server = |what: &What| matches!(what, What::ServerStarted { .. });
    page.events.into_iter().map(|e| e.event).filter(|event| !of_server(&event.what)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cordoned_machine_gets_no_new_session_from_the_next_command_on() {
    let world = World::new().await;
    world.call(on_m(start("held", "a", 3_600))).await.unwrap();
    world.call(start("other", "a", 1)).await.unwrap();
    let Reply::Started(live) = world.call(start("live", "a", 3_600)).await.unwrap() else {
        panic!()
    };
    let session_id = live.session.session.id.unwrap();
    let cordoned = order(&world, CORDON).await.unwrap();
    assert!(cordoned.machine.cordon.is_some());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let takeover = take_over("other", "b");
    for refused in [
        on_m(start("new", "a", 60)),
        on_m(takeover.clone()),
        on_m(force("live", "b", session_id.clone(), 0)),
        on_m(force("live", "b", session_id.clone(), 60)),
    ] {
        assert_eq!(world.refused(refused).await, Reason::MachineCordoned);
    }
    // What it holds goes on, and others are not concerned.
    world.call(on_m(start("held", "a", 3_600))).await.unwrap();
    world.call(heartbeat("held", "a", None)).await.unwrap();
    world.call(start("new", "a", 60)).await.unwrap();
    world.call(takeover).await.unwrap();
    assert_eq!(state(&world).await, MachineState::Draining);
    order(&world, UNCORDON).await.unwrap();
    world.call(on_m(start("newer", "a", 60))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_transfer_completes_on_a_machine_that_was_cordoned_since() {
    let world = World::new().await;
    let started = world.started("w", "a", 3_600).await;
    let session_id = started.session.session.id.unwrap();
    world.call(on_m(force("w", "b", session_id, 60))).await.unwrap();
    order(&world, CORDON).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let session = world.stored("w").await.unwrap().tenure.session.unwrap();
    assert_eq!(session.actor().unwrap().as_str(), "b");
    assert_eq!(known(&world).await.unwrap().held, Held { live: 1, stale: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_cordon_is_the_same_after_a_crash() {
    let world = World::new().await;
    let reason = Some("a bad disk".into());
    order(&world, MachineCommand::Cordon { reason }).await.unwrap();
    let before = known(&world).await;
    let world = world.crash_and_restart(Duration::from_secs(5)).await;
    assert_eq!(known(&world).await, before);
    assert_eq!(world.refused(on_m(start("w", "a", 60))).await, Reason::MachineCordoned);
    order(&world, UNCORDON).await.unwrap();
    let world = world.crash_and_restart(Duration::from_secs(5)).await;
    world.call(on_m(start("w", "a", 60))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn orders_are_logged_and_published_once_with_who_and_why() {
    let mut world = World::new().await;
    order(&world, MachineCommand::Cordon { reason: Some("a bad disk".into()) }).await.unwrap();
    order(&world, CORDON).await.unwrap();
    let cordoned = world.event().await;
    assert_eq!(cordoned.what, What::MachineCordoned { machine: id() });
    assert_eq!(
        (cordoned.why.as_deref(), cordoned.principal.as_str()),
        (Some("a bad disk"), "local")
    );
    order(&world, MachineCommand::Uncordon { reason: Some("a new disk".into()) }).await.unwrap();
    order(&world, UNCORDON).await.unwrap();
    let lifted = world.event().await;
    assert_eq!(lifted.what, What::MachineUncordoned { machine: id() });
    assert_eq!(lifted.why.as_deref(), Some("a new disk"));
    assert_eq!(log(&world).await, [cordoned, lifted], "a repeat is no event");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_an_order_that_was_applied_is_found_out() {
    let mut world = World::new().await;
    world.store.script(Fate::LoseApplied);
    order(&world, CORDON).await.unwrap();
    assert_eq!(world.event().await.what, What::MachineCordoned { machine: id() });
    assert_eq!(world.refused(on_m(start("w", "a", 60))).await, Reason::MachineCordoned);
    // An order without an event is done again, which is the same as once.
    order(&world, UNCORDON).await.unwrap();
    world.store.script(Fate::LoseApplied);
    world.store.script(Fate::LoseUnapplied);
    order(&world, MachineCommand::Forget).await.unwrap();
    assert_eq!(known(&world).await, None);
    assert_eq!(log(&world).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_not_applied_changes_nothing_and_may_be_repeated() {
    let world = World::new().await;
    for fate in [Fate::LoseUnapplied, Fate::Refuse] {
        world.store.script(fate);
        let failed = order(&world, CORDON).await.unwrap_err();
        assert!(matches!(failed, OrderFailure::Failed(Failure::Store(_))), "{failed:?}");
        world.call(on_m(start("w", "a", 60))).await.unwrap();
        world.call(clear("w", "a")).await.unwrap();
    }
    order(&world, CORDON).await.unwrap();
    assert_eq!(world.refused(on_m(start("w", "a", 60))).await, Reason::MachineCordoned);
    let of_machines = log(&world).await;
    let of_machines = of_machines.iter().filter(|e| matches!(e.what, What::MachineCordoned { .. }));
    assert_eq!(of_machines.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_ends_the_engine_and_says_so() {
    let world = World::new().await;
    world.store.script(Fate::Fail);
    let failed = order(&world, CORDON).await.unwrap_err();
    assert!(matches!(failed, OrderFailure::Failed(Failure::Store(_))), "{failed:?}");
    let mut ended = world.engine.failed();
    ended.wait_for(Option::is_some).await.unwrap();
    let failed = order(&world, CORDON).await.unwrap_err();
    assert!(matches!(failed, OrderFailure::Failed(Failure::Stopping)), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_machine_is_refused_and_one_that_is_forgotten_is_unknown() {
    let world = World::new().await;
    for command in [UNCORDON, MachineCommand::Forget] {
        let refused = order(&world, command).await.unwrap_err();
        assert!(matches!(refused, OrderFailure::Refused(MachineRefusal::Unknown)), "{refused:?}");
    }
    let cordoned = order(&world, CORDON).await.unwrap();
    let forgotten = order(&world, MachineCommand::Forget).await.unwrap();
    assert_eq!(forgotten, cordoned, "as it was");
    assert_eq!(known(&world).await, None);
    world.call(on_m(start("w", "a", 60))).await.unwrap();
    // Its sessions stay, and so it is shown again.
    order(&world, CORDON).await.unwrap();
    order(&world, MachineCommand::Forget).await.unwrap();
    assert_eq!(state(&world).await, MachineState::Ready);
    world.call(on_m(start("v", "a", 60))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_read_told_before_another_order_does_not_count() {
    let world = World::new().await;
    let caller = Arc::new(Caller::local(None));
    let stale = MachineOrder { id: id(), command: UNCORDON, caller, known: known(&world).await };
    let reason = Some("a bad disk".into());
    order(&world, MachineCommand::Cordon { reason }).await.unwrap();
    let lifted = world.engine.order(stale).await.unwrap();
    assert_eq!(lifted.machine.cordon, None);
    assert_eq!(known(&world).await.unwrap().machine.cordon, None);
}

/// The whole story of one machine, and that beats tell nothing of it.
#[tokio::test(start_paused = true)]
async fn a_machine_goes_from_ready_to_lost_to_idle_to_absent() {
    let world = World::new().await;
    world.call(on_m(start("w", "a", 60))).await.unwrap();
    let Machine { seen_at, host, .. } = known(&world).await.unwrap().machine;
    let started_at = world.engine.clock().now.wall;
    assert_eq!((seen_at, &*host), (Some(started_at), "build-7"));
    tokio::time::sleep(Duration::from_secs(40)).await;
    world.call(heartbeat("w", "a", None)).await.unwrap();
    assert_eq!(known(&world).await.unwrap().machine.seen_at, Some(started_at));
    assert_eq!(state(&world).await, MachineState::Ready);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(state(&world).await, MachineState::Lost);
    let expired_at = started_at.after(Span::from_secs(100));
    assert_eq!(known(&world).await.unwrap().machine.seen_at, Some(expired_at));
    tokio::time::sleep(Duration::from_secs(100)).await;
    // The end of what was lost does not say that its machine lives.
    world.call(clear("w", "a")).await.unwrap();
    assert_eq!(known(&world).await.unwrap().machine.seen_at, Some(expired_at));
    assert_eq!(state(&world).await, MachineState::Idle);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(state(&world).await, MachineState::Absent);
    let Reply::Started(again) = world.call(on_m(start("w", "a", 600))).await.unwrap() else {
        panic!()
    };
    tokio::time::sleep(Duration::from_secs(301)).await;
    world.call(give_up("w", "a", again.session.session.id.unwrap())).await.unwrap();
    assert_eq!(state(&world).await, MachineState::Idle);
    tokio::time::sleep(Duration::from_secs(299)).await;
    assert_eq!(state(&world).await, MachineState::Idle);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(state(&world).await, MachineState::Absent);
}

#[tokio::test(start_paused = true)]
async fn forty_leases_of_one_machine_are_one_lost_machine() {
    let world = World::new().await;
    for n in 0..40 {
        world.call(on_m(start(&format!("w{n}"), "a", 60))).await.unwrap();
    }
    world.call(start("elsewhere", "a", 60)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(60_250)).await;
    let all = world.store.machines(Default::default(), None, 10).await.unwrap().rows;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].held, Held { live: 0, stale: 40 });
    assert_eq!(state(&world).await, MachineState::Lost);
}

/// Two starts are in a batch, the next two are decided ahead of it, and the order stands between.
#[tokio::test(start_paused = true)]
async fn no_session_of_a_cordoned_machine_is_logged_behind_its_cordon() {
    let options = MemoryOptions { delay_max: Duration::from_millis(20), ..Default::default() };
    let batching = Batching { items_max: 2, overlap_min: 1, ahead_min: 1 };
    let world = World::batching(MemoryStore::new(options), batching).await;
    // What is at hand can be decided ahead.
    for workspace in ["w0", "w1", "w2", "w3"] {
        world.started(workspace, "a", 60).await;
        world.call(clear(workspace, "a")).await.unwrap();
    }
    let start = |workspace| world.call(on_m(start(workspace, "a", 60)));
    // Not read first, so that it takes its place in the queue.
    let caller = Arc::new(Caller::local(None));
    let cordon = MachineOrder { id: id(), command: CORDON, caller, known: None };
    let cordon = world.engine.order(cordon);
    let (_, _, ahead, ordered, late) =
        tokio::join!(start("w0"), start("w1"), start("w2"), cordon, start("w3"));
    ordered.unwrap();
    let log = log(&world).await;
    let cordoned = |event: &Event| matches!(event.what, What::MachineCordoned { .. });
    assert!(log.last().is_some_and(cordoned), "{log:#?}");
    for refused in [ahead, late] {
        assert_eq!(refused.unwrap_err().reason, Reason::MachineCordoned);
    }
}

/// Whatever the store loses, a cordon is what the caller was told.
#[tokio::test(start_paused = true)]
async fn cordons_are_as_answered_over_an_unkind_store() {
    for seed in 0..30 {
        let options = MemoryOptions {
            seed,
            refusals_per_mille: 150,
            lost_applied_per_mille: 150,
            lost_unapplied_per_mille: 150,
            ..MemoryOptions::default()
        };
        let world = World::batching(MemoryStore::new(options), Batching::default()).await;
        let mut cordoned = None;
        for turn in 0..30_u32 {
            let command = if turn.is_multiple_of(2) { CORDON } else { UNCORDON };
            match order(&world, command).await {
                Ok(_) => cordoned = Some(turn.is_multiple_of(2)),
                Err(OrderFailure::Failed(Failure::Store(_)) | OrderFailure::Refused(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
            let stored = known(&world).await.is_some_and(|known| known.machine.cordon.is_some());
            assert_eq!(stored, cordoned.unwrap_or(false), "seed {seed}, turn {turn}");
            let name = format!("w{turn}");
            let started = loop {
                match world.engine.execute(on_m(start(&name, "a", 60))).await {
                    Ok(_) => break true,
                    Err(Failure::Refused(_)) => break false,
                    Err(_) => {}
                }
            };
            assert_eq!(started, !stored, "seed {seed}, turn {turn}");
        }
    }
}
