//! Takeover: another takes a stale autonomous session over, in one guarded step.

use crate::command::{RequestedSuccessor, TakeOver};
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::ledger::EndCause;
use crate::mint::{Minting, mint};
use crate::refusal::Reason;
use crate::reply::{Reply, SessionView, TakenOver};
use crate::seal::{Ending, handover, seal};
use crate::session::{Session, Successor};
use crate::time::Span;
use crate::transition::Transited;
use crate::workspace::Workspace;

/// `claim_within` is given for a waiter, whose session has to be claimed.
pub(crate) fn take_over(
    workspace: &Workspace,
    request: &TakeOver,
    claim_within: Option<Span>,
    context: &Context,
) -> Decided {
    let stored = workspace.tenure.session.as_ref().ok_or(Reason::NoSession)?;
    let held = stored.autonomous().ok_or(Reason::NotAutonomous)?;
    if !workspace.tenure.is_stale(&context.clock) {
        return Err(Reason::LeaseNotStale);
    }
    if let RequestedSuccessor::Autonomous { actor, .. } = &request.successor
        && held.actor.as_ref() == Some(actor)
    {
        return Err(Reason::TakeoverSameActor);
    }
    if stored.id.is_none() {
        return Err(Reason::LeaseIncomplete);
    }
    let successor = inherit(&request.successor, stored)?;
    if context.machine_cordoned {
        return Err(Reason::MachineCordoned);
    }
    let revision = workspace.next_revision(context.revision_floor)?;
    let now = context.clock.now;
    let minting = Minting {
        id: Some(&context.new_session_id),
        holder: successor.holder(now),
        mode: stored.mode,
        principal: &context.principal,
        machine: request.machine.as_ref(),
        claim_within,
    };
    let session = mint(minting, revision, now);
    let ending = Ending {
        cause: EndCause::TakenOver,
        at: now,
        revision,
        by: &context.principal,
        by_actor: successor.actor(),
        why: Some(request.reason.clone()),
        successor: Some(&session),
    };
    let prior = seal(workspace, stored, ending);
    let Transited { changes, found } = handover(workspace, &prior, &session);
    let session = SessionView::minted(workspace, session, &context.clock);
    Ok(Decision { changes, reply: Reply::TakenOver(Box::new(TakenOver { session, prior, found })) })
}

/// Fills in what a successor did not ask for from the session that it follows.
pub(crate) fn inherit(
    requested: &RequestedSuccessor,
    prior: &Session,
) -> Result<Successor, Reason> {
    match requested {
        RequestedSuccessor::Interactive => Ok(Successor::Interactive),
        RequestedSuccessor::Autonomous { actor, ttl, supervisor, instance } => {
            Ok(Successor::Autonomous {
                actor: actor.clone(),
                ttl: ttl.or_else(|| prior.ttl()).ok_or(Reason::LeaseIncomplete)?,
                supervisor: supervisor.clone().or_else(|| prior.supervisor().cloned()),
                instance: instance.clone(),
            })
        }
    }
}

#[cfg(test)]
mod tests;
