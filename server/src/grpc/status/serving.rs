//! What serving itself answers, in place of a handler: a limit is reached, time is up, or the
//! server ends.

use std::time::Duration;

use tenure::v1;
use tenure_core::time::Span;
use tonic::{Code, Status};

use super::Fault;
use crate::drain::reconnect_after;

/// The call took longer than its client, or the server, allows. No reason names it: the code
/// alone says all.
#[must_use]
pub fn deadline_exceeded(limit: Duration) -> Status {
    let message = format!("the call took longer than {limit:?}");
    let fault = Fault::new(v1::ErrorReason::Unspecified, message);
    Fault { code: Code::DeadlineExceeded, ..fault }.into_status()
}

/// The message is larger than is received.
#[must_use]
pub fn message_too_large(limit_bytes: u32) -> Status {
    let message = format!("the message is larger than the {limit_bytes} bytes that are accepted");
    Fault::new(v1::ErrorReason::MessageTooLarge, message).into_status()
}

/// As many streams are open as the server allows.
#[must_use]
pub fn too_many_streams() -> Status {
    later(v1::ErrorReason::TooManyStreams, "too many streams are open")
}

/// The server is ending.
#[must_use]
pub fn draining() -> Status {
    later(v1::ErrorReason::Draining, "the server is shutting down: connect again")
}

/// A refusal that does not last.
fn later(reason: v1::ErrorReason, message: &str) -> Status {
    let retry_after = u64::try_from(reconnect_after().as_millis()).map(Span).ok();
    Fault { retry_after, ..Fault::new(reason, message) }.into_status()
}
