//! Deleting workspaces: a step of its own, whatever comes due at the same time.

use std::time::Duration;

use tenure_core::command::Command;
use tenure_core::ledger::EndCause;
use tenured::store::Reads;

use crate::waits::{granted, waiting};
use crate::world::{World, request};

#[tokio::test(start_paused = true)]
async fn a_deletion_that_finds_a_lapsed_grant_keeps_its_ledger_entry() {
    let world = World::new().await;
    // What is granted in the very millisecond of the boot may be from before.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let mut wait = world.engine.wait(waiting("b")).unwrap();
    let session = granted(&mut wait).await;
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    // The deletion comes before the timer has noticed that nobody claimed the grant.
    world.time.stall(Duration::from_millis(500));
    world.call(request("w", Command::DeleteWorkspace)).await.unwrap();
    assert_eq!(world.stored("w").await, None);
    let entry = world.store.ledger_entry(session.id.unwrap()).await.unwrap().unwrap();
    assert_eq!(entry.cause, EndCause::Yielded);
}
