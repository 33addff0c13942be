//! The schema, and the way to it from every earlier one: forward only, one transaction a step.
//!
//! A file of `schema/` that was ever released is not changed any more; a change of the schema
//! is another file.

use std::path::Path;
use std::sync::LazyLock;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use tenure_core::time::LeaseInstant;

use super::failure::store_error;
use super::rows::sql;
use crate::store::StoreError;

/// Marks the file as ours; the schema sets the same.
pub(super) const APPLICATION_ID: i32 = 0x746e_7572;
/// The newest schema that this server knows.
pub(super) const SCHEMA_VERSION: i64 = 6;

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
    ])
});

/// Brings the database to [`SCHEMA_VERSION`].
pub(super) fn migrate(connection: &mut Connection, database: &Path) -> Result<(), StoreError> {
    MIGRATIONS.to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => store_error(&err, database),
        other => StoreError::Unusable(format!("{database:?} cannot be migrated: {other}")),
    })
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
