//! What a store in memory holds, and how it changes. Single-threaded: the lock is its owner's.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use tenure_core::event::Event;
use tenure_core::machine::Machine;
use tenure_core::name::{Key, MachineId};
use tenure_core::parts::Needs;
use tenure_core::registration::Origin;
use tenure_core::session::Revision;
use tenure_core::surroundings::Surroundings;
use tenure_core::time::LeaseInstant;
use tenure_core::workspace::Tenure;

use super::Observer;
use super::ledger::Ledger;
use crate::store::event_class::is_important;
use crate::store::hot;
use crate::store::{
    Acquired, AroundWrite, Batch, CommitError, Committed, Epoch, Guard, LeaseRow, LeaseWrite, Load,
    Loaded, LogId, Outcome, OutcomeKey, Pruned, Retention, RowId, Stored, StoredOutcome, Version,
    Write,
};

/// A logged event; its sequence is its key in the map.
#[derive(Debug)]
pub(super) struct Logged {
    pub row: Option<RowId>,
    pub event: Event,
}

/// Everything that is stored.
#[derive(Debug)]
pub(super) struct Data {
    log_id: LogId,
    epoch: u64,
    lease_mark: LeaseInstant,
    pub compacted_through: u64,
    /// The newest sequence ever given.
    pub newest: u64,
    pub places: BTreeMap<Key, RowId>,
    /// The rows of deleted workspaces, by whose names their events are found.
    pub deleted: BTreeMap<Key, RowId>,
    revision_floor: Revision,
    /// The row of the place 1 is the first. Surroundings are not in them.
    pub rows: Vec<(Key, Stored)>,
    /// Absent where none was ever written.
    pub surroundings: HashMap<RowId, Surroundings>,
    pub events: BTreeMap<u64, Logged>,
    pub ledger: Ledger,
    pub machines: BTreeMap<MachineId, Machine>,
    outcomes: HashMap<OutcomeKey, StoredOutcome>,
    pub observer: Option<Arc<dyn Observer>>,
}

