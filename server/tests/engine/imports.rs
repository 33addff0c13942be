//! Imports over a store that fails: nothing is lost, doubled or half done.

use tenure_core::command::{Command, Import};
use tenure_core::content::Digest;
use tenure_core::context::LeaseBounds;
use tenure_core::event::What;
use tenure_core::legacy::read;
use tenure_core::reply::{ImportOutcome, Reply};
use tenured::engine::{Failure, Request};
use tenured::store::Reads;
use tenured::store::memory::Fate;

use crate::world::{World, key, once, request, start};

const SESSION: &[u8] = include_bytes!("../../core/tests/legacy/session_v4_worker.json");
const ESCALATIONS: &[u8] = include_bytes!("../../core/tests/legacy/escalations_v1.json");

fn import(content: &[u8]) -> Request {
    request(
        "w",
        Command::Import(Box::new(Import {
            file_name: "state.json".into(),
            digest: Digest::of(content),
            content: read(content).unwrap(),
            lease_bounds: LeaseBounds::default(),
        })),
    )
}

async fn outcome(world: &World, content: &[u8]) -> ImportOutcome {
    match world.call(import(content)).await.unwrap() {
        Reply::Imported(imported) => imported.outcome,
        other => panic!("{other:?}"),
    }
}

async fn open_escalations(world: &World) -> usize {
    let stored = world.store.whole(key("w")).await.unwrap().stored;
    stored.map_or(0, |stored| stored.surroundings.unwrap().escalations.len())
}

#[tokio::test(start_paused = true)]
async fn escalations_survive_a_later_failure() {
    let world = World::new().await;
    assert_eq!(outcome(&world, ESCALATIONS).await, ImportOutcome::Imported);
    world.store.script(Fate::Refuse);
    let failed = world.engine.execute(import(SESSION)).await;
    assert!(matches!(failed, Err(Failure::Store(_))), "{failed:?}");
    assert_eq!(open_escalations(&world).await, 2);
    assert!(world.stored("w").await.unwrap().tenure.session.is_none());
    assert_eq!(outcome(&world, ESCALATIONS).await, ImportOutcome::AlreadyImported);
    assert_eq!(outcome(&world, SESSION).await, ImportOutcome::Imported);
}

#[tokio::test(start_paused = true)]
async fn an_import_whose_answer_was_lost_is_answered_once_and_done_once() {
    for (fate, content) in [
        (Fate::LoseApplied, SESSION),
        (Fate::LoseUnapplied, SESSION),
        (Fate::LoseApplied, ESCALATIONS),
        (Fate::LoseUnapplied, ESCALATIONS),
        (Fate::Conflict, ESCALATIONS),
    ] {
        let mut world = World::new().await;
        world.store.script(fate);
        assert_eq!(outcome(&world, content).await, ImportOutcome::Imported, "{fate:?}");
        assert!(matches!(world.event().await.what, What::StateImported(_)));
        assert_eq!(outcome(&world, content).await, ImportOutcome::AlreadyImported);
        assert_eq!(open_escalations(&world).await, if content == SESSION { 0 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_same_file_at_once_one_is_imported() {
    let world = World::new().await;
    let (one, other) = tokio::join!(outcome(&world, SESSION), outcome(&world, SESSION));
    assert_eq!([one, other], [ImportOutcome::Imported, ImportOutcome::AlreadyImported]);
}

#[tokio::test(start_paused = true)]
async fn an_import_is_remembered_across_a_crash() {
    let world = World::new().await;
    assert_eq!(outcome(&world, SESSION).await, ImportOutcome::Imported);
    let world = world.crash_and_restart(std::time::Duration::from_secs(1)).await;
    assert_eq!(outcome(&world, SESSION).await, ImportOutcome::AlreadyImported);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_told_what_the_first_one_did() {
    let world = World::new().await;
    let first = world.engine.execute(once(import(SESSION), "r", 1)).await.unwrap();
    let again = world.engine.execute(once(import(SESSION), "r", 1)).await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.reply, again.reply, "and not that it was imported before");
}

/// The wall clock of these tests is long before the instants in the file, so that the session
/// comes with its whole lease of 300 s.
#[tokio::test(start_paused = true)]
async fn an_imported_lease_is_noticed_when_it_runs_out() {
    let mut world = World::new().await;
    outcome(&world, SESSION).await;
    assert!(matches!(world.event().await.what, What::StateImported(_)));
    let began = tokio::time::Instant::now();
    assert!(matches!(world.event().await.what, What::SessionExpired { .. }));
    let after = began.elapsed().as_millis();
    assert!((300_000..300_250).contains(&after), "{after}");
    let refused = world.engine.execute(start("w", "other", 60)).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
}
