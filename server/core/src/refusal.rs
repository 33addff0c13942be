//! A command that the rules refuse. Being held by another is a value, not a failure.

use std::fmt;

use crate::context::Context;
use crate::hint;
use crate::ledger::LedgerEntry;
use crate::name::{Key, SessionId};
use crate::reply::SessionView;
use crate::workspace::Workspace;

/// A bound on what may be stored of one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quota {
    /// The open escalations.
    Escalations,
    /// The client sections of a session.
    ClientSections,
    /// The usage counters of a session.
    UsageCounters,
    /// The open escalations, to which a file would add.
    ImportedEscalations {
        /// How many are open.
        open: u16,
        /// How many more the file holds.
        new: u32,
    },
    /// The files of which a workspace remembers that they were imported.
    Imports,
}

/// Why a command is refused; the names are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The command needs an actor and none was given.
    ActorRequired,
    /// The same request id came with other content.
    RequestIdReused,
    /// No session is stored.
    NoSession,
    /// The workspace has to be registered first.
    WorkspaceNotRegistered,
    /// A session is stored, so the workspace cannot be deleted.
    WorkspaceInUse,
    /// No open escalation has the id that was named.
    NoSuchEscalation,
    /// No gate has the name that was given.
    NoSuchGate,
    /// No transfer is pending.
    NoTransfer,
    /// A live lease is another's.
    LeaseHeld,
    /// A stale lease is another's: takeover is the way.
    StaleLeaseHeld,
    /// A person holds the workspace.
    InteractiveSessionActive,
    /// A program holds the workspace.
    AutonomousSessionActive,
    /// A program's stale session is in the way of a person's start.
    StaleAutonomousSession,
    /// The session has no lease.
    NotAutonomous,
    /// The actor is neither owner nor, where that counts, supervisor.
    NotHolder,
    /// Another session is stored than the one named.
    SessionMismatch,
    /// The lease ran out; a beat does not revive it.
    LeaseExpired,
    /// The lease is live, so it cannot be taken over.
    LeaseNotStale,
    /// What a takeover needs is missing on both sides.
    LeaseIncomplete,
    /// The owner itself starts again instead of taking over.
    TakeoverSameActor,
    /// The caller's machine gets no new sessions.
    MachineCordoned,
    /// The revision is not the one named.
    RevisionMismatch,
    /// Only owner and supervisor may clear.
    NotAuthorizedToClear,
    /// A bound on what may be stored is reached.
    QuotaExceeded(Quota),
    /// The workspace's counter is used up.
    RevisionExhausted,
}

/// A refused command: the reason, words for people, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Of which workspace.
    pub key: Key,
    /// One sentence of what is the case. Text from callers in it is escaped and shortened.
    pub message: String,
    /// What to do about it, where there is something to say.
    pub hint: Option<String>,
    /// The stored session at the time.
    pub standing: Option<Box<SessionView>>,
    /// The session that the caller meant, where the reason is that it is not the one stored:
    /// it may have ended, and how is worth telling.
    pub meant: Option<SessionId>,
    /// How the session that the caller meant ended, where that is known. The rules see only
    /// what is stored, so the engine adds it from the ledger.
    pub verdict: Option<Box<LedgerEntry>>,
}

impl Refusal {
    /// Refuses with `reason`, the words for it, and the stored session.
    #[must_use]
    pub fn new(reason: Reason, workspace: &Workspace, context: &Context) -> Self {
        let standing = SessionView::of(workspace, &context.clock).map(Box::new);
        Self {
            reason,
            key: workspace.key.clone(),
            message: hint::message(reason, &workspace.key, standing.as_deref(), context),
            hint: hint::hint(reason, standing.as_deref(), context),
            standing,
            meant: None,
            verdict: None,
        }
    }

    /// Notes which session the caller meant, if the reason is that it is not the one stored.
    #[must_use]
    pub fn meaning(mut self, session_id: Option<&SessionId>) -> Self {
        let is_another = matches!(
            self.reason,
            Reason::NoSession | Reason::NotAutonomous | Reason::NotHolder | Reason::SessionMismatch
        );
        self.meant = session_id.filter(|_| is_another).cloned();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
