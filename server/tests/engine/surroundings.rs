//! What surrounds a session, as far as the engine is concerned: it is loaded when a command
//! needs it, holders are told what is asked of them, and stalls are noticed.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::command::{
    Command, Expected, Heartbeat, PutGates, RaiseEscalation, Report, RequestedGate,
    ResolveEscalation,
};
use tenure_core::content::Content;
use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::event::What;
use tenure_core::gate::GateState;
use tenure_core::name::{ActorId, EscalationId, GateName, WorkStreamName};
use tenure_core::reply::Reply;
use tenured::engine::outbox::Push;
use tenured::engine::{Batching, Request};
use tenured::store::Reads;
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};

use crate::streams::joined;
use crate::world::{World, clear, heartbeat, key, request};

fn raise(workspace: &str, kind: EscalationKind, reason: &str) -> Request {
    let raise = RaiseEscalation { actor: None, kind, reason: reason.into() };
    request(workspace, Command::RaiseEscalation(raise))
}

fn resolve(workspace: &str, id: &EscalationId) -> Request {
    let resolve = ResolveEscalation { actor: None, id: id.clone(), reason: None };
    request(workspace, Command::ResolveEscalation(resolve))
}

fn put_gates(workspace: &str, names: &[&str]) -> Request {
    let gate = |name: &&str| RequestedGate {
        name: GateName::imported(name),
        state: GateState::Open,
        note: None,
    };
    let gates = names.iter().map(gate).collect();
    let put = PutGates { actor: None, gates, expected: Expected::default() };
    request(workspace, Command::PutGates(put))
}

fn report(workspace: &str, report: Report) -> Request {
    let beat = Heartbeat {
        actor: ActorId::imported("a"),
        session_id: None,
        activity: None,
        report: Some(Box::new(report)),
    };
    request(workspace, Command::Heartbeat(beat))
}

fn touch(workspace: &str) -> Request {
    let work_stream = Some(WorkStreamName::imported("tests"));
    report(workspace, Report { work_stream, ..Report::default() })
}

