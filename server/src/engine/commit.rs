//! Makes a decided batch durable, finds out what became of it, and sees to the consequences.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hashbrown::HashSet;
use tenure_core::context::Clock;
use tenure_core::event::Event;
use tenure_core::time::Span;

use crate::engine::batch::{Item, Pending, Source, Written, next_version};
use crate::engine::cache::Slot;
use crate::engine::run::{Runner, Stop, Untold};
use crate::engine::{Failure, Published};
use crate::store::{
    Batch, CommitError, Committed, Load, Loaded, Outcome, PAGE_MAX, RowId, Sequenced, StoreError,
    Stored,
};

/// A timer whose workspace could not be settled is tried again after this long.
pub const TIMER_RETRY_AFTER: Span = Span(1_000);
/// How long to wait before asking again what became of a batch: at first, and at most.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// What is under way to the store, and what is left to do when it is durable.
#[derive(Debug, Default)]
struct Sent {
    /// For each write.
    pending: Vec<Pending>,
    /// For each renewal.
    renewed: Vec<Slot>,
}

/// What became of a batch, and what to publish of it.
struct Concluded {
    outcomes: Vec<Outcome>,
    conflicting_renewals: Vec<usize>,
    events: Vec<Sequenced>,
}

impl Runner {
    /// Commits what was decided and answers it. Returns the items to decide anew, if any.
    pub async fn commit(&mut self, items: Vec<Item>) -> Result<Vec<Item>, Stop> {
        let (batch, mut sent) = self.batch();
        let is_empty = batch.writes.is_empty() && batch.renewals.is_empty();
        if is_empty && batch.service_events.is_empty() && !self.mark_is_due() {
            self.tell();
            return Ok(self.answer(items, self.now()));
        }
        let service_events = batch.service_events.clone();
        let lease_now = batch.lease_now;
        let store = Arc::clone(&self.store);
        let mut commit = store.commit(batch);
        // The first poll hands the batch over. While the store works, the last one is answered.
        let first = futures_util::poll!(&mut commit);
        self.tell();
        let committed = match first {
            Poll::Ready(committed) => committed,
            Poll::Pending => commit.await,
        };
        let concluded = match committed {
            Ok(committed) => sequence(committed, service_events, &mut sent.pending),
            Err(CommitError::Unknown(error)) => {
                tracing::warn!(?error, "the outcome of a batch is unknown; asking the store");
                self.find_out(service_events, &sent).await
            }
            Err(CommitError::NotApplied(error)) => {
                self.service_events = service_events;
                self.take_back(&sent, items, error);
                return Ok(Vec::new());
            }
            Err(CommitError::Fenced) => {
                let error = StoreError::InUse("another server has acquired it".to_owned());
                return Err(self.give_up(items, error));
            }
            Err(CommitError::Fatal(error)) => return Err(self.give_up(items, error)),
        };
        self.mark_stored = lease_now;
        let (done, retry) = self.conclude(&concluded, &sent, items);
        let clock = self.now();
        self.untold = Some(Untold { items: done, events: concluded.events, clock });
        Ok(retry)
    }

    /// Answers and publishes the last durable batch, unless that has been done.
    pub fn tell(&mut self) {
        if let Some(Untold { items, events, clock }) = self.untold.take() {
            self.spare = self.answer(items, clock);
            self.publish(events, clock);
        }
    }

    fn batch(&mut self) -> (Batch, Sent) {
        let mut batch = Batch {
            epoch: self.shared.epoch,
            lease_now: self.now().now.lease,
            writes: Vec::new(),
            renewals: Vec::with_capacity(self.chains.len()),
            service_events: std::mem::take(&mut self.service_events),
        };
        let mut sent = Sent::default();
        sent.renewed.reserve(self.chains.len());
        for chain in self.chains.drain(..) {
            let slot = chain.slot;
            let Some(entry) = self.cache.get_mut(slot) else { continue };
            entry.chain = None;
            match chain.into_written(entry) {
                Written::Renewal(renewal) => {
                    batch.renewals.push(renewal);
                    sent.renewed.push(slot);
                }
                Written::Write(both) => {
                    let (write, pending) = *both;
                    batch.writes.push(write);
                    sent.pending.push(pending);
                }
            }
        }
        (batch, sent)
    }

