//! Messages of a heartbeat stream, parsed. What is wrong with one join or beat concerns that
//! one; a message that is too large, or out of order, ends the stream.

use tenure::v1;
use tenure_core::name::{ActorId, Key, SessionId};
use tonic::Status;

use crate::engine::outbox::{Incoming, IncomingBeat, IncomingJoin};
use crate::grpc::convert::violation::Violations;
use crate::grpc::convert::{report, text};
use crate::grpc::status::Fault;

/// The most joins, beats or leaves of one message.
pub const MESSAGE_PARTS_MAX: usize = 1_000;

/// Parses a message.
pub fn parse(message: v1::StreamHeartbeatsRequest) -> Result<Incoming, Status> {
    let mut violations = Violations::default();
    for (field, count) in [
        ("joins", message.joins.len()),
        ("beats", message.beats.len()),
        ("leaves", message.leaves.len()),
    ] {
        if count > MESSAGE_PARTS_MAX {
            violations.add(field, "must be at most 1,000 in one message: send several messages");
        }
    }
    if message.message_id == 0 {
        violations.add("message_id", "must be at least 1");
    }
    if !violations.is_empty() {
        return Err(Fault::invalid(&violations).into_status());
    }
    Ok(Incoming {
        message_id: message.message_id,
        joins: message.joins.iter().map(join).collect(),
        beats: message.beats.iter().map(one_beat).collect(),
        leaves: message.leaves,
    })
}

/// The status of a stream whose message ids do not rise.
pub fn not_rising(last: u64) -> Status {
    let why = format!("must rise from message to message; the last one was {last}");
    Fault::invalid(&Violations::one("message_id", why)).into_status()
}

fn join(join: &v1::Join) -> IncomingJoin {
    let mut violations = Violations::default();
    let identity = identity(join, &mut violations);
    let identity = identity.ok_or_else(|| described(&violations));
    IncomingJoin { handle: join.handle, identity }
}

fn identity(join: &v1::Join, violations: &mut Violations) -> Option<(Key, SessionId, ActorId)> {
    let key = violations.key(&join.workspace, &join.profile);
    let session_id = violations.required("session_id", &join.session_id, SessionId::parse);
    let actor = violations.required("actor_id", &join.actor_id, ActorId::parse);
    Some((key?, session_id?, actor?))
}

fn one_beat(beat: &v1::Beat) -> IncomingBeat {
    // The beat of nearly every message: nothing but its handle.
    if *beat == (v1::Beat { handle: beat.handle, ..v1::Beat::default() }) {
        return IncomingBeat { handle: beat.handle, activity: Ok(None), report: None };
    }
    let mut violations = Violations::default();
    let activity = text::activity(beat.activity.as_deref(), &mut violations);
    let report = report::of_beat(beat, &mut violations);
    let activity = if violations.is_empty() { Ok(activity) } else { Err(described(&violations)) };
    IncomingBeat { handle: beat.handle, activity, report }
}

fn described(violations: &Violations) -> String {
    let lines: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.path(), violation.description))
        .collect();
    lines.join("; ")
}
