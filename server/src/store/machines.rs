//! Machines: what is written of them, and which pages they are read in, alike in every store.
//!
//! Guarantees: what a machine holds is counted from the stored sessions, by whether their
//! expiry is recorded; nobody keeps that number.

use tenure_core::machine::{Held, Machine, MachineChange, apply};
use tenure_core::name::MachineId;
use tenure_core::time::WallTime;

/// How many machines one page looks at, at most. Where few of them are wanted the page is
/// short, or empty, and the next one goes on behind it.
pub const MACHINES_LOOKED_AT_MAX: usize = 10_000;

/// What an order does to one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineWrite {
    /// Which one.
    pub id: MachineId,
    /// What becomes of it.
    pub change: MachineChange,
    /// When.
    pub at: WallTime,
}

impl MachineWrite {
    /// What is stored of the machine afterwards.
    pub(super) fn apply_to(&self, stored: Option<Machine>, held: Held) -> Option<Machine> {
        apply(&self.id, stored, &self.change, held, self.at)
    }
}

/// A machine with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMachine {
    /// What is known of it.
    pub machine: Machine,
    /// How many sessions are stored whose holders run there.
    pub held: Held,
}

/// Which machines are wanted. Absent conditions hold for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFilter {
    /// The one with this id.
    pub id: Option<MachineId>,
    /// Those with this host name.
    pub host: Option<String>,
    /// Those that have all of these labels.
    pub labels: Vec<(String, String)>,
    /// Whether they are cordoned.
    pub cordoned: Option<bool>,
    /// Whether they hold a session, live or stale.
    pub holding: Option<bool>,
}

impl MachineFilter {
    /// Whether a machine is wanted, as far as what is stored of it tells.
    #[must_use]
    pub fn selects(&self, machine: &Machine) -> bool {
        let has = |(key, value): &(String, String)| machine.labels.get(key) == Some(value);
        self.id.as_ref().is_none_or(|wanted| *wanted == machine.id)
            && self.host.as_ref().is_none_or(|wanted| **wanted == *machine.host)
            && self.labels.iter().all(has)
            && self.cordoned.is_none_or(|wanted| machine.cordon.is_some() == wanted)
    }

    /// Whether one that holds so many sessions is wanted.
    #[must_use]
    pub fn selects_holding(&self, held: Held) -> bool {
        self.holding.is_none_or(|wanted| (held != Held::default()) == wanted)
    }
}

/// A page of machines, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MachinePage {
    /// The machines.
    pub rows: Vec<StoredMachine>,
    /// The id to continue after; absent on the last page.
    pub next: Option<MachineId>,
}
