//! What a batch comes to for one workspace: the changes of all that was decided about it, the
//! write that makes them durable, and what is left to do then.

use std::sync::Arc;

use smallvec::SmallVec;
use tenure_core::change::Change;
use tenure_core::event::{self, Event, Stamp};
use tenure_core::evolve::evolve;
use tenure_core::ledger::LedgerEntry;
use tenure_core::machine::{Sighting, sightings};
use tenure_core::parts::{Needs, Parts};
use tenure_core::registration::Origin;
use tenure_core::session::{Revision, Session};
use tenure_core::surroundings::Signals;
use tenure_core::workspace::Tenure;

use crate::engine::cache::{Entry, Slot};
use crate::engine::members::Signalled;
use crate::store::{
    AroundWrite, Guard, LeaseRow, LeaseWrite, Outcome, OutcomeKey, Sequenced, Stored,
    StoredOutcome, Version, Write,
};

/// All changes of one workspace in a batch: several commands chain into one write. Small as
/// long as there are only beats.
#[derive(Debug)]
pub struct Chain {
    /// The workspace's place in the cache.
    pub slot: Slot,
    changed: bool,
    more: Option<Box<More>>,
}

/// What a chain comes to besides a renewed lease.
#[derive(Debug, Default)]
struct More {
    beyond_the_lease: bool,
    touches_tenure: bool,
    deleted: Option<Revision>,
    origin: Option<Arc<Origin>>,
    parts: Parts,
    signals_before: Option<Signals>,
    sealed: Vec<LedgerEntry>,
    events: Vec<Event>,
    outcomes: Vec<StoredOutcome>,
    sightings: Vec<Sighting>,
}

/// What a chain asks of the store.
#[derive(Debug)]
pub enum Written {
    /// A lease was renewed, and nothing else.
    Renewal(LeaseWrite, Renewing),
    /// Anything more, and what is left to do when it is durable.
    Write(Box<(Write, Pending)>),
}

/// A renewal that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Renewing {
    /// The workspace's place in the cache.
    pub slot: Slot,
    /// What the store holds if it was applied.
    pub lease: LeaseRow,
}

/// A chain whose write is under way.
#[derive(Debug)]
pub struct Pending {
    /// The workspace's place in the cache.
    pub slot: Slot,
    /// What the store holds of the hot row if the write was applied; absent if it stores
    /// outcomes only.
    pub lease: Option<LeaseRow>,
    /// What it then holds of the rest, if the write changes that.
    pub tenure: Option<Arc<Tenure>>,
    /// What it then holds around the session, if the write changes that.
    pub around: Option<AroundWrite>,
    /// Whether the store then holds nothing of the workspace.
    pub deletes: bool,
    /// An outcome to ask for, should it be unknown whether a write of outcomes only was applied.
    pub outcome: Option<OutcomeKey>,
    /// Whether more than a lease was renewed, so that timers may have to be set.
    pub beyond_the_lease: bool,
    /// What happened, to be published.
    pub events: Vec<Event>,
    /// What is asked of the holder, if that has changed.
    pub signalled: Option<Signalled>,
}

impl Chain {
    /// An empty chain on the entry at `slot`.
    #[must_use]
    pub const fn new(slot: Slot) -> Self {
        Self { slot, changed: false, more: None }
    }

    /// Applies `changes` to `entry`, and notes what they come to.
    pub fn apply(&mut self, entry: &mut Entry, changes: &[Change], stamp: impl Fn() -> Stamp) {
        for change in changes {
            self.changed = true;
            if matches!(change, Change::Renewed { .. }) {
                evolve(&mut entry.workspace, change);
                continue;
            }
            let more = self.more.get_or_insert_default();
            more.beyond_the_lease = true;
            more.touches_tenure |= change.touches_tenure();
            more.parts = more.parts.with(change.touches());
            let before = entry.workspace.tenure.clone();
            if change.touches().meets(Parts::ESCALATIONS.with(Parts::GATES)) {
                more.signals_before.get_or_insert_with(|| before.signals.clone());
            }
            evolve(&mut entry.workspace, change);
            match change {
                Change::Ended { entry: sealed } => more.sealed.push((**sealed).clone()),
                Change::OriginSet { origin, .. } => more.origin = Some(Arc::clone(origin)),
                Change::WorkspaceDeleted { revision_floor } => more.deleted = Some(*revision_floor),
                _ => {}
            }
            let stamp = stamp();
            more.sightings.extend(sightings(&before, change, stamp.at));
            more.events.extend(event::derive(&before, change, &entry.workspace, &stamp));
        }
    }

