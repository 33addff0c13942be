//! Forgetting, a bounded number of rows in one short transaction.

use rusqlite::{Connection, Params};

use super::fault::FaultPlan;
use super::machines;
use super::rows::{sql, unsigned};
use super::step::Step;
use super::workspaces::FORGET_NAMES;
use crate::store::{Pruned, Retention};

pub(super) const OUTCOMES: &str = "DELETE FROM outcome WHERE id IN (SELECT id FROM outcome WHERE \
     keep_until_ms <= ?1 ORDER BY keep_until_ms LIMIT ?2) RETURNING id";
pub(super) const LEDGER: &str = "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE \
     ended_at_ms < ?1 ORDER BY ended_at_ms LIMIT ?2) RETURNING id";
pub(super) const EVENTS_OLDER: &str = "DELETE FROM event WHERE sequence IN (SELECT sequence FROM \
     event WHERE important = ?1 AND at_ms < ?2 ORDER BY at_ms, sequence LIMIT ?3) RETURNING \
     sequence";
pub(super) const EVENTS_OLDEST: &str = "DELETE FROM event WHERE sequence IN (SELECT sequence FROM \
     event WHERE important = 0 ORDER BY at_ms, sequence LIMIT ?1) RETURNING sequence";

/// Forgets what retention allows.
pub(super) fn prune(
    connection: &Connection,
    retention: &Retention,
    faults: &FaultPlan,
) -> rusqlite::Result<Pruned> {
    let step = Step::write(connection, faults)?;
    let mut left = i64::from(retention.rows_max);
    let outcomes = remove(connection, OUTCOMES, (sql(retention.lease_now.0), left))?;
    left -= outcomes.rows;
    let ledger = remove(connection, LEDGER, (sql(retention.ledger_before.0), left))?;
    left -= ledger.rows;
    let machines = machines::prune(connection, retention, left)?;
    left -= machines;
    let events = prune_events(connection, retention, left)?;
    let names = remove(connection, FORGET_NAMES, [left.saturating_sub(events)])?;
    if ledger.rows > 0 {
        connection
            .prepare_cached("UPDATE meta SET ledger_entries = ledger_entries - ?1 WHERE one = 1")?
            .execute([ledger.rows])?;
    }
    step.commit()?;
    Ok(Pruned {
        events: unsigned(events),
        ledger_entries: unsigned(ledger.rows),
        outcomes: unsigned(outcomes.rows),
        names: unsigned(names.rows),
        machines: unsigned(machines),
    })
}

/// Rows that are gone.
#[derive(Debug, Default)]
struct Removed {
    rows: i64,
    newest: i64,
}

fn remove(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        removed.rows += 1;
        removed.newest = removed.newest.max(row.get(0)?);
    }
    Ok(removed)
}

fn prune_events(
    connection: &Connection,
    retention: &Retention,
    rows_max: i64,
) -> rusqlite::Result<i64> {
    let important =
        remove(connection, EVENTS_OLDER, (1, sql(retention.important_events_before.0), rows_max))?;
    let mut left = rows_max - important.rows;
    let aged = remove(connection, EVENTS_OLDER, (0, sql(retention.events_before.0), left))?;
    left -= aged.rows;
    let ordinary: i64 = connection
        .prepare_cached("SELECT ordinary_events FROM meta WHERE one = 1")?
        .query_row([], |row| row.get(0))?;
    let excess = (ordinary - aged.rows).saturating_sub(sql(retention.events_max)).clamp(0, left);
    let surplus = remove(connection, EVENTS_OLDEST, [excess])?;
    let rows = important.rows + aged.rows + surplus.rows;
    if rows > 0 {
        let newest = important.newest.max(aged.newest).max(surplus.newest);
        connection
            .prepare_cached(
                "UPDATE meta SET events = events - ?1, ordinary_events = ordinary_events - ?2, \
                 compacted_through = max(compacted_through, ?3) WHERE one = 1",
            )?
            .execute((rows, aged.rows + surplus.rows, newest))?;
    }
    Ok(rows)
}
