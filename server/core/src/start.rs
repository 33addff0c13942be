//! Start: fresh, refresh or superseding, by the table of semantics.md.

use smallvec::smallvec;

use crate::change::Change;
use crate::command::{RequestedHolder, RequestedLease, Start};
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::ledger::EndCause;
use crate::mint::{Minting, mint};
use crate::name::ActorId;
use crate::refusal::Reason;
use crate::reply::{Reply, SessionView, Started, Warning};
use crate::seal::{Ending, handover, seal};
use crate::session::{Autonomous, Holder, Renewal, Session};
use crate::time::{Moment, Span};
use crate::transition::{Transited, Transition, transit};
use crate::workspace::Workspace;

/// `claim_within` is given for a waiter, whose new session has to be claimed.
pub(crate) fn start(
    workspace: &Workspace,
    request: &Start,
    claim_within: Option<Span>,
    context: &Context,
) -> Decided {
    let fresh = |prior| fresh(workspace, request, prior, claim_within, context);
    let Some(stored) = &workspace.tenure.session else {
        return fresh(None);
    };
    let stale = workspace.tenure.is_stale(&context.clock);
    match meet(stored, stale, workspace.tenure.transfer.is_some(), request) {
        Meeting::Replaces => fresh(Some((stored, EndCause::Replaced))),
        Meeting::Supersedes => fresh(Some((stored, EndCause::Superseded))),
        Meeting::Refreshes => refresh(workspace, stored, request, context),
        Meeting::Refused(reason) => Err(reason),
    }
}

/// What a start comes to that meets a stored session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// It replaces a stale one.
    Replaces,
    /// It takes the place of another process of the same actor.
    Supersedes,
    /// It is the owner's, who starts again.
    Refreshes,
    /// The session is in its way.
    Refused(Reason),
}

/// The table of semantics.md, row by row, where something is stored.
pub(crate) fn meet(stored: &Session, stale: bool, transfer: bool, request: &Start) -> Meeting {
    match (&stored.holder, &request.holder) {
        (Holder::Interactive, _) if stale => Meeting::Replaces,
        (Holder::Interactive, RequestedHolder::Interactive) => Meeting::Refreshes,
        (Holder::Interactive, RequestedHolder::Autonomous(_)) => {
            Meeting::Refused(Reason::InteractiveSessionActive)
        }
        (Holder::Autonomous(_), RequestedHolder::Interactive) => Meeting::Refused(if stale {
            Reason::StaleAutonomousSession
        } else {
            Reason::AutonomousSessionActive
        }),
        (Holder::Autonomous(_), RequestedHolder::Autonomous(lease))
            if !stored.is_owned_by(&lease.actor) =>
        {
            Meeting::Refused(if stale { Reason::StaleLeaseHeld } else { Reason::LeaseHeld })
        }
        (Holder::Autonomous(_), RequestedHolder::Autonomous(_)) if stale => Meeting::Replaces,
        (Holder::Autonomous(held), RequestedHolder::Autonomous(lease)) => {
            if !is_other_process(held, lease) {
                Meeting::Refreshes
            } else if request.supersede && !transfer {
                Meeting::Supersedes
            } else {
                Meeting::Refused(Reason::LeaseHeld)
            }
        }
    }
}

/// Two processes of one actor can be told apart only if both name their instance.
fn is_other_process(held: &Autonomous, requested: &RequestedLease) -> bool {
    matches!((&held.instance, &requested.instance), (Some(held), Some(other)) if held != other)
}

