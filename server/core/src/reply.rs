//! What a command that was carried out answers. Durations are not in here: the edge computes
//! them from the expiry when it answers, and again when an answer is repeated.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::context::Clock;
use crate::escalation::Escalation;
use crate::expiry::effective_expiry;
use crate::gate::Gates;
use crate::handoff::Handoff;
use crate::ledger::LedgerEntry;
use crate::name::{EscalationId, Key, Principal, SessionId};
use crate::registration::Origin;
use crate::session::{Activity, FencingToken, Revision, Session, Transfer};
use crate::surroundings::{Found, Signals};
use crate::time::{LeaseInstant, Span, WallTime};
use crate::workspace::Workspace;

/// A stored session as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Of which workspace.
    pub key: Key,
    /// The workspace's revision.
    pub revision: Revision,
    /// The session.
    pub session: Session,
    /// The transfer that is pending on it.
    pub transfer: Option<Transfer>,
    /// The first instant at which it is stale, all things considered.
    pub effective_expiry: LeaseInstant,
    /// Whether it is stale now.
    pub stale: bool,
}

impl SessionView {
    /// The stored session at `clock`; absent without one.
    #[must_use]
    pub fn of(workspace: &Workspace, clock: &Clock) -> Option<Self> {
        let tenure = &workspace.tenure;
        let session = tenure.session.clone()?;
        let revision = tenure.revision.unwrap_or_default();
        Some(Self::new(workspace.key.clone(), revision, session, tenure.transfer.clone(), clock))
    }

    /// `session` as it would be seen at `clock`, were it stored.
    #[must_use]
    pub fn new(
        key: Key,
        revision: Revision,
        session: Session,
        transfer: Option<Transfer>,
        clock: &Clock,
    ) -> Self {
        let effective_expiry = effective_expiry(&session, transfer.as_ref(), clock.boot_mark);
        let stale = effective_expiry <= clock.now.lease;
        Self { key, revision, session, transfer, effective_expiry, stale }
    }

    /// A session minted in this very step: its token is the workspace's revision, and nothing
    /// is pending on it.
    pub(crate) fn minted(workspace: &Workspace, session: Session, clock: &Clock) -> Self {
        let revision = Revision(session.token.0);
        Self::new(workspace.key.clone(), revision, session, None, clock)
    }
}

/// Something that the caller should know although the command was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The session was live already; it was refreshed. Names the principal that had started
    /// it, if it was another one.
    SessionRefreshed {
        /// The other principal.
        other_principal: Option<Principal>,
    },
    /// A record of an older installation, without session id, was replaced.
    LegacySessionReplaced,
    /// The lease of an imported session was longer than the longest that is granted.
    LeaseTtlCut {
        /// What it is now.
        to: Span,
    },
    /// The lease of an imported session was shorter than the shortest that is granted.
    LeaseTtlRaised {
        /// What it is now.
        to: Span,
    },
}

/// The answer of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Of a start.
    Started(Box<Started>),
    /// Of a heartbeat.
    Beat(Beat),
    /// Of a stream's join.
    Joined(Box<Joined>),
    /// Of a takeover.
    TakenOver(Box<TakenOver>),
    /// Of a forced takeover.
    Forced(Box<Forced>),
    /// Of a cancelled transfer.
    TransferCancelled(Box<TransferCancelled>),
    /// Of a yield.
    Yielded(Box<Yielded>),
    /// Of a clear.
    Cleared(Box<Cleared>),
    /// Of a raised escalation: as it is stored.
    EscalationRaised(Box<Escalation>),
    /// Of a resolved escalation.
    EscalationResolved(Box<EscalationResolved>),
    /// Of a change of the gates: the whole list as it is stored.
    Gates(Box<Gates>),
    /// Of a replaced handoff: as it is stored.
    HandoffPut(Arc<Handoff>),
    /// Of an import.
    Imported(Box<Imported>),
    /// Of a registration.
    Registered(Box<Registered>),
    /// Of a deletion.
    WorkspaceDeleted(WorkspaceDeleted),
}

/// A session was started or refreshed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The session.
    pub session: SessionView,
    /// Whether a new session id was minted.
    pub reset: bool,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
    /// The session that this one replaced or superseded.
    pub predecessor: Option<LedgerEntry>,
    /// What the holder finds.
    #[serde(default)]
    pub found: Found,
}

