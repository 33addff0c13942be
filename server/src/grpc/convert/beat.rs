//! Unary heartbeats. What a beat of a stream shares with them is here as well.

use tenure::v1;
use tenure_core::command::{Command, Heartbeat};
use tenure_core::context::Clock;
use tenure_core::name::{ActorId, SessionId};
use tenure_core::reply::Beat;

use super::session::activity as shown_activity;
use super::text::activity;
use super::time::{lease_timing, timestamp};
use super::transfer::directives;
use super::violation::{Parsed, Unfit, Violations};

/// A heartbeat. One that carries a checkpoint, client sections, usage, a work stream or the
/// gates' revision is refused as a whole: none of them can be kept yet, and to renew the lease
/// while dropping them in silence would cost a successor its checkpoint.
///
/// # Errors
/// [`Unfit::Invalid`] with every violation, else [`Unfit::NotYet`].
pub fn parse(request: &v1::HeartbeatRequest) -> Result<Parsed, Unfit> {
    let mut violations = Violations::default();
    let key = violations.key(&request.workspace, &request.profile);
    let actor = violations.required("actor_id", &request.actor_id, ActorId::parse);
    let session_id =
        violations.optional("session_id", request.session_id.as_deref(), SessionId::parse);
    let activity = activity(request.activity.as_deref(), &mut violations);
    let (Some(key), Some(actor), true) = (key, actor, violations.is_empty()) else {
        return Err(violations.into());
    };
    let not_yet = carried_too_early(&[
        ("work_stream", request.work_stream.is_some()),
        ("usage", request.usage.is_some()),
        ("gates_revision", request.gates_revision.is_some()),
        ("checkpoint", request.checkpoint.is_some()),
        ("client_sections", !request.client_sections.is_empty()),
    ]);
    if !not_yet.is_empty() {
        return Err(Unfit::NotYet(not_yet));
    }
    let command = Command::Heartbeat(Heartbeat { actor, session_id, activity, report: None });
    Ok(Parsed { key, command, once: None })
}

/// The fields of a stream's beat that this server cannot keep yet; empty if it can keep all.
#[must_use]
pub fn not_yet_kept(beat: &v1::Beat) -> Vec<&'static str> {
    carried_too_early(&[
        ("work_stream", beat.work_stream.is_some()),
        ("usage", beat.usage.is_some()),
        ("gates_revision", beat.gates_revision.is_some()),
    ])
}

fn carried_too_early(fields: &[(&'static str, bool)]) -> Vec<&'static str> {
    fields.iter().filter(|(_, carried)| *carried).map(|(field, _)| *field).collect()
}

/// The answer of a heartbeat that named `actor_id`.
#[must_use]
pub fn renewed(beat: &Beat, actor_id: String, clock: &Clock) -> v1::HeartbeatResponse {
    v1::HeartbeatResponse {
        session_id: beat.session_id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        actor_id,
        revision: beat.revision.0,
        fencing_token: beat.token.0,
        last_heartbeat_at: Some(timestamp(beat.last_heartbeat_at)),
        activity: beat.activity.as_ref().map(shown_activity),
        directives: Some(directives(beat.transfer.as_deref(), clock)),
        timing: Some(lease_timing(beat.effective_expiry, clock)),
    }
}
