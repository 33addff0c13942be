//! Reads of the event log and the ledger, and the counters.

use rusqlite::{Connection, OptionalExtension, Row};
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{Key, SessionId};

use super::rows::{from_body, sql, unsigned};
use crate::store::{Counts, EventPage, PAGE_MAX, Sequenced};

const NEWEST: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)";
pub(super) const EVENTS: &str =
    "SELECT sequence, body FROM event WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
pub(super) const EVENTS_OF_ONE: &str = "SELECT sequence, body FROM event WHERE workspace_id = ?3 AND \
     sequence > ?1 ORDER BY sequence LIMIT ?2";

pub(super) const LEDGER_ENTRY: &str =
    "SELECT body FROM ledger WHERE session_id = ?1 ORDER BY id DESC LIMIT 1";

/// The newest sequence ever given.
pub(super) fn newest_sequence(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0)).map(unsigned)
}

/// A page of the event log.
pub(super) fn events(
    connection: &Connection,
    key: Option<&Key>,
    after: u64,
    limit: u32,
) -> rusqlite::Result<EventPage> {
    let limit = limit.clamp(1, PAGE_MAX);
    let newest = newest_sequence(connection)?;
    let events = match key {
        None => connection
            .prepare_cached(EVENTS)?
            .query_map((sql(after), limit), sequenced)?
            .collect::<rusqlite::Result<Vec<_>>>()?,
        Some(key) => match row_of(connection, key)? {
            None => Vec::new(),
            Some(row) => connection
                .prepare_cached(EVENTS_OF_ONE)?
                .query_map((sql(after), limit, row), sequenced)?
                .collect::<rusqlite::Result<Vec<_>>>()?,
        },
    };
    let read_through = match events.last() {
        Some(last) if events.len() >= limit as usize => last.sequence,
        _ => newest.max(after),
    };
    let compacted_through = connection
        .prepare_cached("SELECT compacted_through FROM meta WHERE one = 1")?
        .query_row([], |row| row.get(0))
        .map(unsigned)?;
    Ok(EventPage { events, read_through, compacted_through, newest })
}

fn sequenced(row: &Row<'_>) -> rusqlite::Result<Sequenced> {
    Ok(Sequenced { sequence: unsigned(row.get(0)?), event: from_body(row, 1)? })
}

fn row_of(connection: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM workspace WHERE workspace = ?1 AND profile = ?2")?
        .query_row((key.workspace.as_str(), key.profile.as_str()), |row| row.get(0))
        .optional()
}

/// How a session ended; of imported ids that were used twice, how the last one did.
pub(super) fn ledger_entry(
    connection: &Connection,
    session_id: &SessionId,
) -> rusqlite::Result<Option<LedgerEntry>> {
    connection
        .prepare_cached(LEDGER_ENTRY)?
        .query_row([session_id.as_str()], |row| from_body(row, 0))
        .optional()
}

/// How much is stored, without counting: that is kept in each commit.
pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    connection
        .prepare_cached(
            "SELECT workspaces, sessions, events, ledger_entries FROM meta WHERE one = 1",
        )?
        .query_row([], |row| {
            Ok(Counts {
                workspaces: unsigned(row.get(0)?),
                sessions: unsigned(row.get(1)?),
                events: unsigned(row.get(2)?),
                ledger_entries: unsigned(row.get(3)?),
            })
        })
}
