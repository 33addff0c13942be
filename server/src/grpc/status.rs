//! Errors as callers get them, and the only place where a [`Status`] is built.
//!
//! A [`Fault`] is what went wrong, in the contract's terms; it becomes the status of a call, a
//! result in a batch, or a result on a stream. Each carries the same reason, words and detail.
//!
//! Guarantees: every fault has a reason (but for what is not implemented, which has none), the
//! gRPC code that belongs to the reason, and a [`v1::Refusal`]; message and details fit into
//! [`STATUS_MAX_BYTES`], whatever callers have named themselves.
//!
//! Must not know: which RPC failed.

use tenure::v1;
use tenure_core::context::Clock;
use tenure_core::machine::MachineRefusal;
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::time::Span;
use tonic::{Code, Status};

use crate::access::Caller;
use crate::engine::Failure;
use crate::engine::machines::OrderFailure;
use crate::grpc::convert::refusal;
use crate::grpc::convert::time::duration;
use crate::grpc::convert::violation::{Violation, Violations};
use crate::store::StoreError;

pub mod code;
pub mod inbound;
pub mod serving;

mod fit;

pub use fit::STATUS_MAX_BYTES;
pub use serving::draining;

#[cfg(test)]
mod tests;

/// How long a caller that met an overloaded server should wait, in milliseconds; drawn anew for
/// each, so that they do not all come back at once.
const OVERLOADED_RETRY_MS: std::ops::RangeInclusive<u64> = 100..=500;
/// By how many thousandths of what is left of a lease its other suitors are scattered.
const RETRY_SCATTER_PERMILLE: u64 = 100;
/// The least range of that, in milliseconds.
const RETRY_SCATTER_MIN_MS: u64 = 50;

/// What to do about a machine that nobody knows.
const NAME_IT_BY_ID: &str =
    "name it by its id, as the list of machines shows it, and not by its host name";

/// What went wrong, in the terms of the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    code: Code,
    message: String,
    /// Holds the reason, even where there is nothing else to tell.
    refusal: Box<v1::Refusal>,
    violations: Vec<v1::FieldViolation>,
    retry_after: Option<Span>,
}

impl Fault {
    /// A fault with nothing to tell but its reason. `message` must hold no caller's text that
    /// is not escaped.
    #[must_use]
    pub fn new(reason: v1::ErrorReason, message: impl Into<String>) -> Self {
        Self::with_refusal(v1::Refusal { reason: reason.into(), ..v1::Refusal::default() }, message)
    }

    /// A fault with typed detail, such as the oldest cursor or the role that is required.
    #[must_use]
    pub fn with_refusal(refusal: v1::Refusal, message: impl Into<String>) -> Self {
        let code = code::of(refusal.reason());
        let refusal = Box::new(refusal);
        Self { code, message: message.into(), refusal, violations: Vec::new(), retry_after: None }
    }

