//! The sealed record of an ended session: why it ended, by whom, and who came after.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::name::{ActorId, InstanceId, Key, Principal, SessionId};
use crate::session::{Activity, FencingToken, Lifecycle, MachineRef, Mode, OwnerKind, Revision};
use crate::time::{Span, WallTime};
use crate::usage::Usage;

/// Why a session ended. One enum for ledger, events and verdicts. Expired is a state, not an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// A fresh start took the place of a stale session.
    Replaced,
    /// Owner, supervisor or, for an interactive session, anybody cleared it.
    Cleared,
    /// Owner or supervisor gave it up.
    Yielded,
    /// Another took the stale lease over.
    TakenOver,
    /// An operator installed a successor.
    ForceTakenOver,
    /// The same actor's new process started.
    Superseded,
}

/// Who holds the workspace after a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHolder {
    /// The session that followed.
    pub session_id: SessionId,
    /// Its owner; absent for a person.
    pub actor: Option<ActorId>,
}

/// The session that another one followed in the same step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prior {
    /// Absent only for records of older installations.
    pub session_id: Option<SessionId>,
    /// Why it ended.
    pub cause: EndCause,
}

/// One ended session, written in the step that ended it and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Absent only for records of older installations.
    pub session_id: Option<SessionId>,
    /// Of which workspace.
    pub key: Key,
    /// Person or program.
    pub lifecycle: Lifecycle,
    /// The owner's kind.
    pub owner_kind: OwnerKind,
    /// The owner; absent for a person.
    pub actor: Option<ActorId>,
    /// The second actor.
    pub supervisor: Option<ActorId>,
    /// What the session was for.
    pub mode: Mode,
    /// Who had started it.
    pub principal: Principal,
    /// Where it ran.
    pub machine: Option<MachineRef>,
    /// Its fencing token.
    pub token: FencingToken,
    /// When it was minted.
    pub started_at: WallTime,
    /// When it ended.
    pub ended_at: WallTime,
    /// Why it ended.
    pub cause: EndCause,
    /// The principal that ended it.
    pub ended_by: Principal,
    /// The actor that the ending call named, if any.
    pub ended_by_actor: Option<ActorId>,
    /// The words given for it.
    pub why: Option<Arc<str>>,
    /// Who came after in the same step; absent when the workspace was left free.
    pub successor: Option<NextHolder>,
    /// The workspace's revision after the step.
    pub revision: Revision,
    /// Starts and refreshes.
    pub start_count: u32,
    /// Heartbeats.
    pub beats: u64,
    /// What the owner said last.
    pub last_activity: Option<Activity>,
    /// The owner's process, if it named itself.
    #[serde(default)]
    pub instance: Option<InstanceId>,
    /// When the last heartbeat was accepted; absent for a person.
    #[serde(default)]
    pub last_heartbeat_at: Option<WallTime>,
    /// The lease's length at the end; absent for a person.
    #[serde(default)]
    pub lease_ttl: Option<Span>,
    /// What the session had consumed, if it reported anything.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// What the work was about: the attention anchor, else the title of the handoff, else its
    /// first open action.
    #[serde(default)]
    pub focus: Option<Arc<str>>,
}
