//! Heartbeat: renews a live lease for its owner, and says what the owner is doing. A plain one
//! allocates nothing.

use std::sync::Arc;

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::{Heartbeat, Join};
use crate::context::{ACTIVITY_EVENT_EVERY, Context};
use crate::decide::{Decided, Decision};
use crate::expiry::with_boot_grace;
use crate::name::{ActorId, SessionId};
use crate::refusal::Reason;
use crate::reply::{Beat, Joined, Reply, SessionView};
use crate::report::{checkpoint, report};
use crate::session::{Activity, Autonomous, Renewal, Session, Transfer};
use crate::time::{LeaseInstant, Span};
use crate::workspace::Workspace;

pub(crate) fn beat(workspace: &Workspace, request: &Heartbeat, context: &Context) -> Decided {
    let (session, held, ttl) =
        live_holder(workspace, &request.actor, request.session_id.as_ref(), context)?;
    let now = context.clock.now;
    let renewal = Renewal::new(now, ttl, held.renewal);
    let told = match &request.report {
        None => Changes::new(),
        Some(told) => report(workspace, session, told, context)?,
    };
    let revision = workspace.next_revision(context.revision_floor)?;
    let mut changes: Changes = smallvec![Change::Renewed { revision, renewal }];
    changes.extend(session.unclaimed.then_some(Change::Claimed));
    let activity = match &request.activity {
        None => session.activity.clone(),
        Some(text) => {
            let activity = Activity { text: Arc::clone(text), set_at: now.wall, revision };
            let logged_at = goes_to_the_log(session, text, context).then_some(now.lease);
            changes.push(Change::ActivitySet { activity: Box::new(activity.clone()), logged_at });
            Some(activity)
        }
    };
    changes.extend(told);
    changes.extend(checkpoint(session, request, revision, context));
    let transfer = workspace.tenure.transfer.as_ref();
    let reply = Reply::Beat(Beat {
        // Counting one more owner of an id costs as much as all else that is decided here.
        session_id: if request.session_id.is_some() { None } else { session.id.clone() },
        token: session.token,
        revision,
        last_heartbeat_at: now.wall,
        effective_expiry: expiry_after(renewal, ttl, transfer, context),
        activity,
        transfer: transfer.cloned().map(Box::new),
        signals: workspace.tenure.signals.clone(),
    });
    Ok(Decision { changes, reply })
}

/// A join claims to be the holder and renews nothing; it is refused exactly as its beats
/// would be. Its answer leaves out boot grace: that is gone if the server dies again before a
/// beat, and a holder must not have counted on it.
pub(crate) fn join(workspace: &Workspace, request: &Join, context: &Context) -> Decided {
    live_holder(workspace, &request.actor, Some(&request.session_id), context)?;
    workspace.next_revision(context.revision_floor)?;
    let mut session = SessionView::of(workspace, &context.clock).ok_or(Reason::NoSession)?;
    let lasting = workspace.tenure.lasting_expiry().ok_or(Reason::NoSession)?;
    session.effective_expiry = session.effective_expiry.min(lasting);
    let signals = workspace.tenure.signals.clone();
    let joined = Joined { session, signals };
    Ok(Decision { changes: Changes::new(), reply: Reply::Joined(Box::new(joined)) })
}

fn live_holder<'a>(
    workspace: &'a Workspace,
    actor: &ActorId,
    session_id: Option<&SessionId>,
    context: &Context,
) -> Result<(&'a Session, &'a Autonomous, Span), Reason> {
    let session = workspace.tenure.session.as_ref().ok_or(Reason::NoSession)?;
    let held = session.autonomous().ok_or(Reason::NotAutonomous)?;
    if !session.is_owned_by(actor) {
        return Err(Reason::NotHolder);
    }
    if session_id.is_some() && session_id != session.id.as_ref() {
        return Err(Reason::SessionMismatch);
    }
    if workspace.tenure.is_stale(&context.clock) {
        return Err(Reason::LeaseExpired);
    }
    // A live session has a lease length; without one it is stale.
    let ttl = held.ttl.ok_or(Reason::LeaseExpired)?;
    Ok((session, held, ttl))
}

fn expiry_after(
    renewal: Renewal,
    ttl: Span,
    transfer: Option<&Transfer>,
    context: &Context,
) -> LeaseInstant {
    let own = with_boot_grace(renewal.expires_at, ttl, context.clock.boot_mark);
    transfer.map_or(own, |transfer| own.min(transfer.deadline))
}

/// A chatty owner must not flush the event log: one change a minute, and only real ones.
fn goes_to_the_log(session: &Session, text: &str, context: &Context) -> bool {
    let changed = session.activity.as_ref().is_none_or(|last| &*last.text != text);
    let due = session
        .activity_logged_at
        .is_none_or(|last| context.clock.now.lease.since(last) >= ACTIVITY_EVENT_EVERY);
    changed && due
}

#[cfg(test)]
mod tests;
