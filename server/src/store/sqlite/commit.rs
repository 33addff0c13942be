//! One batch, in one transaction.
//!
//! Guarantees: a write whose guard fails leaves no trace, and the others are applied; a beat
//! costs one guarded update of one narrow row, and beats are applied in the order of their
//! rows, so that each page is dirtied once.

use rusqlite::{CachedStatement, Connection};

use super::around;
use super::fault::{FaultPlan, FaultPoint};
use super::machines;
use super::record::Recorder;
use super::rows::sql;
use super::step::Step;
use super::workspaces;
use crate::store::hot::check_storable;
use crate::store::{
    Batch, Committed, Guard, LeaseRow, LeaseWrite, Outcome, RowId, StoreError, Version, Write,
};

const MARK: &str =
    "UPDATE meta SET lease_mark_ms = max(lease_mark_ms, ?1) WHERE one = 1 AND epoch = ?2";
pub(super) const BEAT: &str = "UPDATE lease SET version = ?1, revision = ?2, last_heartbeat_ms = ?3, \
     expires_at_ms = ?4, beats = ?5 WHERE id = ?6 AND version = ?7";

/// Why a batch was not carried out.
#[derive(Debug)]
pub(super) enum Stop {
    /// Another epoch has begun.
    Fenced,
    /// The batch cannot be stored.
    Refused(StoreError),
    /// A statement before COMMIT failed.
    Failed(rusqlite::Error),
    /// COMMIT failed.
    CommitFailed(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// Carries a batch out. `committing` is called right before COMMIT: from then on nobody knows
/// until it has answered.
pub(super) fn commit(
    connection: &Connection,
    batch: &Batch,
    faults: &FaultPlan,
    committing: impl FnOnce(),
) -> Result<Committed, Stop> {
    check_storable(batch).map_err(Stop::Refused)?;
    let step = Step::write(connection, faults)?;
    let marked =
        connection.prepare_cached(MARK)?.execute((sql(batch.lease_now.0), sql(batch.epoch.0)))?;
    if marked != 1 {
        return Err(Stop::Fenced);
    }
    let mut recorder = Recorder::new(connection);
    let service_sequences = recorder.log(None, &batch.service_events)?;
    for write in &batch.machines {
        machines::order(connection, write)?;
    }
    let mut outcomes = Vec::with_capacity(batch.writes.len());
    for write in &batch.writes {
        outcomes.push(apply(connection, &mut recorder, write)?);
    }
    let conflicting_renewals = renew(connection, &batch.renewals)?;
    recorder.finish()?;
    faults.ask(FaultPoint::Applied)?;
    committing();
    step.commit().map_err(Stop::CommitFailed)?;
    Ok(Committed { outcomes, conflicting_renewals, service_sequences })
}

/// Applies the renewals in the order of their rows, and answers the places of those whose
/// guards did not hold.
fn renew(connection: &Connection, renewals: &[LeaseWrite]) -> rusqlite::Result<Vec<usize>> {
    let mut conflicts = Vec::new();
    if renewals.is_empty() {
        return Ok(conflicts);
    }
    let mut order: Vec<(RowId, usize)> =
        renewals.iter().enumerate().map(|(place, renewal)| (renewal.row, place)).collect();
    order.sort_unstable();
    let mut statement = connection.prepare_cached(BEAT)?;
    for (row, place) in order {
        let LeaseWrite { expected, lease, .. } = &renewals[place];
        if !update_lease(&mut statement, row, *expected, lease)? {
            conflicts.push(place);
        }
    }
    conflicts.sort_unstable();
    Ok(conflicts)
}

/// Whether the row was at that version.
fn update_lease(
    statement: &mut CachedStatement<'_>,
    row: RowId,
    version: Version,
    lease: &LeaseRow,
) -> rusqlite::Result<bool> {
    // No stored version is greater than what SQL holds, so such a guard cannot hold.
    let Ok(expected) = i64::try_from(version.0) else { return Ok(false) };
    let changed = statement.execute((
        sql(lease.version.0),
        sql(lease.revision.0),
        lease.last_heartbeat_at.map(|at| sql(at.0)),
        lease.expires_at.map(|at| sql(at.0)),
        sql(lease.beats),
        row.0,
        expected,
    ))?;
    Ok(changed == 1)
}

fn apply(
    connection: &Connection,
    recorder: &mut Recorder<'_>,
    write: &Write,
) -> rusqlite::Result<Outcome> {
    let row = match (write.guard, &write.lease) {
        (Guard::Absent, Some(lease)) => match recorder.place(&write.key, lease)? {
            Some(row) => Some(row),
            None => return Ok(Outcome::Conflict),
        },
        (Guard::At(row, version), Some(lease)) => {
            let mut statement = connection.prepare_cached(BEAT)?;
            if !update_lease(&mut statement, row, version, lease)? {
                return Ok(Outcome::Conflict);
            }
            Some(row)
        }
        (guard, None) => {
            if !holds(connection, write, guard)? {
                return Ok(Outcome::Conflict);
            }
            recorder.keep_outcomes(&write.outcomes)?;
            let row = match guard {
                Guard::At(row, _) => Some(row),
                Guard::Absent => None,
            };
            let sequences = match (row, write.deleted) {
                (Some(row), Some(floor)) => recorder.delete(row, floor, &write.events)?,
                _ => 0..0,
            };
            return Ok(Outcome::Applied { row, sequences });
        }
    };
    if let (Some(row), Some(tenure)) = (row, &write.tenure) {
        recorder.put_tenure(row, tenure)?;
    }
    if let (Some(row), Some(origin)) = (row, &write.origin) {
        workspaces::put_origin(connection, row, origin)?;
    }
    if let (Some(row), Some(around)) = (row, &write.around) {
        around::put(connection, row, around)?;
    }
    if let Some(row) = row {
        recorder.seal(row, &write.sealed)?;
    }
    recorder.see(&write.sightings);
    let sequences = recorder.log(row, &write.events)?;
    recorder.keep_outcomes(&write.outcomes)?;
    Ok(Outcome::Applied { row, sequences })
}

/// Whether the guard of a write that changes no row holds.
fn holds(connection: &Connection, write: &Write, guard: Guard) -> rusqlite::Result<bool> {
    match guard {
        Guard::Absent => {
            let key = &write.key;
            let mut statement = connection.prepare_cached(
                "SELECT 1 FROM workspace WHERE workspace = ?1 AND profile = ?2 AND deleted = 0",
            )?;
            let exists = statement.exists((key.workspace.as_str(), key.profile.as_str()))?;
            Ok(!exists)
        }
        Guard::At(row, version) => {
            let Ok(expected) = i64::try_from(version.0) else { return Ok(false) };
            connection
                .prepare_cached("SELECT 1 FROM lease WHERE id = ?1 AND version = ?2")?
                .exists((row.0, expected))
        }
    }
}
