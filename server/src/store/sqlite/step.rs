//! One transaction, rolled back unless it is committed: on every early return, and on a panic.

use rusqlite::Connection;

use super::fault::{FaultPlan, FaultPoint};

/// An open transaction.
#[derive(Debug)]
pub(super) struct Step<'a> {
    connection: &'a Connection,
    faults: Option<&'a FaultPlan>,
}

impl<'a> Step<'a> {
    /// Begins a transaction that sees one snapshot and writes nothing.
    pub(super) fn read(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        Ok(Self { connection, faults: None })
    }

    /// Begins a transaction that holds the write lock from the start: one that upgraded later
    /// would fail at once, whatever the busy timeout.
    pub(super) fn write(
        connection: &'a Connection,
        faults: &'a FaultPlan,
    ) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let step = Self { connection, faults: Some(faults) };
        faults.ask(FaultPoint::Begun)?;
        Ok(step)
    }

    /// Commits; if that fails, rolls back what is left of the transaction.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        if let Some(faults) = self.faults {
            faults.ask(FaultPoint::Committing)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        match self.faults {
            Some(faults) => faults.ask(FaultPoint::Committed),
            None => Ok(()),
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        // SQLite ends some transactions by itself when they fail.
        if self.connection.is_autocommit() {
            return;
        }
        if self.faults.is_some_and(|faults| faults.ask(FaultPoint::RollingBack).is_err()) {
            return;
        }
        // A failure shows as a transaction that is still open, and the connection's owner looks.
        let rolled_back =
            self.connection.prepare_cached("ROLLBACK").and_then(|mut s| s.execute([]));
        if let Err(error) = rolled_back {
            tracing::debug!(?error, "a rollback failed");
        }
    }
}
