//! Whether a file may be trusted whose server did not close it.
//!
//! Guarantees: after a crash of the machine or a failed write to the disk, all of the file is
//! looked through before it serves. A server that was only killed has left all that it wrote with
//! the operating system, so such a file serves at once and is looked through meanwhile; damage
//! found then is the store's end. Until it was looked through, every start looks again.

use std::path::Path;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::mpsc;

use super::failure::store_error;
use super::lock::LockFile;
use super::open::reader_flags;
use super::writer::Command;
use crate::store::StoreError;

/// What a file needs before it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It was closed in good order.
    Nothing,
    /// Its server was killed.
    Meanwhile,
    /// Nobody knows what the disk holds.
    Before,
}

impl Need {
    /// What this file needs, by its own mark and by that of the lock file.
    pub(super) fn of(
        connection: &Connection,
        database: &Path,
        lock: &LockFile,
    ) -> Result<Self, StoreError> {
        let in_use: bool = connection
            .query_row("SELECT in_use FROM meta", [], |row| row.get(0))
            .map_err(|error| store_error(&error, database))?;
        Ok(match (in_use, lock.is_vouched_for()) {
            (false, _) => Self::Nothing,
            (true, true) => Self::Meanwhile,
            (true, false) => Self::Before,
        })
    }
}

/// Looks through the whole file.
pub(super) fn verify(connection: &Connection, database: &Path) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| store_error(&error, database))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!(
        "{database:?}: {verdict}; keep the file, and restore a backup"
    )))
}

/// Looks through the file beside the service, until that is done or this is dropped.
pub(super) struct Verification(InterruptHandle);

impl std::fmt::Debug for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verification").finish_non_exhaustive()
    }
}

impl Verification {
    /// Begins; the writer is told the verdict.
    pub(super) fn begin(
        database: &Path,
        writer: mpsc::WeakSender<Command>,
    ) -> Result<Self, StoreError> {
        tracing::info!(?database, "the last server was killed; verifying the store meanwhile");
        let connection = Connection::open_with_flags(database, reader_flags())
            .map_err(|error| store_error(&error, database))?;
        let interrupt = connection.get_interrupt_handle();
        let database = database.to_owned();
        std::thread::Builder::new()
            .name("tenure-verify".to_owned())
            .spawn(move || {
                let verdict = verify(&connection, &database);
                drop(connection);
                if let Some(writer) = writer.upgrade() {
                    // A writer that has stopped needs no verdict.
                    drop(writer.blocking_send(Command::Verified(verdict)));
                }
            })
            .map_err(|error| {
                StoreError::Unavailable(format!("no thread to verify the store: {error}"))
            })?;
        Ok(Self(interrupt))
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}
