//! Makes a decided batch durable, finds out what became of it, and sees to the consequences.

use std::mem;
use std::sync::Arc;
use std::task::Poll;

use hashbrown::HashSet;
use tenure_core::context::Clock;
use tenure_core::event::Event;
use tenure_core::ledger::EndCause;
use tenure_core::reply::Reply;
use tenure_core::time::Span;

use crate::engine::cache::Slot;
use crate::engine::chain::{Pending, Renewing, Written};
use crate::engine::item::{Item, Source, Verdict};
use crate::engine::members::Signalled;
use crate::engine::run::{Runner, Stop, Untold};
use crate::engine::{Failure, Published};
use crate::store::{Batch, CommitError, Committed, Outcome, RowId, Sequenced, StoreError};

/// A timer whose workspace could not be settled is tried again after this long.
pub const TIMER_RETRY_AFTER: Span = Span(1_000);

/// What is under way to the store, and what is left to do when it is durable.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// For each write.
    pub pending: Vec<Pending>,
    /// For each renewal.
    pub renewing: Vec<Renewing>,
}

/// What became of a batch, and what to publish of it.
pub(crate) struct Concluded {
    pub outcomes: Vec<Outcome>,
    pub conflicting_renewals: Vec<usize>,
    pub events: Vec<Sequenced>,
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
        // The first poll hands the batch over. While the store works, the last one is answered
        // and the next one is decided.
        let committed = match futures_util::poll!(&mut commit) {
            Poll::Ready(committed) => {
                self.tell();
                committed
            }
            Poll::Pending => {
                self.tell();
                self.work_ahead(&mut commit).await
            }
        };
        let concluded = match committed {
            Ok(committed) => sequence(committed, service_events, &mut sent.pending),
            Err(CommitError::Unknown(error)) => {
                tracing::warn!(?error, "the outcome of a batch is unknown; asking the store");
                self.find_out(service_events, &sent).await
            }
            Err(CommitError::NotApplied(error)) => {
                self.service_events.splice(0..0, service_events);
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
        let signalled = signalled(&concluded, sent.pending);
        let clock = self.now();
        self.untold = Some(Untold { items: done, events: concluded.events, signalled, clock });
        Ok(retry)
    }

    /// Answers and publishes the last durable batch, unless that has been done.
    pub fn tell(&mut self) {
        if let Some(Untold { items, events, signalled, clock }) = self.untold.take() {
            self.spare = self.answer(items, clock);
            self.publish(events, clock);
            for signalled in &signalled {
                self.members.tell_signals(signalled);
            }
        }
    }

    fn batch(&mut self) -> (Batch, Sent) {
        let mut batch = Batch {
            epoch: self.shared.epoch,
            lease_now: self.now().now.lease,
            writes: Vec::new(),
            renewals: Vec::with_capacity(self.chains.len()),
            service_events: mem::take(&mut self.service_events),
            // Orders about machines have batches of their own.
            machines: Vec::new(),
        };
        let mut sent = Sent::default();
        sent.renewing.reserve(self.chains.len());
        for chain in self.chains.drain(..) {
            let slot = chain.slot;
            let Some(entry) = self.cache.get_mut(slot) else { continue };
            entry.chain = None;
            match chain.into_written(entry) {
                Written::Renewal(renewal, renewing) => {
                    // If that does not come true the entry is forgotten.
                    entry.stored = Some((renewal.row, renewal.lease.version));
                    batch.renewals.push(renewal);
                    sent.renewing.push(renewing);
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
            conflicts.extend(sent.renewing.get(*place).map(|renewing| renewing.slot));
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
            return (items, mem::take(&mut self.spare));
        }
        self.take_back_ahead();
        for slot in &conflicts {
            self.cache.remove(*slot);
        }
        let met_conflict = |item: &Item| item.slot.is_some_and(|slot| conflicts.contains(&slot));
        let (mut retry, done): (Vec<_>, Vec<_>) = items.into_iter().partition(met_conflict);
        for item in &mut retry {
            item.slot = None;
            have_it_wait(item);
            item.verdict = None;
            self.undo_grant(item);
        }
        (done, retry)
    }

    fn applied(&mut self, pending: &Pending, row: Option<RowId>) {
        let boot_mark = self.now().boot_mark;
        let Some(entry) = self.cache.get_mut(pending.slot) else { return };
        if let (Some(row), Some(lease)) = (row, &pending.lease) {
            entry.stored = Some((row, lease.version));
        }
        if pending.deletes {
            entry.stored = None;
        }
        if pending.beyond_the_lease
            && let Some(due) = entry.workspace.tenure.next_due(boot_mark)
        {
            self.timers.set(&entry.workspace.key, due);
        }
        self.cache.weigh(pending.slot);
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
        self.take_back_ahead();
        let pending = sent.pending.iter().map(|pending| pending.slot);
        for slot in pending.chain(sent.renewing.iter().map(|renewing| renewing.slot)) {
            self.forget(slot);
        }
        self.hold_the_clock();
        self.fail(items, &Failure::Store(error));
    }

    /// Forgets a workspace whose cached state was decided in vain. Its timer may have been set
    /// by what is taken back, so it is looked at again.
    pub fn forget(&mut self, slot: Slot) {
        let retry_at = self.now().now.lease.after(TIMER_RETRY_AFTER);
        if let Some(key) = self.cache.get(slot).map(|entry| entry.workspace.key.clone()) {
            self.retry(&key, retry_at);
        }
        self.cache.remove(slot);
    }

    /// A grant that did not become durable is undone: its waiter waits again where it did, and
    /// the item is to look at the workspace again.
    pub fn undo_grant(&mut self, item: &mut Item) {
        let looks_again = Source::Timer(item.key().clone());
        match mem::replace(&mut item.source, looks_again) {
            Source::Wait(waiter) if waiter.has_waited => self.waits.put_back(*waiter),
            other => item.source = other,
        }
    }

    /// The store cannot be used any more: fails all that is under way.
    pub fn give_up(&mut self, mut items: Vec<Item>, error: StoreError) -> Stop {
        tracing::error!(?error, "the store cannot be used any more");
        self.take_back_ahead();
        items.append(&mut self.deferred);
        self.fail(items, &Failure::Store(error.clone()));
        self.waits.fail_all(&Failure::Store(error.clone()));
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
        let entry = slot.and_then(|slot| self.cache.get(slot));
        match entry.map(|entry| entry.workspace.tenure.next_due(now.boot_mark)) {
            Some(None) => {}
            Some(Some(due)) if due > now.now.lease => self.timers.set(key, due),
            Some(Some(_)) | None => self.retry(key, retry_at),
        }
    }
}

/// One who was served as soon as it came, and in vain, keeps its place before those who have
/// come since. To supersede somebody takes no place.
fn have_it_wait(item: &mut Item) {
    if let (Source::Wait(waiter), Some(Verdict::Done(reply))) = (&mut item.source, &item.verdict) {
        let ended = match reply {
            Reply::Started(started) => started.predecessor.as_ref().map(|prior| prior.cause),
            _ => None,
        };
        waiter.has_waited |= ended != Some(EndCause::Superseded);
    }
}

/// What holders are asked by writes that were applied.
fn signalled(concluded: &Concluded, pending: Vec<Pending>) -> Vec<Signalled> {
    let pending = concluded.outcomes.iter().zip(pending);
    let applied = pending.filter(|(outcome, _)| matches!(outcome, Outcome::Applied { .. }));
    applied.filter_map(|(_, pending)| pending.signalled).collect()
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
