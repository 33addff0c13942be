//! What callers may ask for. Shapes are checked before: bounds on texts and durations hold.

use std::sync::Arc;

use crate::name::{ActorId, InstanceId, SessionId};
use crate::session::{AutonomousKind, MachineRef, Mode, Revision};
use crate::time::Span;

mod work;

pub use work::{
    Import, PutGates, PutHandoff, RaiseEscalation, Report, RequestedGate, ResolveEscalation,
    UpdateGate,
};

/// The most characters of a reason.
pub const REASON_MAX_CHARS: usize = 500;
/// The most Unicode scalar values of an activity, after trimming.
pub const ACTIVITY_MAX_CHARS: usize = 280;

/// One command for one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start or refresh a session.
    Start(Start),
    /// Renew a lease.
    Heartbeat(Heartbeat),
    /// Check a heartbeat's holder without renewing: a stream's join.
    Join(Join),
    /// Start as soon as that can be had, or take over.
    Await(Await),
    /// Take a stale autonomous session over.
    TakeOver(TakeOver),
    /// Install a named successor, whatever is stored.
    ForceTakeOver(ForceTakeOver),
    /// Remove a pending transfer.
    CancelTransfer(CancelTransfer),
    /// Give a session up.
    Yield(Yield),
    /// End a session and what surrounds it.
    Clear(Clear),
    /// Open an escalation.
    RaiseEscalation(RaiseEscalation),
    /// Close an escalation.
    ResolveEscalation(ResolveEscalation),
    /// Replace the list of gates.
    PutGates(PutGates),
    /// Set one gate.
    UpdateGate(UpdateGate),
    /// Replace the handoff.
    PutHandoff(PutHandoff),
    /// Bring in what a file of an older installation holds.
    Import(Box<Import>),
    /// Make the workspace known.
    Register,
    /// Forget the workspace and all that is stored under it.
    DeleteWorkspace,
}

impl Command {
    /// What the caller believes to be stored. Absent for heartbeats and joins, whose session
    /// id is checked where their own order of refusals says, and for what concerns the
    /// workspace and no session.
    #[must_use]
    pub const fn expected(&self) -> Option<&Expected> {
        match self {
            Self::Heartbeat(_)
            | Self::Join(_)
            | Self::RaiseEscalation(_)
            | Self::ResolveEscalation(_)
            | Self::Import(_)
            | Self::Register
            | Self::DeleteWorkspace => None,
            Self::Start(request) => Some(&request.expected),
            Self::Await(request) => Some(&request.start.expected),
            Self::TakeOver(request) => Some(&request.expected),
            Self::ForceTakeOver(request) => Some(&request.expected),
            Self::CancelTransfer(request) => Some(&request.expected),
            Self::Yield(request) => Some(&request.expected),
            Self::Clear(request) => Some(&request.expected),
            Self::PutGates(request) => Some(&request.expected),
            Self::UpdateGate(request) => Some(&request.expected),
            Self::PutHandoff(request) => Some(&request.expected),
        }
    }

    /// The session that the caller means, if it names one.
    #[must_use]
    pub fn meant(&self) -> Option<&SessionId> {
        match self {
            Self::Heartbeat(beat) => beat.session_id.as_ref(),
            Self::Join(join) => Some(&join.session_id),
            _ => self.expected().and_then(|expected| expected.session_id.as_ref()),
        }
    }
}

/// What the caller believes to be stored; each that is given is compared before the rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// The session that must be stored.
    pub session_id: Option<SessionId>,
    /// The revision that must be current.
    pub revision: Option<Revision>,
}

/// See semantics.md, Start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Who wants to hold the workspace.
    pub holder: RequestedHolder,
    /// What for; kept or `general` when absent.
    pub mode: Option<Mode>,
    /// Whether another instance of the same actor may be superseded.
    pub supersede: bool,
    /// Where the caller runs.
    pub machine: Option<MachineRef>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// Who asks to hold a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedHolder {
    /// A person.
    Interactive,
    /// A program.
    Autonomous(RequestedLease),
}

/// A program's request to hold a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedLease {
    /// The owner.
    pub actor: ActorId,
    /// The lease's length, within the configured bounds.
    pub ttl: Span,
    /// Worker or supervisor.
    pub kind: AutonomousKind,
    /// The second actor.
    pub supervisor: Option<ActorId>,
    /// The owner's process.
    pub instance: Option<InstanceId>,
}

/// See semantics.md, Await: what a waiter asks for, decided whenever it may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Await {
    /// What to start.
    pub start: Start,
    /// Why a stale session of another is taken over as well; absent if it is not.
    pub take_over: Option<Arc<str>>,
    /// How long a program's grant lives until its first beat or refresh, unless its lease is
    /// shorter.
    pub claim_within: Span,
}

/// See semantics.md, Heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who beats.
    pub actor: ActorId,
    /// For which session; holders always say.
    pub session_id: Option<SessionId>,
    /// What it is doing: trimmed, not empty; absent leaves the last one.
    pub activity: Option<Arc<str>>,
    /// What else it tells; boxed, because most beats tell nothing.
    pub report: Option<Box<Report>>,
}

/// A stream's claim to beat for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Who will beat.
    pub actor: ActorId,
    /// For which session.
    pub session_id: SessionId,
}

/// Who asks to take a workspace over, or is named to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedSuccessor {
    /// A person, who takes the work in hand.
    Interactive,
    /// A program; its kind is `runtime_worker`.
    Autonomous {
        /// The new owner.
        actor: ActorId,
        /// The lease's length; inherited from the prior session when absent.
        ttl: Option<Span>,
        /// The second actor; inherited from the prior session when absent.
        supervisor: Option<ActorId>,
        /// The new owner's process, if it named itself.
        instance: Option<InstanceId>,
    },
}

/// See semantics.md, Takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// Who takes over.
    pub successor: RequestedSuccessor,
    /// Why.
    pub reason: Arc<str>,
    /// Where the caller runs.
    pub machine: Option<MachineRef>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// See semantics.md, Forced takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForceTakeOver {
    /// Who takes over.
    pub successor: RequestedSuccessor,
    /// Why.
    pub reason: Arc<str>,
    /// How long the holder is left, at most [`crate::context::GRACE_MAX`]; zero is at once.
    pub grace: Span,
    /// Answer what would happen, and change nothing.
    pub dry_run: bool,
    /// Where the successor runs.
    pub machine: Option<MachineRef>,
    /// What the caller believes to be stored; at least one of them is given.
    pub expected: Expected,
}

/// See semantics.md, Forced takeover: the cancelling of a pending transfer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CancelTransfer {
    /// Why.
    pub reason: Option<Arc<str>>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// See semantics.md, Yield.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yield {
    /// The owner or supervisor; absent for an interactive session.
    pub actor: Option<ActorId>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// See semantics.md, Clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clear {
    /// The owner or supervisor; not needed for an interactive session.
    pub actor: Option<ActorId>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}
