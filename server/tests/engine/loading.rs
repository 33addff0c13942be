//! What surrounds a session: at hand when it is needed, and stored with what was decided.

use tenure_core::command::{Command, Expected, PutHandoff, RaiseEscalation};
use tenure_core::escalation::EscalationKind;
use tenure_core::surroundings::Surroundings;
use tenured::engine::Request;
use tenured::store::Reads;
use tenured::store::memory::Fate;

use crate::world::{World, heartbeat, key, request};

fn raise(workspace: &str, reason: &str) -> Request {
    let kind = EscalationKind::Blocking;
    let raise = RaiseEscalation { kind, reason: reason.into(), actor: None };
    request(workspace, Command::RaiseEscalation(raise))
}

fn put_handoff(workspace: &str, title: &str) -> Request {
    let expected = Expected::default();
    let handoff = PutHandoff { title: title.into(), actions: Vec::new(), actor: None, expected };
    request(workspace, Command::PutHandoff(handoff))
}

async fn surrounded(world: &World, workspace: &str) -> Surroundings {
    let stored = world.store.whole(key(workspace)).await.unwrap().stored.unwrap();
    *stored.surroundings.unwrap()
}

async fn reasons(world: &World, workspace: &str) -> Vec<String> {
    let open = surrounded(world, workspace).await.escalations;
    open.iter().map(|open| open.reason.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_without_surroundings_gets_them_when_they_are_needed() {
    let world = World::new().await;
    let started = world.started("w", "a", 3_600).await;
    world.call(put_handoff("w", "first")).await.unwrap();
    world.call(raise("w", "one")).await.unwrap();
    let world = world.crash_and_restart(std::time::Duration::from_secs(1)).await;
    // The beat brings the tenure into the cache, and nothing else.
    let id = started.session.session.id;
    world.call(heartbeat("w", "a", id.clone())).await.unwrap();
    world.call(raise("w", "two")).await.unwrap();
    assert_eq!(reasons(&world, "w").await, ["one", "two"]);
    let blocking = world.stored("w").await.unwrap().tenure.signals.blocking.unwrap();
    assert_eq!((blocking.count, &*blocking.reason), (2, "one"));
    world.call(heartbeat("w", "a", id)).await.unwrap();
    let around = surrounded(&world, "w").await;
    assert_eq!(&*around.handoff.unwrap().title, "first");
    assert_eq!(around.escalations.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_batch_asks_for_all_that_any_of_its_commands_needs() {
    let world = World::new().await;
    let started = world.started("w", "a", 3_600).await;
    world.call(raise("w", "one")).await.unwrap();
    let world = world.crash_and_restart(std::time::Duration::from_secs(1)).await;
    let beat = world.call(heartbeat("w", "a", started.session.session.id));
    let (beaten, raised) = tokio::join!(beat, world.call(raise("w", "two")));
    assert!(beaten.is_ok() && raised.is_ok(), "{beaten:?}, {raised:?}");
    assert_eq!(reasons(&world, "w").await, ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_about_surroundings_alone_is_found_out() {
    for (fate, version) in [(Fate::LoseApplied, 2), (Fate::LoseUnapplied, 2), (Fate::Conflict, 3)] {
        let world = World::new().await;
        world.started("w", "a", 3_600).await;
        world.store.script(fate);
        world.call(put_handoff("w", "the state")).await.unwrap();
        let stored = world.stored("w").await.unwrap();
        assert_eq!(stored.version.0, version, "{fate:?}");
        assert_eq!(&*surrounded(&world, "w").await.handoff.unwrap().title, "the state");
    }
}
