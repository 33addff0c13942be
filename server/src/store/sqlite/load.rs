//! What the engine reads through the writer's connection, which sees every commit.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tenure_core::parts::Needs;
use tenure_core::session::Revision;
use tenure_core::time::LeaseInstant;

use super::around;
use super::fault::FaultPlan;
use super::rows::{find, find_statement, from_body, listed, stored_columns, unsigned};
use super::step::Step;
use crate::store::{
    Acquired, Epoch, LeaseSlot, Load, Loaded, LogId, OutcomeKey, PAGE_MAX, RowId, StoredOutcome,
};

pub(super) const OUTCOME: &str = "SELECT digest, reply, keep_until_ms FROM outcome WHERE request_id = ?1 AND \
     principal = ?2 AND rpc = ?3 AND workspace = ?4 AND profile = ?5";
pub(super) const LEASES: &str = concat!(
    "SELECT ",
    stored_columns!(),
    " FROM session s JOIN workspace w ON w.id = s.id JOIN lease l ON l.id = s.id \
     LEFT JOIN transfer t ON t.id = s.id LEFT JOIN signals x ON x.id = s.id \
     WHERE s.expiry_recorded = 0 AND s.id > ?1 ORDER BY s.id LIMIT ?2"
);

/// Begins a new epoch.
pub(super) fn acquire(connection: &Connection, faults: &FaultPlan) -> rusqlite::Result<Acquired> {
    let step = Step::write(connection, faults)?;
    let acquired = connection
        .prepare_cached(
            "UPDATE meta SET epoch = epoch + 1, in_use = 1 WHERE one = 1 \
             RETURNING epoch, lease_mark_ms, revision_floor, log_id",
        )?
        .query_row([], |row| {
            Ok(Acquired {
                epoch: Epoch(unsigned(row.get(0)?)),
                lease_mark: LeaseInstant(unsigned(row.get(1)?)),
                revision_floor: Revision(unsigned(row.get(2)?)),
                log_id: LogId(Arc::from(row.get_ref(3)?.as_str()?)),
            })
        })?;
    step.commit()?;
    Ok(acquired)
}

/// Notes that nothing is left to verify, unless another epoch has begun since.
pub(super) fn release(
    connection: &Connection,
    epoch: Epoch,
    faults: &FaultPlan,
) -> rusqlite::Result<()> {
    let step = Step::write(connection, faults)?;
    connection
        .prepare_cached("UPDATE meta SET in_use = 0 WHERE one = 1 AND epoch = ?1")?
        .execute([super::rows::sql(epoch.0)])?;
    step.commit()
}

/// Reads what a batch needs from one snapshot.
pub(super) fn load(connection: &Connection, load: &Load) -> rusqlite::Result<Loaded> {
    let step = Step::read(connection)?;
    let mut loaded = Loaded::default();
    let mut statement = find_statement(connection)?;
    for (key, needs) in &load.keys {
        let mut stored = find(&mut statement, key)?;
        if let (Some(stored), Needs::Everything) = (&mut stored, needs) {
            around::surround(connection, stored)?;
        }
        loaded.workspaces.push(stored);
    }
    for key in &load.outcomes {
        loaded.outcomes.push(outcome(connection, key)?);
    }
    step.commit()?;
    Ok(loaded)
}

fn outcome(connection: &Connection, key: &OutcomeKey) -> rusqlite::Result<Option<StoredOutcome>> {
    connection
        .prepare_cached(OUTCOME)?
        .query_row(
            (
                &*key.request_id,
                key.principal.as_str(),
                key.rpc,
                key.key.workspace.as_str(),
                key.key.profile.as_str(),
            ),
            |row| {
                Ok(StoredOutcome {
                    key: key.clone(),
                    digest: row.get(0)?,
                    reply: from_body(row, 1)?,
                    keep_until: LeaseInstant(unsigned(row.get(2)?)),
                })
            },
        )
        .optional()
}

/// A page of the boot scan.
pub(super) fn leases(
    connection: &Connection,
    after: Option<RowId>,
    limit: u32,
) -> rusqlite::Result<Vec<LeaseSlot>> {
    let after = after.map_or(i64::MIN, |row| row.0);
    connection
        .prepare_cached(LEASES)?
        .query_map((after, limit.clamp(1, PAGE_MAX)), |row| {
            let listed = listed(row)?;
            Ok(LeaseSlot { row: listed.stored.row, key: listed.key, tenure: listed.stored.tenure })
        })?
        .collect()
}
