//! Takeover: another takes a stale autonomous session over, in one guarded step.

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::{RequestedSuccessor, TakeOver};
use crate::context::{Clock, Context};
use crate::decide::{Decided, Decision, Ending, seal};
use crate::ledger::{EndCause, LedgerEntry};
use crate::name::{Principal, SessionId};
use crate::refusal::Reason;
use crate::reply::{Reply, SessionView, TakenOver};
use crate::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, MachineRef, Renewal, Revision, Session,
    Successor,
};
use crate::workspace::Workspace;

pub(crate) fn take_over(workspace: &Workspace, request: &TakeOver, context: &Context) -> Decided {
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
    let revision = workspace.next_revision(context.revision_floor);
    let installation = Installation {
        successor: &successor,
        session_id: &context.new_session_id,
        principal: &context.principal,
        machine: request.machine.as_ref(),
    };
    let session = install(&installation, stored, revision, &context.clock);
    let ending = Ending {
        cause: EndCause::TakenOver,
        at: context.clock.now,
        revision,
        by: &context.principal,
        by_actor: successor.actor(),
        why: Some(request.reason.clone()),
        successor: Some(&session),
    };
    let prior = seal(workspace, stored, ending);
    let changes = handover(&prior, &session);
    let session = SessionView::new(workspace.key.clone(), revision, session, None, &context.clock);
    Ok(Decision { changes, reply: Reply::TakenOver(Box::new(TakenOver { session, prior })) })
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

/// Who takes over, and under which id.
pub(crate) struct Installation<'a> {
    pub successor: &'a Successor,
    pub session_id: &'a SessionId,
    pub principal: &'a Principal,
    pub machine: Option<&'a MachineRef>,
}

/// The session of a successor, whose lease runs from now.
pub(crate) fn install(
    installation: &Installation<'_>,
    prior: &Session,
    revision: Revision,
    clock: &Clock,
) -> Session {
    let holder = match installation.successor {
        Successor::Interactive => Holder::Interactive,
        Successor::Autonomous { actor, ttl, supervisor, instance } => {
            Holder::Autonomous(Autonomous {
                actor: Some(actor.clone()),
                kind: AutonomousKind::RuntimeWorker,
                supervisor: supervisor.clone(),
                instance: instance.clone(),
                ttl: Some(*ttl),
                renewal: Some(Renewal {
                    last_heartbeat_at: clock.now.wall,
                    expires_at: clock.now.lease.after(*ttl),
                }),
            })
        }
    };
    Session {
        id: Some(installation.session_id.clone()),
        holder,
        mode: prior.mode,
        token: FencingToken(revision.0),
        started_at: clock.now,
        last_started_at: clock.now,
        start_count: 1,
        principal: installation.principal.clone(),
        machine: installation.machine.cloned(),
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
    }
}

/// One session ends and the next one begins.
pub(crate) fn handover(ended: &LedgerEntry, next: &Session) -> Changes {
    smallvec![
        Change::Ended { entry: Box::new(ended.clone()) },
        Change::Minted { session: Box::new(next.clone()) },
    ]
}
