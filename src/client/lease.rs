//! The calls of `LeaseService`.

use super::calls::calls;
use super::pages::Pages;
use super::request_id::Repeatable;
use super::waiting::Waiting;
use super::watch::Watch;
use crate::error::Error;
use crate::v1::lease_service_client::LeaseServiceClient;
use crate::{Client, v1};

calls! { LeaseServiceClient:
    /// Starts, refreshes, replaces or supersedes a session.
    write start(StartSessionRequest) -> StartSessionResponse = start_session;
    /// Renews one lease, once. Attempts that were lost may have renewed it as well.
    read heartbeat(HeartbeatRequest) -> HeartbeatResponse = heartbeat;
    /// Takes a stale autonomous session over.
    write take_over(TakeOverSessionRequest) -> TakeOverSessionResponse = take_over_session;
    /// Gives any stored session to a named successor; needs the operator role.
    write force_take_over(ForceTakeOverSessionRequest) -> ForceTakeOverSessionResponse
        = force_take_over_session;
    /// Removes a pending transfer; needs the operator role.
    write cancel_forced_takeover(CancelForcedTakeoverRequest) -> CancelForcedTakeoverResponse
        = cancel_forced_takeover;
    /// Gives a session up, to the pending successor or to nobody.
    write yield_session(YieldSessionRequest) -> YieldSessionResponse = yield_session;
    /// Removes a session and most of what surrounds it.
    write clear(ClearSessionRequest) -> ClearSessionResponse = clear_session;
    /// Reads the stored session, live or stale.
    read get_session(GetSessionRequest) -> GetSessionResponse = get_session;
    /// Reads one page of stored sessions; see [`Client::list_sessions`].
    read sessions_page(ListSessionsRequest) -> ListSessionsResponse = list_sessions;
    /// Reads one page of those who wait for a workspace; see [`Client::list_waiters`].
    read waiters_page(ListWaitersRequest) -> ListWaitersResponse = list_waiters;
    /// Asks of up to 1,000 fencing tokens whether each is current.
    read check_fence(CheckFenceRequest) -> CheckFenceResponse = check_fence;
}

impl Client {
    /// Starts up to 1,000 sessions, each with a result of its own, in their order.
    ///
    /// # Errors
    ///
    /// The failures of [`Error`] for the whole; refusals of single starts are results.
    pub async fn start_many(
        &self,
        starts: Vec<v1::StartSessionRequest>,
    ) -> Result<Vec<Result<v1::StartSessionResponse, Error>>, Error> {
        let starts: Vec<_> = starts.into_iter().map(Repeatable::with_request_id).collect();
        let count = starts.len();
        let request = v1::BatchStartSessionsRequest { starts };
        let send = |channel, request| async move {
            LeaseServiceClient::new(channel)
                .max_decoding_message_size(super::ANSWER_BYTES_MAX)
                .batch_start_sessions(request)
                .await
        };
        let answer = self.call(request, self.bounds(), send).await?;
        if answer.results.len() != count {
            let got = answer.results.len();
            return Err(malformed(format!("{got} results for {count} starts")));
        }
        Ok(answer.results.into_iter().map(started).collect())
    }

    /// Watches sessions from now on, from a cursor, or from a snapshot on. Nothing is sent
    /// before the first message is asked for.
    #[must_use]
    pub fn watch(&self, request: v1::WatchSessionsRequest) -> Watch {
        Watch::new(self.clone(), request)
    }

    /// Waits for a workspace, first come, first served. The wait begins when the first
    /// message is asked for.
    #[must_use]
    pub fn await_session(&self, request: v1::AwaitSessionRequest) -> Waiting {
        Waiting::new(self.clone(), request)
    }

    /// Reads the stored sessions page by page, ordered by workspace and profile.
    #[must_use]
    pub fn list_sessions(
        &self,
        request: v1::ListSessionsRequest,
    ) -> Pages<v1::ListSessionsRequest> {
        Pages::new(self.clone(), request)
    }

    /// Reads who waits for a workspace page by page, first served first.
    #[must_use]
    pub fn list_waiters(&self, request: v1::ListWaitersRequest) -> Pages<v1::ListWaitersRequest> {
        Pages::new(self.clone(), request)
    }
}

fn started(item: v1::BatchStartResult) -> Result<v1::StartSessionResponse, Error> {
    match item.result {
        Some(v1::batch_start_result::Result::Started(started)) => Ok(*started),
        Some(v1::batch_start_result::Result::Failed(failure)) => Err((*failure).into()),
        None => Err(malformed("a result is neither a session nor a failure")),
    }
}

/// A successful answer that breaks the contract.
pub(crate) fn malformed(message: impl Into<String>) -> Error {
    Error::Protocol { code: tonic::Code::DataLoss, message: message.into() }
}
