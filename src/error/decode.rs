//! From a gRPC status, or a refusal inside an answer, to [`Error`].
//!
//! A status that carries an `ErrorInfo` of domain `tenure` is a refusal. Any other was
//! made by the transport, by a proxy or by something that is no such server, and is told
//! apart by its code alone. Decoding never fails: details that cannot be read are left out.

use std::error::Error as StdError;
use std::time::Duration;

use prost::{Message, Name};
use tonic_types::pb;

use super::{Error, Refused};
use crate::v1;

const DOMAIN: &str = "tenure";

/// The most details that are read of one status; ours carry at most five.
const DETAILS_MAX: usize = 16;

/// How deep the root of a failure is looked for.
const CAUSES_MAX: usize = 16;

impl Error {
    /// What a status means. `waited` is for how long this attempt waited.
    pub(crate) fn from_status(status: &tonic::Status, waited: Duration) -> Self {
        if let Some(refused) = refused(status) {
            return refused.into();
        }
        let met = root(status);
        let message = with_cause(status.message(), met);
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::Unknown => {
                Self::Unreachable { attempts: 1, message }
            }
            // The connection broke, or whoever listens there speaks something else.
            tonic::Code::Cancelled | tonic::Code::Internal
                if met.is_some_and(|met| !met.is::<tonic::TimeoutExpired>()) =>
            {
                Self::Unreachable { attempts: 1, message }
            }
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
                Self::Timeout { after: waited }
            }
            code => Self::Protocol { code, message },
        }
    }
}

impl From<v1::Failure> for Error {
    fn from(failure: v1::Failure) -> Self {
        let reason = failure.reason();
        Refused {
            reason,
            reason_name: reason.as_short().to_owned(),
            code: tonic::Code::from(i32::try_from(failure.code).unwrap_or(i32::MAX)),
            message: failure.message,
            refusal: failure.refusal.unwrap_or_default(),
            retry_after: failure.retry_after.and_then(positive),
            violations: failure.violations,
        }
        .into()
    }
}

/// The root of what the transport met; none when the status was received, and not made here.
fn root(status: &tonic::Status) -> Option<&(dyn StdError + 'static)> {
    let mut root = status.source()?;
    for _ in 0..CAUSES_MAX {
        match root.source() {
            Some(deeper) => root = deeper,
            None => break,
        }
    }
    Some(root)
}

/// The message with the root: its own words say at what step the transport failed
/// (`tcp connect error`), and only the root says why (`Connection refused`).
fn with_cause(message: &str, root: Option<&(dyn StdError + 'static)>) -> String {
    match root.map(ToString::to_string) {
        Some(cause) if message.is_empty() => cause,
        Some(cause) if !message.contains(&cause) => format!("{message}: {cause}"),
        _ => message.to_owned(),
    }
}

/// A duration of the contract; absent when it is negative or out of range.
pub(crate) fn positive(duration: prost_types::Duration) -> Option<Duration> {
    Duration::try_from(duration).ok()
}

fn refused(status: &tonic::Status) -> Option<Refused> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let mut info = None;
    let mut refusal = v1::Refusal::default();
    let mut retry_after = None;
    let mut violations = Vec::new();
    for any in details.into_iter().take(DETAILS_MAX) {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let bytes = any.value.as_slice();
        if name == "google.rpc.ErrorInfo" {
            info = pb::ErrorInfo::decode(bytes).ok().filter(|info| info.domain == DOMAIN);
        } else if name == v1::Refusal::full_name() {
            refusal = v1::Refusal::decode(bytes).unwrap_or_default();
        } else if name == "google.rpc.RetryInfo" {
            let delay = pb::RetryInfo::decode(bytes).ok().and_then(|info| info.retry_delay);
            retry_after = delay.and_then(positive);
        } else if name == "google.rpc.BadRequest" {
            let fields = pb::BadRequest::decode(bytes).unwrap_or_default().field_violations;
            violations = fields.into_iter().map(violation).collect();
        }
    }
    let reason_name = info?.reason;
    Some(Refused {
        reason: v1::ErrorReason::from_short(&reason_name).unwrap_or_default(),
        reason_name,
        code: status.code(),
        message: status.message().to_owned(),
        refusal,
        retry_after,
        violations,
    })
}

fn violation(field: pb::bad_request::FieldViolation) -> v1::FieldViolation {
    v1::FieldViolation { field: field.field, description: field.description }
}

#[cfg(test)]
mod tests;
