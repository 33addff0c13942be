//! The machines of a store in memory.

use std::ops::Bound;

use tenure_core::machine::{Held, Machine, Sighting};
use tenure_core::name::MachineId;

use super::data::Data;
use crate::store::{
    MACHINES_LOOKED_AT_MAX, MachineFilter, MachinePage, MachineWrite, PAGE_MAX, Retention,
    StoredMachine,
};

impl Data {
    /// Notes what a step tells of a machine.
    pub(super) fn see(&mut self, sighting: &Sighting) {
        self.machines
            .entry(sighting.machine.id.clone())
            .and_modify(|machine| machine.see(sighting))
            .or_insert_with(|| Machine::from(sighting));
    }

    /// Carries an order out.
    pub(super) fn order(&mut self, write: &MachineWrite) {
        let held = self.held_by(&write.id);
        let stored = self.machines.remove(&write.id);
        if let Some(machine) = write.apply_to(stored, held) {
            self.machines.insert(write.id.clone(), machine);
        }
    }

    pub(super) fn machine(&self, id: &MachineId) -> Option<StoredMachine> {
        let machine = self.machines.get(id)?.clone();
        Some(StoredMachine { machine, held: self.held_by(id) })
    }

    pub(super) fn machine_page(
        &self,
        filter: &MachineFilter,
        after: Option<&MachineId>,
        limit: u32,
    ) -> MachinePage {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = MachinePage::default();
        let mut last = None;
        let rest = self.machines.range::<MachineId, _>((start, Bound::Unbounded));
        for (looked_at, (id, machine)) in rest.enumerate() {
            if page.rows.len() == limit || looked_at == MACHINES_LOOKED_AT_MAX {
                page.next = last;
                break;
            }
            last = Some(id.clone());
            if filter.selects(machine) {
                let stored = StoredMachine { machine: machine.clone(), held: self.held_by(id) };
                page.rows.extend(Some(stored).filter(|it| filter.selects_holding(it.held)));
            }
        }
        page
    }

    pub(super) fn prune_machines(&mut self, retention: &Retention, rows_max: usize) -> usize {
        let old = |machine: &&Machine| {
            machine.cordon.is_none() && machine.noted_at < retention.machines_before
        };
        let mut aged: Vec<_> =
            self.machines.values().filter(old).map(|m| (m.noted_at, m.id.clone())).collect();
        aged.sort_unstable();
        let mut removed = 0;
        for (_, id) in aged.into_iter().take(rows_max) {
            let held = self.held_by(&id);
            let Some(machine) = self.machines.get_mut(&id) else { continue };
            if machine.may_be_forgotten(held, retention.machines_before) {
                self.machines.remove(&id);
                removed += 1;
            } else {
                machine.noted_at = retention.wall_now;
            }
        }
        removed
    }

    fn held_by(&self, id: &MachineId) -> Held {
        let mut held = Held::default();
        for session in self.rows.iter().filter_map(|(_, stored)| stored.tenure.session.as_ref()) {
            if session.machine.as_ref().is_some_and(|machine| machine.id == *id) {
                let count = if session.expiry_recorded { &mut held.stale } else { &mut held.live };
                *count += 1;
            }
        }
        held
    }
}
