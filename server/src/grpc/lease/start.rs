//! Starts, beats and takeovers: how a lease is come by and kept.

use std::sync::Arc;

use futures_util::future::join_all;
use tenure::v1;
use tenure::v1::batch_start_result::Result as ItemResult;
use tenure_core::reply::Reply;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::grpc::convert::{beat, start, takeover};
use crate::grpc::status::Fault;

impl LeaseRpcs {
    pub(super) async fn start(
        &self,
        caller: Arc<Caller>,
        request: v1::StartSessionRequest,
    ) -> Result<v1::StartSessionResponse, Fault> {
        let parsed = start::parse(request, &self.engine.lease_bounds())?;
        let answer = self.carry_out(caller, parsed).await?;
        let Reply::Started(started) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(start::started(started, answer.replayed, &answer.clock))
    }

    /// Starts all items at once, so that they are decided in order and share a commit.
    pub(super) async fn start_all(
        &self,
        caller: &Arc<Caller>,
        request: v1::BatchStartSessionsRequest,
    ) -> Result<v1::BatchStartSessionsResponse, Fault> {
        let starts = start::batch(request).map_err(|violations| Fault::invalid(&violations))?;
        let items = starts.into_iter().map(|item| async {
            let result = match self.start(Arc::clone(caller), item).await {
                Ok(started) => ItemResult::Started(Box::new(started)),
                Err(fault) => ItemResult::Failed(Box::new(fault.into_failure())),
            };
            v1::BatchStartResult { result: Some(result) }
        });
        Ok(v1::BatchStartSessionsResponse { results: join_all(items).await })
    }

    pub(super) async fn beat(
        &self,
        caller: Arc<Caller>,
        request: v1::HeartbeatRequest,
    ) -> Result<v1::HeartbeatResponse, Fault> {
        let parsed = beat::parse(&request)?;
        let answer = self.carry_out(caller, parsed).await?;
        let Reply::Beat(renewed) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(beat::renewed(renewed, request, &answer.clock))
    }

    pub(super) async fn take_over(
        &self,
        caller: Arc<Caller>,
        request: v1::TakeOverSessionRequest,
    ) -> Result<v1::TakeOverSessionResponse, Fault> {
        let parsed = takeover::parse(request, &self.engine.lease_bounds())?;
        let answer = self.carry_out(caller, parsed).await?;
        let Reply::TakenOver(taken) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(takeover::taken_over(taken, answer.replayed, &answer.clock))
    }
}
