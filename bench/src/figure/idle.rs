//! `idle`: what an open heartbeat stream with one join costs the server while nothing is sent.
//!
//! The cache of sessions is filled before and does not count. It is filled by a server that has
//! just started, one small call after another, so that there is no memory in which the streams
//! could find room without asking for any.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use tenure::v1::HeartbeatRequest;
use tenure::v1::lease_service_client::LeaseServiceClient;

use super::{Plan, Reach, Stage, not_measured, stream};
use crate::contender::Contender;
use crate::load::{self, Load, Timing};
use crate::machine::CpuClock;
use crate::measure::{Measure, Sample};
use crate::peer::tenured::Options;
use crate::peer::{Server, echo, tenured};
use crate::sessions::{self, Held};

/// The figure.
pub const PLAN: Plan = Plan {
    name: "idle",
    about: "10,000 idle streams on 10 connections, one join each; anonymous memory of the server",
    contenders: &[Contender::Ours, Contender::Echo],
    measures: &[Measure::KB_PER_STREAM],
    reach: &[Reach { measure: Measure::KB_PER_STREAM, peer: Contender::Limit, ratio: 1.0 }],
    limits: &[(Measure::KB_PER_STREAM, 6.0)],
    set_up_s: 4.0,
};

/// How many calls at a time fill the cache.
const FILLING_MAX: usize = 32;

/// How long after the last join the memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);

/// One turn.
///
/// # Errors
/// When a server fails.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let streams = stream::STREAMS_10K;
    match contender {
        Contender::Ours => {
            let folder = stage.site.folder()?;
            let store = Some(folder.path().join("tenure.db"));
            let options = Options { store, arguments: Vec::new() };
            let server = tenured::start_with(stage.site, &options).await?;
            let held = sessions::start(server.address(), streams).await?;
            server.stop()?;
            let server = tenured::start_with(stage.site, &options).await?;
            fill_the_cache(&server, &held).await?;
            memory_for(server, held).await
        }
        Contender::Echo => {
            let server = echo::start(stage.site).await?;
            memory_for(server, sessions::made_up(streams)).await
        }
        _ => not_measured(contender),
    }
}

/// A heartbeat for each session.
async fn fill_the_cache(server: &Server, held: &[Held]) -> anyhow::Result<()> {
    let client = LeaseServiceClient::new(load::connect(server.address()).await?);
    let beats = held.iter().map(|held| {
        let mut client = client.clone();
        let (workspace, actor_id) = (held.workspace.clone(), held.actor_id.clone());
        let request = HeartbeatRequest { workspace, actor_id, ..HeartbeatRequest::default() };
        async move { client.heartbeat(request).await }
    });
    let mut answers = futures_util::stream::iter(beats).buffer_unordered(FILLING_MAX);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

async fn memory_for(server: Server, held: Vec<Held>) -> anyhow::Result<Sample> {
    let shape = stream::shape(held.len(), Timing::Closed { latencies: false });
    let load = Load { connections: shape.connections, timing: shape.timing };
    let cpu = CpuClock::new(server.pid());
    let cpu_before = cpu.read()?;
    let before = anonymous_bytes(server.pid())?;
    let opened = load::open(server.address(), shape.books(held), load).await?;
    tokio::time::sleep(SETTLE).await;
    let bytes = anonymous_bytes(server.pid())?.saturating_sub(before);
    let kb = bytes as f64 / 1e3 / opened.len() as f64;
    opened.close();
    let sample = Sample::new(SETTLE.as_secs_f64(), cpu.read()? - cpu_before);
    server.stop()?;
    Ok(sample.with(Measure::KB_PER_STREAM, kb))
}

/// Memory of a process that is not that of a file.
fn anonymous_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.with_context(|| format!("process {pid} is gone"))?;
    anonymous_in(&status).context("/proc/PID/status has an unknown form")
}

fn anonymous_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_is_found_in_the_status_of_a_process() {
        let status = "Name:\tx\nVmRSS:\t  9000 kB\nRssAnon:\t    1234 kB\nRssFile:\t 9 kB\n";
        assert_eq!(anonymous_in(status), Some(1234 * 1024));
        assert_eq!(anonymous_in("Name:\tx\n"), None);
        assert!(anonymous_bytes(std::process::id()).unwrap() > 100_000);
    }
}
