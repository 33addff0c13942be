//! An fsync that fails: what the disk holds is not known any more, and trying again would hide
//! that.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::disk::Disk;
use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, is_same};
use crate::process::Programs;

const TTL: Duration = Duration::from_secs(60);

/// What the server says when it ends.
const REASON: &str = "the store failed while serving";

/// What it says when it looks through the file at its next start.
const VERIFYING: &str = "verifying it";

pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs))
}

async fn withstand(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let (disk, launch) = Disk::under(&site)?;
    let (mut server, _) = launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "worker").await?;
    let mut acknowledged = Vec::new();
    for n in 0..50 {
        acknowledged.push(actor.start(&format!("sync/{n}"), TTL).await?);
    }
    disk.fail_syncs()?;
    let doubtful = actor.start_request("sync/doubtful", TTL);
    let answer = actor.client.start(doubtful.clone()).await;
    ensure!(answer.is_err(), "a write was acknowledged although fsync failed: {answer:?}");
    let status = server.ended(PATIENCE)?.with_context(|| server.failure("goes on"))?;
    ensure!(!status.success(), "the server ended with {status}");
    let said = server.said();
    ensure!(said.iter().any(|line| line.contains(REASON)), "it does not say why: {said:#?}");
    disk.heal()?;
    let (server, _) = launch.start(START_MAX).await?;
    let said = server.said();
    ensure!(said.iter().any(|line| line.contains(VERIFYING)), "it does not verify: {said:#?}");
    let actor = Actor::of(&server, "worker").await?;
    for session in &acknowledged {
        is_same(&actor.session(&session.workspace).await?, session)?;
    }
    let again = actor.client.start(doubtful).await?;
    let done_before = again.replayed;
    let session = again.session.context("no session")?;
    ensure!(session.start_count == 1, "the call in doubt was done twice: {session:?}");
    Ok(format!(
        "the write was answered with an error and the server ended with {status}, saying \
         {REASON:?}; verified at its next start, {} acknowledged sessions there; the write in \
         doubt {}, once",
        acknowledged.len(),
        if done_before { "had been done" } else { "was done when repeated" }
    ))
}
