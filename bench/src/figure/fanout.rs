//! `fanout`: one event to 1,000 watchers, from the instant at which its cause was to be sent to
//! the instant at which each of them has read it.

use super::{Plan, Reach, Stage, not_measured};
use crate::contender::Contender;
use crate::measure::{Measure, Sample};
use crate::watching;

/// The figure.
pub const PLAN: Plan = Plan {
    name: "fanout",
    about: "20 events/s to 1,000 watchers on 10 connections; etcd: a stream for each watcher, \
            and one for all of a connection",
    contenders: &[Contender::Ours, Contender::EtcdWatch, Contender::EtcdWatchShared],
    measures: &[Measure::P99_MS, Measure::P50_MS, Measure::EVENTS_PER_S],
    reach: &[
        Reach { measure: Measure::P99_MS, peer: Contender::EtcdWatch, ratio: 1.0 },
        Reach { measure: Measure::P99_MS, peer: Contender::EtcdWatchShared, ratio: 1.0 },
    ],
    limits: &[],
    set_up_s: 1.0,
};

/// One turn.
///
/// # Errors
/// When a server fails, or a watcher misses an event.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    match contender {
        Contender::Ours => watching::ours(stage).await,
        Contender::EtcdWatch => watching::etcd(stage, watching::Streams::OneEach).await,
        Contender::EtcdWatchShared => watching::etcd(stage, watching::Streams::Shared).await,
        _ => not_measured(contender),
    }
}