/// A lease was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// The session, unless the beat named it: then it is that one.
    pub session_id: Option<SessionId>,
    /// Its token.
    pub token: FencingToken,
    /// The workspace's new revision.
    pub revision: Revision,
    /// Now, as wall time.
    pub last_heartbeat_at: WallTime,
    /// The first instant at which the session is stale, a pending transfer considered.
    pub effective_expiry: LeaseInstant,
    /// The current activity.
    pub activity: Option<Activity>,
    /// The pending transfer: the holder is asked to yield by its deadline.
    pub transfer: Option<Box<Transfer>>,
    /// What else is asked of the holder.
    #[serde(default)]
    pub signals: Signals,
}

/// A stream's join was accepted: nothing was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The session.
    pub session: SessionView,
    /// What is asked of the holder.
    #[serde(default)]
    pub signals: Signals,
}

/// A stale session was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The new session.
    pub session: SessionView,
    /// The prior one, sealed: its owner, its last activity, and the reason.
    pub prior: LedgerEntry,
    /// What the holder finds.
    #[serde(default)]
    pub found: Found,
}

/// A forced takeover was carried out, scheduled, or tried dry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The session that was stored before.
    pub prior: SessionView,
    /// Until when the prior holder may believe that it holds the workspace; absent if it was
    /// stale, and for a person, who holds no lease.
    pub prior_holder_may_act_until: Option<LeaseInstant>,
    /// What came, or would come, of it.
    pub outcome: ForcedOutcome,
    /// What the successor finds, or would find.
    #[serde(default)]
    pub found: Found,
}

/// What came of a forced takeover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcedOutcome {
    /// The successor holds the workspace.
    Installed(Box<SessionView>),
    /// The successor will hold it at the deadline at the latest.
    Scheduled(Box<Transfer>),
}

/// A pending transfer was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferCancelled {
    /// The session, which goes on.
    pub session: SessionView,
    /// What was removed.
    pub cancelled: Transfer,
}

/// A session was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yielded {
    /// The ended session.
    pub ended: LedgerEntry,
    /// The pending transfer's successor, if one waited.
    pub successor: Option<SessionView>,
}

/// A workspace was cleared, or there was nothing to clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// The ended session; absent if none was stored.
    pub ended: Option<LedgerEntry>,
    /// The pending transfer's successor, if one waited.
    pub successor: Option<SessionView>,
    /// The words given for it.
    pub reason: Option<Arc<str>>,
}

/// An escalation was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationResolved {
    /// The escalation, as it was.
    pub escalation: Escalation,
    /// How many blocking ones are still open.
    pub blocking: u32,
}

/// A file of an older installation was imported, or need not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// What became of it.
    pub outcome: ImportOutcome,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
    /// The escalations that it added.
    pub escalation_ids: Vec<EscalationId>,
}

/// What became of a file that was to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// What it holds was brought in.
    Imported,
    /// The same content was imported before.
    AlreadyImported,
    /// The workspace has a session, and keeps it.
    SessionKept,
}

/// A workspace is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Whether it was not before.
    pub created: bool,
    /// How it came to be known.
    pub origin: Origin,
}

/// A workspace is unknown from now on, or was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceDeleted {
    /// Whether it was known.
    pub deleted: bool,
    /// Revisions of a later workspace of this name begin above it.
    pub revision_floor: Revision,
}

impl Reply {
    /// The session that this reply granted to its caller, if it granted one: what a repeat of
    /// the request may be told again only while that session lives. A dry run grants nothing.
    #[must_use]
    pub fn granted(&self) -> Option<&SessionView> {
        match self {
            Self::Started(started) => Some(&started.session),
            Self::TakenOver(taken) => Some(&taken.session),
            Self::Forced(forced) if !forced.dry_run => match &forced.outcome {
                ForcedOutcome::Installed(view) => Some(view),
                ForcedOutcome::Scheduled(_) => None,
            },
            _ => None,
        }
    }

    /// The same, to bring its expiry up to the present.
    pub fn granted_mut(&mut self) -> Option<&mut SessionView> {
        match self {
            Self::Started(started) => Some(&mut started.session),
            Self::TakenOver(taken) => Some(&mut taken.session),
            Self::Forced(forced) if !forced.dry_run => match &mut forced.outcome {
                ForcedOutcome::Installed(view) => Some(view),
                ForcedOutcome::Scheduled(_) => None,
            },
            _ => None,
        }
    }
}
