//! Makes a decided batch durable, finds out what became of it, and sees to the consequences.

use std::time::Duration;

use hashbrown::HashSet;
use tenure_core::event::Event;
use tenure_core::time::Span;

use crate::engine::batch::{Item, Pending, Source};
use crate::engine::cache::Slot;
use crate::engine::run::{Runner, Stop};
use crate::engine::{Failure, Published};
use crate::store::{
    Batch, CommitError, Committed, Load, Loaded, Outcome, PAGE_MAX, Sequenced, StoreError, Write,
};

/// A timer whose workspace could not be settled is tried again after this long.
pub const TIMER_RETRY_AFTER: Span = Span(1_000);
/// How long to wait before asking again what became of a batch: at first, and at most.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// What became of a batch, and what to publish of it.
struct Concluded {
    outcomes: Vec<Outcome>,
    events: Vec<Sequenced>,
}

impl Runner {
    /// Commits what was decided and answers it. Returns the items to decide anew.
    pub async fn commit(&mut self, items: Vec<Item>) -> Result<Vec<Item>, Stop> {
        let (writes, mut pending) = self.writes();
        if writes.is_empty() && self.service_events.is_empty() && !self.mark_is_due() {
            self.answer(items);
            return Ok(Vec::new());
        }
        let service_events = std::mem::take(&mut self.service_events);
        let lease_now = self.now().now.lease;
        let batch = Batch {
            epoch: self.shared.epoch,
            lease_now,
            writes,
            service_events: service_events.clone(),
        };
        let result = match self.store.commit(batch).await {
            Ok(committed) => sequence(committed, service_events, &mut pending),
            Err(CommitError::Unknown(error)) => {
                tracing::warn!(?error, "the outcome of a batch is unknown; asking the store");
                self.find_out(service_events, &pending).await
            }
            Err(CommitError::NotApplied(error)) => {
                self.service_events = service_events;
                self.take_back(&pending, items, error);
                return Ok(Vec::new());
            }
            Err(CommitError::Fenced) => {
                let error = StoreError::InUse("another server has acquired it".to_owned());
                return Err(self.give_up(items, error));
            }
            Err(CommitError::Fatal(error)) => return Err(self.give_up(items, error)),
        };
        self.mark_stored = lease_now;
        let retry = self.conclude(&result.outcomes, &pending, items);
        self.publish(result.events);
        Ok(retry)
    }

    fn writes(&mut self) -> (Vec<Write>, Vec<Pending>) {
        let mut writes = Vec::with_capacity(self.chains.len());
        let mut pending = Vec::with_capacity(self.chains.len());
        for chain in std::mem::take(&mut self.chains) {
            if let Some(entry) = self.cache.get_mut(chain.slot) {
                entry.chain = None;
                let (write, rest) = chain.into_write(entry);
                writes.push(write);
                pending.push(rest);
            }
        }
        (writes, pending)
    }

    /// Brings cache and timers up to what is stored now, and answers the items whose writes
    /// were applied. The others are returned.
    fn conclude(
        &mut self,
        outcomes: &[Outcome],
        pending: &[Pending],
        items: Vec<Item>,
    ) -> Vec<Item> {
        let mut conflicts: HashSet<Slot> = HashSet::new();
        let boot_mark = self.now().boot_mark;
        for (outcome, pending) in outcomes.iter().zip(pending) {
            let Outcome::Applied { row, .. } = outcome else {
                conflicts.insert(pending.slot);
                self.cache.remove(pending.slot);
                continue;
            };
            let Some(entry) = self.cache.get_mut(pending.slot) else { continue };
            if let (Some(row), Some(version)) = (row, pending.version) {
                entry.stored = Some((*row, version));
            }
            let tenure = &entry.workspace.tenure;
            if pending.beyond_the_lease
                && tenure.session.as_ref().is_some_and(|session| !session.expiry_recorded)
                && let Some(expiry) = tenure.effective_expiry(boot_mark)
            {
                self.timers.set(&entry.workspace.key, expiry);
            }
        }
        if conflicts.is_empty() {
            self.answer(items);
            return Vec::new();
        }
        let met_conflict = |item: &Item| item.slot.is_some_and(|slot| conflicts.contains(&slot));
        let (mut retry, done): (Vec<_>, Vec<_>) = items.into_iter().partition(met_conflict);
        self.answer(done);
        for item in &mut retry {
            item.slot = None;
            item.verdict = None;
        }
        retry
    }

