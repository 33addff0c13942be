//! What is decided while the store still works on the batch before: never answered unless that
//! batch is durable as a whole, and decided anew if it is not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tenure_core::refusal::Reason;
use tenure_core::reply::Reply;
use tenured::engine::{Answer, Batching, Failure};
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};

use crate::world::{World, clear, heartbeat, start};

/// Each item makes a batch of its own, and the next is decided while the store works.
const EAGER: Batching = Batching { items_max: 1, overlap_min: 1, ahead_min: 1 };

/// A store whose commits take long enough to be worked ahead of.
fn slow(seed: u64) -> MemoryOptions {
    MemoryOptions { seed, delay_max: Duration::from_millis(20), ..MemoryOptions::default() }
}

/// A live session of `a` in `w`, at revision 1.
async fn held() -> World {
    let world = World::batching(MemoryStore::new(slow(1)), EAGER).await;
    world.started("w", "a", 60).await;
    world
}

/// Two beats that are queued together; the second one is decided ahead of the first.
async fn two_beats(world: &World) -> (Result<u64, Failure>, Result<u64, Failure>) {
    let beat = || async {
        let answer = world.engine.execute(heartbeat("w", "a", None)).await?;
        let Reply::Beat(beat) = answer.reply else { panic!("{:?}", answer.reply) };
        Ok(beat.revision.0)
    };
    tokio::join!(beat(), beat())
}

async fn stored_revision(world: &World) -> u64 {
    world.stored("w").await.unwrap().tenure.revision.unwrap().0
}

#[tokio::test(start_paused = true)]
async fn a_decision_ahead_stands_on_the_batch_before() {
    let world = held().await;
    let (first, second) = two_beats(&world).await;
    assert_eq!((first.unwrap(), second.unwrap()), (2, 3));
    assert_eq!(stored_revision(&world).await, 3);
    assert_eq!(world.stored("w").await.unwrap().version.0, 3);
}

#[tokio::test(start_paused = true)]
async fn a_decision_ahead_of_a_refused_batch_is_taken_back() {
    let world = held().await;
    world.store.script(Fate::Refuse);
    let (first, second) = two_beats(&world).await;
    assert!(matches!(first, Err(Failure::Store(_))), "{first:?}");
    assert_eq!(second.unwrap(), 2);
    assert_eq!(stored_revision(&world).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_decision_ahead_of_a_conflict_is_taken_back() {
    let world = held().await;
    world.store.script(Fate::Conflict);
    let (first, second) = two_beats(&world).await;
    let answered = BTreeSet::from([first.unwrap(), second.unwrap()]);
    assert_eq!(answered, BTreeSet::from([2, 3]));
    assert_eq!(stored_revision(&world).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_decision_ahead_outlives_lost_answers() {
    for fate in [Fate::LoseApplied, Fate::LoseUnapplied] {
        let world = held().await;
        world.store.script(fate);
        let (first, second) = two_beats(&world).await;
        let answered = BTreeSet::from([first.unwrap(), second.unwrap()]);
        assert_eq!(answered, BTreeSet::from([2, 3]), "{fate:?}");
        assert_eq!(stored_revision(&world).await, 3, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_decided_ahead_is_answered_after_the_store_has_failed() {
    let world = held().await;
    world.store.script(Fate::Fail);
    let (first, second) = two_beats(&world).await;
    for answer in [first, second] {
        assert!(matches!(answer, Err(Failure::Store(_))), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_decided_ahead_of_a_clear_that_fails_is_decided_anew() {
    let world = held().await;
    world.store.script(Fate::Refuse);
    let cleared = world.engine.execute(clear("w", "a"));
    let beat = world.engine.execute(heartbeat("w", "a", None));
    let (cleared, beat) = tokio::join!(cleared, beat);
    assert!(matches!(cleared, Err(Failure::Store(_))), "{cleared:?}");
    assert!(matches!(beat, Ok(Answer { reply: Reply::Beat(_), .. })), "{beat:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_end_was_decided_ahead_and_taken_back_still_expires() {
    let mut world = World::batching(MemoryStore::new(slow(1)), EAGER).await;
    // The start is applied; the clear is decided ahead of it, and fails.
    world.store.script(Fate::Apply);
    world.store.script(Fate::Refuse);
    let started = world.engine.execute(start("w", "a", 5));
    let cleared = world.engine.execute(clear("w", "a"));
    let (started, cleared) = tokio::join!(started, cleared);
    assert!(started.is_ok(), "{started:?}");
    assert!(matches!(cleared, Err(Failure::Store(_))), "{cleared:?}");
    world.event().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let stored = world.stored("w").await.unwrap().tenure;
    assert!(stored.session.unwrap().expiry_recorded);
    assert_eq!(world.refused(heartbeat("w", "a", None)).await, Reason::LeaseExpired);
}

/// Beats as fast as they are answered; every revision that was acknowledged.
async fn beats(world: &World, workspace: &str, turns: u32) -> Vec<u64> {
    let mut revisions = Vec::new();
    for _ in 0..turns {
        match world.engine.execute(heartbeat(workspace, "a", None)).await {
            Ok(Answer { reply: Reply::Beat(beat), .. }) => revisions.push(beat.revision.0),
            Err(Failure::Refused(_) | Failure::Store(_) | Failure::Conflict) => {}
            other => panic!("{other:?}"),
        }
    }
    revisions
}

#[tokio::test(start_paused = true)]
async fn an_unkind_store_undoes_nothing_that_was_acknowledged_ahead() {
    for seed in 0..40 {
        let unkind = MemoryOptions {
            conflicts_per_mille: 60,
            refusals_per_mille: 60,
            lost_applied_per_mille: 60,
            lost_unapplied_per_mille: 60,
            ..slow(seed)
        };
        let items_max = 1 + usize::try_from(seed % 4).unwrap();
        let batching = Batching { items_max, ..EAGER };
        let world = World::batching(MemoryStore::new(unkind), batching).await;
        let world = Arc::new(world);
        for workspace in ["v", "w"] {
            world.start_until_done(workspace, seed).await;
        }
        let (v, w) = ("v", "w");
        let (one, two, three, four) = tokio::join!(
            beats(&world, v, 60),
            beats(&world, w, 60),
            beats(&world, v, 60),
            beats(&world, w, 60),
        );
        for (workspace, acknowledged) in [(v, [one, three].concat()), (w, [two, four].concat())] {
            let distinct: BTreeSet<_> = acknowledged.iter().collect();
            assert!(acknowledged.len() > 60, "seed {seed}: {acknowledged:?}");
            // A revision that is answered twice was undone in between.
            assert_eq!(distinct.len(), acknowledged.len(), "seed {seed}: {acknowledged:?}");
            let tenure = world.stored(workspace).await.unwrap().tenure;
            assert!(tenure.revision.unwrap().0 >= **distinct.last().unwrap(), "seed {seed}");
            let beats = usize::try_from(tenure.session.unwrap().beats).unwrap();
            assert!(beats >= acknowledged.len(), "seed {seed}");
        }
    }
}
