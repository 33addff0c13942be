//! `start`: durable starts of free workspaces by 100 callers, a call each.

use anyhow::ensure;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tonic::transport::Channel;

use super::{Plan, Reach, Stage, not_measured};
use crate::callers::{self, Called, Caller};
use crate::contender::Contender;
use crate::load::connect_all;
use crate::measure::{Measure, Sample};
use crate::peer::etcd::api::kv_client::KvClient;
use crate::peer::etcd::api::lease_client::LeaseClient;
use crate::peer::etcd::api::{self, compare, request_op};
use crate::peer::{etcd, tenured};
use crate::sessions;

/// The figure.
pub const PLAN: Plan = Plan {
    name: "start",
    about: "100 callers on 10 connections, each start of another free workspace; etcd: a lease \
            is granted, then a key is put with it if there is none",
    contenders: &[Contender::Ours, Contender::WithRequestIds, Contender::EtcdGrantPut],
    measures: &[Measure::STARTS_PER_S, Measure::P50_MS, Measure::P99_MS],
    reach: &[Reach { measure: Measure::STARTS_PER_S, peer: Contender::EtcdGrantPut, ratio: 7.0 }],
    limits: &[],
    set_up_s: 0.7,
};

/// Who call.
pub const CALLERS: usize = 100;

/// The connections that they share.
pub const CONNECTIONS: usize = 10;

/// One turn.
///
/// # Errors
/// When a server fails, or refuses a start.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let repeatable = contender == Contender::WithRequestIds;
    let server = match contender {
        Contender::Ours | Contender::WithRequestIds => tenured::start(stage.site).await?,
        Contender::EtcdGrantPut => etcd::start(stage.site).await?,
        _ => return not_measured(contender),
    };
    let channels = connect_all(server.address(), CONNECTIONS).await?;
    let channel = |turn: usize| channels[turn % CONNECTIONS].clone();
    let outcome = if contender == Contender::EtcdGrantPut {
        let caller = |turn| Granter {
            lease: LeaseClient::new(channel(turn)),
            kv: KvClient::new(channel(turn)),
            next: turn,
        };
        callers::run((0..CALLERS).map(caller).collect(), server.pid(), stage.times).await
    } else {
        let caller = |turn| Starter {
            client: LeaseServiceClient::new(channel(turn)),
            next: turn,
            repeatable,
        };
        callers::run((0..CALLERS).map(caller).collect(), server.pid(), stage.times).await
    };
    let outcome = outcome.map_err(|error| error.context(server.failure("failed")))?;
    server.stop()?;
    Ok(outcome.sample(Measure::STARTS_PER_S))
}

/// Starts one session after another, each in a workspace that nobody has.
struct Starter {
    client: LeaseServiceClient<Channel>,
    next: usize,
    repeatable: bool,
}

impl Caller for Starter {
    async fn call(&mut self) -> anyhow::Result<Called> {
        let mut request = sessions::request(self.next, sessions::LEASE_TTL);
        if self.repeatable {
            request.request_id = sessions::request_id();
        }
        self.next += CALLERS;
        let answer = self.client.start_session(request).await?.into_inner();
        ensure!(answer.reset && answer.session.is_some(), "a start was not that of a new session");
        Ok(Called::Done)
    }
}

/// Grants one lease after another and puts a key with it that nobody has.
struct Granter {
    lease: LeaseClient<Channel>,
    kv: KvClient<Channel>,
    next: usize,
}

impl Caller for Granter {
    async fn call(&mut self) -> anyhow::Result<Called> {
        let lease = etcd::grant_one(&mut self.lease).await?;
        let key = format!("bench/workspace-{:06}", self.next).into_bytes();
        self.next += CALLERS;
        let free = api::Compare {
            result: compare::CompareResult::Equal.into(),
            target: compare::CompareTarget::Create.into(),
            key: key.clone(),
            target_union: Some(compare::TargetUnion::CreateRevision(0)),
        };
        let put = api::PutRequest { key, value: b"worker-000000".to_vec(), lease };
        let success = api::RequestOp { request: Some(request_op::Request::RequestPut(put)) };
        let request =
            api::TxnRequest { compare: vec![free], success: vec![success], failure: Vec::new() };
        let answer = self.kv.txn(request).await?.into_inner();
        ensure!(answer.succeeded, "etcd says that a free key is taken");
        Ok(Called::Done)
    }
}
