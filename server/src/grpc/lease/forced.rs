//! Forced takeovers, which operators order and cancel.

use std::sync::Arc;

use tenure::v1;
use tenure_core::reply::Reply;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::grpc::convert::forced;
use crate::grpc::status::Fault;

impl LeaseRpcs {
    pub(super) async fn force_take_over(
        &self,
        caller: Arc<Caller>,
        request: v1::ForceTakeOverSessionRequest,
    ) -> Result<v1::ForceTakeOverSessionResponse, Fault> {
        let reason = request.reason.clone();
        let parsed = forced::parse(request, &self.engine.lease_bounds())?;
        Fault::unless_operator(&caller)?;
        let answer = self.carry_out(caller, parsed).await?;
        let Reply::Forced(done) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(forced::forced(done, reason, answer.replayed, &answer.clock))
    }

    pub(super) async fn cancel(
        &self,
        caller: Arc<Caller>,
        request: v1::CancelForcedTakeoverRequest,
    ) -> Result<v1::CancelForcedTakeoverResponse, Fault> {
        let parsed = forced::parse_cancel(request)?;
        Fault::unless_operator(&caller)?;
        let answer = self.carry_out(caller, parsed).await?;
        let Reply::TransferCancelled(cancelled) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(forced::cancelled(cancelled, answer.replayed, &answer.clock))
    }
}
