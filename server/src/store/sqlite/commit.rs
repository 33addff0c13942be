//! One batch, in one transaction.
//!
//! Guarantees: a write whose guard fails leaves no trace, and the others are applied.

use rusqlite::Connection;

use super::around;
use super::fault::{FaultPlan, FaultPoint};
use super::lease_row::heads_at;
use super::machines;
use super::record::Recorder;
use super::renew::{put_lease, renew};
use super::rows::sql;
use super::step::Step;
use super::workspaces;
use crate::store::hot::check_storable;
use crate::store::{Batch, Committed, Guard, Outcome, StoreError, Write};

const MARK: &str =
    "UPDATE meta SET lease_mark_ms = max(lease_mark_ms, ?1) WHERE one = 1 AND epoch = ?2";
// A row begins with its format and its version.
pub(super) const IS_AT: &str = "SELECT 1 FROM lease WHERE id = ?1 AND \
     (substr(row, 1, length(?2)) = ?2 OR substr(row, 1, length(?3)) = ?3)";

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
    let conflicting_renewals = renew(connection, &batch.renewals, faults)?;
    recorder.finish()?;
    faults.ask(FaultPoint::Applied)?;
    committing();
    step.commit().map_err(Stop::CommitFailed)?;
    Ok(Committed { outcomes, conflicting_renewals, service_sequences })
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
            if !put_lease(connection, row, version, lease)? {
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
            let [narrow, wide] = heads_at(version);
            connection.prepare_cached(IS_AT)?.exists((row.0, narrow, wide))
        }
    }
}
