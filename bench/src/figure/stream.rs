//! `stream` and `stream_10k`: one beat a message, one in flight on each of many streams.

use super::{Plan, Reach, Stage, not_measured};
use crate::contender::Contender;
use crate::heartbeats::{self, Shape};
use crate::load::Timing;
use crate::measure::{Measure, Sample};

/// The figure with 1,000 streams.
pub const PLAN: Plan = Plan {
    name: "stream",
    about: "1 beat a message, 1,000 streams on 10 connections; Redis: 1,000 connections",
    contenders: &[Contender::Ours, Contender::Echo, Contender::EtcdKeepalive, Contender::Redis],
    measures: &[Measure::BEATS_PER_S, Measure::BEATS_PER_CPU_S],
    reach: &[
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::Echo, ratio: 0.70 },
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::EtcdKeepalive, ratio: 3.5 },
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::Redis, ratio: 1.5 },
    ],
    limits: &[],
    set_up_s: 0.9,
};

/// The figure with 10,000 streams.
pub const PLAN_10K: Plan = Plan {
    name: "stream_10k",
    about: "1 beat a message, 10,000 streams on 10 connections",
    contenders: &[Contender::Ours, Contender::Echo, Contender::EtcdKeepalive],
    measures: &[Measure::BEATS_PER_S, Measure::BEATS_PER_CPU_S],
    reach: &[Reach { measure: Measure::BEATS_PER_S, peer: Contender::Echo, ratio: 0.75 }],
    limits: &[],
    set_up_s: 2.0,
};

/// Streams of the first.
pub const STREAMS: usize = 1_000;

/// Streams of the second.
pub const STREAMS_10K: usize = 10_000;

/// So many streams on 10 connections, with a session each.
#[must_use]
pub const fn shape(streams: usize, timing: Timing) -> Shape {
    Shape {
        streams,
        connections: 10,
        sessions: streams,
        beats: 1,
        in_flight: 1,
        timing,
        shuffled: false,
    }
}

/// One turn.
///
/// # Errors
/// When a server fails, or an answer is wrong.
pub async fn turn(
    streams: usize,
    contender: Contender,
    stage: &Stage<'_>,
) -> anyhow::Result<Sample> {
    let shape = shape(streams, Timing::Closed { latencies: false });
    let outcome = match contender {
        Contender::Ours => heartbeats::ours(stage, shape).await?,
        Contender::Echo => heartbeats::echo(stage, shape).await?,
        Contender::EtcdKeepalive => heartbeats::etcd(stage, shape).await?,
        Contender::Redis => heartbeats::redis(stage, streams, 1, streams).await?,
        _ => return not_measured(contender),
    };
    Ok(outcome.sample(Measure::BEATS_PER_S))
}
