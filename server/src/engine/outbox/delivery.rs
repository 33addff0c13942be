//! What a stream has to send: results, pushes, and its end.

use std::sync::Arc;

use tenure_core::context::Clock;
use tenure_core::escalation::Blocking;
use tenure_core::gate::GatesRevision;
use tenure_core::ledger::LedgerEntry;
use tenure_core::refusal::Refusal;
use tenure_core::reply::SessionView;
use tenure_core::session::{Activity, Revision, Transfer};
use tenure_core::surroundings::Signals;
use tenure_core::time::{LeaseInstant, Span, WallTime};

use super::Misuse;

/// What the server tells a holder unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// The session ended. Final.
    Lost(Box<LedgerEntry>),
    /// The lease ran out. Final.
    Expired {
        /// When that was recorded.
        at: WallTime,
        /// The workspace's revision after it.
        revision: Revision,
    },
    /// An operator wants the workspace for another.
    YieldRequested {
        /// By when, for whom and why.
        transfer: Box<Transfer>,
        /// The clock at which it was scheduled.
        clock: Clock,
    },
    /// What blocks the holder has changed: nothing does any more if absent.
    Blocked(Option<Arc<Blocking>>),
    /// The gates have changed; their revision now.
    GatesChanged(GatesRevision),
    /// The server is about to stop. Concerns the whole stream; its handle is 0.
    Draining {
        /// When to connect again.
        reconnect_after: Span,
    },
}

impl Push {
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Expired { .. })
    }

    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::Lost(_) => 0,
            Self::Expired { .. } => 1,
            Self::YieldRequested { .. } => 2,
            Self::Draining { .. } => 3,
            Self::Blocked(_) => 4,
            Self::GatesChanged(_) => 5,
        }
    }
}

/// A lease was renewed.
#[derive(Debug)]
pub struct RenewedResult {
    /// The handle; 0 if the result was overtaken by a final push.
    pub handle: u32,
    /// The newest message that it covers.
    pub message_id: u64,
    /// The workspace's new revision.
    pub revision: Revision,
    /// When the owner last beat.
    pub last_heartbeat_at: WallTime,
    /// The first instant at which the session is stale, a pending transfer considered.
    pub effective_expiry: LeaseInstant,
    /// The pending transfer.
    pub transfer: Option<Box<Transfer>>,
    /// The activity, if it changed since the last result of this handle.
    pub activity: Option<Box<Activity>>,
    /// What else is asked of the holder.
    pub signals: Signals,
    /// Whether the pending transfer or the signals changed since the last result of this handle.
    pub directives_changed: bool,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// A handle has joined.
#[derive(Debug)]
pub struct JoinedResult {
    /// The handle.
    pub handle: u32,
    /// The message that it came with.
    pub message_id: u64,
    /// The session.
    pub session: SessionView,
    /// What is asked of the holder.
    pub signals: Signals,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// A join or a beat was refused.
#[derive(Debug)]
pub struct RefusedResult {
    /// The handle.
    pub handle: u32,
    /// The newest message that it covers.
    pub message_id: u64,
    /// Why.
    pub why: WhyRefused,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// Why a join or a beat was refused.
#[derive(Debug)]
pub enum WhyRefused {
    /// The rules refuse it.
    Rules(Box<Refusal>),
    /// The stream is not used as agreed.
    Misuse(Misuse),
    /// The engine could not carry it out; the beat may be sent again.
    Failed(crate::engine::Failure),
}

/// Everything that waits to be sent.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Accepted joins.
    pub joined: Vec<JoinedResult>,
    /// Renewed leases; those with handle 0 are void.
    pub renewed: Vec<RenewedResult>,
    /// Refused joins and beats.
    pub refused: Vec<RefusedResult>,
    /// Pushes, with their handles.
    pub pushes: Vec<(u32, Push)>,
}

impl Delivery {
    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty()
            && self.renewed.is_empty()
            && self.refused.is_empty()
            && self.pushes.is_empty()
    }
}

/// Why the server ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client sent everything that it wanted to, and was answered.
    Finished,
    /// Too much waited to be read.
    Lagged,
    /// The server drains, or the connection is to be replaced.
    Draining,
    /// The client broke the contract or went away; its reader knows more.
    Faulty,
}

/// What a poll of the outbox brings.
#[derive(Debug)]
pub enum Next {
    /// Something to send.
    Deliver(Delivery),
    /// Nothing more will come.
    End(End),
}