    /// What this server cannot do yet. No reason names it: the code alone says all.
    #[must_use]
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self { code: Code::Unimplemented, ..Self::new(v1::ErrorReason::Unspecified, message) }
    }

    /// Malformed fields, all at once.
    #[must_use]
    pub fn invalid(violations: &Violations) -> Self {
        let fields: Vec<_> = violations.iter().map(Violation::path).collect();
        let message = format!("the request is malformed: {}", fields.join(", "));
        let mut fault = Self::new(v1::ErrorReason::InvalidArgument, message);
        fault.violations = violations
            .iter()
            .map(|violation| v1::FieldViolation {
                field: violation.path().into_owned(),
                description: violation.description.clone().into_owned(),
            })
            .collect();
        fault
    }

    /// A command that the rules refuse.
    #[must_use]
    pub fn refused(refused: &Refusal, clock: &Clock) -> Self {
        let shown = refusal::shown(refused, clock);
        let mut fault = Self::with_refusal(shown, refused.message.clone());
        if matches!(refused.reason, Reason::LeaseHeld | Reason::LeaseNotStale) {
            let standing = refused.standing.as_deref();
            fault.retry_after =
                standing.map(|view| scattered(view.effective_expiry.since(clock.now.lease)));
        }
        fault
    }

    /// A command that the engine did not carry out.
    #[must_use]
    pub fn failed(failure: &Failure, clock: &Clock) -> Self {
        match failure {
            Failure::Refused(refused) => Self::refused(refused, clock),
            Failure::Conflict | Failure::Displaced => {
                Self::new(v1::ErrorReason::Conflict, failure.to_string())
            }
            Failure::TooManyWaiters => {
                Self::new(v1::ErrorReason::TooManyWaiters, failure.to_string())
            }
            Failure::Overloaded => Self::overloaded(failure.to_string()),
            Failure::Stopping => Self::new(v1::ErrorReason::Draining, failure.to_string()),
            Failure::Store(error) => Self::store(error),
        }
    }

    /// An order about a machine that the engine did not carry out.
    #[must_use]
    pub fn not_ordered(failure: &OrderFailure, clock: &Clock) -> Self {
        let (refusal, reason, hint) = match failure {
            OrderFailure::Failed(failure) => return Self::failed(failure, clock),
            OrderFailure::Refused(refusal @ MachineRefusal::Unknown) => {
                (refusal, v1::ErrorReason::NoSuchMachine, NAME_IT_BY_ID)
            }
            OrderFailure::Refused(refusal @ MachineRefusal::TooManyCordoned) => {
                (refusal, v1::ErrorReason::QuotaExceeded, "uncordon or forget some first")
            }
        };
        let detail =
            v1::Refusal { reason: reason.into(), hint: hint.to_owned(), ..v1::Refusal::default() };
        Self::with_refusal(detail, refusal.to_string())
    }

    /// A store that could not be read or written. What exactly failed is for operators, who
    /// find it in the log: it may name files.
    #[must_use]
    pub fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) => {
                Self::new(v1::ErrorReason::StoreCorrupt, "what is stored cannot be read")
            }
            StoreError::Unavailable(_) | StoreError::Unusable(_) | StoreError::InUse(_) => {
                Self::new(
                    v1::ErrorReason::StoreUnavailable,
                    "the store does not answer; try again with the same request_id",
                )
            }
        }
    }

    /// A store that a read could not use.
    #[must_use]
    pub fn unreadable(error: &StoreError) -> Self {
        tracing::warn!(?error, "a read of the store failed");
        Self::store(error)
    }

    /// A call for which the caller's principal lacks the role `required`.
    #[must_use]
    pub fn role_required(required: v1::Role) -> Self {
        let refusal = v1::Refusal {
            reason: v1::ErrorReason::RoleRequired.into(),
            required_role: required.into(),
            ..v1::Refusal::default()
        };
        let role = required.as_str_name().trim_start_matches("ROLE_").to_lowercase();
        Self::with_refusal(refusal, format!("the call needs the role {role}"))
    }

    /// Lets only operators pass.
    ///
    /// # Errors
    /// [`Fault::role_required`].
    pub fn unless_operator(caller: &Caller) -> Result<(), Self> {
        if caller.operator { Ok(()) } else { Err(Self::role_required(v1::Role::Operator)) }
    }

    /// A defect of the server: it answered a command with something else.
    #[must_use]
    pub fn wrong_kind_of_reply() -> Self {
        let message = "the server's answer does not belong to the call; this is a defect";
        tracing::error!(message);
        Self { code: Code::Internal, ..Self::new(v1::ErrorReason::Unspecified, message) }
    }

    /// A defect of the server: part of its work panicked.
    #[must_use]
    pub fn defect(error: &tokio::task::JoinError) -> Self {
        let message = "the server failed at the call; this is a defect";
        tracing::error!(?error, message);
        Self { code: Code::Internal, ..Self::new(v1::ErrorReason::Unspecified, message) }
    }

    /// A server with more work than it takes in.
    #[must_use]
    pub fn overloaded(message: impl Into<String>) -> Self {
        let mut fault = Self::new(v1::ErrorReason::Overloaded, message);
        fault.retry_after = Some(Span(fastrand::u64(OVERLOADED_RETRY_MS)));
        fault
    }

    /// Why it happened.
    #[must_use]
    pub fn reason(&self) -> v1::ErrorReason {
        self.refusal.reason()
    }

    /// The status of a call.
    #[must_use]
    pub fn into_status(mut self) -> Status {
        fit::shrink(&mut self);
        let details = fit::details(&self);
        Status::with_details(self.code, self.message, details.into())
    }

    /// The result of an item of a batch.
    #[must_use]
    pub fn into_failure(mut self) -> v1::Failure {
        fit::shrink(&mut self);
        let code = i32::from(self.code).unsigned_abs();
        let reason = self.refusal.reason;
        v1::Failure {
            code,
            reason,
            message: self.message,
            refusal: Some(*self.refusal),
            violations: self.violations,
            retry_after: self.retry_after.map(duration),
        }
    }

    /// The result of a join or a beat of a stream.
    #[must_use]
    pub fn into_beat_refused(self, handle: u32, message_id: u64) -> v1::BeatRefused {
        let failure = self.into_failure();
        v1::BeatRefused {
            handle,
            message_id,
            reason: failure.reason,
            message: failure.message,
            refusal: failure.refusal,
            retry_after: failure.retry_after,
        }
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        fault.into_status()
    }
}

impl From<Violations> for Fault {
    fn from(violations: Violations) -> Self {
        Self::invalid(&violations)
    }
}

/// The status of a malformed request.
#[must_use]
pub fn invalid(violations: &Violations) -> Status {
    Fault::invalid(violations).into_status()
}

/// The status of a command that the engine did not carry out.
#[must_use]
pub fn failed(failure: &Failure, clock: &Clock) -> Status {
    Fault::failed(failure, clock).into_status()
}

/// A status with typed detail, to which `reason` is added.
#[must_use]
pub fn refused(
    reason: v1::ErrorReason,
    message: impl Into<String>,
    refusal: v1::Refusal,
) -> Status {
    Fault::with_refusal(v1::Refusal { reason: reason.into(), ..refusal }, message).into_status()
}

/// The status of a call that a store could not serve.
#[must_use]
pub fn store(error: &StoreError) -> Status {
    Fault::store(error).into_status()
}

/// The status of a heartbeat stream whose results were read too slowly.
#[must_use]
pub fn stream_lagged() -> Status {
    let message = "results were read too slowly: open a new stream and join again";
    Fault::new(v1::ErrorReason::StreamLagged, message).into_status()
}

/// Not before `left` has passed, and not all suitors at the same moment.
fn scattered(left: Span) -> Span {
    let range = (left.0 / 1_000 * RETRY_SCATTER_PERMILLE).max(RETRY_SCATTER_MIN_MS);
    Span(left.0.saturating_add(fastrand::u64(0..=range)))
}
