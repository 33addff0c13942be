//! `takeover`: stale leases that are taken over by 100 callers, a call each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::take_over_session_request::Successor;
use tenure::v1::{AutonomousHolder, ListSessionsRequest, SessionFilter, TakeOverSessionRequest};
use tonic::transport::Channel;

use super::start::{CALLERS, CONNECTIONS};
use super::{Plan, Reach, Stage, not_measured, single};
use crate::callers::{self, Called, Caller};
use crate::contender::Contender;
use crate::load::{self, Outcome, connect_all};
use crate::measure::{Measure, Sample};
use crate::peer::tenured;
use crate::sessions;

/// The figure.
pub const PLAN: Plan = Plan {
    name: "takeover",
    about: "100 callers on 10 connections, each takeover of another stale lease; etcd: a guarded \
            put, each caller its own key",
    contenders: &[Contender::Ours, Contender::WithRequestIds, Contender::EtcdCas],
    measures: &[Measure::TAKEOVERS_PER_S, Measure::P50_MS, Measure::P99_MS],
    reach: &[Reach { measure: Measure::TAKEOVERS_PER_S, peer: Contender::EtcdCas, ratio: 1.2 }],
    limits: &[],
    set_up_s: 3.0,
};

/// The lease of what is to become stale: the shortest that is granted.
const SHORT_TTL: Duration = Duration::from_secs(1);

/// How many leases are made stale for each second of load. If that is not enough, counting ends
/// with the last of them.
const STALE_PER_S: f64 = 25_000.0;

/// How long it may take until all are stale.
const STALE_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether they are.
const STALE_POLL: Duration = Duration::from_millis(50);

/// One turn.
///
/// # Errors
/// When a server fails, or refuses a takeover.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let outcome = match contender {
        Contender::Ours => ours(stage, false).await?,
        Contender::WithRequestIds => ours(stage, true).await?,
        Contender::EtcdCas => single::cas(stage, CALLERS, CONNECTIONS).await?,
        _ => return not_measured(contender),
    };
    Ok(outcome.sample(Measure::TAKEOVERS_PER_S))
}

async fn ours(stage: &Stage<'_>, repeatable: bool) -> anyhow::Result<Outcome> {
    let server = tenured::start(stage.site).await?;
    let load_s = (stage.times.warm_up + stage.times.window).as_secs_f64();
    let count = (load_s * STALE_PER_S) as usize;
    sessions::start_for(server.address(), count, SHORT_TTL).await?;
    let stale = tokio::time::timeout(STALE_MAX, until_all_are_stale(server.address()));
    stale.await.context("the leases did not all expire in time")??;
    let channels = connect_all(server.address(), CONNECTIONS).await?;
    let taken = Arc::new(AtomicUsize::new(0));
    let caller = |turn: usize| Successors {
        client: LeaseServiceClient::new(channels[turn % CONNECTIONS].clone()),
        taken: Arc::clone(&taken),
        count,
        actor: format!("successor-{turn:03}"),
        repeatable,
    };
    let outcome = callers::run((0..CALLERS).map(caller).collect(), server.pid(), stage.times).await;
    let outcome = outcome.map_err(|error| error.context(server.failure("failed")))?;
    server.stop()?;
    Ok(outcome)
}

/// Waits until no session is live, and all of that is recorded.
async fn until_all_are_stale(address: SocketAddr) -> anyhow::Result<()> {
    let mut client = LeaseServiceClient::new(load::connect(address).await?);
    let filter = SessionFilter { stale: Some(false), ..SessionFilter::default() };
    let request = ListSessionsRequest { page_size: 1, filter: Some(filter), ..Default::default() };
    while !client.list_sessions(request.clone()).await?.into_inner().sessions.is_empty() {
        tokio::time::sleep(STALE_POLL).await;
    }
    Ok(())
}

/// Takes over one stale lease after another.
struct Successors {
    client: LeaseServiceClient<Channel>,
    taken: Arc<AtomicUsize>,
    count: usize,
    actor: String,
    repeatable: bool,
}

impl Caller for Successors {
    async fn call(&mut self) -> anyhow::Result<Called> {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        if index >= self.count {
            return Ok(Called::NothingLeft);
        }
        let lease_ttl = prost_types::Duration::try_from(sessions::LEASE_TTL).ok();
        let actor_id = self.actor.clone();
        let holder = AutonomousHolder { actor_id, lease_ttl, ..AutonomousHolder::default() };
        let request_id = if self.repeatable { sessions::request_id() } else { String::new() };
        let request = TakeOverSessionRequest {
            workspace: sessions::workspace(index),
            request_id,
            successor: Some(Successor::Autonomous(holder)),
            reason: "its holder is gone".to_owned(),
            ..TakeOverSessionRequest::default()
        };
        let answer = self.client.take_over_session(request).await?.into_inner();
        let session = answer.session.context("a takeover was answered without a session")?;
        ensure!(session.actor_id == self.actor, "a takeover was answered with another's session");
        Ok(Called::Done)
    }
}
