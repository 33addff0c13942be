//! A herd: every client loses its server in the same moment, and all come back at once.

mod herd;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tenure::{Client, ClientOptions, v1};

use super::site::{Actor, START_MAX, Site, block_on};
use crate::process::{Programs, Server};
use herd::Herd;

/// A lease outlives the herd's way back, or it is lost.
const TTL: Duration = Duration::from_secs(120);

/// How many starts are one call.
const STARTS_A_CALL: usize = 500;

/// What a client may cost the server, with its share of a connection, and what it may weigh
/// besides: a bound against runaway growth, not a figure to be proud of.
const BYTES_A_CLIENT: u64 = 64 << 10;
const BYTES_BESIDES: u64 = 256 << 20;

/// 10,000 clients on 1,000 connections.
pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs, 1_000, 10))
}

/// 1,000 clients on 100 connections.
pub(super) fn run_fewer(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs, 100, 10))
}

async fn withstand(
    programs: &Programs,
    connections: usize,
    clients_each: usize,
) -> anyhow::Result<String> {
    make_room(connections)?;
    let count = connections * clients_each;
    let site = Site::new(programs)?;
    let (mut server, _) = site.launch.start(START_MAX).await?;
    let sessions = start(&server, count).await?;
    let herd = Arc::new(Herd::default());
    let clients = herd::join_all(&server, &sessions, clients_each, &herd)?;
    let first = herd.wait_joined(1, count, TTL).await?;
    let before = server.resident_bytes()?;

    server.kill()?;
    let killed = Instant::now();
    let (server, served) = site.launch.start(START_MAX).await?;
    let ready = Instant::now();
    herd.wait_joined(2, count, TTL).await?;
    let back = ready.elapsed();
    let after = server.resident_bytes()?;
    ensure!(killed.elapsed() < TTL, "joined again only after {:?}", killed.elapsed());
    ensure!(herd.refused() == 0, "{} joins were refused: {:?}", herd.refused(), herd.why());
    let bound = BYTES_BESIDES + BYTES_A_CLIENT * count as u64;
    ensure!(after < bound, "the server takes {after} bytes, more than {bound}");
    let actor = Actor::of(&server, "onlooker").await?;
    let expired = actor.events(&[v1::EventType::SessionExpired]).await?;
    ensure!(expired.is_empty(), "{} sessions expired", expired.len());
    drop(clients);
    Ok(format!(
        "{count} streams on {connections} connections: joined first within {first:.1?}; after \
         kill -9 the server served within {served:.1?}, and all had joined again {back:.1?} \
         later; none refused, none expired; resident {} MiB before, {} MiB after",
        before >> 20,
        after >> 20
    ))
}

/// Sessions to beat for, started in few calls.
async fn start(server: &Server, count: usize) -> anyhow::Result<Vec<v1::Session>> {
    let mut options = ClientOptions::default();
    options.attempt_timeout = Duration::from_secs(60);
    options.call_timeout = Duration::from_secs(60);
    let client: Client = server.client(options).await?;
    let actor = Actor { client: client.clone(), id: "herd".to_owned() };
    let names: Vec<_> = (0..count).map(|n| format!("herd/{n}")).collect();
    let mut sessions = Vec::with_capacity(count);
    for some in names.chunks(STARTS_A_CALL) {
        let starts = some.iter().map(|name| actor.start_request(name, TTL)).collect();
        for started in client.start_many(starts).await? {
            sessions.push(started?.session.context("no session")?);
        }
    }
    Ok(sessions)
}

/// This process has the other end of each connection open.
fn make_room(connections: usize) -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = connections as u64 * 2 + 256;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
    }
    let current = getrlimit(Resource::Nofile).current;
    ensure!(
        current.is_none_or(|current| current >= needed),
        "{needed} open files are needed, and {current:?} allowed; raise it: ulimit -n {needed}"
    );
    Ok(())
}
