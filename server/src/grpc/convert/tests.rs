//! Requests as broken and hostile callers may send them, against every converter of commands.

use tenure::v1;
use tenure_core::context::LeaseBounds;

use super::violation::{Parsed, Violations};

mod answers;
mod hostile;
mod requests;

/// The fields that are refused; empty if none is.
fn refused(parsed: Result<Parsed, Violations>) -> Vec<&'static str> {
    match parsed {
        Ok(_) => Vec::new(),
        Err(violations) => violations.iter().map(|v| v.field).collect(),
    }
}

/// The paths that are refused; empty if none is.
pub fn paths(parsed: Result<Parsed, Violations>) -> Vec<String> {
    match parsed {
        Err(violations) => {
            violations.iter().map(|violation| violation.path().into_owned()).collect()
        }
        Ok(_) => Vec::new(),
    }
}

fn bounds() -> LeaseBounds {
    LeaseBounds::default()
}

fn program(actor: &str, seconds: i64) -> v1::AutonomousHolder {
    v1::AutonomousHolder {
        actor_id: actor.to_owned(),
        lease_ttl: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..v1::AutonomousHolder::default()
    }
}

fn start(holder: Option<v1::start_session_request::Holder>) -> v1::StartSessionRequest {
    v1::StartSessionRequest {
        workspace: "acme/api".to_owned(),
        holder,
        ..v1::StartSessionRequest::default()
    }
}