    /// Whether the workspace is deleted: nothing more may come in the same step.
    #[must_use]
    pub fn deletes(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.deleted.is_some())
    }

    /// Keeps the outcome of a request, in the same step.
    pub fn keep(&mut self, outcome: StoredOutcome) {
        self.more.get_or_insert_default().outcomes.push(outcome);
    }

    /// An outcome that this chain keeps already.
    #[must_use]
    pub fn kept(&self, key: &OutcomeKey) -> Option<&StoredOutcome> {
        self.more.as_ref()?.outcomes.iter().find(|outcome| outcome.key == *key)
    }

    /// What makes the chain durable. Whatever was decided on before is concluded by now, so
    /// that `entry` knows what is stored.
    #[must_use]
    pub fn into_written(self, entry: &Entry) -> Written {
        let Self { slot, changed, more } = self;
        let tenure = &entry.workspace.tenure;
        let guard = entry.guard();
        let deletes = more.as_ref().is_some_and(|more| more.deleted.is_some());
        let lease = (changed && !deletes).then(|| LeaseRow::of(tenure, next_version(guard)));
        let more = match (guard, lease, more) {
            (Guard::At(row, expected), Some(lease), None) => {
                let write = LeaseWrite { row, expected, lease };
                return Written::Renewal(write, Renewing { slot, lease });
            }
            (_, _, more) => *more.unwrap_or_default(),
        };
        let tenure = (more.touches_tenure && !deletes).then(|| Arc::new(tenure.clone()));
        let around = entry.workspace.surroundings.as_deref();
        let around = around.filter(|_| !more.parts.is_empty() && !deletes);
        let around = around.map(|around| AroundWrite {
            parts: more.parts,
            surroundings: Arc::new(around.clone()),
        });
        let pending = Pending {
            slot,
            lease,
            tenure: tenure.clone(),
            around: around.clone(),
            deletes,
            outcome: more.outcomes.first().filter(|_| !changed).map(|o| o.key.clone()),
            beyond_the_lease: more.beyond_the_lease,
            events: more.events.clone(),
            signalled: more.signals_before.and_then(|before| signalled(entry, before)),
        };
        let write = Write {
            key: entry.workspace.key.clone(),
            guard,
            lease,
            deleted: more.deleted,
            origin: more.origin,
            tenure,
            around,
            sealed: more.sealed,
            events: more.events,
            outcomes: more.outcomes,
            sightings: more.sightings,
        };
        Written::Write(Box::new((write, pending)))
    }
}

impl Pending {
    /// What happened, in its place in the log.
    pub fn sequenced(&mut self, outcome: &Outcome) -> SmallVec<[Sequenced; 2]> {
        let Outcome::Applied { sequences, .. } = outcome else { return SmallVec::new() };
        let events = std::mem::take(&mut self.events);
        sequences
            .clone()
            .zip(events)
            .map(|(sequence, event)| Sequenced { sequence, event })
            .collect()
    }
}

/// What is asked of the holder since it was told `before`.
fn signalled(entry: &Entry, before: Signals) -> Option<Signalled> {
    let now = entry.workspace.tenure.signals.clone();
    let session_id = entry.workspace.session_id()?.clone();
    (before != now).then_some(Signalled { session_id, before, now })
}

/// The version that a write under `guard` sets.
#[must_use]
const fn next_version(guard: Guard) -> Version {
    match guard {
        Guard::Absent => Version(1),
        Guard::At(_, version) => Version(version.0.saturating_add(1)),
    }
}

/// Whether `stored` is what a write of `lease` leaves. The version alone could be that of
/// another writer's change.
#[must_use]
pub fn is_as_sent(stored: Option<&Stored>, lease: &LeaseRow) -> bool {
    stored.is_some_and(|stored| LeaseRow::of(&stored.tenure, stored.version) == *lease)
}

impl Pending {
    /// What has to be read to tell whether this write was applied.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        if self.around.is_some() { Needs::Everything } else { Needs::Tenure }
    }

    /// Whether `stored` is what this write leaves, which has the hot row `lease`.
    #[must_use]
    pub fn is_in(&self, stored: Option<&Stored>, lease: &LeaseRow) -> bool {
        let has_tenure =
            |stored: &Stored| self.tenure.as_deref().is_none_or(|tenure| *tenure == stored.tenure);
        let has_around = |stored: &Stored| {
            let around = stored.surroundings.as_deref();
            self.around.as_ref().is_none_or(|sent| around.is_some_and(|around| sent.is_in(around)))
        };
        is_as_sent(stored, lease) && stored.is_some_and(|s| has_tenure(s) && has_around(s))
    }
}

impl LeaseRow {
    /// The hot row of a workspace in state `tenure`.
    fn of(tenure: &Tenure, version: Version) -> Self {
        let session = tenure.session.as_ref();
        let renewal = session.and_then(Session::autonomous).and_then(|a| a.renewal);
        Self {
            version,
            revision: tenure.revision.unwrap_or_default(),
            last_heartbeat_at: renewal.map(|renewal| renewal.last_heartbeat_at),
            expires_at: renewal.map(|renewal| renewal.expires_at),
            beats: session.map_or(0, |session| session.beats),
        }
    }
}
