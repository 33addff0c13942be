//! `paced`: how long a beat takes when the server is not saturated: 10,000 beats a second on
//! 10,000 streams, each counted from the instant at which it was to be sent.

use std::time::Duration;

use super::{Plan, Reach, Stage, not_measured, stream};
use crate::contender::Contender;
use crate::heartbeats;
use crate::load::Timing;
use crate::measure::{Measure, Sample};

/// The figure.
pub const PLAN: Plan = Plan {
    name: "paced",
    about: "10,000 beats/s offered on 10,000 streams on 10 connections; etcd at its own \
            saturation on as many",
    contenders: &[Contender::Ours, Contender::Echo, Contender::EtcdSaturated],
    measures: &[Measure::P99_MS, Measure::P50_MS, Measure::SEND_LAG_P99_MS, Measure::BEATS_PER_S],
    reach: &[
        Reach { measure: Measure::P99_MS, peer: Contender::Echo, ratio: 3.0 },
        Reach { measure: Measure::P99_MS, peer: Contender::EtcdSaturated, ratio: 0.01 },
    ],
    limits: &[],
    set_up_s: 2.0,
};

/// From one beat of a stream to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// One turn.
///
/// # Errors
/// When a server fails, or an answer is wrong.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let streams = stream::STREAMS_10K;
    let paced = stream::shape(streams, Timing::Every(PERIOD));
    let outcome = match contender {
        Contender::Ours => heartbeats::ours(stage, paced).await?,
        Contender::Echo => heartbeats::echo(stage, paced).await?,
        Contender::EtcdSaturated => {
            let saturated = stream::shape(streams, Timing::Closed { latencies: true });
            heartbeats::etcd(stage, saturated).await?
        }
        _ => return not_measured(contender),
    };
    Ok(outcome.sample(Measure::BEATS_PER_S))
}
