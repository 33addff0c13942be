//! Forced takeovers, and their cancelling.

use tenure::v1;
use tenure_core::command::{CancelTransfer, Command, ForceTakeOver};
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::reply::{Forced, ForcedOutcome, SessionView, TransferCancelled};
use tenure_core::session::Transfer;

use super::session;
use super::text::{optional_reason, reason};
use super::time::{grace, lease_timestamp};
use super::violation::{Parsed, Violations};
use super::{holder, machine, once, transfer, work};

/// A forced takeover. It must say which session, or which revision, it means.
///
/// # Errors
/// Every violation.
pub fn parse(
    mut request: v1::ForceTakeOverSessionRequest,
    bounds: &LeaseBounds,
) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    if request.expected_session_id.is_none() && request.expected_revision.is_none() {
        violations.add(
            "expected_session_id",
            "must be given, or else expected_revision, so that nobody evicts a newcomer by accident",
        );
    }
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        &mut violations,
    );
    let successor = request.successor.map(Into::into);
    let successor = holder::requested_successor(successor, bounds, &mut violations);
    let reason = reason(&request.reason, &mut violations);
    let machine = machine::requested(request.machine, &mut violations);
    let grace = grace(request.grace.as_ref(), &mut violations);
    let dry_run = request.dry_run;
    match (key, successor, reason, grace) {
        (Some(key), Some(successor), Some(reason), Some(grace)) if violations.is_empty() => {
            let command = Command::ForceTakeOver(ForceTakeOver {
                successor,
                reason,
                grace,
                dry_run,
                machine,
                expected,
            });
            // The outcomes of dry runs are not kept.
            Ok(Parsed { key, command, once: once.filter(|_| !dry_run) })
        }
        _ => Err(violations),
    }
}

/// The cancelling of a pending transfer.
///
/// # Errors
/// Every violation.
pub fn parse_cancel(mut request: v1::CancelForcedTakeoverRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        &mut violations,
    );
    let reason = optional_reason(&request.reason, &mut violations);
    let (Some(key), true) = (key, violations.is_empty()) else {
        return Err(violations);
    };
    let command = Command::CancelTransfer(CancelTransfer { reason, expected });
    Ok(Parsed { key, command, once })
}

/// The answer of a forced takeover that was ordered for `reason`.
#[must_use]
pub fn forced(
    forced: &Forced,
    reason: String,
    replayed: bool,
    clock: &Clock,
) -> v1::ForceTakeOverSessionResponse {
    let prior = &forced.prior;
    let prior_id = prior.session.id.as_ref();
    let mut response = v1::ForceTakeOverSessionResponse {
        dry_run: forced.dry_run,
        prior_session: Some(session::shown(prior, clock)),
        replaced_transfer: prior
            .transfer
            .as_ref()
            .map(|replaced| transfer::pending(replaced, prior_id, clock)),
        prior_holder_may_act_until: forced
            .prior_holder_may_act_until
            .filter(|until| *until > clock.now.lease)
            .map(|until| lease_timestamp(until, clock)),
        reason,
        checkpoint: forced.found.checkpoint.as_deref().map(work::checkpoint),
        handoff: forced.found.handoff.as_deref().map(work::handoff),
        replayed,
        ..v1::ForceTakeOverSessionResponse::default()
    };
    match &forced.outcome {
        ForcedOutcome::Installed(view) => install(&mut response, view, forced.dry_run, clock),
        ForcedOutcome::Scheduled(scheduled) => {
            schedule(&mut response, scheduled, prior, forced.dry_run, clock);
        }
    }
    response
}

fn install(
    response: &mut v1::ForceTakeOverSessionResponse,
    view: &SessionView,
    dry_run: bool,
    clock: &Clock,
) {
    let mut shown = session::shown(view, clock);
    if dry_run {
        // The id was minted for this answer only, and will not exist.
        shown.session_id.clear();
    }
    response.set_outcome(v1::ForcedTakeoverOutcome::TakenOver);
    response.session = Some(shown);
    response.timing = session::timing(view, clock);
}

fn schedule(
    response: &mut v1::ForceTakeOverSessionResponse,
    scheduled: &Transfer,
    prior: &SessionView,
    dry_run: bool,
    clock: &Clock,
) {
    let mut shown = transfer::pending(scheduled, prior.session.id.as_ref(), clock);
    if dry_run {
        shown.successor_session_id.clear();
    }
    response.set_outcome(v1::ForcedTakeoverOutcome::Scheduled);
    response.pending_transfer = Some(shown);
}

/// The answer of a cancelled transfer.
#[must_use]
pub fn cancelled(
    cancelled: &TransferCancelled,
    replayed: bool,
    clock: &Clock,
) -> v1::CancelForcedTakeoverResponse {
    let view = &cancelled.session;
    let losing = view.session.id.as_ref();
    v1::CancelForcedTakeoverResponse {
        session: Some(session::shown(view, clock)),
        cancelled_transfer: Some(transfer::pending(&cancelled.cancelled, losing, clock)),
        replayed,
    }
}