impl Data {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            log_id: LogId(Arc::from(format!("log_memory_{seed}"))),
            epoch: 0,
            lease_mark: LeaseInstant::ORIGIN,
            compacted_through: 0,
            newest: 0,
            places: BTreeMap::new(),
            deleted: BTreeMap::new(),
            revision_floor: Revision(0),
            rows: Vec::new(),
            surroundings: HashMap::new(),
            events: BTreeMap::new(),
            ledger: Ledger::default(),
            machines: BTreeMap::new(),
            outcomes: HashMap::new(),
            observer: None,
        }
    }

    pub(super) fn acquire(&mut self) -> Acquired {
        self.epoch += 1;
        Acquired {
            epoch: Epoch(self.epoch),
            lease_mark: self.lease_mark,
            revision_floor: self.revision_floor,
            log_id: self.log_id.clone(),
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Stored> {
        self.places.get(key).and_then(|row| self.row(*row)).map(|(_, stored)| stored.clone())
    }

    /// The same with its surroundings.
    pub(super) fn find_whole(&self, key: &Key) -> Option<Stored> {
        let stored = self.find(key)?;
        let around = self.surroundings.get(&stored.row).cloned().unwrap_or_default();
        Some(Stored { surroundings: Some(Box::new(around)), ..stored })
    }

    pub(super) fn row(&self, row: RowId) -> Option<&(Key, Stored)> {
        index_of(row).and_then(|index| self.rows.get(index))
    }

    pub(super) fn load(&self, load: &Load) -> Loaded {
        let find = |(key, needs): &(Key, Needs)| match needs {
            Needs::Tenure => self.find(key),
            Needs::Everything => self.find_whole(key),
        };
        Loaded {
            workspaces: load.keys.iter().map(find).collect(),
            outcomes: load.outcomes.iter().map(|key| self.outcomes.get(key).cloned()).collect(),
        }
    }

    /// Carries a batch out. Where `conflicts` says so, another writer was faster.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        conflicts: &[bool],
    ) -> Result<Committed, CommitError> {
        hot::check_storable(batch).map_err(CommitError::NotApplied)?;
        if batch.epoch.0 != self.epoch {
            return Err(CommitError::Fenced);
        }
        self.lease_mark = self.lease_mark.max(batch.lease_now);
        let service_sequences = self.log(None, &batch.service_events);
        batch.machines.iter().for_each(|write| self.order(write));
        let (of_writes, of_renewals) = conflicts.split_at(batch.writes.len());
        let writes = batch.writes.iter().zip(of_writes);
        let outcomes = writes
            .map(|(write, conflict)| {
                if *conflict {
                    self.interfere(write.guard);
                    return Outcome::Conflict;
                }
                self.apply(write)
            })
            .collect();
        let mut conflicting_renewals = Vec::new();
        for (place, (renewal, conflict)) in batch.renewals.iter().zip(of_renewals).enumerate() {
            let guard = Guard::At(renewal.row, renewal.expected);
            if *conflict {
                self.interfere(guard);
            }
            if *conflict || !self.renew(renewal) {
                conflicting_renewals.push(place);
            }
        }
        let committed = Committed { outcomes, conflicting_renewals, service_sequences };
        if let Some(observer) = &self.observer {
            observer.committed(batch, &committed);
        }
        Ok(committed)
    }

    /// Does what another writer would have done: raises the version under the guard.
    fn interfere(&mut self, guard: Guard) {
        if let Guard::At(row, version) = guard
            && let Some((_, stored)) = index_of(row).and_then(|index| self.rows.get_mut(index))
            && stored.version == version
        {
            stored.version = Version(version.0 + 1);
        }
    }

    /// Whether the workspace at `row` is stored at this version, and was not deleted since.
    fn holds(&self, row: RowId, version: Version) -> bool {
        self.row(row).is_some_and(|(key, stored)| {
            stored.version == version && self.places.get(key) == Some(&row)
        })
    }

    fn renew(&mut self, renewal: &LeaseWrite) -> bool {
        let holds = self.holds(renewal.row, renewal.expected);
        if holds {
            self.put(renewal.row, &renewal.lease, None);
        }
        holds
    }

    fn apply(&mut self, write: &Write) -> Outcome {
        let row = match write.guard {
            Guard::Absent if self.places.contains_key(&write.key) => return Outcome::Conflict,
            Guard::Absent => None,
            Guard::At(row, version) if self.holds(row, version) => Some(row),
            Guard::At(..) => return Outcome::Conflict,
        };
        if let (Some(floor), Some(row)) = (write.deleted, row) {
            self.revision_floor = self.revision_floor.max(floor);
            self.places.remove(&write.key);
            self.deleted.insert(write.key.clone(), row);
            self.surroundings.remove(&row);
            let sequences = self.log(Some(row), &write.events);
            self.keep_outcomes(&write.outcomes);
            return Outcome::Applied { row: Some(row), sequences };
        }
        let Some(lease) = &write.lease else {
            self.keep_outcomes(&write.outcomes);
            return Outcome::Applied { row, sequences: 0..0 };
        };
        let row = row.unwrap_or_else(|| self.insert(&write.key));
        self.put(row, lease, write.tenure.as_deref());
        self.put_origin(row, write.origin.as_ref());
        if let Some(around) = &write.around {
            self.surround(row, around);
        }
        self.ledger.extend(write.sealed.iter().cloned());
        write.sightings.iter().for_each(|sighting| self.see(sighting));
        let sequences = self.log(Some(row), &write.events);
        self.keep_outcomes(&write.outcomes);
        Outcome::Applied { row: Some(row), sequences }
    }

    fn insert(&mut self, key: &Key) -> RowId {
        let next = RowId(i64::try_from(self.rows.len() + 1).unwrap_or(i64::MAX));
        let row = self.deleted.remove(key).unwrap_or(next);
        let tenure = Tenure::default();
        let stored = Stored { row, version: Version(0), tenure, surroundings: None };
        match index_of(row).and_then(|index| self.rows.get_mut(index)) {
            Some(place) => place.1 = stored,
            None => self.rows.push((key.clone(), stored)),
        }
        self.places.insert(key.clone(), row);
        row
    }

    fn put(&mut self, row: RowId, lease: &LeaseRow, tenure: Option<&Tenure>) {
        let stored = index_of(row).and_then(|index| self.rows.get_mut(index));
        let Some((_, stored)) = stored else { return };
        let mut cold = tenure.unwrap_or(&stored.tenure).clone();
        // Written by itself, as the only part of a tenure that is; what is stored is known.
        cold.origin = Some(stored.tenure.origin.clone().unwrap_or_default());
        stored.version = lease.version;
        stored.tenure = hot::merge(cold, lease);
    }

    fn put_origin(&mut self, row: RowId, origin: Option<&Arc<Origin>>) {
        let stored = index_of(row).and_then(|index| self.rows.get_mut(index));
        if let (Some((_, stored)), Some(origin)) = (stored, origin) {
            stored.tenure.origin = Some(Arc::clone(origin));
        }
    }

    fn surround(&mut self, row: RowId, around: &AroundWrite) {
        around.put_into(self.surroundings.entry(row).or_default());
    }

    fn log(&mut self, row: Option<RowId>, events: &[Event]) -> Range<u64> {
        if events.is_empty() {
            return 0..0;
        }
        let first = self.newest + 1;
        for event in events {
            self.newest += 1;
            self.events.insert(self.newest, Logged { row, event: event.clone() });
        }
        first..self.newest + 1
    }

    fn keep_outcomes(&mut self, outcomes: &[StoredOutcome]) {
        for outcome in outcomes {
            self.outcomes.insert(outcome.key.clone(), outcome.clone());
        }
    }

    pub(super) fn prune(&mut self, retention: &Retention) -> Pruned {
        let mut left = retention.rows_max as usize;
        let gone = |outcome: &StoredOutcome| outcome.keep_until <= retention.lease_now;
        let expired: Vec<OutcomeKey> =
            self.outcomes.values().filter(|o| gone(o)).map(|o| o.key.clone()).take(left).collect();
        for key in &expired {
            self.outcomes.remove(key);
        }
        left -= expired.len();
        let before = self.ledger.len();
        self.ledger.retain(|entry| {
            let stays = left == 0 || entry.ended_at >= retention.ledger_before;
            left -= usize::from(!stays);
            stays
        });
        let ledger_entries = before - self.ledger.len();
        let machines = self.prune_machines(retention, left);
        let events = self.prune_events(retention, left - machines);
        Pruned {
            events: events as u64,
            ledger_entries: ledger_entries as u64,
            outcomes: expired.len() as u64,
            names: self.forget_names(left.saturating_sub(machines + events)) as u64,
            machines: machines as u64,
        }
    }

    fn forget_names(&mut self, rows_max: usize) -> usize {
        let is_kept = |row: RowId| self.events.values().any(|logged| logged.row == Some(row));
        let gone = self.deleted.iter().filter(|(_, row)| !is_kept(**row)).map(|(key, _)| key);
        let gone: Vec<Key> = gone.take(rows_max).cloned().collect();
        gone.iter().for_each(|key| {
            self.deleted.remove(key);
        });
        gone.len()
    }

    fn prune_events(&mut self, retention: &Retention, rows_max: usize) -> usize {
        let ordinary = self.events.values().filter(|l| !is_important(&l.event.what)).count();
        let mut excess = (ordinary as u64).saturating_sub(retention.events_max);
        // Oldest first, as the events say it themselves.
        let mut by_age: Vec<_> = self.events.iter().map(|(s, l)| (l.event.at, *s)).collect();
        by_age.sort_unstable();
        let mut removed = 0;
        for (at, sequence) in by_age {
            let Some(logged) = self.events.get(&sequence) else { continue };
            let goes = if is_important(&logged.event.what) {
                at < retention.important_events_before
            } else {
                let goes = at < retention.events_before || excess > 0;
                excess = excess.saturating_sub(u64::from(goes));
                goes
            };
            if goes && removed < rows_max {
                self.events.remove(&sequence);
                self.compacted_through = self.compacted_through.max(sequence);
                removed += 1;
            }
        }
        removed
    }
}

fn index_of(row: RowId) -> Option<usize> {
    usize::try_from(row.0).ok().and_then(|place| place.checked_sub(1))
}
