//! Yield: the owner or supervisor gives the session up, to a pending successor or to nobody.

use std::sync::Arc;

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::Yield;
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::forced_takeover::{AsOf, carry_out};
use crate::ledger::{EndCause, LedgerEntry};
use crate::name::ActorId;
use crate::refusal::Reason;
use crate::reply::{Reply, SessionView, Yielded};
use crate::seal::{Ending, seal};
use crate::session::Session;
use crate::transition::{Transition, transit};
use crate::workspace::Workspace;

pub(crate) fn give_up(workspace: &Workspace, request: &Yield, context: &Context) -> Decided {
    let stored = workspace.tenure.session.as_ref().ok_or(Reason::NoSession)?;
    if stored.autonomous().is_some() {
        let actor = request.actor.as_ref().ok_or(Reason::ActorRequired)?;
        if !stored.answers_to(actor) {
            return Err(Reason::NotHolder);
        }
    }
    let why = request.reason.clone();
    let departure = Departure { cause: EndCause::Yielded, actor: request.actor.as_ref(), why };
    let (changes, ended, successor) = depart(workspace, stored, departure, context)?;
    let reply = Reply::Yielded(Box::new(Yielded { ended, successor }));
    Ok(Decision { changes, reply })
}

/// How a holder leaves of its own will.
pub(crate) struct Departure<'a> {
    pub cause: EndCause,
    pub actor: Option<&'a ActorId>,
    pub why: Option<Arc<str>>,
}

/// Ends the stored session: a pending transfer completes now, else the workspace is left free
/// with `departure`'s cause.
pub(crate) fn depart(
    workspace: &Workspace,
    stored: &Session,
    departure: Departure<'_>,
    context: &Context,
) -> Result<(Changes, LedgerEntry, Option<SessionView>), Reason> {
    let clock = &context.clock;
    if let Some(transfer) = &workspace.tenure.transfer {
        let ended = AsOf { at: clock.now, by_actor: departure.actor };
        let done = carry_out(workspace, stored, transfer, &ended, clock)?;
        let next = SessionView::minted(workspace, done.next, clock);
        return Ok((done.changes, done.entry, Some(next)));
    }
    let ending = Ending {
        cause: departure.cause,
        at: clock.now,
        revision: workspace.next_revision(context.revision_floor)?,
        by: &context.principal,
        by_actor: departure.actor,
        why: departure.why,
        successor: None,
    };
    let entry = seal(workspace, stored, ending);
    let own = smallvec![Change::Ended { entry: Box::new(entry.clone()) }];
    let transited = transit(workspace, Transition::ending(entry.cause), own);
    Ok((transited.changes, entry, None))
}

#[cfg(test)]
mod tests;
