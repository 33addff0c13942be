//! Planted faults. Each must be found by the simulation, or the simulation proves nothing.

use clap::ValueEnum;
use tenure_core::time::LeaseInstant;
use tenured::store::{Batch, Guard, Write};

/// Of so many writes a faulty store drops one.
const DROPS_ONE_OF: u64 = 20;

/// What is wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Mutant {
    /// Nothing.
    #[default]
    None,
    /// The store forgets the outcomes of requests.
    StoreForgetsOutcomes,
    /// The store says of some writes that they are durable, and drops them.
    StoreDropsWrites,
    /// The store does not keep the lease clock's mark.
    StoreForgetsMark,
    /// The server's clocks go faster than the stop rule of holders allows for.
    ServerClockRaces,
    /// Holders count from when an answer came, and not from when they asked.
    HolderCountsFromTheAnswer,
    /// Watchers go on one event too late after a broken stream.
    WatcherSkips,
    /// Watchers go on one event too early after a broken stream.
    WatcherRepeats,
}

impl Mutant {
    /// All faults.
    #[must_use]
    pub fn all() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|mutant| *mutant != Self::None).collect()
    }

    /// What a store with this fault makes of a batch; `writes` counts those that it has seen.
    pub fn alter(self, batch: &mut Batch, writes: &mut u64) {
        match self {
            Self::StoreForgetsOutcomes => {
                batch.writes.iter_mut().for_each(|write| write.outcomes.clear());
            }
            Self::StoreForgetsMark => batch.lease_now = LeaseInstant::ORIGIN,
            Self::StoreDropsWrites => {
                for write in &mut batch.writes {
                    *writes += 1;
                    if writes.is_multiple_of(DROPS_ONE_OF) && matches!(write.guard, Guard::At(..)) {
                        drop_content(write);
                    }
                }
            }
            _ => {}
        }
    }
}

fn drop_content(write: &mut Write) {
    write.lease = None;
    write.deleted = None;
    write.events.clear();
    write.outcomes.clear();
}
