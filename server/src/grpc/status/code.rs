//! Which gRPC code belongs to which reason.

use tenure::v1::ErrorReason;
use tonic::Code;

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "tenure";

const PREFIX: &str = "ERROR_REASON_";

/// The gRPC code of a reason.
#[must_use]
pub const fn of(reason: ErrorReason) -> Code {
    match reason {
        // Never sent.
        ErrorReason::Unspecified => Code::Unknown,
        ErrorReason::InvalidArgument
        | ErrorReason::ActorRequired
        | ErrorReason::RequestIdReused => Code::InvalidArgument,
        ErrorReason::NoSession
        | ErrorReason::WorkspaceNotRegistered
        | ErrorReason::NoSuchEscalation
        | ErrorReason::NoSuchGate
        | ErrorReason::NoSuchLedgerEntry
        | ErrorReason::NoSuchMachine
        | ErrorReason::NoTransfer => Code::NotFound,
        ErrorReason::LeaseHeld
        | ErrorReason::StaleLeaseHeld
        | ErrorReason::InteractiveSessionActive
        | ErrorReason::AutonomousSessionActive
        | ErrorReason::StaleAutonomousSession
        | ErrorReason::NotAutonomous
        | ErrorReason::NotHolder
        | ErrorReason::SessionMismatch
        | ErrorReason::LeaseExpired
        | ErrorReason::LeaseNotStale
        | ErrorReason::LeaseIncomplete
        | ErrorReason::TakeoverSameActor
        | ErrorReason::MachineCordoned
        | ErrorReason::WorkspaceInUse => Code::FailedPrecondition,
        ErrorReason::RevisionMismatch | ErrorReason::Conflict => Code::Aborted,
        ErrorReason::NotAuthorizedToClear
        | ErrorReason::RoleRequired
        | ErrorReason::ActorNotAllowed
        | ErrorReason::WorkspaceNotAllowed => Code::PermissionDenied,
        ErrorReason::CredentialMissing
        | ErrorReason::CredentialInvalid
        | ErrorReason::CredentialExpired => Code::Unauthenticated,
        ErrorReason::SequenceCompacted | ErrorReason::LogReplaced => Code::OutOfRange,
        ErrorReason::WatchLagged
        | ErrorReason::StreamLagged
        | ErrorReason::TooManyStreams
        | ErrorReason::TooManyWaiters
        | ErrorReason::QuotaExceeded
        | ErrorReason::RevisionExhausted
        | ErrorReason::MessageTooLarge
        | ErrorReason::Overloaded => Code::ResourceExhausted,
        ErrorReason::Draining | ErrorReason::StoreUnavailable => Code::Unavailable,
        ErrorReason::StoreCorrupt => Code::DataLoss,
    }
}

/// The name of a reason in `ErrorInfo`: that of the contract without its prefix.
#[must_use]
pub fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the contract, written out a second time.
    const TABLE: [(Code, &str); 10] = [
        (Code::InvalidArgument, "INVALID_ARGUMENT ACTOR_REQUIRED REQUEST_ID_REUSED"),
        (
            Code::NotFound,
            "NO_SESSION WORKSPACE_NOT_REGISTERED NO_SUCH_ESCALATION NO_SUCH_GATE \
             NO_SUCH_LEDGER_ENTRY NO_SUCH_MACHINE NO_TRANSFER",
        ),
        (
            Code::FailedPrecondition,
            "LEASE_HELD STALE_LEASE_HELD INTERACTIVE_SESSION_ACTIVE AUTONOMOUS_SESSION_ACTIVE \
             STALE_AUTONOMOUS_SESSION NOT_AUTONOMOUS NOT_HOLDER SESSION_MISMATCH LEASE_EXPIRED \
             LEASE_NOT_STALE LEASE_INCOMPLETE TAKEOVER_SAME_ACTOR MACHINE_CORDONED WORKSPACE_IN_USE",
        ),
        (Code::Aborted, "REVISION_MISMATCH CONFLICT"),
        (
            Code::PermissionDenied,
            "NOT_AUTHORIZED_TO_CLEAR ROLE_REQUIRED ACTOR_NOT_ALLOWED WORKSPACE_NOT_ALLOWED",
        ),
        (Code::Unauthenticated, "CREDENTIAL_MISSING CREDENTIAL_INVALID CREDENTIAL_EXPIRED"),
        (Code::OutOfRange, "SEQUENCE_COMPACTED LOG_REPLACED"),
        (
            Code::ResourceExhausted,
            "WATCH_LAGGED STREAM_LAGGED TOO_MANY_STREAMS TOO_MANY_WAITERS QUOTA_EXCEEDED \
             REVISION_EXHAUSTED MESSAGE_TOO_LARGE OVERLOADED",
        ),
        (Code::Unavailable, "DRAINING STORE_UNAVAILABLE"),
        (Code::DataLoss, "STORE_CORRUPT"),
    ];

    /// Every value of the enum: its numbers are small, and gaps are skipped.
    fn all_reasons() -> impl Iterator<Item = ErrorReason> {
        (1..1_000).filter_map(|value| ErrorReason::try_from(value).ok())
    }

    #[test]
    fn every_reason_has_the_code_of_the_table() {
        let expected: Vec<(&str, Code)> = TABLE
            .iter()
            .flat_map(|(code, names)| names.split_whitespace().map(move |name| (name, *code)))
            .collect();
        let actual: Vec<(&str, Code)> =
            all_reasons().map(|reason| (name(reason), of(reason))).collect();
        for (name, code) in &actual {
            assert!(expected.contains(&(*name, *code)), "{name} has {code:?}");
        }
        assert_eq!(actual.len(), expected.len(), "each reason once, none forgotten");
    }

    #[test]
    fn the_name_of_a_reason_has_no_prefix() {
        assert_eq!(name(ErrorReason::LeaseHeld), "LEASE_HELD");
    }
}
