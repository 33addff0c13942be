//! What can go wrong with a call, told apart by what the caller can do about it.
//!
//! A refusal is an answer of the service, with a typed reason. Everything else is a
//! failure to get an answer. Messages and hints may hold texts of other parties: escape
//! what you display.

mod decode;
mod reason;

use std::time::Duration;

pub(crate) use decode::positive;

use crate::v1;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service said no, and why. Boxed, since refusals are large and rare.
    #[error(transparent)]
    Refused(Box<Refused>),

    /// No endpoint could be reached, or each lost the connection before it answered. A
    /// write may have been done all the same; repeating it with the same `request_id` is
    /// safe.
    #[error("the service cannot be reached (attempts: {attempts}): {message}")]
    Unreachable {
        /// How often the call was attempted.
        attempts: u32,
        /// What the last attempt met.
        message: String,
    },

    /// No answer came in time. A write may have been done all the same; repeating it with
    /// the same `request_id` is safe.
    #[error("no answer within {} ms", after.as_millis())]
    Timeout {
        /// For how long an answer was waited for, all attempts together.
        after: Duration,
    },

    /// The answer is not one that the contract knows, as from a server that lacks the RPC
    /// (`Unimplemented`) or from something that is no such server.
    #[error("unexpected answer, {code:?}: {message}")]
    Protocol {
        /// The gRPC code of the answer; `Internal` when a successful answer was malformed.
        code: tonic::Code,
        /// What was wrong.
        message: String,
    },

    /// The caller passed something that is refused before anything is sent.
    #[error("{what} is not valid: {message}")]
    Invalid {
        /// Which argument.
        what: &'static str,
        /// What is wrong with it, and the accepted form.
        message: String,
    },
}

/// A refusal of the service.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", self.name())]
pub struct Refused {
    /// Why; [`v1::ErrorReason::Unspecified`] for a reason that this client does not know.
    pub reason: v1::ErrorReason,
    /// The name of the reason without prefix, also of one that this client does not know.
    pub reason_name: String,
    /// The gRPC code that came with it.
    pub code: tonic::Code,
    /// The same in words, for people.
    pub message: String,
    /// What stands in the way; empty when the service added nothing.
    pub refusal: v1::Refusal,
    /// When to try again; absent when trying again would not help by itself.
    pub retry_after: Option<Duration>,
    /// The bad fields, all at once, for `INVALID_ARGUMENT`.
    pub violations: Vec<v1::FieldViolation>,
}

impl Refused {
    fn name(&self) -> &str {
        if self.reason_name.is_empty() { self.reason.as_short() } else { &self.reason_name }
    }
}

impl Error {
    /// The reason, when the service refused.
    #[must_use]
    pub fn reason(&self) -> Option<v1::ErrorReason> {
        self.refused().map(|refused| refused.reason)
    }

    /// The refusal, when the service refused.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    pub(crate) fn invalid(what: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { what, message: message.into() }
    }

    /// Whether the same call, sent again with the same `request_id`, may fare better.
    pub(crate) fn may_be_repeated(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.code == tonic::Code::Unavailable,
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Protocol { code, .. } => *code == tonic::Code::Internal,
            Self::Invalid { .. } => false,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}
