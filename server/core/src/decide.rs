//! Decides a command. Total: every input has an answer, and a refused command changes nothing.
//!
//! The order of work, for each command:
//!
//! 1. Before this crate is asked: who is calling, whether the shape is right, whether they may.
//! 2. [`settle`](crate::settle::settle) has brought the workspace up to the present, and its
//!    changes stand whatever the command comes to.
//! 3. A repeat of a request is answered by [`replay`](crate::replay::replay) and not decided.
//! 4. What the caller expects: the session id, then the revision. Heartbeats and joins expect
//!    nothing; their session id is checked where their own order says.
//! 5. Whether the workspace has to be registered first; then the rule, in the file named after the operation, with its refusals in the order of
//!    semantics.md. A cordoned machine is refused after everything that the rule refuses.
//! 6. The next revision, which only a used-up counter refuses. A command that needs none
//!    (a clear of nothing, and all that is only about what surrounds the session) is carried
//!    out all the same.
//!
//! A command is given what it [needs](Command::needs). Without its surroundings a workspace is
//! taken to have none.

use crate::change::Changes;
use crate::command::{Command, Expected};
use crate::context::Context;
use crate::name::ActorId;
use crate::refusal::{Reason, Refusal};
use crate::reply::Reply;
use crate::session::{REVISION_LIMIT, Revision, Session};
use crate::workspace::Workspace;
use crate::{
    r#await, clear, escalation, forced_takeover, gate, handoff, heartbeat, legacy, registration,
    start, takeover, r#yield,
};

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
    check_expected(workspace, command)
        .and_then(|()| registration::check(workspace, command, context))
        .and_then(|()| rule(workspace, command, context))
        .map(|Decision { changes, reply }| Decision {
            changes: registration::with_origin(workspace, changes, context),
            reply,
        })
        .map_err(|reason| Refusal::new(reason, workspace, context).meaning(command.meant()))
}

/// What the rule functions answer; the refusal's words are added in one place.
pub(crate) type Decided = Result<Decision, Reason>;

fn rule(workspace: &Workspace, command: &Command, context: &Context) -> Decided {
    match command {
        Command::Heartbeat(beat) => heartbeat::beat(workspace, beat, context),
        Command::Join(join) => heartbeat::join(workspace, join, context),
        Command::Start(start) => start::start(workspace, start, None, context),
        Command::Await(request) => r#await::grant(workspace, request, context),
        Command::TakeOver(request) => takeover::take_over(workspace, request, None, context),
        Command::ForceTakeOver(request) => forced_takeover::force(workspace, request, context),
        Command::CancelTransfer(request) => forced_takeover::cancel(workspace, request, context),
        Command::Yield(request) => r#yield::give_up(workspace, request, context),
        Command::Clear(request) => clear::clear(workspace, request, context),
        Command::RaiseEscalation(request) => escalation::raise(workspace, request, context),
        Command::ResolveEscalation(request) => escalation::resolve(workspace, request),
        Command::PutGates(request) => gate::put(workspace, request, context),
        Command::UpdateGate(request) => gate::update(workspace, request, context),
        Command::PutHandoff(request) => handoff::put(workspace, request, context),
        Command::Import(request) => legacy::import(workspace, request, context),
        Command::Register => registration::register(workspace, context),
        Command::DeleteWorkspace => registration::delete(workspace, context),
    }
}

fn check_expected(workspace: &Workspace, command: &Command) -> Result<(), Reason> {
    let Some(Expected { session_id, revision }) = command.expected() else {
        return Ok(());
    };
    if session_id.is_none() && revision.is_none() {
        return Ok(());
    }
    let stored = workspace.tenure.session.as_ref().ok_or(Reason::NoSession)?;
    if session_id.is_some() && *session_id != stored.id {
        return Err(Reason::SessionMismatch);
    }
    if revision.is_some() && *revision != workspace.tenure.revision {
        return Err(Reason::RevisionMismatch);
    }
    Ok(())
}

impl Workspace {
    /// The revision of the next change: above everything that this workspace has had, and
    /// above `floor` if it has had nothing.
    ///
    /// # Errors
    /// [`Reason::RevisionExhausted`] once the counter has reached [`REVISION_LIMIT`].
    pub(crate) fn next_revision(&self, floor: Revision) -> Result<Revision, Reason> {
        // Zero was never handed out: a store that cannot say «none» may have kept it.
        let last = self.tenure.revision.filter(|last| last.0 > 0).unwrap_or(floor);
        last.next()
    }
}

impl Revision {
    /// The revision after this one.
    ///
    /// # Errors
    /// [`Reason::RevisionExhausted`] from [`REVISION_LIMIT`] on.
    pub(crate) const fn next(self) -> Result<Self, Reason> {
        if self.0 >= REVISION_LIMIT.0 {
            return Err(Reason::RevisionExhausted);
        }
        Ok(Self(self.0 + 1))
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

#[cfg(test)]
mod tests;
