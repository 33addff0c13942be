//! Decides a command. Total: every input has an answer, and a refused command changes nothing.

use crate::change::Changes;
use crate::command::{Command, Expected};
use crate::context::Context;
use crate::ledger::LedgerEntry;
use crate::name::ActorId;
use crate::refusal::{Reason, Refusal};
use crate::reply::Reply;
use crate::session::{REVISION_LIMIT, Revision, Session};
use crate::time::Moment;
use crate::workspace::Workspace;
use crate::{clear, forced_takeover, heartbeat, start, takeover, r#yield};

/// What a command does, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// To be applied in order, all or none.
    pub changes: Changes,
    /// Sent when they are durable.
    pub reply: Reply,
}

/// Decides `command` for a workspace that is settled at `context.clock`.
///
/// # Errors
/// A [`Refusal`] with the first reason in the order that semantics.md gives.
pub fn decide(
    workspace: &Workspace,
    command: &Command,
    context: &Context,
) -> Result<Decision, Refusal> {
    let refuse = |reason| Refusal::new(reason, workspace, context);
    if workspace.tenure.revision.unwrap_or(context.revision_floor) >= REVISION_LIMIT {
        return Err(refuse(Reason::RevisionExhausted));
    }
    let checked = |expected: &Expected| check_expected(workspace, expected).map_err(refuse);
    let decided = match command {
        Command::Heartbeat(beat) => heartbeat::beat(workspace, beat, context),
        Command::Join(join) => heartbeat::join(workspace, join, context),
        Command::Start(start) => {
            checked(&start.expected)?;
            start::start(workspace, start, context)
        }
        Command::TakeOver(request) => {
            checked(&request.expected)?;
            takeover::take_over(workspace, request, context)
        }
        Command::ForceTakeOver(request) => {
            checked(&request.expected)?;
            forced_takeover::force(workspace, request, context)
        }
        Command::CancelTransfer(expected) => {
            checked(expected)?;
            forced_takeover::cancel(workspace, context)
        }
        Command::Yield(request) => {
            checked(&request.expected)?;
            r#yield::give_up(workspace, request, context)
        }
        Command::Clear(request) => {
            checked(&request.expected)?;
            clear::clear(workspace, request, context)
        }
    };
    decided.map_err(refuse)
}

/// What the rule functions answer; the refusal's words are added in one place.
pub(crate) type Decided = Result<Decision, Reason>;

fn check_expected(workspace: &Workspace, expected: &Expected) -> Result<(), Reason> {
    if expected.session_id.is_none() && expected.revision.is_none() {
        return Ok(());
    }
    let Some(session) = &workspace.tenure.session else {
        return Err(Reason::NoSession);
    };
    if expected.session_id.is_some() && expected.session_id != session.id {
        return Err(Reason::SessionMismatch);
    }
    if expected.revision.is_some() && expected.revision != workspace.tenure.revision {
        return Err(Reason::RevisionMismatch);
    }
    Ok(())
}

impl Workspace {
    /// The revision of the next change: above everything that this workspace has had, and
    /// above `floor` if it has had nothing.
    pub(crate) fn next_revision(&self, floor: Revision) -> Revision {
        Revision(self.tenure.revision.unwrap_or(floor).0.saturating_add(1))
    }
}

impl Session {
    /// Whether `actor` owns the session. An imported record without owner is nobody's.
    pub(crate) fn is_owned_by(&self, actor: &ActorId) -> bool {
        self.actor() == Some(actor)
    }

    /// Whether `actor` owns or supervises the session.
    pub(crate) fn answers_to(&self, actor: &ActorId) -> bool {
        self.is_owned_by(actor) || self.supervisor() == Some(actor)
    }
}

/// How a session ends: everything of its sealed record that the session itself does not say.
pub(crate) struct Ending<'a> {
    pub cause: crate::ledger::EndCause,
    pub at: Moment,
    pub revision: Revision,
    pub by: &'a crate::name::Principal,
    pub by_actor: Option<&'a ActorId>,
    pub why: Option<std::sync::Arc<str>>,
    pub successor: Option<&'a Session>,
}

/// Seals the record of `session`, which ends.
pub(crate) fn seal(workspace: &Workspace, session: &Session, ending: Ending<'_>) -> LedgerEntry {
    LedgerEntry {
        session_id: session.id.clone(),
        key: workspace.key.clone(),
        lifecycle: session.lifecycle(),
        owner_kind: session.owner_kind(),
        actor: session.actor().cloned(),
        supervisor: session.supervisor().cloned(),
        mode: session.mode,
        principal: session.principal.clone(),
        machine: session.machine.clone(),
        token: session.token,
        started_at: session.started_at.wall,
        ended_at: ending.at.wall,
        cause: ending.cause,
        ended_by: ending.by.clone(),
        ended_by_actor: ending.by_actor.cloned(),
        why: ending.why,
        successor: ending.successor.and_then(|next| {
            Some(crate::ledger::NextHolder {
                session_id: next.id.clone()?,
                actor: next.actor().cloned(),
            })
        }),
        revision: ending.revision,
        start_count: session.start_count,
        beats: session.beats,
        last_activity: session.activity.clone(),
    }
}
