//! Workspaces as such: their place, how they came to be known, their end, and lists of them.
//!
//! A place is a row of `workspace`; a workspace is stored if its place has a hot row. The place
//! of a deleted one is kept for as long as events are found by it, and used again.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use tenure_core::name::Key;
use tenure_core::registration::Origin;
use tenure_core::session::Revision;

use super::list::{after_in_range, ranges};
use super::rows::{listed, sql, stored_columns, to_body, unsigned};
use crate::store::{KnownWorkspace, PAGE_MAX, RowId, WorkspacePage};

pub(super) const FORGET_NAMES: &str = "DELETE FROM workspace WHERE id IN (SELECT w.id FROM \
     workspace w WHERE w.deleted = 1 AND NOT EXISTS (SELECT 1 FROM event e WHERE e.workspace_id = \
     w.id) LIMIT ?1) RETURNING id";
pub(super) const OPEN_ESCALATIONS: &str = "SELECT count(*) FROM escalation WHERE workspace_id = ?1";
const KNOWN: &str = concat!(
    "SELECT ",
    stored_columns!(),
    " FROM workspace w CROSS JOIN lease l ON l.id = w.id LEFT JOIN session s ON s.id = w.id \
     LEFT JOIN transfer t ON t.id = w.id LEFT JOIN signals x ON x.id = w.id WHERE "
);

/// Everything that is stored of a workspace beside its name, by the column that holds its row.
const PARTS: [(&str, &str); 12] = [
    ("lease", "id"),
    ("session", "id"),
    ("transfer", "id"),
    ("signals", "id"),
    ("gates", "id"),
    ("handoff", "id"),
    ("progress", "id"),
    ("baseline", "id"),
    ("imported", "id"),
    ("checkpoint", "id"),
    ("section", "workspace_id"),
    ("escalation", "workspace_id"),
];

/// Gives a workspace its place; none if it is stored already.
pub(super) fn place(connection: &Connection, key: &Key) -> rusqlite::Result<Option<RowId>> {
    let names = (key.workspace.as_str(), key.profile.as_str());
    let inserted = connection
        .prepare_cached(
            "INSERT INTO workspace (workspace, profile) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(names)?;
    if inserted == 1 {
        return Ok(Some(RowId(connection.last_insert_rowid())));
    }
    connection
        .prepare_cached(
            "UPDATE workspace SET deleted = 0 WHERE workspace = ?1 AND profile = ?2 AND deleted = \
             1 RETURNING id",
        )?
        .query_row(names, |row| row.get(0))
        .optional()
        .map(|row| row.map(RowId))
}

/// Notes how a workspace came to be known.
pub(super) fn put_origin(
    connection: &Connection,
    row: RowId,
    origin: &Origin,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE workspace SET origin = ?2 WHERE id = ?1")?
        .execute((row.0, to_body(origin)?))
        .map(|_| ())
}

/// Removes all that is stored of a workspace, and raises the service's revision floor.
pub(super) fn delete(
    connection: &Connection,
    row: RowId,
    revision_floor: Revision,
) -> rusqlite::Result<()> {
    for (table, column) in PARTS {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE {column} = ?1"))?
            .execute([row.0])?;
    }
    connection
        .prepare_cached("UPDATE workspace SET deleted = 1, origin = NULL WHERE id = ?1")?
        .execute([row.0])?;
    connection
        .prepare_cached("UPDATE meta SET revision_floor = max(revision_floor, ?1) WHERE one = 1")?
        .execute([sql(revision_floor.0)])
        .map(|_| ())
}

/// A page of all workspaces under a prefix, with a session or without.
pub(super) fn page(
    connection: &Connection,
    prefix: Option<&str>,
    after: Option<&Key>,
    limit: u32,
) -> rusqlite::Result<WorkspacePage> {
    let limit = limit.clamp(1, PAGE_MAX) as usize;
    let mut rows: Vec<KnownWorkspace> = Vec::new();
    for range in ranges(prefix) {
        // One more than the page holds tells whether there is another page.
        let wanted = limit + 1 - rows.len();
        if wanted == 0 {
            break;
        }
        let (condition, mut values) = after_in_range("w", &range, after);
        values.push(Value::Integer(i64::try_from(wanted).unwrap_or(i64::MAX)));
        let statement = format!("{KNOWN}{condition} ORDER BY w.workspace, w.profile LIMIT ?");
        let mut statement = connection.prepare_cached(&statement)?;
        let found = statement.query_map(params_from_iter(values), listed)?;
        for found in found {
            let found = found?;
            let open_escalations = open_escalations(connection, found.stored.row)?;
            rows.push(KnownWorkspace { key: found.key, stored: found.stored, open_escalations });
        }
    }
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = if has_more { rows.last().map(|row| row.key.clone()) } else { None };
    Ok(WorkspacePage { rows, next })
}

fn open_escalations(connection: &Connection, row: RowId) -> rusqlite::Result<u32> {
    let count = connection
        .prepare_cached(OPEN_ESCALATIONS)?
        .query_row([row.0], |row| row.get(0))
        .map(unsigned)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