async fn raised(world: &World, kind: EscalationKind, reason: &str) -> Escalation {
    match world.call(raise("w", kind, reason)).await.unwrap() {
        Reply::EscalationRaised(escalation) => *escalation,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_told_what_blocks_it_and_when_nothing_does_any_more() {
    let world = World::new().await;
    let (stream, _) = joined(&world).await;
    let first = raised(&world, EscalationKind::Blocking, "which branch?").await;
    let pushes = stream.next().await.pushes;
    let [(1, Push::Blocked(Some(blocking)))] = &pushes[..] else { panic!("{pushes:?}") };
    assert_eq!(
        (&blocking.oldest, &*blocking.reason, blocking.count),
        (&first.id, "which branch?", 1)
    );

    let second = raised(&world, EscalationKind::Blocking, "whose?").await;
    let pushes = stream.next().await.pushes;
    assert!(matches!(&pushes[..], [(1, Push::Blocked(Some(both)))] if both.count == 2));

    world.call(resolve("w", &first.id)).await.unwrap();
    let pushes = stream.next().await.pushes;
    assert!(matches!(&pushes[..], [(1, Push::Blocked(Some(left)))] if left.oldest == second.id));

    world.call(resolve("w", &second.id)).await.unwrap();
    let pushes = stream.next().await.pushes;
    assert!(matches!(&pushes[..], [(1, Push::Blocked(None))]), "{pushes:?}");
}

#[tokio::test(start_paused = true)]
async fn an_escalation_that_does_not_block_asks_nothing_of_the_holder() {
    let world = World::new().await;
    let (stream, _) = joined(&world).await;
    raised(&world, EscalationKind::NonBlocking, "by the way").await;
    world.call(put_gates("w", &["build"])).await.unwrap();
    // The first push is about the gates.
    let pushes = stream.next().await.pushes;
    assert!(matches!(&pushes[..], [(1, Push::GatesChanged(revision))] if revision.0 == 1));
}

#[tokio::test(start_paused = true)]
async fn of_what_blocks_and_of_gates_only_the_latest_waits_to_be_read() {
    let world = World::new().await;
    let (stream, _) = joined(&world).await;
    let escalation = raised(&world, EscalationKind::Blocking, "which?").await;
    world.call(put_gates("w", &["build"])).await.unwrap();
    world.call(put_gates("w", &["build", "test"])).await.unwrap();
    world.call(resolve("w", &escalation.id)).await.unwrap();
    let pushes = stream.next().await.pushes;
    let [(1, Push::Blocked(None)), (1, Push::GatesChanged(revision))] = &pushes[..] else {
        panic!("{pushes:?}")
    };
    assert_eq!(revision.0, 2);
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_workspace_without_session_finds_what_was_left_there() {
    let world = World::new().await;
    raised(&world, EscalationKind::Blocking, "before anybody came").await;
    assert_eq!(world.stored("w").await.unwrap().tenure.revision, None);
    let started = world.started("w", "a", 60).await;
    assert_eq!(started.session.session.token.0, 1);
    assert!(started.found.signals.blocking.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_command_finds_the_surroundings_that_an_earlier_server_stored() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let checkpoint = Some(Content::new(&b"half-way"[..]));
    world.call(report("w", Report { checkpoint, ..Report::default() })).await.unwrap();
    let escalation = raised(&world, EscalationKind::Blocking, "which?").await;
    let world = world.crash_and_restart(Duration::from_secs(1)).await;
    // A plain beat loads the tenure alone; what comes after needs everything.
    let Reply::Beat(beat) = world.call(heartbeat("w", "a", None)).await.unwrap() else { panic!() };
    assert_eq!(beat.signals.blocking.unwrap().oldest, escalation.id);
    world.call(resolve("w", &escalation.id)).await.unwrap();
    let whole = world.store.whole(key("w")).await.unwrap().stored.unwrap();
    let around = whole.surroundings.unwrap();
    assert!(around.escalations.is_empty());
    assert_eq!(&**around.checkpoint.as_ref().unwrap().content.bytes(), b"half-way");
}

#[tokio::test(start_paused = true)]
async fn large_surroundings_are_read_again_and_not_lost() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    let checkpoint = Some(Content::new(vec![7; 65_536]));
    world.call(report("w", Report { checkpoint, ..Report::default() })).await.unwrap();
    world.call(put_gates("w", &["build"])).await.unwrap();
    let around = world.store.whole(key("w")).await.unwrap().stored.unwrap().surroundings.unwrap();
    assert_eq!(around.checkpoint.unwrap().content.bytes().len(), 65_536);
    assert_eq!(around.gates.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_noticed_in_time_and_ends_with_the_next_touch() {
    let mut world = World::new().await;
    world.started("w", "a", 3_600).await;
    world.event().await;
    world.call(touch("w")).await.unwrap();
    // A score of 1 falls below a quarter after two half-lives of 15 minutes.
    tokio::time::sleep(Duration::from_secs(1_799)).await;
    assert!(!world.stored("w").await.unwrap().tenure.session.unwrap().stalled);
    tokio::time::sleep(Duration::from_millis(1_250)).await;
    assert!(world.stored("w").await.unwrap().tenure.session.unwrap().stalled);
    assert!(matches!(world.event().await.what, What::SessionStalled(_)));
    world.call(heartbeat("w", "a", None)).await.unwrap();
    assert!(world.stored("w").await.unwrap().tenure.session.unwrap().stalled, "alive, no progress");
    world.call(touch("w")).await.unwrap();
    assert!(!world.stored("w").await.unwrap().tenure.session.unwrap().stalled);
    assert!(matches!(world.event().await.what, What::SessionResumed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_noticed_after_a_restart() {
    let world = World::new().await;
    world.started("w", "a", 3_600).await;
    world.call(touch("w")).await.unwrap();
    let world = world.crash_and_restart(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(1_802)).await;
    assert!(world.stored("w").await.unwrap().tenure.session.unwrap().stalled);
}

#[tokio::test(start_paused = true)]
async fn a_write_around_the_session_whose_answer_was_lost_is_found_out() {
    for fate in [Fate::LoseApplied, Fate::LoseUnapplied] {
        let world = World::new().await;
        world.started("w", "a", 60).await;
        world.store.script(fate);
        raised(&world, EscalationKind::Blocking, "once").await;
        let whole = world.store.whole(key("w")).await.unwrap().stored.unwrap();
        assert_eq!(whole.surroundings.unwrap().escalations.len(), 1, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_surrounds_a_session_survives_an_unkind_store() {
    for seed in 0..30 {
        let unkind = MemoryOptions {
            seed,
            conflicts_per_mille: 100,
            refusals_per_mille: 60,
            lost_applied_per_mille: 60,
            lost_unapplied_per_mille: 60,
            delay_max: Duration::from_millis(5),
            ..MemoryOptions::default()
        };
        let eager = Batching { items_max: 2, overlap_min: 1, ahead_min: 1 };
        let world = Arc::new(World::batching(MemoryStore::new(unkind), eager).await);
        world.start_until_done("w", seed).await;
        // Escalations come and go beside beats; each one that was acknowledged is there.
        let raising = async {
            let mut ids = Vec::new();
            for turn in 0..40 {
                let kind = EscalationKind::Blocking;
                let answer = world.engine.execute(raise("w", kind, &format!("{turn}"))).await;
                if let Ok(Reply::EscalationRaised(raised)) = answer.map(|answer| answer.reply) {
                    ids.push(raised.id);
                }
            }
            ids
        };
        let beating = async {
            for _ in 0..80 {
                // What fails is no matter here.
                let _ = world.engine.execute(heartbeat("w", "a", None)).await;
            }
        };
        let (ids, ()) = tokio::join!(raising, beating);
        assert!(ids.len() > 20, "seed {seed}");
        let whole = world.store.whole(key("w")).await.unwrap().stored.unwrap();
        let open = whole.surroundings.unwrap().escalations;
        assert_eq!(
            open.iter().map(|open| &open.id).collect::<Vec<_>>(),
            ids.iter().collect::<Vec<_>>()
        );
        let blocking = whole.tenure.signals.blocking.unwrap();
        assert_eq!(usize::try_from(blocking.count).unwrap(), ids.len(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clear_of_nothing_leaves_nothing_around() {
    let world = World::new().await;
    raised(&world, EscalationKind::Blocking, "which?").await;
    let Reply::Cleared(cleared) = world.call(clear("w", "a")).await.unwrap() else { panic!() };
    assert_eq!(cleared.ended, None);
    let whole = world.store.whole(key("w")).await.unwrap().stored.unwrap();
    assert!(whole.surroundings.unwrap().escalations.is_empty());
    assert_eq!(whole.tenure.revision, None, "an unknown workspace stays unknown");
}
