//! Takeovers of stale sessions.

use tenure::v1;
use tenure_core::command::{Command, TakeOver};
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::reply::TakenOver;

use super::session::{self, activity, owner};
use super::text::reason;
use super::violation::{Parsed, Violations};
use super::{holder, machine, once, transfer, work};

/// A takeover.
///
/// # Errors
/// Every violation.
pub fn parse(
    mut request: v1::TakeOverSessionRequest,
    bounds: &LeaseBounds,
) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        &mut violations,
    );
    let successor = request.successor.map(Into::into);
    let successor = holder::requested_successor(successor, bounds, &mut violations);
    let reason = reason(&request.reason, &mut violations);
    let machine = machine::requested(request.machine, &mut violations);
    match (key, successor, reason) {
        (Some(key), Some(successor), Some(reason)) if violations.is_empty() => {
            let command = Command::TakeOver(TakeOver { successor, reason, machine, expected });
            Ok(Parsed { key, command, once })
        }
        _ => Err(violations),
    }
}

/// The answer of a takeover.
#[must_use]
pub fn taken_over(taken: &TakenOver, replayed: bool, clock: &Clock) -> v1::TakeOverSessionResponse {
    let (view, prior) = (&taken.session, &taken.prior);
    v1::TakeOverSessionResponse {
        session: Some(session::shown(view, clock)),
        timing: session::timing(view, clock),
        reason: prior.why.as_ref().map_or_else(String::new, ToString::to_string),
        prior_session_id: prior
            .session_id
            .as_ref()
            .map_or_else(String::new, |id| id.as_str().to_owned()),
        prior_actor_id: owner(prior.lifecycle, prior.actor.as_ref()),
        prior_activity: prior.last_activity.as_ref().map(activity),
        checkpoint: taken.found.checkpoint.as_deref().map(work::checkpoint),
        handoff: taken.found.handoff.as_deref().map(work::handoff),
        directives: Some(transfer::directives(view.transfer.as_ref(), &taken.found.signals, clock)),
        replayed,
    }
}
