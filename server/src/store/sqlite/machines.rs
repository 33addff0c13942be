//! Machines: what orders and sightings leave of them, and pages in the order of their ids.
//!
//! Guarantees: what a machine holds is counted in one index, without reading the sessions; a
//! batch writes each machine once, however many of its sessions it starts and ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};
use tenure_core::machine::{Cordon, Held, Machine, Sighting};
use tenure_core::name::{MachineId, Principal};
use tenure_core::time::WallTime;

use super::rows::{from_body, sql, to_body, unsigned};
use crate::store::{
    MACHINES_LOOKED_AT_MAX, MachineFilter, MachinePage, MachineWrite, PAGE_MAX, Retention,
    StoredMachine,
};

pub(super) const FIND: &str = "SELECT machine_id, host, labels, seen_at_ms, noted_at_ms, \
     cordoned_at_ms, cordoned_by, cordon_reason FROM machine WHERE machine_id = ?1";
pub(super) const HELD: &str = "SELECT count(*) FILTER (WHERE expiry_recorded = 0), \
     count(*) FILTER (WHERE expiry_recorded <> 0) FROM session WHERE machine_id = ?1";
const PUT: &str = "INSERT INTO machine (machine_id, host, labels, seen_at_ms, \
     noted_at_ms, cordoned_at_ms, cordoned_by, cordon_reason) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (machine_id) DO UPDATE SET \
     host = excluded.host, labels = excluded.labels, seen_at_ms = excluded.seen_at_ms, \
     noted_at_ms = excluded.noted_at_ms, cordoned_at_ms = excluded.cordoned_at_ms, \
     cordoned_by = excluded.cordoned_by, cordon_reason = excluded.cordon_reason";
pub(super) const REMOVE: &str = "DELETE FROM machine WHERE machine_id = ?1";
pub(super) const AGED: &str = "SELECT machine_id FROM machine WHERE cordoned_at_ms IS NULL AND \
     noted_at_ms < ?1 ORDER BY noted_at_ms, machine_id LIMIT ?2";
pub(super) const NOTE: &str = "UPDATE machine SET noted_at_ms = ?2 WHERE machine_id = ?1";

/// The next machine of all, of those that hold a session, and of those that are cordoned.
pub(super) const NEXT: &str =
    "SELECT machine_id FROM machine WHERE machine_id > ?1 ORDER BY machine_id LIMIT 1";
pub(super) const NEXT_HOLDING: &str =
    "SELECT machine_id FROM session WHERE machine_id > ?1 ORDER BY machine_id LIMIT 1";
pub(super) const NEXT_CORDONED: &str = "SELECT machine_id FROM machine WHERE cordoned_at_ms IS \
     NOT NULL AND machine_id > ?1 ORDER BY machine_id LIMIT 1";

/// What the steps of a batch tell of machines, in order: each machine is written once.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<MachineId, Vec<Sighting>>);

impl Seen {
    /// Notes what a step tells.
    pub(super) fn note(&mut self, sightings: &[Sighting]) {
        for sighting in sightings {
            self.0.entry(sighting.machine.id.clone()).or_default().push(sighting.clone());
        }
    }

    /// Writes all that was noted.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for (id, sightings) in &self.0 {
            let mut stored = find(connection, id)?;
            for sighting in sightings {
                match &mut stored {
                    Some(machine) => machine.see(sighting),
                    None => stored = Some(Machine::from(sighting)),
                }
            }
            if let Some(machine) = &stored {
                put(connection, machine)?;
            }
        }
        Ok(())
    }
}

/// Carries an order out.
pub(super) fn order(connection: &Connection, write: &MachineWrite) -> rusqlite::Result<()> {
    let stored = find(connection, &write.id)?;
    match write.apply_to(stored, held(connection, &write.id)?) {
        Some(machine) => put(connection, &machine),
        None => connection.prepare_cached(REMOVE)?.execute([write.id.as_str()]).map(|_| ()),
    }
}

/// One machine, with what it holds.
pub(super) fn machine(
    connection: &Connection,
    id: &MachineId,
) -> rusqlite::Result<Option<StoredMachine>> {
    let Some(machine) = find(connection, id)? else { return Ok(None) };
    Ok(Some(StoredMachine { held: held(connection, id)?, machine }))
}

