//! Five seconds in which nothing becomes durable: a disk that hangs, or the server stopped.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tenure::{StartRequest, Supervisor, v1};

use super::disk::Disk;
use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, until};
use crate::process::{Programs, Server};

pub(super) const EXPECTED: &str = "leases shorter than the stall are not charged, holders keep \
                                   theirs, calls are answered after it, STALL_SEEN is logged";

const STALL: Duration = Duration::from_secs(5);

/// Shorter than the stall: kept only because the stall is not charged.
const SHORT_TTL: Duration = Duration::from_secs(4);

/// For real holders, who stop by themselves after two thirds without an answer.
const HELD_TTL: Duration = Duration::from_secs(30);

/// By a disk whose fsync takes as long.
pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let (disk, launch) = Disk::under(&site)?;
    block_on(async {
        let (server, _) = launch.start(START_MAX).await?;
        let stall = async {
            disk.slow_syncs(STALL)?;
            // One sync has begun by then; the next one is to be as quick as ever.
            tokio::time::sleep(STALL / 2).await;
            disk.heal()
        };
        withstand(&server, stall).await
    })
}

/// By stopping the server.
pub(super) fn run_paused(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    block_on(async {
        let (server, _) = site.launch.start(START_MAX).await?;
        let stall = async {
            server.pause()?;
            tokio::time::sleep(STALL).await;
            server.go_on()
        };
        withstand(&server, stall).await
    })
}

async fn withstand(
    server: &Server,
    stall: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<String> {
    let actor = Actor::of(server, "worker").await?;
    let supervisor = Supervisor::new(actor.client.clone());
    let mut holders = Vec::new();
    for n in 0..10 {
        let request = StartRequest::new(format!("stall/held/{n}"), "holder", HELD_TTL);
        holders.push(supervisor.hold(request).await?);
    }
    let session = actor.start("stall/short", SHORT_TTL).await?;
    let begun = Instant::now();
    let call = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let answer = actor.start("stall/meanwhile", SHORT_TTL).await;
        (answer, begun.elapsed())
    };
    let (stalled, (answer, answered_after)) = tokio::join!(stall, call);
    stalled?;
    answer.context("the call that met the stall was not answered")?;
    ensure!(answered_after >= STALL / 2, "the store did not stall: {answered_after:?}");
    actor.beat(&session).await.context("a lease shorter than the stall was charged for it")?;
    for holder in &holders {
        ensure!(holder.is_held(), "{} was lost: {:?}", holder.session_id(), holder.loss());
    }
    let seen = until("STALL_SEEN", PATIENCE, || async {
        Ok(!actor.events(&[v1::EventType::StallSeen]).await?.is_empty())
    });
    seen.await?;
    let expired = actor.events(&[v1::EventType::SessionExpired]).await?;
    ensure!(expired.is_empty(), "a session expired: {expired:?}");
    Ok(format!(
        "the call was answered after {answered_after:.1?}; a lease of {SHORT_TTL:?} was renewed \
         after the stall; {} holders kept theirs; STALL_SEEN logged",
        holders.len()
    ))
}
