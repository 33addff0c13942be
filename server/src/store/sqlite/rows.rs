//! Rows to types and back.
//!
//! Guarantees: a number that SQL cannot hold is stored as the greatest that it can; a body that
//! cannot be read is damage, and is never skipped.

use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenure_core::session::{Holder, Lifecycle, OwnerKind, Session};
use tenure_core::workspace::Tenure;

use crate::store::hot;
use crate::store::{LeaseRow, Listed, RowId, Stored};

/// The columns of a stored workspace and its key, in the order in which [`stored`] and
/// [`listed`] read them.
macro_rules! stored_columns {
    () => {
        "w.id, l.row, s.body, t.body, x.body, w.workspace, w.profile, w.origin"
    };
}
pub(super) use stored_columns;

pub(super) const FIND: &str = concat!(
    "SELECT ",
    stored_columns!(),
    " FROM workspace w JOIN lease l ON l.id = w.id LEFT JOIN session s ON s.id = w.id \
     LEFT JOIN transfer t ON t.id = w.id LEFT JOIN signals x ON x.id = w.id WHERE w.workspace = ?1 AND w.profile = ?2"
);

/// As SQL holds it.
pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As SQL held it. A negative number is none of ours, and reads as the least.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A record as JSON.
pub(super) fn to_body<T: Serialize>(record: &T) -> rusqlite::Result<String> {
    serde_json::to_string(record)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A record from the JSON in `column`.
pub(super) fn from_body<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let body = row.get_ref(column)?.as_str()?;
    serde_json::from_str(body).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// The same, where there may be none.
pub(super) fn from_optional_body<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => from_body(row, column).map(Some),
    }
}

/// A workspace from a row of [`stored_columns`].
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let lease: LeaseRow = row.get(1)?;
    let cold = Tenure {
        revision: None,
        session: from_optional_body(row, 2)?,
        transfer: from_optional_body(row, 3)?,
        signals: from_optional_body(row, 4)?.unwrap_or_default(),
        // Whatever is stored is known, also where nobody noted how it came to be.
        origin: Some(from_optional_body(row, 7)?.map_or_else(Arc::default, Arc::new)),
    };
    let tenure = hot::merge(cold, &lease);
    Ok(Stored { row: RowId(row.get(0)?), version: lease.version, tenure, surroundings: None })
}

/// A workspace with its key from a row of [`stored_columns`].
pub(super) fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let key = Key {
        workspace: WorkspaceName::imported(row.get_ref(5)?.as_str()?),
        profile: ProfileName::imported(row.get_ref(6)?.as_str()?),
    };
    Ok(Listed { key, stored: stored(row)? })
}

/// The statement that [`find`] needs; kept by the connection.
pub(super) fn find_statement(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(FIND)
}

/// One workspace, if it is stored.
pub(super) fn find(
    statement: &mut CachedStatement<'_>,
    key: &Key,
) -> rusqlite::Result<Option<Stored>> {
    statement.query_row((key.workspace.as_str(), key.profile.as_str()), stored).optional()
}

/// The session as its body holds it: without what the lease row says better.
pub(super) fn cold(session: &Session) -> Session {
    let mut cold = session.clone();
    cold.beats = 0;
    if let Holder::Autonomous(autonomous) = &mut cold.holder {
        autonomous.renewal = None;
    }
    cold
}

/// As the column `lifecycle` has it.
pub(super) fn lifecycle(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Interactive => "interactive",
        Lifecycle::Autonomous => "autonomous",
    }
}

/// As the column `owner_kind` has it.
pub(super) fn owner_kind(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Interactive => "interactive",
        OwnerKind::RuntimeSupervisor => "runtime_supervisor",
        OwnerKind::RuntimeWorker => "runtime_worker",
    }
}
