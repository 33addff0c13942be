//! Works ahead while the store works: decides what has come meanwhile on the state that the
//! batch under way will leave, so that the next batch is ready when the store is.
//!
//! Guarantees: what is decided ahead is neither sent nor answered before the batch under way is
//! durable as a whole. If any of that batch is not, everything decided ahead is taken back and
//! decided anew.

use std::task::Poll;

use crate::engine::item::{Item, Source};
use crate::engine::run::Runner;
use crate::store::{CommitError, Committed, Pending};

impl Runner {
    /// Waits for a commit and works ahead for as long as there is plenty to do.
    pub async fn work_ahead(
        &mut self,
        commit: &mut Pending<'_, Committed, CommitError>,
    ) -> Result<Committed, CommitError> {
        let mut items = std::mem::take(&mut self.deferred);
        loop {
            if let Poll::Ready(committed) = futures_util::poll!(&mut *commit) {
                self.deferred.append(&mut items);
                return committed;
            }
            let taken = self.ahead.len() + self.deferred.len();
            let room = self.batching.items_max.saturating_sub(taken);
            self.drain_queue(&mut items, room);
            if items.len() < self.batching.ahead_min {
                self.deferred.append(&mut items);
                return commit.await;
            }
            self.turn_the_clock();
            self.decide_ahead(&mut items);
        }
    }

    /// Decides what can be decided without asking the store, and defers the rest.
    fn decide_ahead(&mut self, items: &mut Vec<Item>) {
        let decided_before = self.ahead.len();
        for mut item in items.drain(..) {
            item.slot = self.at_hand(&item);
            if item.slot.is_none() || self.is_for_its_turn(&item) {
                self.deferred.push(item);
            } else {
                self.ahead.push(item);
            }
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        // Nobody waits for any of it, and none is a deletion or follows one.
        self.decide(&mut ahead[decided_before..], &[]);
        self.ahead = ahead;
    }

    /// Whether an earlier outcome has to be read first, or somebody waits: who is served is told
    /// where it stands by what is durable.
    fn is_for_its_turn(&self, item: &Item) -> bool {
        matches!(item.source, Source::Wait(_))
            || item.deletes_its_workspace()
            || self.waits.has(item.key())
            || item.may_be_repeat()
    }

    /// Takes back what was decided ahead of a batch that is not durable as a whole.
    pub fn take_back_ahead(&mut self) {
        for chain in std::mem::take(&mut self.chains) {
            self.forget(chain.slot);
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        for item in &mut ahead {
            item.slot = None;
            item.verdict = None;
        }
        self.deferred.splice(0..0, ahead);
    }
}
