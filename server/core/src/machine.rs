//! Machines: where holders run, as starts and takeovers name them. How a machine stands follows
//! from the sessions that it holds; beats tell nothing of it.
//!
//! Guarantees: presence is shown and decides nothing. Only a cordon does, and an operator sets
//! that. So all instants here are wall time: a person who reads when a machine was last seen
//! can check its state against that.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::change::Change;
use crate::name::{MachineId, Principal};
use crate::session::{MachineRef, Session};
use crate::time::{Span, WallTime};
use crate::workspace::Tenure;

mod cordon;

pub use cordon::{
    CORDONED_MAX, MachineChange, MachineCommand, MachineDecision, MachineRefusal, apply, decide,
};

/// For so long a machine that holds nothing is idle; from then on it is absent.
pub const IDLE_FOR: Span = Span::from_secs(300);
/// A machine that has held nothing for longer is forgotten, unless it is cordoned: a cordon is
/// an operator's word, and has to hold when the machine comes back.
pub const KEPT_FOR: Span = Span::from_secs(30 * 86_400);

/// A machine, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The machine's own id.
    pub id: MachineId,
    /// Its host name, as last stated; empty when it never was.
    pub host: Arc<str>,
    /// Its labels, as last stated.
    pub labels: BTreeMap<String, String>,
    /// When it last held a live session, as far as the sessions have told in steps of their
    /// own; absent when it never did.
    pub seen_at: Option<WallTime>,
    /// When anything was last noted of it; it is kept for [`KEPT_FOR`] from then on.
    pub noted_at: WallTime,
    /// Set while it gets no new sessions.
    pub cordon: Option<Cordon>,
}

/// An operator's word that a machine gets no new sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cordon {
    /// When it was cordoned.
    pub at: WallTime,
    /// By whom.
    pub by: Principal,
    /// Why, if a reason was given.
    pub reason: Option<Arc<str>>,
}

/// How many sessions a machine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Live ones.
    pub live: u64,
    /// Stale ones, which are stored until somebody takes them over or clears them.
    pub stale: u64,
}

/// How a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineState {
    /// It holds a live session.
    Ready,
    /// It holds none, and did less than [`IDLE_FOR`] ago.
    Idle,
    /// It is cordoned, and still holds a live session.
    Draining,
    /// All that it holds are stale: one incident, however many there are.
    Lost,
    /// It holds none, and has held none for [`IDLE_FOR`] or longer.
    Absent,
}

/// What a change of a workspace tells of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The machine.
    pub machine: MachineRef,
    /// Whether its host and labels were stated in this step; else they are those of a session
    /// that began earlier.
    pub stated: bool,
    /// When it held a live session; absent where the change tells nothing of that.
    pub seen_at: Option<WallTime>,
    /// When the step was taken.
    pub at: WallTime,
}

impl Machine {
    /// A machine of which nothing is known but its id.
    #[must_use]
    pub fn unseen(id: MachineId, at: WallTime) -> Self {
        let (host, labels) = (Arc::from(""), BTreeMap::new());
        Self { id, host, labels, seen_at: None, noted_at: at, cordon: None }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, held: Held, now: WallTime) -> MachineState {
        match (held, &self.cordon) {
            (Held { live: 1.., .. }, None) => MachineState::Ready,
            (Held { live: 1.., .. }, Some(_)) => MachineState::Draining,
            (Held { stale: 1.., .. }, _) => MachineState::Lost,
            _ if self.seen_at.is_some_and(|seen| now.since(seen) < IDLE_FOR) => MachineState::Idle,
            _ => MachineState::Absent,
        }
    }

    /// When it last held a live session: now, while it does.
    #[must_use]
    pub fn last_seen(&self, held: Held, now: WallTime) -> Option<WallTime> {
        if held.live > 0 { Some(now) } else { self.seen_at }
    }

    /// Whether it need not be kept, if it holds nothing, and what was noted before `before` is
    /// old enough.
    #[must_use]
    pub fn may_be_forgotten(&self, held: Held, before: WallTime) -> bool {
        held == Held::default() && self.cordon.is_none() && self.noted_at < before
    }

    /// Takes in what a step has told. Steps come in order, but what they tell of may not: the
    /// later instant stays, unless the wall clock was set back since.
    pub fn see(&mut self, sighting: &Sighting) {
        self.seen_at = self.seen_at.map(|seen| seen.min(sighting.at)).max(sighting.seen_at);
        self.noted_at = sighting.at;
        if sighting.stated {
            self.host = Arc::clone(&sighting.machine.host);
            self.labels.clone_from(&sighting.machine.labels);
        }
    }
}

impl From<&Sighting> for Machine {
    /// A machine that nothing was known of before it was seen.
    fn from(sighting: &Sighting) -> Self {
        let MachineRef { id, host, labels } = sighting.machine.clone();
        let (seen_at, noted_at) = (sighting.seen_at, sighting.at);
        Self { id, host, labels, seen_at, noted_at, cordon: None }
    }
}

/// What `change`, made `at` on the tenure `before`, tells of machines: that one holds a session
/// from now on, or no longer does, or not a live one. A stale session that ends says when its
/// machine last held something, but not that it was alive.
#[must_use]
pub fn sightings(before: &Tenure, change: &Change, at: WallTime) -> SmallVec<[Sighting; 1]> {
    let held = before.session.as_ref();
    let seen = |session: &Session, stated: bool, seen_at: Option<WallTime>| {
        let machine = session.machine.clone()?;
        Some(Sighting { machine, stated, seen_at, at })
    };
    let mut told = SmallVec::new();
    match change {
        Change::Minted { session, .. } => told.extend(seen(session, true, Some(at))),
        Change::Refreshed { session, .. } => {
            let moved = held.filter(|held| id(held) != id(session));
            told.extend(moved.and_then(|held| seen(held, false, Some(at))));
            // One that was not named again is the one of before.
            let stated = held.is_none_or(|held| held.machine != session.machine);
            told.extend(seen(session, stated, Some(at)));
        }
        Change::ExpiryRecorded { expired_at, .. } => {
            told.extend(held.and_then(|held| seen(held, false, Some(expired_at.wall))));
        }
        Change::Ended { entry } => told.extend(held.and_then(|held| {
            let lived = (!held.expiry_recorded).then_some(entry.ended_at);
            seen(held, false, lived)
        })),
        _ => {}
    }
    told
}

fn id(session: &Session) -> Option<&MachineId> {
    session.machine.as_ref().map(|machine| &machine.id)
}

#[cfg(test)]
mod tests;
