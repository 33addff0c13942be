//! What is asked of the engine, and what it answers.

use std::sync::Arc;

use tenure_core::command::Command;
use tenure_core::context::Clock;
use tenure_core::name::Key;
use tenure_core::refusal::Refusal;
use tenure_core::reply::Reply;

use crate::access::Caller;
use crate::store::StoreError;

/// A call that changes a workspace.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which workspace.
    pub key: Key,
    /// What to do.
    pub command: Command,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Set if the caller gave the request an id.
    pub once: Option<Once>,
}

/// What makes a repeat of a request recognisable.
#[derive(Debug, Clone)]
pub struct Once {
    /// The RPC's name.
    pub rpc: &'static str,
    /// The caller's id: a UUID or ULID, in lower case.
    pub request_id: Arc<str>,
    /// A digest of the request's content without the id.
    pub digest: [u8; 32],
}

/// A command that was carried out, durably.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What came of it.
    pub reply: Reply,
    /// Whether it had been carried out before, by an earlier call with the same request id.
    pub replayed: bool,
    /// The clock that durations in the answer count from.
    pub clock: Clock,
}

/// A command that was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// Other writers got in between as often as the engine was willing to try.
    #[error("the workspace was changed by others too often meanwhile; try again")]
    Conflict,
    /// Too many calls are waiting.
    #[error("too many calls are waiting")]
    Overloaded,
    /// As many wait for the workspace as may.
    #[error("as many wait for the workspace as may wait; try again later")]
    TooManyWaiters,
    /// The same wait was asked for again, and goes on there.
    #[error("another call with the same request_id has taken this one's place in the queue")]
    Displaced,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store cannot do it.
    #[error("the store failed")]
    Store(#[source] StoreError),
}
