//! `AdminService`: for those who run the service.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use tenure::v1;
use tenure::v1::admin_service_server::AdminService;
use tenure_core::context::GRACE_MAX;
use tenure_core::time::Span;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

use super::convert::time::{duration, timestamp};
use super::not_yet::not_yet;
use super::open_streams::OpenStreams;
use super::server_info::ServerInfo;
use super::status::Fault;
use crate::access::{self, Caller};
use crate::drain::{Cause, Drain};
use crate::engine::{Engine, OUTCOME_KEPT_FOR};
use crate::store::Store;
use crate::time::wall_now;

mod census;

use census::Census;

/// The service.
#[derive(Clone)]
pub(super) struct AdminRpcs {
    engine: Engine,
    store: Arc<dyn Store>,
    info: Arc<ServerInfo>,
    drain: Drain,
    open: OpenStreams,
    connections: TaskTracker,
    census: Arc<Census>,
}

impl AdminRpcs {
    pub fn new(
        engine: Engine,
        store: Arc<dyn Store>,
        info: Arc<ServerInfo>,
        drain: Drain,
        open: OpenStreams,
        connections: TaskTracker,
    ) -> Self {
        Self { engine, store, info, drain, open, connections, census: Arc::default() }
    }

    fn serving_state(&self) -> v1::ServingState {
        if self.engine.failed().borrow().is_some() {
            v1::ServingState::NotServing
        } else if self.drain.has_begun() {
            v1::ServingState::Draining
        } else {
            v1::ServingState::Serving
        }
    }

    async fn info(&self, caller: &Caller) -> Result<v1::GetServerInfoResponse, Fault> {
        let oldest = self.store.events(None, 0, 1).await.map_err(|error| Fault::store(&error))?;
        let counts = self.census.take(&*self.store, &self.engine).await?;
        let location =
            if has_every_role(caller) { self.info.store_location.clone() } else { String::new() };
        Ok(v1::GetServerInfoResponse {
            version: self.info.version.clone(),
            build: self.info.build.clone(),
            started_at: Some(timestamp(self.info.started_at)),
            uptime: Some(duration(span(self.info.started.elapsed()))),
            serving_state: self.serving_state().into(),
            log_id: self.engine.log_id().0.to_string(),
            oldest_sequence: oldest.events.first().map_or(0, |event| event.sequence),
            newest_sequence: self.engine.newest_sequence(),
            epoch: self.engine.epoch().0,
            lease_clock: Some(duration(self.engine.clock().now.lease.since_it_began())),
            store_kind: self.info.store_kind.into(),
            store_location: location,
            limits: Some(self.limits()),
            counts: Some(v1::Counts {
                heartbeat_streams: self.open.heartbeat_streams(),
                watches: self.open.watches(),
                waiters: self.open.waits(),
                connections: u64::try_from(self.connections.len()).unwrap_or(u64::MAX),
                ..counts
            }),
            registration_required: self.engine.registration_required(),
        })
    }

    fn limits(&self) -> v1::Limits {
        let (limits, retention) = (&self.info.limits, &self.info.retention);
        let bounds = self.engine.lease_bounds();
        v1::Limits {
            lease_ttl_min: Some(duration(bounds.min)),
            lease_ttl_max: Some(duration(bounds.max)),
            transfer_grace_max: Some(duration(GRACE_MAX)),
            message_bytes_max: limits.message_bytes.into(),
            import_message_bytes_max: limits.import_message_bytes.into(),
            sessions_per_stream_max: limits.joins_per_stream,
            streams_per_connection_max: limits.streams_per_connection,
            connections_max: limits.connections,
            waiters_per_workspace_max: limits.waiters_per_workspace,
            request_timeout: Some(duration(span(limits.request_time))),
            event_retention: Some(duration(span(retention.event_age))),
            ledger_retention: Some(duration(span(retention.ledger_age))),
            request_retention: Some(duration(OUTCOME_KEPT_FOR)),
            work_stream_half_life: Some(duration(self.engine.work_stream_half_life())),
        }
    }

    async fn begin_to_drain(&self, caller: &Caller) -> Result<v1::DrainResponse, Fault> {
        if !has_every_role(caller) {
            return Err(Fault::role_required(v1::Role::Admin));
        }
        let (heartbeat_streams, watches) = (self.open.heartbeat_streams(), self.open.watches());
        let deadline = self.drain.begin(Cause::Asked);
        let ends_in = span(deadline.saturating_duration_since(Instant::now()));
        // The drain has begun, whether the store can still count or not.
        let counts = self.census.take(&*self.store, &self.engine).await.unwrap_or_default();
        Ok(v1::DrainResponse {
            deadline: Some(timestamp(wall_now().after(ends_in))),
            ends_in: Some(duration(ends_in)),
            heartbeat_streams,
            watches,
            waiters: self.open.waits(),
            live_sessions: counts.live_sessions,
        })
    }
}

/// Until roles can be given, whoever is an operator is `local`, who has them all.
fn has_every_role(caller: &Caller) -> bool {
    caller.operator
}

fn roles(caller: &Caller) -> Vec<i32> {
    let mut roles = vec![v1::Role::Reader, v1::Role::Writer];
    if has_every_role(caller) {
        roles.extend([v1::Role::Operator, v1::Role::Admin]);
    }
    roles.into_iter().map(Into::into).collect()
}

fn span(length: Duration) -> Span {
    Span(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

#[tonic::async_trait]
impl AdminService for AdminRpcs {
    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        Ok(Response::new(self.info(&access::caller(&request)).await?))
    }

    async fn who_am_i(
        &self,
        request: Request<v1::WhoAmIRequest>,
    ) -> Result<Response<v1::WhoAmIResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(v1::WhoAmIResponse {
            principal: caller.principal.as_str().to_owned(),
            roles: roles(&caller),
            address: caller.address.as_ref().map_or_else(String::new, ToString::to_string),
            ..v1::WhoAmIResponse::default()
        }))
    }

    type BackupStream = Pin<Box<dyn Stream<Item = Result<v1::BackupResponse, Status>> + Send>>;

    async fn backup(
        &self,
        _: Request<v1::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        Err(not_yet("Backup"))
    }

    async fn drain(
        &self,
        request: Request<v1::DrainRequest>,
    ) -> Result<Response<v1::DrainResponse>, Status> {
        Ok(Response::new(self.begin_to_drain(&access::caller(&request)).await?))
    }

    async fn verify_store(
        &self,
        _: Request<v1::VerifyStoreRequest>,
    ) -> Result<Response<v1::VerifyStoreResponse>, Status> {
        Err(not_yet("VerifyStore"))
    }

    async fn create_token(
        &self,
        _: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        Err(not_yet("CreateToken"))
    }

    async fn list_tokens(
        &self,
        _: Request<v1::ListTokensRequest>,
    ) -> Result<Response<v1::ListTokensResponse>, Status> {
        Err(not_yet("ListTokens"))
    }

    async fn revoke_token(
        &self,
        _: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::RevokeTokenResponse>, Status> {
        Err(not_yet("RevokeToken"))
    }
}
