//! Repeats of a request: the stored answer is told again, but never a grant that has gone.

use crate::context::Context;
use crate::refusal::{Reason, Refusal};
use crate::reply::{Reply, SessionView};
use crate::workspace::Workspace;

/// The answer of a request that was carried out before. The expiry of what it granted is
/// brought up to the present, without boot grace: a repeat renews nothing, and the grace would
/// not outlive another crash.
///
/// # Errors
/// [`Reason::SessionMismatch`] if the granted session has ended, [`Reason::LeaseExpired`] if it
/// is stale, or lives by boot grace alone: its caller must not believe that it holds the
/// workspace.
pub fn replay(workspace: &Workspace, stored: &Reply, context: &Context) -> Result<Reply, Refusal> {
    let mut reply = stored.clone();
    let Some(granted) = reply.granted_mut() else {
        return Ok(reply);
    };
    let current = SessionView::of(workspace, &context.clock)
        .filter(|current| current.session.token == granted.session.token);
    let Some(current) = current else {
        let meant = granted.session.id.as_ref();
        return Err(Refusal::new(Reason::SessionMismatch, workspace, context).meaning(meant));
    };
    let lasting = workspace.tenure.lasting_expiry();
    let expiry = current.effective_expiry.min(lasting.unwrap_or(current.effective_expiry));
    if expiry <= context.clock.now.lease {
        return Err(Refusal::new(Reason::LeaseExpired, workspace, context));
    }
    granted.effective_expiry = expiry;
    granted.stale = false;
    Ok(reply)
}

#[cfg(test)]
mod tests;
