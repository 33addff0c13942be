//! From a path to a database of ours: checks first, changes afterwards.
//!
//! Guarantees: a file that is not ours or is of a newer version is refused before anything in it is
//! changed; migrations only go forward.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::SqliteOptions;
use super::failure::store_error;
use super::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use crate::store::StoreError;

/// What every SQLite file begins with.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The most prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 64;
/// The write-ahead log is cut back to this size when it starts over.
const WAL_KEPT_MAX_BYTES: u64 = 64 << 20;

/// The database's own path, the same for every way to it, so that its lock file is the same.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    if path.is_dir() {
        return Err(StoreError::Unusable(format!(
            "{path:?} is a folder; name a file in it, such as tenure.db"
        )));
    }
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    let name = path.file_name().ok_or_else(|| {
        StoreError::Unusable(format!("{path:?} is not a file name; name one such as tenure.db"))
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|error| {
        StoreError::Unavailable(format!("the folder {folder:?}: {error}; create it first"))
    })?;
    Ok(folder.join(name))
}

/// Opens the database for its one writer, after checking that it is ours.
pub(super) fn open_writer(
    database: &Path,
    options: &SqliteOptions,
) -> Result<Connection, StoreError> {
    check_kind(database)?;
    let mut connection = connect(database, options)?;
    let failed = |error: rusqlite::Error| store_error(&error, database);
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(StoreError::Unavailable(format!(
            "{database:?} is read-only; give the server's user write permission to it"
        )));
    }
    check_owner(&connection, database)?;
    tune_writer(&connection, options).map_err(failed)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(StoreError::Unusable(format!(
            "{database:?} cannot have a write-ahead log; move it to a local file system"
        )));
    }
    schema::migrate(&mut connection, database)?;
    Ok(connection)
}

/// Opens the database again for its writer, when an earlier connection had to be given up.
pub(super) fn reopen_writer(
    database: &Path,
    options: &SqliteOptions,
) -> Result<Connection, StoreError> {
    let connection = connect(database, options)?;
    tune_writer(&connection, options).map_err(|error| store_error(&error, database))?;
    Ok(connection)
}

fn connect(database: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)
        .map_err(|error| store_error(&error, database))?;
    connection.busy_timeout(options.busy_timeout).map_err(|error| store_error(&error, database))?;
    Ok(connection)
}

/// Creates the file if there is none, for its owner's eyes only, and refuses one that SQLite
/// did not write.
fn check_kind(database: &Path) -> Result<(), StoreError> {
    let unreadable = |error: std::io::Error| {
        StoreError::Unavailable(format!(
            "cannot read {database:?}: {error}; the server's user needs permission to it"
        ))
    };
    let found = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(database)
        .or_else(|_| File::open(database))
        .map_err(unreadable)?;
    let length = found.metadata().map_err(unreadable)?.len();
    if length == 0 {
        return Ok(());
    }
    let mut magic = Vec::with_capacity(SQLITE_MAGIC.len());
    found.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreadable)?;
    if magic == SQLITE_MAGIC {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "{database:?} is not a database (or its first bytes are damaged); choose another path, or \
         restore a backup"
    )))
}

/// Refuses a database of somebody else, or of a newer server.
fn check_owner(connection: &Connection, database: &Path) -> Result<(), StoreError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| store_error(&error, database))
    };
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let is_empty = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if is_empty && application == 0 && version == 0 {
        return Ok(());
    }
    if application != i64::from(APPLICATION_ID) {
        return Err(StoreError::Unusable(format!(
            "{database:?} is a database of another program; choose another path"
        )));
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::Unusable(format!(
            "{database:?} has schema {version} and this server knows {SCHEMA_VERSION} at most; \
             start a newer server"
        )));
    }
    Ok(())
}

fn tune_writer(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{};
         PRAGMA wal_autocheckpoint = {};
         PRAGMA journal_size_limit = {WAL_KEPT_MAX_BYTES};",
        options.cache_kib, options.checkpoint_pages,
    ))?;
    if let Some(pages) = options.pages_max {
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
    }
    Ok(())
}

/// How a reader's connection is opened.
pub(super) fn reader_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Sets a reader's connection up.
pub(super) fn tune_reader(
    connection: &Connection,
    options: &SqliteOptions,
) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(options.busy_timeout)?;
    connection.execute_batch(&format!(
        "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{};",
        options.reader_cache_kib
    ))
}
