//! Connections that stay open while nothing passes any more, as when a router forgets them.

mod proxy;

use std::time::{Duration, Instant};

use anyhow::ensure;
use tenure::{Client, LeaseHolder, LossKind, StartRequest, v1};

use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, is_same, until};
use crate::process::Programs;
use proxy::Proxy;

const TTL: Duration = Duration::from_secs(15);

/// How often the server pings, and for how long it waits.
const KEEPALIVE: &str = "1s";

/// The two together, and what a busy machine may add.
const CUT_MAX: Duration = Duration::from_secs(30);

/// How much later than its deadline a holder may be seen to stop on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(4);

pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs))
}

async fn withstand(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let launch = site.launch.clone();
    let launch = launch
        .setting("--connection-keepalive-interval", KEEPALIVE)
        .setting("--connection-keepalive-timeout", KEEPALIVE);
    let (server, _) = launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "onlooker").await?;
    let proxy = Proxy::before(server.address()).await?;
    let client = Client::connect(proxy.url().parse()?).await?;
    let start = StartRequest::new("half/open", "holder", TTL);
    let holder = LeaseHolder::start(client, start).await?;
    let joined = || async { Ok(counts(&actor).await?.heartbeat_streams == 1) };
    until("a heartbeat stream", PATIENCE, joined).await?;

    // Later connections pass: the holder has to find that out before its deadline.
    let before = holder.revision();
    proxy.freeze();
    let frozen = Instant::now();
    let beats = until("a beat on another connection", PATIENCE, || async {
        ensure!(holder.is_held(), "lost although another connection passes: {:?}", holder.loss());
        Ok(holder.revision() > before)
    })
    .await?;
    let dead = || async {
        let counts = counts(&actor).await?;
        Ok(counts.heartbeat_streams <= 1 && counts.connections <= 2)
    };
    until("the server cuts the dead connection", CUT_MAX, dead).await?;
    let cut_after = frozen.elapsed();

    // Nothing passes: the holder has to stop in time, and the server lets the lease go.
    proxy.swallow();
    let silent = Instant::now();
    let promised = holder.work_time_left();
    let loss = tokio::time::timeout(TTL * 2, holder.lost()).await?;
    let stopped_after = silent.elapsed();
    ensure!(loss.kind == LossKind::StoppedWork, "it stopped for another reason: {loss:?}");
    ensure!(
        stopped_after <= promised + LATE_MAX,
        "it stopped {stopped_after:?} after it could not beat, and had {promised:?} left"
    );
    let stored = actor.session("half/open").await?;
    is_same(&stored, holder.session())?;
    ensure!(!stored.stale, "the lease had expired before its holder stopped");
    until("the server cuts every dead connection", CUT_MAX, || async {
        let counts = counts(&actor).await?;
        Ok(counts.heartbeat_streams == 0 && counts.connections == 1)
    })
    .await?;
    Ok(format!(
        "one frozen connection: beats go on by another after {beats:.1?} of {TTL:?}, the server \
         has cut the dead one after {cut_after:.1?}; nothing passes: the holder stopped after \
         {stopped_after:.1?} ({promised:.1?} had been left), while its lease still ran; then \
         the server held no stream and no connection for it"
    ))
}

async fn counts(actor: &Actor) -> anyhow::Result<v1::Counts> {
    let info = actor.client.server_info(v1::GetServerInfoRequest {}).await?;
    Ok(info.counts.unwrap_or_default())
}
