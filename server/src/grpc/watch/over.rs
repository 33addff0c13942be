//! Why a watch or a listing of events is refused or has ended, in the words of the contract.

use tenure::v1::{self, ErrorReason};
use tonic::Status;

use crate::grpc::convert::violation::Violations;
use crate::grpc::status;
use crate::store::{LogId, StoreError};
use crate::watch::WatchError;

use super::message::cursor;

/// The status of a watch or a listing of the log `log_id`.
pub(crate) fn status(over: &WatchError, log_id: &LogId) -> Status {
    match over {
        WatchError::LogReplaced { oldest } => status::refused(
            ErrorReason::LogReplaced,
            "the cursor belongs to another event log: begin again with a snapshot",
            v1::Refusal { oldest: Some(cursor(log_id, *oldest)), ..v1::Refusal::default() },
        ),
        WatchError::Compacted { oldest } => status::refused(
            ErrorReason::SequenceCompacted,
            "retention has removed events after the cursor: begin again with a snapshot",
            v1::Refusal { oldest: Some(cursor(log_id, *oldest)), ..v1::Refusal::default() },
        ),
        WatchError::Ahead { newest } => status::invalid(&Violations::one(
            "from.sequence",
            format!("lies after the newest event, {newest}: take a cursor that was answered"),
        )),
        WatchError::Lagged => status::refused(
            ErrorReason::WatchLagged,
            "the watch was not read for too long: resume from its last cursor",
            v1::Refusal::default(),
        ),
        WatchError::Stopping => status::draining(),
        WatchError::Store(error) => store(error),
    }
}

/// What a failing store is answered with.
pub(crate) fn store(error: &StoreError) -> Status {
    tracing::warn!(?error, "a read of the store failed");
    status::store(error)
}

/// As many watches are open as may be.
pub(crate) fn too_many_watches() -> Status {
    status::refused(
        ErrorReason::TooManyStreams,
        "as many watches are open as the server allows: end one, or come back later",
        v1::Refusal::default(),
    )
}

/// No ended session is known by the id that was asked for.
pub(crate) fn no_such_ledger_entry() -> Status {
    status::refused(
        ErrorReason::NoSuchLedgerEntry,
        "no ended session has this id",
        v1::Refusal {
            hint: "A session that has not ended yet has no entry: see GetSession of its \
                   workspace. Entries that are old enough are removed by retention."
                .to_owned(),
            ..v1::Refusal::default()
        },
    )
}
