//! Start: fresh, refresh or superseding, by the table of semantics.md.

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::{RequestedHolder, RequestedLease, Start};
use crate::context::Context;
use crate::decide::{Decided, Decision, Ending, seal};
use crate::ledger::EndCause;
use crate::name::ActorId;
use crate::refusal::Reason;
use crate::reply::{Reply, SessionView, Started, Warning};
use crate::session::{Autonomous, FencingToken, Holder, Renewal, Session};
use crate::workspace::Workspace;

pub(crate) fn start(workspace: &Workspace, request: &Start, context: &Context) -> Decided {
    let Some(stored) = &workspace.tenure.session else {
        return fresh(workspace, request, None, context);
    };
    let stale = workspace.tenure.is_stale(&context.clock);
    match (&stored.holder, &request.holder) {
        (Holder::Interactive, _) if stale => {
            fresh(workspace, request, Some((stored, EndCause::Replaced)), context)
        }
        (Holder::Interactive, RequestedHolder::Interactive) => {
            Ok(refresh(workspace, stored, request, context))
        }
        (Holder::Interactive, RequestedHolder::Autonomous(_)) => {
            Err(Reason::InteractiveSessionActive)
        }
        (Holder::Autonomous(_), RequestedHolder::Interactive) => Err(if stale {
            Reason::StaleAutonomousSession
        } else {
            Reason::AutonomousSessionActive
        }),
        (Holder::Autonomous(_), RequestedHolder::Autonomous(lease))
            if !stored.is_owned_by(&lease.actor) =>
        {
            Err(if stale { Reason::StaleLeaseHeld } else { Reason::LeaseHeld })
        }
        (Holder::Autonomous(_), RequestedHolder::Autonomous(_)) if stale => {
            fresh(workspace, request, Some((stored, EndCause::Replaced)), context)
        }
        (Holder::Autonomous(held), RequestedHolder::Autonomous(lease)) => {
            if !is_other_process(held, lease) {
                Ok(refresh(workspace, stored, request, context))
            } else if request.supersede && workspace.tenure.transfer.is_none() {
                fresh(workspace, request, Some((stored, EndCause::Superseded)), context)
            } else {
                Err(Reason::LeaseHeld)
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
    context: &Context,
) -> Decided {
    if context.machine_cordoned {
        return Err(Reason::MachineCordoned);
    }
    let revision = workspace.next_revision(context.revision_floor);
    let session = Session {
        id: Some(context.new_session_id.clone()),
        holder: fresh_holder(request, prior.map(|(session, _)| session), context),
        mode: request.mode.unwrap_or_default(),
        token: FencingToken(revision.0),
        started_at: context.clock.now,
        last_started_at: context.clock.now,
        start_count: 1,
        principal: context.principal.clone(),
        machine: request.machine.clone(),
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
    };
    let mut changes = Changes::new();
    let mut warnings = Vec::new();
    let predecessor = prior.map(|(stored, cause)| {
        if stored.id.is_none() {
            warnings.push(Warning::LegacySessionReplaced);
        }
        let ending = Ending {
            cause,
            at: context.clock.now,
            revision,
            by: &context.principal,
            by_actor: requested_actor(request),
            why: None,
            successor: Some(&session),
        };
        seal(workspace, stored, ending)
    });
    if let Some(entry) = &predecessor {
        changes.push(Change::Ended { entry: Box::new(entry.clone()) });
    }
    changes.push(Change::Minted { session: Box::new(session.clone()) });
    let session = SessionView::new(workspace.key.clone(), revision, session, None, &context.clock);
    let reply = Reply::Started(Box::new(Started { session, reset: true, warnings, predecessor }));
    Ok(Decision { changes, reply })
}

fn requested_actor(request: &Start) -> Option<&ActorId> {
    match &request.holder {
        RequestedHolder::Interactive => None,
        RequestedHolder::Autonomous(lease) => Some(&lease.actor),
    }
}

fn fresh_holder(request: &Start, prior: Option<&Session>, context: &Context) -> Holder {
    match &request.holder {
        RequestedHolder::Interactive => Holder::Interactive,
        RequestedHolder::Autonomous(lease) => Holder::Autonomous(Autonomous {
            actor: Some(lease.actor.clone()),
            kind: lease.kind,
            supervisor: lease.supervisor.clone().or_else(|| prior?.supervisor().cloned()),
            instance: lease.instance.clone(),
            ttl: Some(lease.ttl),
            renewal: Some(Renewal {
                last_heartbeat_at: context.clock.now.wall,
                expires_at: context.clock.now.lease.after(lease.ttl),
            }),
        }),
    }
}

/// Starts the stored session again, for the owner that it has.
fn refresh(
    workspace: &Workspace,
    stored: &Session,
    request: &Start,
    context: &Context,
) -> Decision {
    let holder = match (&stored.holder, &request.holder) {
        (Holder::Autonomous(held), RequestedHolder::Autonomous(lease)) => {
            let expires_at = context.clock.now.lease.after(lease.ttl);
            Holder::Autonomous(Autonomous {
                actor: held.actor.clone(),
                kind: lease.kind,
                supervisor: lease.supervisor.clone().or_else(|| held.supervisor.clone()),
                instance: lease.instance.clone().or_else(|| held.instance.clone()),
                ttl: Some(lease.ttl),
                renewal: Some(Renewal {
                    last_heartbeat_at: context.clock.now.wall,
                    // A shorter lease takes effect from the next beat on: within a tenure the
                    // expiry never moves back.
                    expires_at: held.renewal.map_or(expires_at, |r| r.expires_at.max(expires_at)),
                }),
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
        activity: if is_person { None } else { stored.activity.clone() },
        ..stored.clone()
    };
    let other = (stored.principal != context.principal).then(|| stored.principal.clone());
    let warnings = vec![Warning::SessionRefreshed { other_principal: other }];
    let revision = workspace.next_revision(context.revision_floor);
    let changes = smallvec![Change::Refreshed { revision, session: Box::new(session.clone()) }];
    let transfer = workspace.tenure.transfer.clone();
    let session =
        SessionView::new(workspace.key.clone(), revision, session, transfer, &context.clock);
    let started = Started { session, reset: false, warnings, predecessor: None };
    Decision { changes, reply: Reply::Started(Box::new(started)) }
}
