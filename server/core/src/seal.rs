//! The end of a tenure: every session that ends is sealed here, once.

use std::sync::Arc;

use smallvec::smallvec;

use crate::change::Change;
use crate::gate::attention_anchor;
use crate::handoff::ActionState;
use crate::ledger::{EndCause, LedgerEntry, NextHolder, Prior};
use crate::name::{ActorId, Principal};
use crate::session::{Revision, Session};
use crate::surroundings::Surroundings;
use crate::time::Moment;
use crate::transition::{Transited, Transition, transit};
use crate::workspace::Workspace;

/// How a session ends: everything of its sealed record that the session itself does not say.
pub(crate) struct Ending<'a> {
    pub cause: EndCause,
    pub at: Moment,
    pub revision: Revision,
    pub by: &'a Principal,
    pub by_actor: Option<&'a ActorId>,
    pub why: Option<Arc<str>>,
    pub successor: Option<&'a Session>,
}

/// The record of `session`, which ends.
pub(crate) fn seal(workspace: &Workspace, session: &Session, ending: Ending<'_>) -> LedgerEntry {
    let held = session.autonomous();
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
            Some(NextHolder { session_id: next.id.clone()?, actor: next.actor().cloned() })
        }),
        revision: ending.revision,
        start_count: session.start_count,
        beats: session.beats,
        last_activity: session.activity.clone(),
        instance: held.and_then(|held| held.instance.clone()),
        last_heartbeat_at: held.and_then(|held| held.renewal).map(|last| last.last_heartbeat_at),
        lease_ttl: session.ttl(),
        usage: workspace.around().progress.usage.clone(),
        focus: focus(workspace.around()),
    }
}

/// What the work is about: where attention belongs, else what the handoff says.
fn focus(around: &Surroundings) -> Option<Arc<str>> {
    if let Some(gate) = attention_anchor(&around.gates) {
        return Some(Arc::from(gate.name.as_str()));
    }
    let handoff = around.handoff.as_deref()?;
    if !handoff.title.is_empty() {
        return Some(Arc::clone(&handoff.title));
    }
    let open = handoff.actions.iter().find(|action| action.state == ActionState::Open)?;
    Some(Arc::clone(&open.text))
}

/// One session ends and the next one begins, at one revision.
pub(crate) fn handover(workspace: &Workspace, ended: &LedgerEntry, next: &Session) -> Transited {
    let prior = Prior { session_id: ended.session_id.clone(), cause: ended.cause };
    let own = smallvec![
        Change::Ended { entry: Box::new(ended.clone()) },
        Change::Minted { session: Box::new(next.clone()), prior: Some(prior) },
    ];
    transit(workspace, Transition::ending(ended.cause), own)
}

#[cfg(test)]
mod tests;
