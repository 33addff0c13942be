//! The session: one tenure of one workspace, and the transfer that may be pending on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::gate::GatesRevision;
use crate::name::{ActorId, InstanceId, MachineId, Principal, SessionId};
use crate::time::{LeaseInstant, Moment, Span, WallTime};

/// One counter per workspace, raised by every committed change of the session, its lease or
/// its pending transfer. Never reset and never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// The revision at which a counter is used up; a command that would pass it is refused.
pub const REVISION_LIMIT: Revision = Revision(1 << 62);

/// The revision at which the current session id was minted: constant in a tenure, strictly
/// larger in each later one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

/// What kind of party an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A person. Has no lease.
    Interactive,
    /// A program that supervises workers.
    RuntimeSupervisor,
    /// A program that does the work itself.
    RuntimeWorker,
}

/// The two kinds of an autonomous owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutonomousKind {
    /// A program that supervises workers.
    RuntimeSupervisor,
    /// A program that does the work itself; meant when none is named.
    #[default]
    RuntimeWorker,
}

impl From<AutonomousKind> for OwnerKind {
    fn from(kind: AutonomousKind) -> Self {
        match kind {
            AutonomousKind::RuntimeSupervisor => Self::RuntimeSupervisor,
            AutonomousKind::RuntimeWorker => Self::RuntimeWorker,
        }
    }
}

/// Whether a person or a program holds the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// A person; no lease, stale after eight hours without a start.
    Interactive,
    /// A program with a lease that it must heartbeat.
    Autonomous,
}

/// What the session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing in particular.
    #[default]
    General,
    /// Finding out.
    Research,
    /// Building.
    Implement,
}

/// A machine, as sent with starts and takeovers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRef {
    /// The machine's own id.
    pub id: MachineId,
    /// Its host name, for people.
    pub host: Arc<str>,
    /// Whatever else it tells of itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A short text that the owner sent with a heartbeat. Never empty, at most 280 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The text, trimmed.
    pub text: Arc<str>,
    /// When it was set.
    pub set_at: WallTime,
    /// The revision that set it.
    pub revision: Revision,
}

/// One tenure of one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Absent only in records of older installations.
    pub id: Option<SessionId>,
    /// Who holds it, and by what right.
    pub holder: Holder,
    /// What it is for.
    pub mode: Mode,
    /// The revision at which the id was minted.
    pub token: FencingToken,
    /// When the id was minted.
    pub started_at: Moment,
    /// When it was last started or refreshed.
    pub last_started_at: Moment,
    /// Starts and refreshes so far; saturates.
    pub start_count: u32,
    /// The principal of the last start, refresh or takeover.
    pub principal: Principal,
    /// Where the holder runs, if it said so.
    pub machine: Option<MachineRef>,
    /// Heartbeats so far; saturates.
    pub beats: u64,
    /// What the owner said last. Always absent for an interactive holder.
    pub activity: Option<Activity>,
    /// When a change of the activity was last written to the event log.
    pub activity_logged_at: Option<LeaseInstant>,
    /// Whether settle has recorded that the session is stale.
    pub expiry_recorded: bool,
    /// The revision of the gates that the owner says it has applied, if it has said so.
    #[serde(default)]
    pub applied_gates_revision: Option<GatesRevision>,
    /// The first instant at which the session is stalled; absent while it has touched no work
    /// stream.
    #[serde(default)]
    pub stalls_at: Option<LeaseInstant>,
    /// Whether settle has recorded that the session is stalled.
    #[serde(default)]
    pub stalled: bool,
    /// Whether a waiter was given the session and has neither beaten nor started again since:
    /// then its first expiry ends it.
    #[serde(default)]
    pub unclaimed: bool,
}

/// Who holds a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A person: owner id `interactive`, no lease.
    Interactive,
    /// A program.
    Autonomous(Autonomous),
}

/// A program that holds a session, with its lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autonomous {
    /// The owner; absent only in records of older installations, and then it matches nobody.
    pub actor: Option<ActorId>,
    /// Worker or supervisor.
    pub kind: AutonomousKind,
    /// A second actor who may clear and yield.
    pub supervisor: Option<ActorId>,
    /// The owner's process, if it named itself.
    pub instance: Option<InstanceId>,
    /// The lease's length; absent only in records of older installations.
    pub ttl: Option<Span>,
    /// The last renewal; absent only in records of older installations.
    pub renewal: Option<Renewal>,
}

/// When a lease was last renewed, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Wall time of the last start, refresh or heartbeat.
    pub last_heartbeat_at: WallTime,
    /// The stored expiry. What counts is the effective one: see [`crate::expiry`].
    pub expires_at: LeaseInstant,
}

impl Session {
    /// The owner's program, unless a person holds the session.
    #[must_use]
    pub const fn autonomous(&self) -> Option<&Autonomous> {
        match &self.holder {
            Holder::Interactive => None,
            Holder::Autonomous(autonomous) => Some(autonomous),
        }
    }

    /// Person or program.
    #[must_use]
    pub const fn lifecycle(&self) -> Lifecycle {
        match self.holder {
            Holder::Interactive => Lifecycle::Interactive,
            Holder::Autonomous(_) => Lifecycle::Autonomous,
        }
    }

    /// The kind of the owner.
    #[must_use]
    pub fn owner_kind(&self) -> OwnerKind {
        self.autonomous().map_or(OwnerKind::Interactive, |a| a.kind.into())
    }

    /// The owning actor; absent for a person and for an imported record without owner.
    #[must_use]
    pub fn actor(&self) -> Option<&ActorId> {
        self.autonomous().and_then(|a| a.actor.as_ref())
    }

    /// The supervisor, if one is named.
    #[must_use]
    pub fn supervisor(&self) -> Option<&ActorId> {
        self.autonomous().and_then(|a| a.supervisor.as_ref())
    }

    /// The lease's length, if the session has one.
    #[must_use]
    pub fn ttl(&self) -> Option<Span> {
        self.autonomous().and_then(|a| a.ttl)
    }
}

/// A forced takeover that waits for its deadline. Bound to the session that was stored when it
/// was scheduled: when that session ends, so does the transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Who is to hold the workspace next.
    pub successor: Successor,
    /// The id that the successor's session will have.
    pub successor_session_id: SessionId,
    /// Why, in the words of who scheduled it.
    pub reason: Arc<str>,
    /// Who scheduled it.
    pub principal: Principal,
    /// The workspace's revision after it was scheduled.
    pub revision: Revision,
    /// When it was scheduled.
    pub scheduled_at: Moment,
    /// When it completes at the latest.
    pub deadline: LeaseInstant,
    /// Where the successor runs, if that was said.
    pub machine: Option<MachineRef>,
}

/// Who takes a workspace over, with everything inherited already filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Successor {
    /// A person, who takes the work in hand.
    Interactive,
    /// A program.
    Autonomous {
        /// The new owner.
        actor: ActorId,
        /// The lease's length.
        ttl: Span,
        /// The second actor.
        supervisor: Option<ActorId>,
        /// The new owner's process, if it named itself.
        instance: Option<InstanceId>,
    },
}

impl Successor {
    /// The new owner, unless a person.
    #[must_use]
    pub const fn actor(&self) -> Option<&ActorId> {
        match self {
            Self::Interactive => None,
            Self::Autonomous { actor, .. } => Some(actor),
        }
    }
}