/// Mints a session, ending the one that is stored with the given cause.
fn fresh(
    workspace: &Workspace,
    request: &Start,
    prior: Option<(&Session, EndCause)>,
    claim_within: Option<Span>,
    context: &Context,
) -> Decided {
    if context.machine_cordoned {
        return Err(Reason::MachineCordoned);
    }
    let revision = workspace.next_revision(context.revision_floor)?;
    let now = context.clock.now;
    let minting = Minting {
        id: Some(&context.new_session_id),
        holder: fresh_holder(request, prior.map(|(session, _)| session), now),
        mode: request.mode.unwrap_or_default(),
        principal: &context.principal,
        machine: request.machine.as_ref(),
        claim_within,
    };
    let session = mint(minting, revision, now);
    let predecessor = prior.map(|(stored, cause)| {
        let ending = Ending {
            cause,
            at: now,
            revision,
            by: &context.principal,
            by_actor: requested_actor(request),
            why: None,
            successor: Some(&session),
        };
        seal(workspace, stored, ending)
    });
    let Transited { changes, found } = match &predecessor {
        Some(ended) => handover(workspace, ended, &session),
        None => {
            let minted = Change::Minted { session: Box::new(session.clone()), prior: None };
            transit(workspace, Transition::FirstStart, smallvec![minted])
        }
    };
    let warnings = match prior {
        Some((stored, _)) if is_legacy(stored) => vec![Warning::LegacySessionReplaced],
        _ => Vec::new(),
    };
    let session = SessionView::minted(workspace, session, &context.clock);
    let started = Started { session, reset: true, warnings, predecessor, found };
    Ok(Decision { changes, reply: Reply::Started(Box::new(started)) })
}

/// A person's record of an older installation. A program's is an ordinary stale session.
fn is_legacy(stored: &Session) -> bool {
    stored.id.is_none() && stored.autonomous().is_none()
}

fn requested_actor(request: &Start) -> Option<&ActorId> {
    match &request.holder {
        RequestedHolder::Interactive => None,
        RequestedHolder::Autonomous(lease) => Some(&lease.actor),
    }
}

fn fresh_holder(request: &Start, prior: Option<&Session>, now: Moment) -> Holder {
    match &request.holder {
        RequestedHolder::Interactive => Holder::Interactive,
        RequestedHolder::Autonomous(lease) => Holder::Autonomous(Autonomous {
            actor: Some(lease.actor.clone()),
            kind: lease.kind,
            supervisor: lease.supervisor.clone().or_else(|| prior?.supervisor().cloned()),
            instance: lease.instance.clone(),
            ttl: Some(lease.ttl),
            renewal: Some(Renewal::new(now, lease.ttl, None)),
        }),
    }
}

/// Starts the stored session again, for the owner that it has.
fn refresh(workspace: &Workspace, stored: &Session, request: &Start, context: &Context) -> Decided {
    let revision = workspace.next_revision(context.revision_floor)?;
    let holder = match (&stored.holder, &request.holder) {
        (Holder::Autonomous(held), RequestedHolder::Autonomous(lease)) => {
            Holder::Autonomous(Autonomous {
                actor: held.actor.clone(),
                kind: lease.kind,
                supervisor: lease.supervisor.clone().or_else(|| held.supervisor.clone()),
                instance: lease.instance.clone().or_else(|| held.instance.clone()),
                ttl: Some(lease.ttl),
                renewal: Some(Renewal::new(context.clock.now, lease.ttl, held.renewal)),
            })
        }
        (holder, _) => holder.clone(),
    };
    let is_person = matches!(holder, Holder::Interactive);
    let session = Session {
        holder,
        mode: request.mode.unwrap_or(stored.mode),
        last_started_at: context.clock.now,
        start_count: stored.start_count.saturating_add(1),
        principal: context.principal.clone(),
        machine: request.machine.clone().or_else(|| stored.machine.clone()),
        activity: stored.activity.clone().filter(|_| !is_person),
        stalls_at: stored.stalls_at.filter(|_| !is_person),
        stalled: stored.stalled && !is_person,
        unclaimed: false,
        ..stored.clone()
    };
    let transition =
        if is_person { Transition::RefreshByPerson } else { Transition::RefreshByProgram };
    let other = (stored.principal != context.principal).then(|| stored.principal.clone());
    let warnings = vec![Warning::SessionRefreshed { other_principal: other }];
    let own = smallvec![Change::Refreshed { revision, session: Box::new(session.clone()) }];
    let Transited { changes, found } = transit(workspace, transition, own);
    let transfer = workspace.tenure.transfer.clone();
    let session =
        SessionView::new(workspace.key.clone(), revision, session, transfer, &context.clock);
    let started = Started { session, reset: false, warnings, predecessor: None, found };
    Ok(Decision { changes, reply: Reply::Started(Box::new(started)) })
}

#[cfg(test)]
mod tests;
