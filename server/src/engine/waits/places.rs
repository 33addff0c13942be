//! Tells waiters where they stand, and operators who waits.
//!
//! Guarantees: only what is durable is told. Those at the front learn of a change at once; the
//! others a little later and once for all changes since, so that a queue which is served
//! quickly does not cost a message for each waiter and each grant.

use std::mem;
use std::sync::Arc;

use tenure_core::r#await::waiting_for;
use tenure_core::name::{ActorId, InstanceId, Key, Principal};
use tenure_core::reply::SessionView;
use tenure_core::session::{MachineRef, OwnerKind};
use tenure_core::time::{LeaseInstant, Span, WallTime};
use tokio::sync::oneshot;

use super::Waits;
use super::queue::Queue;
use super::waiter::{Place, Ticket, Told, Waiter};

/// So many at the front of a queue are told at once that they have moved up.
const FRONT: usize = 10;
/// The others are told at most this long after.
const SWEEP_EVERY: Span = Span::from_secs(1);

/// A question for who waits.
#[derive(Debug)]
pub struct Listing {
    /// For which workspace.
    pub key: Key,
    /// The ticket to continue after; zero from the front.
    pub after: u64,
    /// At most so many.
    pub limit: usize,
    /// Where the answer goes.
    pub answer: oneshot::Sender<WaitersPage>,
}

/// A page of those who wait for a workspace, the first served first.
#[derive(Debug, Clone, Default)]
pub struct WaitersPage {
    /// The waiters.
    pub waiters: Vec<WaiterSeen>,
    /// The ticket to continue after; absent on the last page.
    pub next: Option<u64>,
}

/// One who waits, as others see it.
#[derive(Debug, Clone)]
pub struct WaiterSeen {
    /// How many are served before, and 1.
    pub position: u32,
    /// Who waits; absent for a person.
    pub actor: Option<ActorId>,
    /// The kind of owner that it would be.
    pub kind: OwnerKind,
    /// The actor's process, if it named itself.
    pub instance: Option<InstanceId>,
    /// Who is authenticated.
    pub principal: Principal,
    /// Where it runs, if it said so.
    pub machine: Option<MachineRef>,
    /// Since when it waits.
    pub since: WallTime,
    /// Whether it would take a stale session over.
    pub takes_over: bool,
}

impl Waits {
    /// Tells everybody who has something to learn. `seen` says what is stored of a workspace
    /// now, where that is at hand; `count` learns how many wait for each that has changed.
    pub fn tell(
        &mut self,
        now: LeaseInstant,
        mut seen: impl FnMut(&Key) -> Option<Option<SessionView>>,
        mut count: impl FnMut(Key, u32),
    ) {
        for key in mem::take(&mut self.moved) {
            if let Some(queue) = self.queues.get_mut(&key) {
                if let Some(view) = seen(&key) {
                    queue.meet(view);
                }
                queue.tell_front();
                if queue.is_unsettled {
                    self.unsettled.insert(key.clone());
                }
            }
            let waiters = self.queues.get(&key).map_or(0, Queue::waiters);
            count(key, waiters);
        }
        if !self.unsettled.is_empty() && now.since(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            for key in mem::take(&mut self.unsettled) {
                if let Some(queue) = self.queues.get_mut(&key) {
                    queue.tell_all();
                }
            }
        }
        for listing in mem::take(&mut self.listings) {
            let page = self.queues.get(&listing.key).map(|queue| queue.page(&listing));
            // Whoever asked may have gone.
            let _ = listing.answer.send(page.unwrap_or_default());
        }
    }

    /// Answers a question when what is decided has become durable.
    pub fn list(&mut self, listing: Listing) {
        self.listings.push(listing);
    }
}

impl Queue {
    /// Notes what stands in the way.
    fn meet(&mut self, view: Option<SessionView>) {
        let is_another =
            Told::new(0, self.standing.as_deref(), None) != Told::new(0, view.as_ref(), None);
        self.is_unsettled |= is_another;
        self.standing = view.map(Arc::new);
    }

    /// Tells those at the front, and those at the back who have just come.
    fn tell_front(&mut self) {
        let (waiters, standing) = (self.waiters(), self.standing.clone());
        for (position, waiter) in (1..).zip(self.waiters.values_mut().take(FRONT)) {
            tell(waiter, position, waiters, standing.as_ref());
        }
        let back = (1..=waiters).rev().zip(self.waiters.values_mut().rev());
        for (position, waiter) in back.take_while(|(_, waiter)| waiter.told.is_none()) {
            tell(waiter, position, waiters, standing.as_ref());
        }
    }

    fn tell_all(&mut self) {
        let (waiters, standing) = (self.waiters(), self.standing.clone());
        for (position, waiter) in (1..).zip(self.waiters.values_mut()) {
            tell(waiter, position, waiters, standing.as_ref());
        }
        self.is_unsettled = false;
    }

    fn page(&self, listing: &Listing) -> WaitersPage {
        let waiting = (1..).zip(&self.waiters);
        let mut rest = waiting.skip_while(|(_, (ticket, _))| **ticket <= Ticket(listing.after));
        let page: Vec<_> = rest.by_ref().take(listing.limit).collect();
        let last = page.last().map(|(_, (ticket, _))| ticket.0);
        WaitersPage {
            waiters: page.iter().map(|(position, (_, waiter))| see(*position, waiter)).collect(),
            next: last.filter(|_| rest.next().is_some()),
        }
    }

    fn waiters(&self) -> u32 {
        u32::try_from(self.waiters.len()).unwrap_or(u32::MAX)
    }
}

fn tell(waiter: &mut Waiter, position: u32, waiters: u32, standing: Option<&Arc<SessionView>>) {
    let waiting_for = standing.and_then(|view| waiting_for(view, &waiter.asks));
    let told = Told::new(position, standing.map(|view| &**view), waiting_for);
    let holder = || standing.cloned();
    waiter.tell(|| Place { position, waiters, holder: holder(), waiting_for }, told);
}

fn see(position: u32, waiter: &Waiter) -> WaiterSeen {
    WaiterSeen {
        position,
        actor: waiter.actor().cloned(),
        kind: waiter.lease().map_or(OwnerKind::Interactive, |lease| lease.kind.into()),
        instance: waiter.instance().cloned(),
        principal: waiter.caller.principal.clone(),
        machine: waiter.asks.start.machine.clone(),
        since: waiter.since,
        takes_over: waiter.asks.take_over.is_some(),
    }
}
