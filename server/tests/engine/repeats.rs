//! Requests with an id: repeated, they are answered and not done again.

use tenure_core::refusal::Reason;
use tenure_core::reply::Reply;
use tenured::engine::Answer;

use crate::world::{World, clear, force, once, start};

fn token(answer: &Answer) -> u64 {
    match &answer.reply {
        Reply::Started(started) => started.session.session.token.0,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_answered_and_not_done_again() {
    let world = World::new().await;
    let request = || once(start("w", "a", 60), "id", 1);
    let first = world.engine.execute(request()).await.unwrap();
    let again = world.engine.execute(request()).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(token(&first), token(&again));
    let session = world.stored("w").await.unwrap().tenure.session.unwrap();
    assert_eq!(session.start_count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_in_the_same_batch_is_recognised() {
    let world = World::new().await;
    let request = || world.engine.execute(once(start("w", "a", 60), "id", 1));
    let (first, again) = tokio::join!(request(), request());
    assert!(again.unwrap().replayed && !first.unwrap().replayed);
    assert_eq!(world.stored("w").await.unwrap().tenure.session.unwrap().start_count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_recognised_after_a_restart() {
    let world = World::new().await;
    let request = || once(start("w", "a", 60), "id", 1);
    world.engine.execute(request()).await.unwrap();
    let world = world.crash_and_restart(std::time::Duration::from_secs(5)).await;
    assert!(world.engine.execute(request()).await.unwrap().replayed);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_other_content_is_refused() {
    let world = World::new().await;
    world.engine.execute(once(start("w", "a", 60), "id", 1)).await.unwrap();
    let reused = world.refused(once(start("w", "a", 60), "id", 2)).await;
    assert_eq!(reused, Reason::RequestIdReused);
    // For another workspace the id is another one.
    assert!(world.call(once(start("other", "a", 60), "id", 2)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_repeat_whose_session_has_ended_is_refused_with_the_verdict() {
    let world = World::new().await;
    let request = || once(start("w", "a", 60), "id", 1);
    world.engine.execute(request()).await.unwrap();
    world.call(clear("w", "a")).await.unwrap();
    let refusal = world.call(request()).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::SessionMismatch);
    let verdict = refusal.verdict.expect("how it ended");
    assert_eq!(verdict.cause, tenure_core::ledger::EndCause::Cleared);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_whose_lease_has_expired_is_refused() {
    let world = World::new().await;
    let request = || once(start("w", "a", 60), "id", 1);
    world.engine.execute(request()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(world.refused(request()).await, Reason::LeaseExpired);
}

#[tokio::test(start_paused = true)]
async fn refusals_and_dry_runs_are_not_kept() {
    let world = World::new().await;
    let session = world.started("w", "a", 60).await.session.session.id.unwrap();
    assert_eq!(world.refused(once(start("w", "b", 60), "id", 1)).await, Reason::LeaseHeld);
    let dry = || {
        let mut request = force("w", "b", session.clone(), 0);
        if let tenure_core::command::Command::ForceTakeOver(force) = &mut request.command {
            force.dry_run = true;
        }
        once(request, "dry", 1)
    };
    for _ in 0..2 {
        assert!(!world.engine.execute(dry()).await.unwrap().replayed);
    }
    world.call(clear("w", "a")).await.unwrap();
    let started = world.engine.execute(once(start("w", "b", 60), "id", 1)).await.unwrap();
    assert!(!started.replayed);
}
