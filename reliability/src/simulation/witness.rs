//! The witness: sees every batch that becomes durable, and everything that clients are told, and
//! says as soon as the two do not agree with what is promised.
//!
//! Guarantees: it judges by what is durable and what was told, never by what the engine holds;
//! the first violation is kept, with what happened before it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure_core::name::{Key, SessionId};
use tenure_core::time::LeaseInstant;
use tenured::store::memory::Observer;
use tenured::store::{Batch, Committed, OutcomeKey, RowId, Sequenced};
use tokio::sync::watch;

use self::belief::Belief;
use self::tenure::{Life, Standing};
use super::mutant::Mutant;
use super::plan::Plan;
use super::totals::Totals;
use super::trace::Trace;

mod acknowledged;
mod belief;
mod durable;
mod tenure;
mod watched;

pub use self::watched::Watched;

/// What was seen so far.
#[derive(Debug)]
pub struct Witness {
    trace: Trace,
    totals: Totals,
    violated: watch::Sender<bool>,
    mutant: Mutant,
    /// Whether nothing keeps the server from noticing expiries in time: a store that fails does,
    /// and a pause of less than a second, which is charged. After a crash that took the grace of
    /// the boot before, an expiry seems to be an older one than it was.
    notices_in_time: bool,
    /// The lease clock of the batch that is looked at.
    lease_now: LeaseInstant,
    writes: u64,
    /// The event log, whole.
    log: Vec<Sequenced>,
    /// What is stored now, by what the log says.
    standing: BTreeMap<Key, Standing>,
    keys: BTreeMap<RowId, Key>,
    /// All sessions there ever were.
    lives: BTreeMap<SessionId, Life>,
    /// What holders believe.
    beliefs: BTreeMap<SessionId, Belief>,
    /// How often what a request asked for has happened, by what it is and the request's mark.
    effects: BTreeMap<(&'static str, String), u32>,
    outcomes: BTreeSet<OutcomeKey>,
}

/// The witness, shared by store and clients.
#[derive(Debug)]
pub struct Seen(Mutex<Witness>);

impl Seen {
    /// Nothing was seen yet. `verbose` prints what happens as it happens.
    #[must_use]
    pub fn new(plan: &Plan, mutant: Mutant, verbose: bool) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Witness {
            trace: Trace::new(verbose),
            totals: Totals::default(),
            violated: watch::Sender::new(false),
            mutant,
            notices_in_time: plan.has_kind_store() && !plan.mishaps.stalls && !plan.mishaps.crashes,
            lease_now: LeaseInstant::ORIGIN,
            writes: 0,
            log: Vec::new(),
            standing: BTreeMap::new(),
            keys: BTreeMap::new(),
            lives: BTreeMap::new(),
            beliefs: BTreeMap::new(),
            effects: BTreeMap::new(),
            outcomes: BTreeSet::new(),
        })))
    }

    /// To look, or to tell it something.
    pub fn witness(&self) -> MutexGuard<'_, Witness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened.
    pub fn note(&self, what: &str) {
        self.witness().note(what);
    }

    /// Something happened that is counted.
    pub fn happened(&self, what: &str, count: impl FnOnce(&mut Totals) -> &mut u64) {
        let mut witness = self.witness();
        witness.note(what);
        *count(&mut witness.totals) += 1;
    }

    /// Something happened that is only counted.
    pub fn count(&self, count: impl FnOnce(&mut Totals) -> &mut u64) {
        *count(&mut self.witness().totals) += 1;
    }

    /// Set once anything was violated.
    #[must_use]
    pub fn violated(&self) -> watch::Receiver<bool> {
        self.witness().violated.subscribe()
    }
}

impl Observer for Seen {
    fn committed(&self, batch: &Batch, committed: &Committed) {
        self.witness().durable(batch, committed);
    }

    fn alter(&self, batch: &mut Batch) {
        let mut witness = self.witness();
        let mut writes = witness.writes;
        witness.mutant.alter(batch, &mut writes);
        witness.writes = writes;
    }
}

impl Witness {
    /// Something happened.
    pub fn note(&mut self, what: &str) {
        self.trace.note(what);
    }

    /// Something happened that must not.
    pub fn violate(&mut self, what: &str) {
        self.trace.violation(what);
        self.violated.send_replace(true);
    }

    /// The newest sequence of the log.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.log.last().map_or(0, |last| last.sequence)
    }

    /// What came of it: the totals, or the violation with what happened before it.
    ///
    /// # Errors
    /// The first violation.
    pub fn verdict(&mut self) -> Result<Totals, String> {
        match self.trace.verdict() {
            Some(violation) => Err(violation),
            None => Ok(mem::take(&mut self.totals)),
        }
    }

    /// A number that another run has only if the same happened in it.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.trace.digest()
    }

    /// The run has come to its end.
    pub fn count_run(&mut self) {
        self.totals.runs += 1;
    }

    /// Whether nothing is left that time would have had to end, by what is stored.
    pub fn check_end(&mut self) {
        let standing: Vec<_> =
            self.standing.values().filter_map(|standing| standing.session.clone()).collect();
        for (id, _) in standing {
            if self.lives.get(&id).is_none_or(|life| life.expired.is_none()) {
                self.violate(&format!("{id:?} is still live, and nobody holds it"));
            }
        }
    }
}
