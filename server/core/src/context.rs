//! What a decision may know besides the stored state and the command.

use crate::name::{EscalationId, Principal, SessionId};
use crate::session::Revision;
use crate::time::{LeaseInstant, Moment, Span};

/// How long a boot leaves a lease that was running when the server stopped, at most.
pub const BOOT_GRACE_MAX: Span = Span::from_secs(60);
/// After this long without a start an interactive session is stale.
pub const INTERACTIVE_STALE_AFTER: Span = Span::from_secs(28_800);
/// An activity's change reaches the event log at most this often for one session.
pub const ACTIVITY_EVENT_EVERY: Span = Span::from_secs(60);
/// The longest grace of a forced takeover.
pub const GRACE_MAX: Span = Span::from_secs(600);

/// The lease clock: now, and where it stood at the last boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The present moment.
    pub now: Moment,
    /// The lease clock when the server last started: what boot grace counts from.
    pub boot_mark: LeaseInstant,
}

/// The bounds of a requested lease; outside is refused, never clamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseBounds {
    /// The shortest lease granted.
    pub min: Span,
    /// The longest lease granted.
    pub max: Span,
}

impl Default for LeaseBounds {
    fn default() -> Self {
        Self { min: Span::from_secs(1), max: Span::from_secs(86_400) }
    }
}

/// The circumstances of one command.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time.
    pub clock: Clock,
    /// Who is authenticated.
    pub principal: Principal,
    /// Whether the caller has the operator role, and so may see hints about forcing.
    pub operator: bool,
    /// Where the call came from, for the event log.
    pub address: Option<std::sync::Arc<str>>,
    /// A new session id, should the command mint a session.
    pub new_session_id: SessionId,
    /// A new escalation id, should the command raise one.
    pub new_escalation_id: EscalationId,
    /// In how much lease-clock time the score of a work stream halves; where nothing else is
    /// configured, [`HALF_LIFE_DEFAULT`](crate::work_stream::HALF_LIFE_DEFAULT).
    pub work_stream_half_life: Span,
    /// Every revision of a workspace that is not known yet is above this one.
    pub revision_floor: Revision,
    /// Whether a workspace must be registered before anything else.
    pub registration_required: bool,
    /// Whether the caller's machine is cordoned: it gets no new session.
    pub machine_cordoned: bool,
}
