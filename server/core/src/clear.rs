//! Clear: ends the session and the work that surrounds it. Without a session what is left of
//! the work is cleared all the same.

use crate::change::Changes;
use crate::command::Clear;
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::ledger::EndCause;
use crate::refusal::Reason;
use crate::reply::{Cleared, Reply};
use crate::transition::{Transition, transit};
use crate::workspace::Workspace;
use crate::r#yield::{Departure, depart};

pub(crate) fn clear(workspace: &Workspace, request: &Clear, context: &Context) -> Decided {
    let reason = request.reason.clone();
    let Some(stored) = &workspace.tenure.session else {
        let cleared = Cleared { ended: None, successor: None, reason };
        let changes = transit(workspace, Transition::Clear, Changes::new()).changes;
        return Ok(Decision { changes, reply: Reply::Cleared(Box::new(cleared)) });
    };
    if stored.autonomous().is_some() {
        let actor = request.actor.as_ref().ok_or(Reason::ActorRequired)?;
        if !stored.answers_to(actor) {
            return Err(Reason::NotAuthorizedToClear);
        }
    }
    let departure =
        Departure { cause: EndCause::Cleared, actor: request.actor.as_ref(), why: reason.clone() };
    let (changes, ended, successor) = depart(workspace, stored, departure, context)?;
    let cleared = Cleared { ended: Some(ended), successor, reason };
    Ok(Decision { changes, reply: Reply::Cleared(Box::new(cleared)) })
}

#[cfg(test)]
mod tests;
