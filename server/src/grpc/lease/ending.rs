//! Yield and clear: how a session is given up.

use std::sync::Arc;

use tenure::v1;
use tenure_core::reply::Reply;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::grpc::convert::ending;
use crate::grpc::status::Fault;

impl LeaseRpcs {
    pub(super) async fn give_up(
        &self,
        caller: Arc<Caller>,
        request: v1::YieldSessionRequest,
    ) -> Result<v1::YieldSessionResponse, Fault> {
        let answer = self.carry_out(caller, ending::parse_yield(request)?).await?;
        let Reply::Yielded(yielded) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(ending::yielded(yielded, answer.replayed, &answer.clock))
    }

    pub(super) async fn clear(
        &self,
        caller: Arc<Caller>,
        request: v1::ClearSessionRequest,
    ) -> Result<v1::ClearSessionResponse, Fault> {
        let answer = self.carry_out(caller, ending::parse_clear(request)?).await?;
        let Reply::Cleared(cleared) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        Ok(ending::cleared(cleared, answer.replayed, &answer.clock))
    }
}
