//! Faults of the store: what is answered is durable, and nothing is lost or done twice.

use std::collections::BTreeSet;

use tenure_core::event::What;
use tenure_core::refusal::Reason;
use tenure_core::reply::Reply;
use tenured::engine::Failure;
use tenured::store::memory::Fate;

use crate::world::{World, clear, give_up, heartbeat, start};

#[tokio::test(start_paused = true)]
async fn what_is_answered_is_stored() {
    let world = World::new().await;
    let started = world.started("acme/api", "a", 60).await;
    let stored = world.stored("acme/api").await.unwrap();
    assert_eq!(stored.tenure.session.as_ref(), Some(&started.session.session));
    assert_eq!(stored.tenure.revision, Some(started.session.revision));
}

#[tokio::test(start_paused = true)]
async fn commands_for_one_workspace_chain_into_one_write() {
    let world = World::new().await;
    let first = world.engine.execute(start("w", "a", 60));
    let second = world.engine.execute(start("w", "a", 60));
    let other = world.engine.execute(start("w", "b", 60));
    let (first, second, other) = tokio::join!(first, second, other);
    assert!(first.is_ok() && second.is_ok());
    assert!(matches!(other, Err(Failure::Refused(refusal)) if refusal.reason == Reason::LeaseHeld));
    let stored = world.stored("w").await.unwrap();
    assert_eq!(stored.version.0, 1);
    assert_eq!(stored.tenure.session.unwrap().start_count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_decided_anew_and_others_are_not_held_up() {
    let mut world = World::new().await;
    world.started("w", "a", 60).await;
    world.event().await;
    world.store.script(Fate::Conflict);
    world.started("w", "a", 60).await;
    let stored = world.stored("w").await.unwrap().tenure;
    assert_eq!(stored.session.unwrap().start_count, 2);
    assert!(matches!(world.event().await.what, What::SessionRefreshed(_)));
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_answered_and_change_nothing() {
    let world = World::new().await;
    for _ in 0..100 {
        world.store.script(Fate::Conflict);
    }
    let answer = world.engine.execute(start("w", "a", 60)).await;
    assert!(matches!(answer, Err(Failure::Conflict)), "{answer:?}");
    assert_eq!(world.stored("w").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_an_applied_batch_is_found_out() {
    let mut world = World::new().await;
    world.store.script(Fate::LoseApplied);
    let started = world.started("w", "a", 60).await;
    assert_eq!(world.stored("w").await.unwrap().version.0, 1);
    assert_eq!(world.stored("w").await.unwrap().tenure.session, Some(started.session.session));
    // Published once, from the log.
    assert!(matches!(world.event().await.what, What::SessionStarted { .. }));
    world.call(clear("w", "a")).await.unwrap();
    assert!(matches!(world.event().await.what, What::SessionEnded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_lost_batch_is_decided_anew() {
    let mut world = World::new().await;
    world.store.script(Fate::LoseUnapplied);
    world.started("w", "a", 60).await;
    let stored = world.stored("w").await.unwrap();
    assert_eq!((stored.version.0, stored.tenure.session.unwrap().start_count), (1, 1));
    assert!(matches!(world.event().await.what, What::SessionStarted { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_taken_back() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    world.store.script(Fate::Refuse);
    let answer = world.engine.execute(clear("w", "a")).await;
    assert!(matches!(answer, Err(Failure::Store(_))), "{answer:?}");
    assert!(world.stored("w").await.unwrap().tenure.session.is_some());
    // What was decided in vain is forgotten: the session is still there to be cleared.
    world.call(clear("w", "a")).await.unwrap();
    assert_eq!(world.stored("w").await.unwrap().tenure.session, None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_seen_by_nobody() {
    let world = World::new().await;
    world.started("w", "a", 60).await;
    world.store.script(Fate::Refuse);
    let answer = world.engine.execute(heartbeat("w", "a", None)).await;
    assert!(matches!(answer, Err(Failure::Store(_))), "{answer:?}");
    let refusal = world.call(heartbeat("w", "b", None)).await.unwrap_err();
    let standing = refusal.standing.unwrap();
    assert_eq!((standing.revision.0, standing.session.beats), (1, 0));
    let Reply::Beat(beat) = world.call(heartbeat("w", "a", None)).await.unwrap() else { panic!() };
    assert_eq!(beat.revision.0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_stops_the_engine() {
    for fenced in [false, true] {
        let world = World::new().await;
        if fenced {
            world.store.fork_epoch();
        } else {
            world.store.script(Fate::Fail);
        }
        let answer = world.engine.execute(start("w", "a", 60)).await;
        assert!(matches!(answer, Err(Failure::Store(_))), "{answer:?}");
        assert!(world.engine.failed().borrow().is_some());
        let later = world.engine.execute(start("w", "a", 60)).await;
        assert!(matches!(later, Err(Failure::Stopping)), "{later:?}");
        assert_eq!(world.stored("w").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_how_the_named_session_ended() {
    let world = World::new().await;
    let first = world.started("w", "a", 60).await.session.session.id.unwrap();
    world.call(clear("w", "a")).await.unwrap();
    let refusal = world.call(give_up("w", "a", first.clone())).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::NoSession);
    assert_eq!(refusal.verdict.unwrap().session_id, Some(first));
}

#[tokio::test(start_paused = true)]
async fn an_unkind_store_gives_no_token_twice_and_loses_no_acknowledged_step() {
    use tenured::store::memory::{MemoryOptions, MemoryStore};
    for seed in 0..40 {
        let unkind = MemoryOptions {
            seed,
            conflicts_per_mille: 150,
            refusals_per_mille: 100,
            lost_applied_per_mille: 100,
            lost_unapplied_per_mille: 100,
            failures_per_mille: 50,
            ..MemoryOptions::default()
        };
        let mut world = World::new().await;
        world.store = std::sync::Arc::new(MemoryStore::new(unkind));
        let world = world.on_its_store().await;
        let mut tokens = BTreeSet::new();
        for turn in 0..60 {
            // What fails may be repeated; in the end it is done, once.
            if let Some(token) = world.start_until_done("w", turn).await {
                assert!(tokens.insert(token), "seed {seed}: token {token} was given twice");
            }
            world.clear_until_done("w").await;
        }
        assert!(tokens.len() > 30, "seed {seed}: {tokens:?}");
    }
}
