//! The schema, and the way to it from every earlier one: forward only, one transaction a step.
//!
//! A file of `schema/` that was ever released is not changed any more; a change of the schema
//! is another file.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::{Connection, Transaction};
use rusqlite_migration::{M, Migrations};
use tenure_core::session::Revision;
use tenure_core::time::{LeaseInstant, WallTime};

use super::failure::store_error;
use super::rows::{sql, unsigned};
use crate::store::{LeaseRow, StoreError, Version};

/// Marks the file as ours; the schema sets the same.
pub(super) const APPLICATION_ID: i32 = 0x746e_7572;
/// The newest schema that this server knows.
pub(super) const SCHEMA_VERSION: i64 = 8;

static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::new(vec![
        M::up_with_hook(include_str!("schema/1.sql"), |step| {
            let log_id = format!("log_{}", ulid::Ulid::generate());
            step.execute(
                "INSERT INTO meta VALUES (1, ?1, 0, ?2, 0, 0, 0, 0, 0, 0, 0)",
                (log_id, sql(LeaseInstant::ORIGIN.0)),
            )?;
            Ok(())
        }),
        M::up(include_str!("schema/2.sql")),
        M::up(include_str!("schema/3.sql")),
        M::up(include_str!("schema/4.sql")),
        M::up(include_str!("schema/5.sql")),
        M::up(include_str!("schema/6.sql")),
        M::up_with_hook(include_str!("schema/7.sql"), |step| Ok(convert_leases(step)?)),
        M::up(include_str!("schema/8.sql")),
    ])
});

/// Brings the database to [`SCHEMA_VERSION`].
pub(super) fn migrate(connection: &mut Connection, database: &Path) -> Result<(), StoreError> {
    MIGRATIONS.to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => store_error(&err, database),
        other => StoreError::Unusable(format!("{database:?} cannot be migrated: {other}")),
    })
}

/// Makes one blob of each hot row that version 6 held in columns; one row at a time, however
/// many there are. A negative number was never stored, and counts as none.
fn convert_leases(step: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut old = step.prepare(
        "SELECT id, version, revision, last_heartbeat_ms, expires_at_ms, beats \
         FROM lease_of_version_6 ORDER BY id",
    )?;
    let mut insert = step.prepare("INSERT INTO lease VALUES (?1, ?2)")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let lease = LeaseRow {
            version: Version(unsigned(row.get(1)?)),
            revision: Revision(unsigned(row.get(2)?)),
            last_heartbeat_at: row.get::<_, Option<i64>>(3)?.map(|ms| WallTime(unsigned(ms))),
            expires_at: row.get::<_, Option<i64>>(4)?.map(|ms| LeaseInstant(unsigned(ms))),
            beats: unsigned(row.get(5)?),
        };
        insert.execute((row.get::<_, i64>(0)?, lease))?;
    }
    drop(rows);
    drop(old);
    step.execute_batch("DROP TABLE lease_of_version_6")
}

/// An empty database of the newest schema.
#[cfg(test)]
pub(super) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new(":memory:")).unwrap();
    connection
}

#[test]
fn the_newest_schema_is_the_one_that_is_known() {
    let version: i64 = in_memory().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION);
}
