//! Starts, alone and in batches.

use tenure::v1;
use tenure_core::command::{Command, Start};
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::Key;
use tenure_core::reply::Started;

use super::session::{self, activity, owner};
use super::violation::{Parsed, Violations};
use super::{choice, holder, machine, once, transfer, work};

/// The most starts of one batch.
pub const BATCH_MAX_STARTS: usize = 1_000;

/// A start.
///
/// # Errors
/// Every violation.
pub fn parse(
    mut request: v1::StartSessionRequest,
    bounds: &LeaseBounds,
) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    match start(request, bounds, &mut violations) {
        Some((key, start)) if violations.is_empty() => {
            Ok(Parsed { key, command: Command::Start(start), once })
        }
        _ => Err(violations),
    }
}

/// What a start asks for, its id apart.
pub(super) fn start(
    request: v1::StartSessionRequest,
    bounds: &LeaseBounds,
    violations: &mut Violations,
) -> Option<(Key, Start)> {
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        violations,
    );
    let holder = holder::requested(request.holder.map(Into::into), bounds, violations);
    let mode = choice::requested_mode(request.mode, violations);
    let machine = machine::requested(request.machine, violations);
    let supersede = request.supersede;
    Some((key?, Start { holder: holder?, mode, supersede, machine, expected }))
}

/// The items of a batch, each still to be parsed on its own.
///
/// # Errors
/// The violation of having none, or too many.
pub fn batch(
    request: v1::BatchStartSessionsRequest,
) -> Result<Vec<v1::StartSessionRequest>, Violations> {
    if request.starts.is_empty() || request.starts.len() > BATCH_MAX_STARTS {
        return Err(Violations::one("starts", "must be 1 to 1,000"));
    }
    Ok(request.starts)
}

/// The answer of a start.
#[must_use]
pub fn started(started: &Started, replayed: bool, clock: &Clock) -> v1::StartSessionResponse {
    let view = &started.session;
    v1::StartSessionResponse {
        session: Some(session::shown(view, clock)),
        timing: session::timing(view, clock),
        reset: started.reset,
        warnings: started.warnings.iter().map(choice::warning).collect(),
        predecessor: started.predecessor.as_ref().map(predecessor),
        checkpoint: started.found.checkpoint.as_deref().map(work::checkpoint),
        handoff: started.found.handoff.as_deref().map(work::handoff),
        directives: Some(transfer::directives(
            view.transfer.as_ref(),
            &started.found.signals,
            clock,
        )),
        replayed,
    }
}

fn predecessor(entry: &LedgerEntry) -> v1::Predecessor {
    v1::Predecessor {
        session_id: entry.session_id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        actor_id: owner(entry.lifecycle, entry.actor.as_ref()),
        owner_kind: choice::owner_kind(entry.owner_kind).into(),
        activity: entry.last_activity.as_ref().map(activity),
        cause: choice::end_cause(entry.cause).into(),
    }
}
