//! The calls that histories are made of: how each is sent, what it asks of the rules, and how
//! its answer is shown. All three are the product's own functions; only the table is ours.

use prost::Message;
use tenure::v1;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::workspace_service_client::WorkspaceServiceClient;
use tenure_core::context::LeaseBounds;
use tenure_core::reply::Reply;
use tenured::engine::Answer;
use tenured::grpc::convert::violation::Parsed;
use tenured::grpc::convert::{beat, ending, escalation, forced, gate, start, takeover};
use tonic::Status;
use tonic::transport::Channel;

/// What a client asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// `StartSession`.
    Start(v1::StartSessionRequest),
    /// `Heartbeat`.
    Beat(v1::HeartbeatRequest),
    /// `TakeOverSession`.
    TakeOver(v1::TakeOverSessionRequest),
    /// `ForceTakeOverSession`.
    Force(v1::ForceTakeOverSessionRequest),
    /// `CancelForcedTakeover`.
    Cancel(v1::CancelForcedTakeoverRequest),
    /// `YieldSession`.
    Yield(v1::YieldSessionRequest),
    /// `ClearSession`.
    Clear(v1::ClearSessionRequest),
    /// `RaiseEscalation`.
    Raise(v1::RaiseEscalationRequest),
    /// `ResolveEscalation`.
    Resolve(v1::ResolveEscalationRequest),
    /// `PutGates`.
    PutGates(v1::PutGatesRequest),
    /// `UpdateGate`.
    UpdateGate(v1::UpdateGateRequest),
    /// `GetSession`, a read.
    Get(v1::GetSessionRequest),
    /// `CheckFence` of one token, a read.
    Fence(v1::CheckFenceRequest),
}

/// Does the same with whatever is asked.
macro_rules! each {
    ($asked:expr, $request:ident => $body:expr) => {
        match $asked {
            Asked::Start($request) => $body,
            Asked::Beat($request) => $body,
            Asked::TakeOver($request) => $body,
            Asked::Force($request) => $body,
            Asked::Cancel($request) => $body,
            Asked::Yield($request) => $body,
            Asked::Clear($request) => $body,
            Asked::Raise($request) => $body,
            Asked::Resolve($request) => $body,
            Asked::PutGates($request) => $body,
            Asked::UpdateGate($request) => $body,
            Asked::Get($request) => $body,
            Asked::Fence($request) => $body,
        }
    };
}

