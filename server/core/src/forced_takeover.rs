//! Forced takeover: an operator installs a named successor, at once or after a grace.

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::{CancelTransfer, ForceTakeOver};
use crate::context::{Clock, Context};
use crate::decide::{Decided, Decision};
use crate::expiry::effective_expiry;
use crate::ledger::{EndCause, LedgerEntry};
use crate::mint::{Minting, mint};
use crate::name::ActorId;
use crate::refusal::Reason;
use crate::reply::{Forced, ForcedOutcome, Reply, SessionView, TransferCancelled};
use crate::seal::{Ending, handover, seal};
use crate::session::{Revision, Session, Transfer};
use crate::surroundings::Found;
use crate::takeover::inherit;
use crate::time::{LeaseInstant, Moment, Span};
use crate::transition::Transited;
use crate::workspace::Workspace;

pub(crate) fn force(workspace: &Workspace, request: &ForceTakeOver, context: &Context) -> Decided {
    let stored = workspace.tenure.session.as_ref().ok_or(Reason::NoSession)?;
    let clock = &context.clock;
    let successor = inherit(&request.successor, stored)?;
    if context.machine_cordoned {
        return Err(Reason::MachineCordoned);
    }
    let revision = workspace.next_revision(context.revision_floor)?;
    let transfer = Transfer {
        successor,
        successor_session_id: context.new_session_id.clone(),
        reason: request.reason.clone(),
        principal: context.principal.clone(),
        revision,
        scheduled_at: clock.now,
        deadline: clock.now.lease.after(request.grace),
        machine: request.machine.clone(),
    };
    let prior = SessionView::of(workspace, clock).ok_or(Reason::NoSession)?;
    let promised_until = promised_until(stored, prior.stale, clock);
    let at_once = request.grace == Span::ZERO || prior.stale;
    let (changes, outcome, may_act_until) = if at_once {
        let ending = AsOf { at: clock.now, by_actor: None };
        let done = carry_out(workspace, stored, &transfer, &ending, clock)?;
        let view = SessionView::minted(workspace, done.next, clock);
        (done.changes, ForcedOutcome::Installed(Box::new(view)), promised_until)
    } else {
        // Beats renew up to the deadline, so the holder may act at least until then.
        let until = promised_until.map(|expiry| expiry.max(transfer.deadline));
        let scheduled = Change::TransferScheduled { transfer: Box::new(transfer.clone()) };
        (smallvec![scheduled], ForcedOutcome::Scheduled(Box::new(transfer)), until)
    };
    let replaced = workspace.tenure.transfer.as_ref().map(|_| Change::TransferCancelled {
        revision,
        replaced: true,
        why: Some(request.reason.clone()),
    });
    let changes = if request.dry_run {
        Changes::new()
    } else {
        replaced.into_iter().chain(changes).collect()
    };
    let reply = Reply::Forced(Box::new(Forced {
        dry_run: request.dry_run,
        prior,
        prior_holder_may_act_until: may_act_until,
        outcome,
        // A succession leaves all of it as it is.
        found: Found::of(workspace),
    }));
    Ok(Decision { changes, reply })
}

/// Until when the holder may believe in its lease: absent if it is stale, for it has stopped,
/// and for a person, who holds none. A transfer that is pending already does not shorten what
/// the holder was promised before that was scheduled.
fn promised_until(session: &Session, stale: bool, clock: &Clock) -> Option<LeaseInstant> {
    (!stale && session.autonomous().is_some())
        .then(|| effective_expiry(session, None, clock.boot_mark))
}

pub(crate) fn cancel(
    workspace: &Workspace,
    request: &CancelTransfer,
    context: &Context,
) -> Decided {
    let tenure = &workspace.tenure;
    let (Some(session), Some(cancelled)) = (tenure.session.clone(), tenure.transfer.clone()) else {
        return Err(Reason::NoTransfer);
    };
    let revision = workspace.next_revision(context.revision_floor)?;
    let session = SessionView::new(workspace.key.clone(), revision, session, None, &context.clock);
    let reply = Reply::TransferCancelled(Box::new(TransferCancelled { session, cancelled }));
    let change =
        Change::TransferCancelled { revision, replaced: false, why: request.reason.clone() };
    Ok(Decision { changes: smallvec![change], reply })
}

/// When a session that is handed over ended, and which actor gave it up, if one did.
pub(crate) struct AsOf<'a> {
    pub at: Moment,
    pub by_actor: Option<&'a ActorId>,
}

/// Completes a transfer that has come due: the prior tenure ends as of its effective expiry,
/// the successor's lease runs from now.
pub(crate) fn complete(
    workspace: &Workspace,
    session: &Session,
    transfer: &Transfer,
    expired_at: LeaseInstant,
    clock: &Clock,
) -> Result<Changes, Reason> {
    let at = Moment { lease: expired_at, wall: clock.now.wall_at(expired_at) };
    let ended = AsOf { at, by_actor: None };
    carry_out(workspace, session, transfer, &ended, clock).map(|done| done.changes)
}

/// What handing over to a successor comes to.
pub(crate) struct CarriedOut {
    pub changes: Changes,
    pub entry: LedgerEntry,
    pub next: Session,
}

/// Hands the workspace over to the successor of `transfer`.
pub(crate) fn carry_out(
    workspace: &Workspace,
    session: &Session,
    transfer: &Transfer,
    ended: &AsOf<'_>,
    clock: &Clock,
) -> Result<CarriedOut, Reason> {
    // A session is stored, so the workspace has a revision and the floor does not matter.
    let revision = workspace.next_revision(Revision::default())?;
    let minting = Minting {
        id: Some(&transfer.successor_session_id),
        holder: transfer.successor.holder(clock.now),
        mode: session.mode,
        principal: &transfer.principal,
        machine: transfer.machine.as_ref(),
        claim_within: None,
    };
    let next = mint(minting, revision, clock.now);
    let ending = Ending {
        cause: EndCause::ForceTakenOver,
        at: ended.at,
        revision,
        by: &transfer.principal,
        by_actor: ended.by_actor,
        why: Some(transfer.reason.clone()),
        successor: Some(&next),
    };
    let entry = seal(workspace, session, ending);
    let Transited { changes, .. } = handover(workspace, &entry, &next);
    Ok(CarriedOut { changes, entry, next })
}

#[cfg(test)]
mod tests;
