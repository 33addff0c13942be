//! Who waits for which workspace. The engine owns the queues: a waiter is served by the very
//! batch that makes it possible, before anything that comes later is decided.
//!
//! Guarantees: waiters of one workspace are served in the order in which they came, passing
//! over those that cannot be served as it stands; a grant that did not become durable puts its
//! waiter back in its place; whoever has gone is passed over at once.
//!
//! Must not know: the rules. What a workspace is open to, and what a grant is, is said by the
//! core.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use tenure_core::r#await::OpenTo;
use tenure_core::name::Key;
use tenure_core::time::LeaseInstant;

use crate::engine::Failure;

mod places;
mod queue;
mod waiter;

use self::queue::Queue;
use self::waiter::Ticket;

pub use self::places::{Listing, WaiterSeen, WaitersPage};
pub use self::waiter::{Place, Wait, WaitUpdate, Waiter, WaiterId, Waiting};

/// All queues.
#[derive(Debug)]
pub struct Waits {
    queues: HashMap<Key, Queue>,
    places: HashMap<WaiterId, (Key, Ticket)>,
    /// Workspaces whose waiters may have to be told something. In order, so that the same
    /// happenings are told in the same order.
    moved: BTreeSet<Key>,
    /// Workspaces whose waiters further back have still to be told.
    unsettled: BTreeSet<Key>,
    listings: Vec<Listing>,
    /// How many may wait for one workspace.
    waiters_max: usize,
    last_ticket: u64,
    swept_at: LeaseInstant,
}

/// How a newcomer stands to who waits already.
#[derive(Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// Nobody waits with its request id.
    New,
    /// It is the same wait, asked for again.
    Again,
    /// The same request id waits for something else.
    Other,
}

impl Waits {
    /// No queues, each of which may hold `waiters_max`.
    #[must_use]
    pub fn new(waiters_max: usize) -> Self {
        Self {
            queues: HashMap::new(),
            places: HashMap::new(),
            moved: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            listings: Vec::new(),
            waiters_max,
            last_ticket: 0,
            swept_at: LeaseInstant(0),
        }
    }

    /// Whether anybody waits for `key`.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        !self.queues.is_empty() && self.queues.contains_key(key)
    }

    /// Something about `key` was decided, of which those who wait may have to be told.
    pub fn touch(&mut self, key: &Key) {
        if !self.moved.contains(key) {
            self.moved.insert(key.clone());
        }
    }

    /// Whether `waiter` asks again for a wait that is under way.
    #[must_use]
    pub fn newcomer(&self, waiter: &Waiter) -> Newcomer {
        let standing = waiter.once.as_ref().and_then(|once| {
            let queue = self.queues.get(&waiter.key)?;
            let ticket = queue.of_request(&waiter.outcome_key()?)?;
            Some((queue.waiters.get(&ticket)?.once.as_ref()?, once))
        });
        match standing {
            None => Newcomer::New,
            Some((waits, asks)) if waits.digest == asks.digest => Newcomer::Again,
            Some(_) => Newcomer::Other,
        }
    }

    /// Whether one more may wait for `key`.
    #[must_use]
    pub fn has_room(&self, key: &Key) -> bool {
        self.queues.get(key).map_or(0, Queue::len) < self.waiters_max
    }

    /// Gives a place to `waiter`, who has come: should it be served at once and in vain, it is
    /// before those who have come since.
    pub fn arrive(&mut self, waiter: &mut Waiter) {
        waiter.ticket.get_or_insert_with(|| {
            self.last_ticket += 1;
            Ticket(self.last_ticket)
        });
    }

    /// From now on `waiter` waits. If it asks again, it takes its earlier place, and the
    /// earlier call ends.
    pub fn join(&mut self, mut waiter: Waiter) {
        let earlier =
            waiter.outcome_key().and_then(|key| self.queues.get(&waiter.key)?.of_request(&key));
        if let Some(displaced) = earlier.and_then(|ticket| self.take(&waiter.key, ticket)) {
            displaced.fail(Failure::Displaced);
        }
        self.arrive(&mut waiter);
        waiter.ticket = earlier.or(waiter.ticket);
        self.put_back(waiter);
    }

    /// Puts a waiter into its place, which it has had before, unless its call has ended: it may
    /// have departed while it was not in the queue, and nobody would take it out.
    pub fn put_back(&mut self, mut waiter: Waiter) {
        let Some(ticket) = waiter.ticket else { return };
        if waiter.has_gone() {
            return;
        }
        // To supersede is for a process that finds an older one when it comes. One that waits
        // must not end the session of one that came later.
        waiter.asks.start.supersede = false;
        waiter.told = None;
        waiter.has_waited = true;
        self.touch(&waiter.key);
        self.places.insert(waiter.id, (waiter.key.clone(), ticket));
        self.queues.entry(waiter.key.clone()).or_default().insert(ticket, waiter);
    }

    /// Takes the first of those for whom `key` is open.
    pub fn take_first(&mut self, key: &Key, open: OpenTo<'_>) -> Option<Waiter> {
        let ticket = self.queues.get(key)?.first(open)?;
        self.take(key, ticket)
    }

    /// The call of a waiter has ended.
    pub fn depart(&mut self, id: WaiterId) {
        if let Some((key, ticket)) = self.places.get(&id).cloned() {
            self.take(&key, ticket);
        }
    }

    /// Ends all waits.
    pub fn fail_all(&mut self, failure: &Failure) {
        let mut queues: Vec<_> = self.queues.drain().collect();
        queues.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (_, queue) in queues {
            queue.waiters.into_values().for_each(|waiter| waiter.fail(failure.clone()));
        }
        self.places.clear();
    }

    fn take(&mut self, key: &Key, ticket: Ticket) -> Option<Waiter> {
        let queue = self.queues.get_mut(key)?;
        let waiter = queue.remove(ticket)?;
        if queue.is_empty() {
            self.queues.remove(key);
        }
        self.places.remove(&waiter.id);
        self.touch(key);
        Some(waiter)
    }
}
