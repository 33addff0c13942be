//! Unary heartbeats.

use tenure::v1;
use tenure_core::command::{Command, Heartbeat};
use tenure_core::context::Clock;
use tenure_core::name::{ActorId, SessionId};
use tenure_core::reply::Beat;

use super::report;
use super::session::activity as shown_activity;
use super::text::activity;
use super::time::{lease_timing, timestamp};
use super::transfer::directives;
use super::violation::{Parsed, Violations};

/// A heartbeat.
///
/// # Errors
/// Every violation.
pub fn parse(request: &v1::HeartbeatRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let key = violations.key(&request.workspace, &request.profile);
    let actor = violations.required("actor_id", &request.actor_id, ActorId::parse);
    let session_id =
        violations.optional("session_id", request.session_id.as_deref(), SessionId::parse);
    let activity = activity(request.activity.as_deref(), &mut violations);
    let report = report::of_heartbeat(request, &mut violations);
    let (Some(key), Some(actor), true) = (key, actor, violations.is_empty()) else {
        return Err(violations);
    };
    let command = Command::Heartbeat(Heartbeat { actor, session_id, activity, report });
    Ok(Parsed { key, command, once: None })
}

/// The answer to `request`.
#[must_use]
pub fn renewed(beat: &Beat, request: v1::HeartbeatRequest, clock: &Clock) -> v1::HeartbeatResponse {
    let session_id = beat.session_id.as_ref().map(|id| id.as_str().to_owned());
    v1::HeartbeatResponse {
        session_id: session_id.or(request.session_id).unwrap_or_default(),
        actor_id: request.actor_id,
        revision: beat.revision.0,
        fencing_token: beat.token.0,
        last_heartbeat_at: Some(timestamp(beat.last_heartbeat_at)),
        activity: beat.activity.as_ref().map(shown_activity),
        directives: Some(directives(beat.transfer.as_deref(), &beat.signals, clock)),
        timing: Some(lease_timing(beat.effective_expiry, clock)),
    }
}