    /// Brings cache and timers up to what is stored now. Returns the items whose writes were
    /// applied, to be answered, and those to be decided anew.
    fn conclude(
        &mut self,
        concluded: &Concluded,
        sent: &Sent,
        items: Vec<Item>,
    ) -> (Vec<Item>, Vec<Item>) {
        let mut conflicts: HashSet<Slot> = HashSet::new();
        for place in &concluded.conflicting_renewals {
            conflicts.extend(sent.renewed.get(*place));
        }
        for slot in &sent.renewed {
            if let Some(entry) = self.cache.get_mut(*slot)
                && let Some((_, version)) = &mut entry.stored
            {
                version.0 += 1;
            }
        }
        for (outcome, pending) in concluded.outcomes.iter().zip(&sent.pending) {
            match outcome {
                Outcome::Applied { row, .. } => self.applied(pending, *row),
                Outcome::Conflict => {
                    conflicts.insert(pending.slot);
                }
            }
        }
        if conflicts.is_empty() {
            return (items, std::mem::take(&mut self.spare));
        }
        for slot in &conflicts {
            self.cache.remove(*slot);
        }
        let met_conflict = |item: &Item| item.slot.is_some_and(|slot| conflicts.contains(&slot));
        let (mut retry, done): (Vec<_>, Vec<_>) = items.into_iter().partition(met_conflict);
        for item in &mut retry {
            item.slot = None;
            item.verdict = None;
        }
        (done, retry)
    }

    fn applied(&mut self, pending: &Pending, row: Option<RowId>) {
        let boot_mark = self.now().boot_mark;
        let Some(entry) = self.cache.get_mut(pending.slot) else { return };
        if let (Some(row), Some(version)) = (row, pending.version) {
            entry.stored = Some((row, version));
        }
        let tenure = &entry.workspace.tenure;
        let waits = tenure.session.as_ref().is_some_and(|session| !session.expiry_recorded);
        if pending.beyond_the_lease
            && waits
            && let Some(expiry) = tenure.effective_expiry(boot_mark)
        {
            self.timers.set(&entry.workspace.key, expiry);
        }
    }

    /// Asks until the store tells which writes were applied. Until then nobody is answered.
    async fn find_out(&mut self, service_events: Vec<Event>, sent: &Sent) -> Concluded {
        let mut load = Load::default();
        let slots = sent.pending.iter().map(|pending| &pending.slot).chain(&sent.renewed);
        for entry in slots.filter_map(|slot| self.cache.get(*slot)) {
            load.keys.push(entry.workspace.key.clone());
        }
        load.outcomes.extend(sent.pending.iter().filter_map(|pending| pending.outcome.clone()));
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
        let mut stored = loaded.workspaces.into_iter();
        let outcomes = sent.pending.iter().map(|pending| {
            let stored = stored.next().flatten();
            let applied = match pending.version {
                None => kept.next().flatten().is_some(),
                Some(_) => self.is_as_decided(pending.slot, stored.as_ref()),
            };
            if applied {
                Outcome::Applied { row: stored.map(|stored| stored.row), sequences: 0..0 }
            } else {
                Outcome::Conflict
            }
        });
        let outcomes = outcomes.collect();
        let renewed = sent.renewed.iter().zip(stored).enumerate();
        let conflicting_renewals = renewed
            .filter(|(_, (slot, stored))| !self.is_as_decided(**slot, stored.as_ref()))
            .map(|(place, _)| place)
            .collect();
        Concluded { outcomes, conflicting_renewals, events }
    }

    /// Whether the store holds what was decided. The version alone could be that of another
    /// writer's change, so the state itself is compared.
    fn is_as_decided(&self, slot: Slot, stored: Option<&Stored>) -> bool {
        let (Some(entry), Some(stored)) = (self.cache.get(slot), stored) else { return false };
        stored.version == next_version(entry.guard()) && stored.tenure == entry.workspace.tenure
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
    fn take_back(&mut self, sent: &Sent, items: Vec<Item>, error: StoreError) {
        tracing::error!(?error, "a batch was not applied");
        for slot in sent.pending.iter().map(|pending| &pending.slot).chain(&sent.renewed) {
            self.cache.remove(*slot);
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
    fn publish(&mut self, events: Vec<Sequenced>, clock: Clock) {
        let Some(last) = events.last() else { return };
        let through = last.sequence;
        self.shared.set_newest_sequence(through);
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
        let slot = self.cache.find(key, item.slot);
        let at = match slot.and_then(|slot| self.cache.get(slot)) {
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
    let Committed { outcomes, conflicting_renewals, service_sequences } = committed;
    let mut events: Vec<Sequenced> = service_sequences
        .zip(service_events)
        .map(|(sequence, event)| Sequenced { sequence, event })
        .collect();
    for (outcome, pending) in outcomes.iter().zip(pending) {
        events.extend(pending.sequenced(outcome));
    }
    events.sort_unstable_by_key(|sequenced| sequenced.sequence);
    Concluded { outcomes, conflicting_renewals, events }
}
