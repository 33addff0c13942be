//! `batch` and `batch_100k`: many beats a message for many sessions on few streams, which is how
//! a supervisor of many workers beats.

use super::{Plan, Reach, Stage, not_measured};
use crate::contender::Contender;
use crate::heartbeats::{self, Shape};
use crate::load::Timing;
use crate::measure::{Measure, Sample};

/// The figure with 10,000 sessions.
pub const PLAN: Plan = Plan {
    name: "batch",
    about: "64 beats a message, 16 streams, 10,000 sessions; etcd: 1 lease a message, 100 streams \
            on 10 connections, 10 in flight; Redis: pipelined by 64 on 16 connections",
    contenders: &[Contender::Ours, Contender::Echo, Contender::EtcdKeepalive, Contender::Redis],
    measures: &[Measure::BEATS_PER_S, Measure::BEATS_PER_CPU_S],
    reach: &[
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::EtcdKeepalive, ratio: 20.0 },
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::Redis, ratio: 4.0 },
    ],
    limits: &[],
    set_up_s: 1.2,
};

/// The figure with 100,000 sessions.
pub const PLAN_100K: Plan = Plan {
    name: "batch_100k",
    about: "64 beats a message, 16 streams, 100,000 sessions in random order; etcd as for batch, \
            where 10,000 leases are no harder for it than 100,000",
    contenders: &[Contender::Ours, Contender::EtcdKeepalive],
    measures: &[Measure::BEATS_PER_S, Measure::BEATS_PER_CPU_S],
    reach: &[Reach { measure: Measure::BEATS_PER_S, peer: Contender::EtcdKeepalive, ratio: 6.0 }],
    limits: &[],
    set_up_s: 3.0,
};

/// Sessions of the first.
pub const SESSIONS: usize = 10_000;

/// Sessions of the second.
pub const SESSIONS_100K: usize = 100_000;

/// Beats a message.
pub const BEATS: usize = 64;

/// The best shape that was found for etcd.
pub const ETCD: Shape = Shape {
    streams: 100,
    connections: 10,
    sessions: SESSIONS,
    beats: 1,
    in_flight: 10,
    timing: Timing::Closed { latencies: false },
    shuffled: false,
};

/// The best number of connections that was found for Redis.
const REDIS_CONNECTIONS: usize = 16;

/// So many sessions on 16 streams. Of 10,000, 8 messages of 64 in flight are 512 beats on a
/// stream of 625 sessions: as much as there can be without a second beat for a session whose
/// first is unanswered.
#[must_use]
pub const fn shape(sessions: usize) -> Shape {
    Shape {
        streams: 16,
        connections: 4,
        sessions,
        beats: BEATS,
        in_flight: 8,
        timing: Timing::Closed { latencies: false },
        shuffled: sessions > SESSIONS,
    }
}

/// One turn.
///
/// # Errors
/// When a server fails, or an answer is wrong.
pub async fn turn(
    sessions: usize,
    contender: Contender,
    stage: &Stage<'_>,
) -> anyhow::Result<Sample> {
    let outcome = match contender {
        Contender::Ours => heartbeats::ours(stage, shape(sessions)).await?,
        Contender::Echo => heartbeats::echo(stage, shape(sessions)).await?,
        Contender::EtcdKeepalive => heartbeats::etcd(stage, ETCD).await?,
        Contender::Redis => heartbeats::redis(stage, REDIS_CONNECTIONS, BEATS, sessions).await?,
        _ => return not_measured(contender),
    };
    Ok(outcome.sample(Measure::BEATS_PER_S))
}
