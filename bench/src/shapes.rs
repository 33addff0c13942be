//! Looks for the shape of a load that suits a peer best, because it is its best that ours is
//! compared with. What was found is written into the figures.

use std::io::Write as _;
use std::time::Duration;

use crate::figure::{Stage, batch};
use crate::heartbeats::{self, Shape};
use crate::load::{Outcome, Times};
use crate::rounds::{TURN_MAX, on_a_new_runtime};
use crate::site::Site;
use crate::statistics::Spread;

/// How often each shape is tried.
const ROUNDS: usize = 3;

/// Streams, connections and messages in flight that are tried with etcd.
const ETCD: [(usize, usize, usize); 7] = [
    (10, 10, 1),
    (10, 10, 100),
    (100, 10, 1),
    (100, 10, 10),
    (100, 4, 10),
    (1_000, 10, 1),
    (1_000, 10, 10),
];

/// Connections that are tried with Redis, pipelined as batches are.
const REDIS: [usize; 4] = [4, 16, 50, 100];

/// Tries them all, and prints what each came to.
///
/// # Errors
/// When a peer is not installed or fails.
pub fn run() -> anyhow::Result<()> {
    let site = Site::prepare()?;
    let times = Times { warm_up: Duration::from_millis(500), window: Duration::from_secs(2) };
    let stage = Stage { site: &site, times };
    for (streams, connections, in_flight) in ETCD {
        let shape = Shape { streams, connections, in_flight, ..batch::ETCD };
        let what = format!(
            "etcd: {streams} streams on {connections} connections, {in_flight} in flight on each"
        );
        try_out(&what, async || heartbeats::etcd(&stage, shape).await)?;
    }
    for connections in REDIS {
        let what = format!("Redis: {connections} connections, pipelined by {}", batch::BEATS);
        let keys = batch::SESSIONS;
        let redis = async || heartbeats::redis(&stage, connections, batch::BEATS, keys).await;
        try_out(&what, redis)?;
    }
    Ok(())
}

fn try_out(what: &str, load: impl AsyncFn() -> anyhow::Result<Outcome>) -> anyhow::Result<()> {
    let mut rates = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rates.push(on_a_new_runtime(TURN_MAX, load())?.beats_per_s);
    }
    if let Some(Spread { median, min, max }) = Spread::of(rates) {
        writeln!(std::io::stdout(), "{what}: {median:.0} beats/s ({min:.0} to {max:.0})")?;
    }
    Ok(())
}
