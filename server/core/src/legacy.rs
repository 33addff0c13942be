//! State of older installations: what their files hold, and how it is brought in.
//!
//! A file is [read](read::read) outside of any decision; what it holds is brought in by one
//! command, in one step with the memory of its digest. So the same content again changes
//! nothing, whatever became of the state in the meantime, and nothing is ever half imported.
//!
//! Must not know: where the file lies, and what becomes of it afterwards.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::Import;
use crate::content::Digest;
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::escalation::{ESCALATIONS_MAX, Escalation, EscalationKind};
use crate::name::{ActorId, EscalationId, SessionId};
use crate::refusal::{Quota, Reason};
use crate::reply::{ImportOutcome, Imported, Reply, Warning};
use crate::session::{AutonomousKind, Mode, Revision, Session};
use crate::time::{Span, WallTime};
use crate::transition::{Transition, transit};
use crate::workspace::Workspace;

mod read;
mod rehearse;
mod revive;

pub use read::{LegacyError, read};
pub use rehearse::rehearse;

/// The largest revision that a file may bring in: far from where counters end, so that no file
/// can use a workspace up.
pub const LEGACY_REVISION_MAX: Revision = Revision(1 << 40);
/// The most bytes of one file. The largest list of escalations that can be imported has about
/// half of it.
pub const LEGACY_FILE_MAX_BYTES: usize = 1 << 20;
/// The most files of which one workspace remembers that they were imported.
pub const IMPORTS_REMEMBERED_MAX: usize = 256;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegacyContent {
    /// A session.
    Session(Box<LegacySession>),
    /// Open escalations, with distinct ids.
    Escalations(Vec<LegacyEscalation>),
}

/// A session as a file holds it. Its texts are bounded, and may hold any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacySession {
    /// Its id, if it has one.
    pub id: Option<SessionId>,
    /// Who holds it.
    pub holder: LegacyHolder,
    /// What it is for.
    pub mode: Mode,
    /// When it began.
    pub started_at: WallTime,
    /// When it was last started or refreshed.
    pub last_started_at: WallTime,
    /// Starts and refreshes so far; at least 1.
    pub start_count: u32,
    /// The workspace's revision, at most [`LEGACY_REVISION_MAX`].
    pub revision: Revision,
}

/// Who holds a session, as a file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegacyHolder {
    /// A person.
    Person,
    /// A program.
    Program {
        /// The owner, if the file names one.
        actor: Option<ActorId>,
        /// Worker or supervisor.
        kind: AutonomousKind,
        /// The second actor.
        supervisor: Option<ActorId>,
        /// The lease's length, of any size; zero is none.
        ttl: Span,
        /// The last heartbeat, if there was one.
        last_heartbeat_at: Option<WallTime>,
    },
}

/// An open escalation as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyEscalation {
    /// Its id.
    pub id: EscalationId,
    /// Whether the holder is to wait.
    pub kind: EscalationKind,
    /// What is asked, 1 to 500 characters.
    pub reason: Arc<str>,
    /// When it was raised.
    pub raised_at: WallTime,
    /// The session that was stored then.
    pub session_id: Option<SessionId>,
}

/// What one file brought in; nothing but the memory of it, where its session was not needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtIn {
    /// The file's name, as the caller gave it.
    pub file_name: Arc<str>,
    /// The digest of its content.
    pub digest: Digest,
    /// The session that is stored from now on; its token is the workspace's new revision.
    pub session: Option<Session>,
    /// The escalations that are open from now on.
    pub escalations: Vec<Escalation>,
}

pub(crate) fn import(workspace: &Workspace, request: &Import, context: &Context) -> Decided {
    let remembered = &workspace.around().imported;
    if remembered.contains(&request.digest) {
        return Ok(Decision {
            changes: Changes::new(),
            reply: reply(ImportOutcome::AlreadyImported, Vec::new(), &[]),
        });
    }
    if remembered.len() >= IMPORTS_REMEMBERED_MAX {
        return Err(Reason::QuotaExceeded(Quota::Imports));
    }
    match &request.content {
        LegacyContent::Session(legacy) => import_session(workspace, request, legacy, context),
        LegacyContent::Escalations(legacy) => {
            import_escalations(workspace, request, legacy, context)
        }
    }
}

/// A workspace that has a session keeps it. A session that is brought in begins like a first
/// start, of which the work around it knows nothing.
fn import_session(
    workspace: &Workspace,
    request: &Import,
    legacy: &LegacySession,
    context: &Context,
) -> Decided {
    if workspace.tenure.session.is_some() {
        let changes = smallvec![brought_in(request, None, Vec::new())];
        return Ok(Decision { changes, reply: reply(ImportOutcome::SessionKept, Vec::new(), &[]) });
    }
    let stored = workspace.tenure.revision.unwrap_or_default();
    let last = stored.max(legacy.revision).max(context.revision_floor);
    let (session, warnings) = revive::revive(legacy, request.lease_bounds, last.next()?, context);
    let own = smallvec![brought_in(request, Some(session), Vec::new())];
    let changes = transit(workspace, Transition::FirstStart, own).changes;
    Ok(Decision { changes, reply: reply(ImportOutcome::Imported, warnings, &[]) })
}

/// What is open already stays as it is.
fn import_escalations(
    workspace: &Workspace,
    request: &Import,
    legacy: &[LegacyEscalation],
    context: &Context,
) -> Decided {
    let open = &workspace.around().escalations;
    let is_new = |entry: &&LegacyEscalation| open.iter().all(|open| open.id != entry.id);
    let new: Vec<Escalation> = legacy
        .iter()
        .filter(is_new)
        .map(|entry| Escalation {
            id: entry.id.clone(),
            kind: entry.kind,
            reason: Arc::clone(&entry.reason),
            raised_at: entry.raised_at.min(context.clock.now.wall),
            actor: None,
            principal: context.principal.clone(),
            session_id: entry.session_id.clone(),
        })
        .collect();
    if open.len() + new.len() > ESCALATIONS_MAX {
        let open = u16::try_from(open.len()).unwrap_or(u16::MAX);
        let new = u32::try_from(new.len()).unwrap_or(u32::MAX);
        return Err(Reason::QuotaExceeded(Quota::ImportedEscalations { open, new }));
    }
    let reply = reply(ImportOutcome::Imported, Vec::new(), &new);
    Ok(Decision { changes: smallvec![brought_in(request, None, new)], reply })
}

fn brought_in(request: &Import, session: Option<Session>, escalations: Vec<Escalation>) -> Change {
    let (file_name, digest) = (Arc::clone(&request.file_name), request.digest);
    Change::Imported { what: Box::new(BroughtIn { file_name, digest, session, escalations }) }
}

fn reply(outcome: ImportOutcome, warnings: Vec<Warning>, added: &[Escalation]) -> Reply {
    let escalation_ids = added.iter().map(|added| added.id.clone()).collect();
    Reply::Imported(Box::new(Imported { outcome, warnings, escalation_ids }))
}

#[cfg(test)]
mod tests;
