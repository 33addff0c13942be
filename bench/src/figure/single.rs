//! `single`: one stream, one beat in flight. What one holder waits for.

use std::time::Instant;

use anyhow::ensure;
use tonic::transport::Channel;

use super::{Plan, Reach, Stage, not_measured};
use crate::callers::{self, Called, Caller};
use crate::contender::Contender;
use crate::heartbeats::{self, Shape};
use crate::load::{Outcome, Timing, connect_all};
use crate::machine::{self, CpuClock};
use crate::measure::{Measure, Sample};
use crate::peer::etcd;
use crate::peer::etcd::api::kv_client::KvClient;
use crate::peer::etcd::api::{self, compare, request_op};

/// The figure.
pub const PLAN: Plan = Plan {
    name: "single",
    about: "1 stream, 1 beat in flight; etcd: 1 caller",
    contenders: &[Contender::Ours, Contender::Echo, Contender::EtcdCas, Contender::Fsync],
    measures: &[Measure::BEATS_PER_S, Measure::P50_MS, Measure::P99_MS],
    reach: &[
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::EtcdCas, ratio: 1.5 },
        Reach { measure: Measure::P50_MS, peer: Contender::Fsync, ratio: 1.0 },
    ],
    limits: &[],
    set_up_s: 0.5,
};

const SHAPE: Shape = Shape {
    streams: 1,
    connections: 1,
    sessions: 1,
    beats: 1,
    in_flight: 1,
    timing: Timing::Closed { latencies: true },
    shuffled: false,
};

/// What a beat may take beyond one fsync, in milliseconds.
const BEYOND_FSYNC_MS: f64 = 0.1;

/// One turn.
///
/// # Errors
/// When a server fails, or an answer is wrong.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let outcome = match contender {
        Contender::Ours => heartbeats::ours(stage, SHAPE).await?,
        Contender::Echo => heartbeats::echo(stage, SHAPE).await?,
        Contender::EtcdCas => cas(stage, 1, 1).await?,
        Contender::Fsync => return fsync(stage),
        _ => return not_measured(contender),
    };
    Ok(outcome.sample(Measure::BEATS_PER_S))
}

/// What the disk takes for one durable write, for as long as the others are measured.
fn fsync(stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let cpu = CpuClock::new(std::process::id());
    let (from, before) = (Instant::now(), cpu.read()?);
    let sorted = machine::time_fsyncs(stage.site.stores(), stage.times.window)?;
    let mut used = cpu.read()? - before;
    used.server = 0.0;
    let p50 = crate::statistics::quantile(&sorted, 0.5).unwrap_or_default().as_secs_f64() * 1e3;
    Ok(Sample::new(from.elapsed().as_secs_f64(), used).with(Measure::P50_MS, p50 + BEYOND_FSYNC_MS))
}

/// Compare-and-put of etcd by so many callers, each on a key of its own.
///
/// # Errors
/// When the server fails, or refuses one.
pub async fn cas(stage: &Stage<'_>, callers: usize, connections: usize) -> anyhow::Result<Outcome> {
    let server = etcd::start(stage.site).await?;
    let channels = connect_all(server.address(), connections).await?;
    let caller = |turn: usize| Swapper {
        kv: KvClient::new(channels[turn % connections].clone()),
        key: format!("bench/workspace-{turn:06}").into_bytes(),
        revision: 0,
    };
    let outcome = callers::run((0..callers).map(caller).collect(), server.pid(), stage.times).await;
    let outcome = outcome.map_err(|error| error.context(server.failure("failed")))?;
    server.stop()?;
    Ok(outcome)
}

/// Puts a key again and again, if it is as it was left.
struct Swapper {
    kv: KvClient<Channel>,
    key: Vec<u8>,
    revision: i64,
}

/// What is put: about what a lease amounts to.
const VALUE: &[u8] = b"worker-000000 1790000000123 1790000600123";

impl Caller for Swapper {
    async fn call(&mut self) -> anyhow::Result<Called> {
        let unchanged = api::Compare {
            result: compare::CompareResult::Equal.into(),
            target: compare::CompareTarget::Mod.into(),
            key: self.key.clone(),
            target_union: Some(compare::TargetUnion::ModRevision(self.revision)),
        };
        let put = api::PutRequest { key: self.key.clone(), value: VALUE.to_vec(), lease: 0 };
        let success = api::RequestOp { request: Some(request_op::Request::RequestPut(put)) };
        let request = api::TxnRequest {
            compare: vec![unchanged],
            success: vec![success],
            failure: Vec::new(),
        };
        let answer = self.kv.txn(request).await?.into_inner();
        ensure!(answer.succeeded, "etcd says that a key was changed that nobody else knows");
        let revision = answer.header.map_or(0, |header| header.revision);
        ensure!(
            revision > self.revision,
            "etcd went from revision {} to {revision}",
            self.revision
        );
        self.revision = revision;
        Ok(Called::Done)
    }
}
