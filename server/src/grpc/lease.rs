//! `LeaseService`: each handler converts in, calls, and converts out.
//!
//! Guarantees: writes go through the engine and are answered when they are durable; reads never
//! wait for the engine.
//!
//! Must not know: the rules, the store's form.

use std::sync::Arc;

use tenure::v1;
use tenure::v1::lease_service_server::LeaseService;
use tonic::{Request, Response, Status, Streaming};

use super::carry_out::carry_out;
use super::convert::violation::Parsed;
use super::heartbeats::{self, HeartbeatStream};
use super::open_streams::{Counted, OpenStreams};
use super::status::Fault;
use super::watch::{WatchStream, Watches};
use crate::access::{self, Caller};
use crate::drain::Notice;
use crate::engine::{Answer, Engine};
use crate::store::Store;

mod ending;
mod fence;
mod forced;
mod read;
mod start;
mod waits;

use self::waits::WaitStream;

/// The service.
#[derive(Clone)]
pub(super) struct LeaseRpcs {
    pub engine: Engine,
    pub store: Arc<dyn Store>,
    /// How many sessions one heartbeat stream may carry.
    pub joins_max: usize,
    pub open: OpenStreams,
    pub watches: Watches,
}

impl LeaseRpcs {
    /// Carries out what `caller` asks, durably.
    async fn carry_out(&self, caller: Arc<Caller>, parsed: Parsed) -> Result<Answer, Fault> {
        carry_out(&self.engine, caller, parsed).await
    }
}

#[tonic::async_trait]
impl LeaseService for LeaseRpcs {
    async fn start_session(
        &self,
        request: Request<v1::StartSessionRequest>,
    ) -> Result<Response<v1::StartSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.start(caller, request.into_inner()).await?))
    }

    async fn batch_start_sessions(
        &self,
        request: Request<v1::BatchStartSessionsRequest>,
    ) -> Result<Response<v1::BatchStartSessionsResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.start_all(&caller, request.into_inner()).await?))
    }

    type AwaitSessionStream = Counted<WaitStream>;

    async fn await_session(
        &self,
        request: Request<v1::AwaitSessionRequest>,
    ) -> Result<Response<Self::AwaitSessionStream>, Status> {
        let caller = access::caller(&request);
        // Serving puts it there; a call that comes another way is told nothing.
        let notice = request.extensions().get().cloned().unwrap_or_else(Notice::never);
        let stream = self.wait(caller, request.into_inner(), notice)?;
        Ok(Response::new(self.open.wait(stream)))
    }

    async fn list_waiters(
        &self,
        request: Request<v1::ListWaitersRequest>,
    ) -> Result<Response<v1::ListWaitersResponse>, Status> {
        Ok(Response::new(self.waiters(request.get_ref()).await?))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.beat(caller, request.into_inner()).await?))
    }

    type StreamHeartbeatsStream = Counted<HeartbeatStream>;

    async fn stream_heartbeats(
        &self,
        request: Request<Streaming<v1::StreamHeartbeatsRequest>>,
    ) -> Result<Response<Self::StreamHeartbeatsStream>, Status> {
        let caller = access::caller(&request);
        // Serving puts it there; a call that comes another way is told nothing.
        let notice = request.extensions().get().cloned().unwrap_or_else(Notice::never);
        let inbound = request.into_inner();
        let stream = heartbeats::serve(&self.engine, caller, notice, self.joins_max, inbound);
        Ok(Response::new(self.open.heartbeats(stream)))
    }

    async fn take_over_session(
        &self,
        request: Request<v1::TakeOverSessionRequest>,
    ) -> Result<Response<v1::TakeOverSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.take_over(caller, request.into_inner()).await?))
    }

    async fn force_take_over_session(
        &self,
        request: Request<v1::ForceTakeOverSessionRequest>,
    ) -> Result<Response<v1::ForceTakeOverSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.force_take_over(caller, request.into_inner()).await?))
    }

    async fn cancel_forced_takeover(
        &self,
        request: Request<v1::CancelForcedTakeoverRequest>,
    ) -> Result<Response<v1::CancelForcedTakeoverResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.cancel(caller, request.into_inner()).await?))
    }

    async fn yield_session(
        &self,
        request: Request<v1::YieldSessionRequest>,
    ) -> Result<Response<v1::YieldSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.give_up(caller, request.into_inner()).await?))
    }

    async fn clear_session(
        &self,
        request: Request<v1::ClearSessionRequest>,
    ) -> Result<Response<v1::ClearSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.clear(caller, request.into_inner()).await?))
    }

    async fn get_session(
        &self,
        request: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.get(&caller, request.into_inner()).await?))
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    type WatchSessionsStream = Counted<WatchStream>;

    async fn watch_sessions(
        &self,
        request: Request<v1::WatchSessionsRequest>,
    ) -> Result<Response<Self::WatchSessionsStream>, Status> {
        // Serving puts it there; a call that comes another way is told nothing.
        let notice = request.extensions().get().cloned().unwrap_or_else(Notice::never);
        let drain = async move { notice.given().await };
        let stream = self.watches.open(request.into_inner(), drain).await?;
        Ok(Response::new(self.open.watch(stream)))
    }

    async fn check_fence(
        &self,
        request: Request<v1::CheckFenceRequest>,
    ) -> Result<Response<v1::CheckFenceResponse>, Status> {
        Ok(Response::new(self.check_fences(request.get_ref()).await?))
    }
}
