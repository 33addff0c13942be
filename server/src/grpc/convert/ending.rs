//! Yield and clear: a session is given up, or removed with the work around it.

use tenure::v1;
use tenure_core::command::{Clear, Command, Yield};
use tenure_core::context::Clock;
use tenure_core::name::ActorId;
use tenure_core::reply::{Cleared, Yielded};

use super::session::{self, owner};
use super::text::optional_reason;
use super::violation::{Parsed, Violations};
use super::{choice, once};

/// A yield.
///
/// # Errors
/// Every violation.
pub fn parse_yield(mut request: v1::YieldSessionRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        &mut violations,
    );
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let reason = optional_reason(&request.reason, &mut violations);
    let (Some(key), true) = (key, violations.is_empty()) else {
        return Err(violations);
    };
    Ok(Parsed { key, command: Command::Yield(Yield { actor, reason, expected }), once })
}

/// A clear.
///
/// # Errors
/// Every violation.
pub fn parse_clear(mut request: v1::ClearSessionRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(
        request.expected_session_id.as_deref(),
        request.expected_revision,
        &mut violations,
    );
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let reason = optional_reason(&request.reason, &mut violations);
    let (Some(key), true) = (key, violations.is_empty()) else {
        return Err(violations);
    };
    Ok(Parsed { key, command: Command::Clear(Clear { actor, reason, expected }), once })
}

/// The answer of a yield.
#[must_use]
pub fn yielded(yielded: &Yielded, replayed: bool, clock: &Clock) -> v1::YieldSessionResponse {
    let ended = &yielded.ended;
    v1::YieldSessionResponse {
        ended_session_id: ended
            .session_id
            .as_ref()
            .map_or_else(String::new, |id| id.as_str().to_owned()),
        cause: choice::end_cause(ended.cause).into(),
        revision: ended.revision.0,
        successor: yielded.successor.as_ref().map(|view| session::shown(view, clock)),
        replayed,
    }
}

/// The answer of a clear.
#[must_use]
pub fn cleared(cleared: &Cleared, replayed: bool, clock: &Clock) -> v1::ClearSessionResponse {
    let mut response = v1::ClearSessionResponse {
        cleared: cleared.ended.is_some(),
        reason: cleared.reason.as_ref().map_or_else(String::new, ToString::to_string),
        successor: cleared.successor.as_ref().map(|view| session::shown(view, clock)),
        replayed,
        ..v1::ClearSessionResponse::default()
    };
    if let Some(ended) = &cleared.ended {
        let text = |id: Option<&str>| id.unwrap_or_default().to_owned();
        response.cleared_session_id = text(ended.session_id.as_ref().map(|id| id.as_str()));
        response.lifecycle = choice::lifecycle(ended.lifecycle).into();
        response.owner_kind = choice::owner_kind(ended.owner_kind).into();
        response.actor_id = owner(ended.lifecycle, ended.actor.as_ref());
        response.supervisor_id = text(ended.supervisor.as_ref().map(|actor| actor.as_str()));
        response.cleared_revision = Some(ended.revision.0);
    }
    response
}
