//! The answers that serving itself gives, in place of a handler.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::drain;

const DOMAIN: &str = "tenure";

/// The call took longer than its client, or the server, allows.
pub(super) fn deadline_exceeded(limit: Duration) -> Status {
    Status::deadline_exceeded(format!("the call took longer than {limit:?}"))
}

/// The request is larger than is received.
pub(super) fn message_too_large(limit_bytes: u32) -> Status {
    let message = format!("the message is larger than {limit_bytes} bytes");
    let details = ErrorDetails::with_error_info("MESSAGE_TOO_LARGE", DOMAIN, []);
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// As many streams are open as may be.
pub(super) fn too_many_streams() -> Status {
    let mut details = ErrorDetails::with_error_info("TOO_MANY_STREAMS", DOMAIN, []);
    details.set_retry_info(Some(drain::reconnect_after()));
    Status::with_error_details(Code::ResourceExhausted, "too many streams are open", details)
}

/// The server ends streams that have not ended by themselves.
pub(super) fn draining() -> Status {
    let mut details = ErrorDetails::with_error_info("DRAINING", DOMAIN, []);
    details.set_retry_info(Some(drain::reconnect_after()));
    Status::with_error_details(Code::Unavailable, "the server is shutting down", details)
}
