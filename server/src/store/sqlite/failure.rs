//! What an error of SQLite means to the engine and to operators.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::store::StoreError;

/// The error in words that say what to do.
pub(super) fn store_error(error: &rusqlite::Error, database: &Path) -> StoreError {
    let unavailable =
        |advice: &str| StoreError::Unavailable(format!("{database:?}: {error}; {advice}"));
    let corrupt = || {
        StoreError::Corrupt(format!(
            "{database:?}: {error}; stop the server, keep the file, and restore a backup"
        ))
    };
    match error {
        rusqlite::Error::SqliteFailure(code, _) => match code.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                unavailable("another process, perhaps a shell, has it locked: close that")
            }
            ErrorCode::DiskFull => unavailable("there is no space left for it: free some"),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                unavailable("the server's user needs write permission to it and its folder")
            }
            ErrorCode::CannotOpen => {
                unavailable("its folder must exist and be writable by the server's user")
            }
            ErrorCode::SystemIoFailure => unavailable("look for disk errors in the system's log"),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => corrupt(),
            _ => unavailable("it is not known what would help"),
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => corrupt(),
        _ => unavailable("it is not known what would help"),
    }
}

/// Whether an fsync failed: what was written before may be lost although it was said to be
/// there, and trying again would only hide that.
pub(super) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error().map(|failure| failure.extended_code),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

/// What a failed COMMIT says about the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitFailure {
    /// It was not committed: SQLite could not even write it.
    RolledBack,
    /// It may be on the disk or not, and the disk cannot be trusted.
    Fatal,
    /// It may be committed.
    Unknown,
}

/// Judges the error of a COMMIT.
pub(super) fn of_commit(error: &rusqlite::Error) -> CommitFailure {
    match error.sqlite_error_code() {
        // The frame that commits is written last, so without space for it nothing is committed.
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            CommitFailure::RolledBack
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CommitFailure::Fatal
        }
        _ => CommitFailure::Unknown,
    }
}