/// A page of machines.
pub(super) fn page(
    connection: &Connection,
    filter: &MachineFilter,
    after: Option<&MachineId>,
    limit: u32,
) -> rusqlite::Result<MachinePage> {
    let limit = limit.clamp(1, PAGE_MAX) as usize;
    let mut page = MachinePage::default();
    if let Some(id) = &filter.id {
        let found = if after.is_none_or(|after| id > after) { find(connection, id)? } else { None };
        page.rows.extend(selected(connection, filter, found)?);
        return Ok(page);
    }
    // Few machines hold something or are cordoned where many have come and gone.
    let mut next = connection.prepare_cached(match filter {
        MachineFilter { holding: Some(true), .. } => NEXT_HOLDING,
        MachineFilter { cordoned: Some(true), .. } => NEXT_CORDONED,
        _ => NEXT,
    })?;
    let mut last = after.cloned();
    let mut looked_at = 0;
    loop {
        // No id is empty, so all of them come after the empty text.
        let from = last.as_ref().map_or("", |id| id.as_str());
        let found: Option<String> = next.query_row([from], |row| row.get(0)).optional()?;
        let Some(id) = found.as_deref().map(MachineId::imported) else { return Ok(page) };
        if page.rows.len() == limit || looked_at == MACHINES_LOOKED_AT_MAX {
            page.next = last;
            return Ok(page);
        }
        looked_at += 1;
        let found = find(connection, &id)?;
        page.rows.extend(selected(connection, filter, found)?);
        last = Some(id);
    }
}

/// The machine with what it holds, if it is wanted.
fn selected(
    connection: &Connection,
    filter: &MachineFilter,
    found: Option<Machine>,
) -> rusqlite::Result<Option<StoredMachine>> {
    let Some(machine) = found.filter(|machine| filter.selects(machine)) else { return Ok(None) };
    let held = held(connection, &machine.id)?;
    Ok(Some(StoredMachine { machine, held }).filter(|stored| filter.selects_holding(stored.held)))
}

/// Forgets machines, of which it looks at `rows_max` at most. How many are gone.
pub(super) fn prune(
    connection: &Connection,
    retention: &Retention,
    rows_max: i64,
) -> rusqlite::Result<i64> {
    let aged: Vec<String> = connection
        .prepare_cached(AGED)?
        .query_map((sql(retention.machines_before.0), rows_max), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut removed = 0;
    for id in aged {
        if held(connection, &MachineId::imported(&id))? == Held::default() {
            connection.prepare_cached(REMOVE)?.execute([&id])?;
            removed += 1;
        } else {
            connection.prepare_cached(NOTE)?.execute((&id, sql(retention.wall_now.0)))?;
        }
    }
    Ok(removed)
}

fn find(connection: &Connection, id: &MachineId) -> rusqlite::Result<Option<Machine>> {
    connection.prepare_cached(FIND)?.query_row([id.as_str()], stored).optional()
}

fn held(connection: &Connection, id: &MachineId) -> rusqlite::Result<Held> {
    connection.prepare_cached(HELD)?.query_row([id.as_str()], |row| {
        Ok(Held { live: unsigned(row.get(0)?), stale: unsigned(row.get(1)?) })
    })
}

fn put(connection: &Connection, machine: &Machine) -> rusqlite::Result<()> {
    let cordon = machine.cordon.as_ref();
    connection
        .prepare_cached(PUT)?
        .execute((
            machine.id.as_str(),
            &*machine.host,
            to_body(&machine.labels)?,
            machine.seen_at.map(|at| sql(at.0)),
            sql(machine.noted_at.0),
            cordon.map(|cordon| sql(cordon.at.0)),
            cordon.map(|cordon| cordon.by.as_str()),
            cordon.and_then(|cordon| cordon.reason.as_deref()),
        ))
        .map(|_| ())
}

/// A machine from a row of [`FIND`].
fn stored(row: &Row<'_>) -> rusqlite::Result<Machine> {
    let wall = |ms: i64| WallTime(unsigned(ms));
    let cordon = match row.get::<_, Option<i64>>(5)? {
        None => None,
        Some(at) => Some(Cordon {
            at: wall(at),
            by: Principal::imported(&row.get::<_, Option<String>>(6)?.unwrap_or_default()),
            reason: row.get::<_, Option<String>>(7)?.map(Arc::from),
        }),
    };
    Ok(Machine {
        id: MachineId::imported(row.get_ref(0)?.as_str()?),
        host: Arc::from(row.get_ref(1)?.as_str()?),
        labels: from_body(row, 2)?,
        seen_at: row.get::<_, Option<i64>>(3)?.map(wall),
        noted_at: wall(row.get(4)?),
        cordon,
    })
}
