//! Escalations: open questions that somebody else must answer. A blocking one asks the holder
//! to wait; its lease goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::smallvec;

use crate::change::Change;
use crate::command::{RaiseEscalation, ResolveEscalation};
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::name::{ActorId, EscalationId, Principal, SessionId};
use crate::refusal::{Quota, Reason};
use crate::reply::{EscalationResolved, Reply};
use crate::time::WallTime;
use crate::workspace::Workspace;

/// The most open escalations of a workspace.
pub const ESCALATIONS_MAX: usize = 100;

/// Whether an escalation asks the holder to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationKind {
    /// The holder is told to wait while it is open.
    Blocking,
    /// It is shown, and asks nothing of the holder.
    NonBlocking,
}

/// An open escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Its id.
    pub id: EscalationId,
    /// Whether it asks the holder to wait.
    pub kind: EscalationKind,
    /// What is asked, 1 to 500 characters.
    pub reason: Arc<str>,
    /// When it was raised.
    pub raised_at: WallTime,
    /// The actor who raised it, if one was named.
    pub actor: Option<ActorId>,
    /// The principal who raised it.
    pub principal: Principal,
    /// The session that was stored then, if one was and it had an id.
    pub session_id: Option<SessionId>,
}

/// What the open blocking escalations come to: all that a beat has to tell of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocking {
    /// How many are open; at least 1.
    pub count: u32,
    /// The oldest of them.
    pub oldest: EscalationId,
    /// The reason of that one.
    pub reason: Arc<str>,
}

impl Blocking {
    /// The blocking ones among `open`, which has the oldest first; absent without any.
    #[must_use]
    pub fn among(open: &[Escalation]) -> Option<Self> {
        let mut blocking = open.iter().filter(|each| each.kind == EscalationKind::Blocking);
        let oldest = blocking.next()?;
        let count = u32::try_from(blocking.count()).unwrap_or(u32::MAX).saturating_add(1);
        Some(Self { count, oldest: oldest.id.clone(), reason: Arc::clone(&oldest.reason) })
    }
}

pub(crate) fn raise(
    workspace: &Workspace,
    request: &RaiseEscalation,
    context: &Context,
) -> Decided {
    if workspace.around().escalations.len() >= ESCALATIONS_MAX {
        return Err(Reason::QuotaExceeded(Quota::Escalations));
    }
    let escalation = Escalation {
        id: context.new_escalation_id.clone(),
        kind: request.kind,
        reason: Arc::clone(&request.reason),
        raised_at: context.clock.now.wall,
        actor: request.actor.clone(),
        principal: context.principal.clone(),
        session_id: workspace.session_id().cloned(),
    };
    let reply = Reply::EscalationRaised(Box::new(escalation.clone()));
    let change = Change::EscalationRaised { escalation: Box::new(escalation) };
    Ok(Decision { changes: smallvec![change], reply })
}

pub(crate) fn resolve(workspace: &Workspace, request: &ResolveEscalation) -> Decided {
    let open = &workspace.around().escalations;
    let escalation =
        open.iter().find(|open| open.id == request.id).ok_or(Reason::NoSuchEscalation)?;
    let left = open
        .iter()
        .filter(|other| other.kind == EscalationKind::Blocking && other.id != escalation.id);
    let resolved = EscalationResolved {
        escalation: escalation.clone(),
        blocking: u32::try_from(left.count()).unwrap_or(u32::MAX),
    };
    let change = Change::EscalationResolved {
        escalation: Box::new(escalation.clone()),
        why: request.reason.clone(),
    };
    let reply = Reply::EscalationResolved(Box::new(resolved));
    Ok(Decision { changes: smallvec![change], reply })
}

#[cfg(test)]
mod tests;