impl Asked {
    /// The name of the RPC.
    #[must_use]
    pub const fn rpc(&self) -> &'static str {
        match self {
            Self::Start(_) => "StartSession",
            Self::Beat(_) => "Heartbeat",
            Self::TakeOver(_) => "TakeOverSession",
            Self::Force(_) => "ForceTakeOverSession",
            Self::Cancel(_) => "CancelForcedTakeover",
            Self::Yield(_) => "YieldSession",
            Self::Clear(_) => "ClearSession",
            Self::Raise(_) => "RaiseEscalation",
            Self::Resolve(_) => "ResolveEscalation",
            Self::PutGates(_) => "PutGates",
            Self::UpdateGate(_) => "UpdateGate",
            Self::Get(_) => "GetSession",
            Self::Fence(_) => "CheckFence",
        }
    }

    /// Whether the call only looks.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Fence(_))
    }

    /// Which workspace it is about.
    #[must_use]
    pub fn workspace(&self) -> &str {
        match self {
            Self::Fence(request) => request.checks.first().map_or("", |check| &check.workspace),
            Self::Start(request) => &request.workspace,
            Self::Beat(request) => &request.workspace,
            Self::TakeOver(request) => &request.workspace,
            Self::Force(request) => &request.workspace,
            Self::Cancel(request) => &request.workspace,
            Self::Yield(request) => &request.workspace,
            Self::Clear(request) => &request.workspace,
            Self::Raise(request) => &request.workspace,
            Self::Resolve(request) => &request.workspace,
            Self::PutGates(request) => &request.workspace,
            Self::UpdateGate(request) => &request.workspace,
            Self::Get(request) => &request.workspace,
        }
    }

    /// The request id, where the call may carry one.
    pub fn request_id(&mut self) -> Option<&mut String> {
        match self {
            Self::Start(request) => Some(&mut request.request_id),
            Self::TakeOver(request) => Some(&mut request.request_id),
            Self::Force(request) => Some(&mut request.request_id),
            Self::Cancel(request) => Some(&mut request.request_id),
            Self::Yield(request) => Some(&mut request.request_id),
            Self::Clear(request) => Some(&mut request.request_id),
            Self::Raise(request) => Some(&mut request.request_id),
            Self::Resolve(request) => Some(&mut request.request_id),
            Self::PutGates(request) => Some(&mut request.request_id),
            Self::UpdateGate(request) => Some(&mut request.request_id),
            Self::Beat(_) | Self::Get(_) | Self::Fence(_) => None,
        }
    }

    /// The request as it travels.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        each!(self, request => request.encode_to_vec())
    }

    /// The request that travelled so.
    ///
    /// # Errors
    /// If there is no such call, or it is malformed.
    pub fn decode(rpc: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(match rpc {
            "StartSession" => Self::Start(Message::decode(bytes)?),
            "Heartbeat" => Self::Beat(Message::decode(bytes)?),
            "TakeOverSession" => Self::TakeOver(Message::decode(bytes)?),
            "ForceTakeOverSession" => Self::Force(Message::decode(bytes)?),
            "CancelForcedTakeover" => Self::Cancel(Message::decode(bytes)?),
            "YieldSession" => Self::Yield(Message::decode(bytes)?),
            "ClearSession" => Self::Clear(Message::decode(bytes)?),
            "RaiseEscalation" => Self::Raise(Message::decode(bytes)?),
            "ResolveEscalation" => Self::Resolve(Message::decode(bytes)?),
            "PutGates" => Self::PutGates(Message::decode(bytes)?),
            "UpdateGate" => Self::UpdateGate(Message::decode(bytes)?),
            "GetSession" => Self::Get(Message::decode(bytes)?),
            "CheckFence" => Self::Fence(Message::decode(bytes)?),
            _ => anyhow::bail!("no call of a history is {rpc:?}"),
        })
    }

    /// Sends it. The answer comes as it travelled.
    ///
    /// # Errors
    /// The status that came instead.
    pub async fn send(&self, channel: &Channel) -> Result<Vec<u8>, Status> {
        let mut lease = LeaseServiceClient::new(channel.clone());
        let mut work = WorkspaceServiceClient::new(channel.clone());
        match self.clone() {
            Self::Start(request) => bytes(lease.start_session(request).await),
            Self::Beat(request) => bytes(lease.heartbeat(request).await),
            Self::TakeOver(request) => bytes(lease.take_over_session(request).await),
            Self::Force(request) => bytes(lease.force_take_over_session(request).await),
            Self::Cancel(request) => bytes(lease.cancel_forced_takeover(request).await),
            Self::Yield(request) => bytes(lease.yield_session(request).await),
            Self::Clear(request) => bytes(lease.clear_session(request).await),
            Self::Raise(request) => bytes(work.raise_escalation(request).await),
            Self::Resolve(request) => bytes(work.resolve_escalation(request).await),
            Self::PutGates(request) => bytes(work.put_gates(request).await),
            Self::UpdateGate(request) => bytes(work.update_gate(request).await),
            Self::Get(request) => bytes(lease.get_session(request).await),
            Self::Fence(request) => bytes(lease.check_fence(request).await),
        }
    }

    /// What it asks of the rules; nothing if it only reads.
    ///
    /// # Errors
    /// What is wrong with its form, which no call of a history is.
    pub fn parse(&self, bounds: &LeaseBounds) -> anyhow::Result<Option<Parsed>> {
        let parsed = match self.clone() {
            Self::Start(request) => start::parse(request, bounds),
            Self::Beat(request) => beat::parse(&request),
            Self::TakeOver(request) => takeover::parse(request, bounds),
            Self::Force(request) => forced::parse(request, bounds),
            Self::Cancel(request) => forced::parse_cancel(request),
            Self::Yield(request) => ending::parse_yield(request),
            Self::Clear(request) => ending::parse_clear(request),
            Self::Raise(request) => escalation::parse_raise(request),
            Self::Resolve(request) => escalation::parse_resolve(request),
            Self::PutGates(request) => gate::parse_put(request),
            Self::UpdateGate(request) => gate::parse_update(request),
            Self::Get(_) | Self::Fence(_) => return Ok(None),
        };
        parsed.map(Some).map_err(|bad| anyhow::anyhow!("a malformed {}: {bad:?}", self.rpc()))
    }

    /// The answer that the server gives for what the rules reply; nothing if the reply belongs
    /// to another call.
    #[must_use]
    pub fn shown(&self, answer: &Answer) -> Option<Vec<u8>> {
        let Answer { reply, replayed, clock } = answer;
        let replayed = *replayed;
        Some(match (self, reply) {
            (Self::Start(_), Reply::Started(it)) => {
                start::started(it, replayed, clock).encode_to_vec()
            }
            (Self::Beat(asked), Reply::Beat(it)) => {
                beat::renewed(it, asked.clone(), clock).encode_to_vec()
            }
            (Self::TakeOver(_), Reply::TakenOver(it)) => {
                takeover::taken_over(it, replayed, clock).encode_to_vec()
            }
            (Self::Force(asked), Reply::Forced(it)) => {
                forced::forced(it, asked.reason.clone(), replayed, clock).encode_to_vec()
            }
            (Self::Cancel(_), Reply::TransferCancelled(it)) => {
                forced::cancelled(it, replayed, clock).encode_to_vec()
            }
            (Self::Yield(_), Reply::Yielded(it)) => {
                ending::yielded(it, replayed, clock).encode_to_vec()
            }
            (Self::Clear(_), Reply::Cleared(it)) => {
                ending::cleared(it, replayed, clock).encode_to_vec()
            }
            (Self::Raise(_), Reply::EscalationRaised(it)) => {
                escalation::raised(it, replayed).encode_to_vec()
            }
            (Self::Resolve(_), Reply::EscalationResolved(it)) => {
                escalation::resolved(it, replayed).encode_to_vec()
            }
            (Self::PutGates(_), Reply::Gates(it)) => gate::put(it, replayed).encode_to_vec(),
            (Self::UpdateGate(_), Reply::Gates(it)) => gate::updated(it, replayed).encode_to_vec(),
            _ => return None,
        })
    }
}

fn bytes<T: Message>(answer: Result<tonic::Response<T>, Status>) -> Result<Vec<u8>, Status> {
    answer.map(|answer| answer.into_inner().encode_to_vec())
}
