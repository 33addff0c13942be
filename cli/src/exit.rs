//! How the command line ends: one number for each way a script may want to go on.

use tenure::v1::ErrorReason;
use tonic::Code;

/// An exit code, by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// A failure of no other kind.
    Failure,
    /// The command was not understood, or its arguments are refused.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// Somebody else has the workspace.
    Held,
    /// The lease is lost, or what is stored is stale.
    Lost,
    /// The state is another than the one expected.
    Conflict,
    /// The caller may not.
    NotPermitted,
    /// The server cannot be reached, or cannot answer now.
    Unavailable,
    /// The code of the command that `hold` ran.
    Child(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Held => 4,
            Self::Lost => 5,
            Self::Conflict => 6,
            Self::NotPermitted => 7,
            Self::Unavailable => 8,
            Self::Child(code) => code,
        }
    }

    /// How the command ends when the service refuses with `reason`.
    #[must_use]
    pub fn of_reason(reason: ErrorReason) -> Self {
        use ErrorReason as R;
        match reason {
            R::InvalidArgument | R::ActorRequired => Self::Usage,
            R::NoSession
            | R::WorkspaceNotRegistered
            | R::NoSuchEscalation
            | R::NoSuchGate
            | R::NoSuchLedgerEntry
            | R::NoSuchMachine
            | R::NoTransfer => Self::NotFound,
            R::LeaseHeld
            | R::InteractiveSessionActive
            | R::AutonomousSessionActive
            | R::LeaseNotStale
            | R::WorkspaceInUse => Self::Held,
            R::StaleLeaseHeld
            | R::StaleAutonomousSession
            | R::LeaseExpired
            | R::NotHolder
            | R::NotAutonomous
            | R::LeaseIncomplete
            | R::TakeoverSameActor => Self::Lost,
            R::SessionMismatch | R::RevisionMismatch | R::Conflict | R::RequestIdReused => {
                Self::Conflict
            }
            R::NotAuthorizedToClear
            | R::RoleRequired
            | R::ActorNotAllowed
            | R::WorkspaceNotAllowed
            | R::CredentialMissing
            | R::CredentialInvalid
            | R::CredentialExpired
            | R::MachineCordoned => Self::NotPermitted,
            R::Overloaded | R::Draining | R::StoreUnavailable => Self::Unavailable,
            R::Unspecified
            | R::SequenceCompacted
            | R::LogReplaced
            | R::WatchLagged
            | R::StreamLagged
            | R::TooManyStreams
            | R::TooManyWaiters
            | R::QuotaExceeded
            | R::RevisionExhausted
            | R::MessageTooLarge
            | R::StoreCorrupt => Self::Failure,
        }
    }

    /// How the command ends on a status that names no reason, such as one of a proxy or of the
    /// transport.
    #[must_use]
    pub fn of_code(code: Code) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::InvalidArgument => Self::Usage,
            Code::NotFound => Self::NotFound,
            Code::Aborted => Self::Conflict,
            Code::PermissionDenied | Code::Unauthenticated => Self::NotPermitted,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Cancelled => Self::Unavailable,
            _ => Self::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost_reflect::DescriptorPool;
    use tenure::v1::ErrorReason;

    use super::Exit;

    /// The table of the contract, by exit code. A reason that is left out ends with 1.
    const TABLE: [(u8, &[&str]); 7] = [
        (2, &["INVALID_ARGUMENT", "ACTOR_REQUIRED"]),
        (
            3,
            &[
                "NO_SESSION",
                "WORKSPACE_NOT_REGISTERED",
                "NO_SUCH_ESCALATION",
                "NO_SUCH_GATE",
                "NO_SUCH_LEDGER_ENTRY",
                "NO_SUCH_MACHINE",
                "NO_TRANSFER",
            ],
        ),
        (
            4,
            &[
                "LEASE_HELD",
                "INTERACTIVE_SESSION_ACTIVE",
                "AUTONOMOUS_SESSION_ACTIVE",
                "LEASE_NOT_STALE",
                "WORKSPACE_IN_USE",
            ],
        ),
        (
            5,
            &[
                "STALE_LEASE_HELD",
                "STALE_AUTONOMOUS_SESSION",
                "LEASE_EXPIRED",
                "NOT_HOLDER",
                "NOT_AUTONOMOUS",
                "LEASE_INCOMPLETE",
                "TAKEOVER_SAME_ACTOR",
            ],
        ),
        (6, &["SESSION_MISMATCH", "REVISION_MISMATCH", "CONFLICT", "REQUEST_ID_REUSED"]),
        (
            7,
            &[
                "NOT_AUTHORIZED_TO_CLEAR",
                "ROLE_REQUIRED",
                "ACTOR_NOT_ALLOWED",
                "WORKSPACE_NOT_ALLOWED",
                "CREDENTIAL_MISSING",
                "CREDENTIAL_INVALID",
                "CREDENTIAL_EXPIRED",
                "MACHINE_CORDONED",
            ],
        ),
        (8, &["OVERLOADED", "DRAINING", "STORE_UNAVAILABLE"]),
    ];

    #[test]
    fn every_reason_of_the_contract_ends_as_the_table_says() {
        let mut expected: BTreeMap<&str, u8> = TABLE
            .iter()
            .flat_map(|(code, names)| names.iter().map(|name| (*name, *code)))
            .collect();
        let pool = DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET).unwrap();
        let reasons = pool.get_enum_by_name("tenure.v1.ErrorReason").unwrap();
        assert!(reasons.values().count() > 40, "the enum was found and is whole");
        for value in reasons.values() {
            let reason = ErrorReason::try_from(value.number()).unwrap();
            let name = value.name().strip_prefix("ERROR_REASON_").unwrap();
            let code = expected.remove(name).unwrap_or(1);
            assert_eq!(Exit::of_reason(reason).code(), code, "{name}");
        }
        assert!(expected.is_empty(), "not in the contract: {expected:?}");
    }
}
