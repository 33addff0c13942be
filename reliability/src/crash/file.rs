//! What the killed server left on the disk.
//!
//! Looks at a copy, so that looking changes nothing that the next server finds.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rusqlite::{Connection, OpenFlags};

/// What stands beside a database: its write-ahead log.
const LOG_SUFFIX: &str = "-wal";

/// Checks a copy of the file and its log: it is whole, and holds the log of events up to at
/// least this sequence.
///
/// # Errors
/// When it is not, or cannot be looked at.
pub(super) fn check(database: &Path, events_through: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("there is no folder for a copy of the database")?;
    let copy = folder.path().join("copy.db");
    fs::copy(database, &copy).with_context(|| format!("cannot copy {}", database.display()))?;
    let log = with_suffix(database, LOG_SUFFIX);
    if log.exists() {
        fs::copy(&log, with_suffix(&copy, LOG_SUFFIX))
            .with_context(|| format!("cannot copy {}", log.display()))?;
    }
    let connection = Connection::open_with_flags(
        &copy,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(3)", [], |row| row.get(0))?;
    if verdict != "ok" {
        bail!("integrity_check says {verdict}");
    }
    let newest: i64 =
        connection
            .query_row("SELECT coalesce(max(sequence), 0) FROM event", [], |row| row.get(0))?;
    ensure!(
        u64::try_from(newest).unwrap_or_default() >= events_through,
        "the file holds events up to {newest}, and {events_through} had been told"
    );
    Ok(())
}

/// A file beside another, as SQLite names it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