    /// Asks until the store tells which writes were applied. Until then nobody is answered.
    async fn find_out(&mut self, service_events: Vec<Event>, pending: &[Pending]) -> Concluded {
        let mut load = Load::default();
        for pending in pending {
            if let Some(entry) = self.cache.get(pending.slot) {
                load.keys.push(entry.workspace.key.clone());
            }
            load.outcomes.extend(pending.outcome.clone());
        }
        let mut wait = ASK_AGAIN_AFTER[0];
        let (loaded, events) = loop {
            match self.ask(load.clone()).await {
                Ok(told) => break told,
                Err(error) => tracing::warn!(?error, "the store does not answer; asking again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(ASK_AGAIN_AFTER[1]);
        };
        if !events.iter().any(|sequenced| sequenced.event.key.is_none()) {
            self.service_events = service_events;
        }
        let mut kept = loaded.outcomes.into_iter();
        let outcomes = pending.iter().zip(loaded.workspaces).map(|(pending, stored)| {
            let applied = match pending.version {
                None => kept.next().flatten().is_some(),
                // The version alone could be that of another writer's change.
                Some(version) => {
                    let decided = self.cache.get(pending.slot).map(|e| &e.workspace.tenure);
                    let found = stored.as_ref().filter(|stored| stored.version == version);
                    found.is_some_and(|found| Some(&found.tenure) == decided)
                }
            };
            if applied {
                Outcome::Applied { row: stored.map(|stored| stored.row), sequences: 0..0 }
            } else {
                Outcome::Conflict
            }
        });
        Concluded { outcomes: outcomes.collect(), events }
    }

    async fn ask(&self, load: Load) -> Result<(Loaded, Vec<Sequenced>), StoreError> {
        let loaded = self.store.load(load).await?;
        let mut events = Vec::new();
        let mut after = self.shared.newest_sequence();
        loop {
            let page = self.store.events(None, after, PAGE_MAX).await?;
            let last = page.events.is_empty();
            after = page.read_through;
            events.extend(page.events);
            if last {
                return Ok((loaded, events));
            }
        }
    }

    /// Holders are not charged for the time in which the store takes nothing, because they
    /// cannot renew either.
    pub fn hold_the_clock(&mut self) {
        self.clock.set_back(self.mark_stored);
        self.shared.publish_clock(self.clock);
    }

    /// Nothing was applied: forgets what was decided.
    fn take_back(&mut self, pending: &[Pending], items: Vec<Item>, error: StoreError) {
        tracing::error!(?error, "a batch was not applied");
        for pending in pending {
            self.cache.remove(pending.slot);
        }
        self.hold_the_clock();
        self.fail(items, &Failure::Store(error));
    }

    fn give_up(&mut self, items: Vec<Item>, error: StoreError) -> Stop {
        tracing::error!(?error, "the store cannot be used any more");
        self.fail(items, &Failure::Store(error.clone()));
        self.shared.failed.send_replace(Some(error));
        Stop::StoreFailed
    }

    /// Tells members and subscribers, in the order of the log.
    fn publish(&mut self, events: Vec<Sequenced>) {
        let Some(last) = events.last() else { return };
        let through = last.sequence;
        self.shared.set_newest_sequence(through);
        let clock = self.now();
        for sequenced in &events {
            self.members.tell(&sequenced.event, clock);
        }
        // Without subscribers nobody is told, which is no failure.
        let _ = self.shared.feed.send(Published { through, events: events.into() });
    }

    /// Sets timers again whose workspaces had nothing due, or could not be settled.
    pub fn rearm(&mut self, item: &Item) {
        let Source::Timer(key) = &item.source else { return };
        let now = self.now();
        let retry_at = now.now.lease.after(TIMER_RETRY_AFTER);
        let at = match item.slot.and_then(|slot| self.cache.get(slot)) {
            None => Some(retry_at),
            Some(entry) => {
                let tenure = &entry.workspace.tenure;
                let waits = tenure.session.as_ref().is_some_and(|s| !s.expiry_recorded);
                let expiry = tenure.effective_expiry(now.boot_mark).filter(|_| waits);
                expiry.map(|expiry| if expiry > now.now.lease { expiry } else { retry_at })
            }
        };
        if let Some(at) = at {
            self.timers.set(key, at);
        }
    }
}

/// Gives events their places in the log; the service's come first.
fn sequence(
    committed: Committed,
    service_events: Vec<Event>,
    pending: &mut [Pending],
) -> Concluded {
    let Committed { outcomes, service_sequences } = committed;
    let mut events: Vec<Sequenced> = service_sequences
        .zip(service_events)
        .map(|(sequence, event)| Sequenced { sequence, event })
        .collect();
    for (outcome, pending) in outcomes.iter().zip(pending) {
        events.extend(pending.sequenced(outcome));
    }
    events.sort_unstable_by_key(|sequenced| sequenced.sequence);
    Concluded { outcomes, events }
}
