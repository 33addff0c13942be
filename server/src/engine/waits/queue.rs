//! The queue of one workspace: who came first, and who of them can be served.
//!
//! Guarantees: to find the first waiter that can be served, to take one out and to put one
//! back costs no more than the logarithm of the number of waiters, whatever that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use tenure_core::r#await::OpenTo;
use tenure_core::name::{ActorId, InstanceId};
use tenure_core::reply::SessionView;

use super::waiter::{Ticket, Waiter};
use crate::store::OutcomeKey;

/// The waiters of one workspace, in order.
#[derive(Debug, Default)]
pub struct Queue {
    /// All of them.
    pub waiters: BTreeMap<Ticket, Waiter>,
    /// The session that stood in their way when that was last looked at.
    pub standing: Option<Arc<SessionView>>,
    /// Whether those further back have still to be told where they stand.
    pub is_unsettled: bool,
    by_process: HashMap<Process, BTreeSet<Ticket>>,
    by_owner: HashMap<Option<ActorId>, BTreeSet<Ticket>>,
    takers: BTreeSet<Ticket>,
    by_request: HashMap<OutcomeKey, Ticket>,
}

/// One process of an actor, or an actor that names none; without an actor a person.
type Process = (Option<ActorId>, Option<InstanceId>);

impl Queue {
    /// Puts a waiter in its place.
    pub fn insert(&mut self, ticket: Ticket, waiter: Waiter) {
        self.by_process.entry(process(&waiter)).or_default().insert(ticket);
        self.by_owner.entry(waiter.actor().cloned()).or_default().insert(ticket);
        if waiter.asks.take_over.is_some() {
            self.takers.insert(ticket);
        }
        if let Some(key) = waiter.outcome_key() {
            self.by_request.insert(key, ticket);
        }
        self.waiters.insert(ticket, waiter);
        self.is_unsettled = true;
    }

    /// Takes a waiter out.
    pub fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        withdraw(&mut self.by_process, &process(&waiter), ticket);
        withdraw(&mut self.by_owner, &waiter.actor().cloned(), ticket);
        self.takers.remove(&ticket);
        if let Some(key) = waiter.outcome_key() {
            self.by_request.remove(&key);
        }
        self.is_unsettled = true;
        Some(waiter)
    }

    /// The first of those to whom the workspace is open.
    #[must_use]
    pub fn first(&self, open: OpenTo<'_>) -> Option<Ticket> {
        let of_owner = |owner: Option<&ActorId>| first_of(&self.by_owner, &owner.cloned());
        let of_process = |owner: &ActorId, process: Option<&InstanceId>| {
            first_of(&self.by_process, &(Some(owner.clone()), process.cloned()))
        };
        match open {
            OpenTo::Anybody => self.waiters.keys().next().copied(),
            OpenTo::OwnerAndTakers(owner) => {
                let owner = owner.and_then(|owner| of_owner(Some(owner)));
                earliest(self.takers.first().copied(), owner)
            }
            OpenTo::People => of_owner(None),
            OpenTo::Owner(Some(owner), None) => of_owner(Some(owner)),
            OpenTo::Owner(Some(owner), holding) => {
                earliest(of_process(owner, holding), of_process(owner, None))
            }
            OpenTo::Owner(None, _) => None,
        }
    }

    /// The place of the waiter whose wait has this id.
    #[must_use]
    pub fn of_request(&self, key: &OutcomeKey) -> Option<Ticket> {
        self.by_request.get(key).copied()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }
}

fn process(waiter: &Waiter) -> Process {
    (waiter.actor().cloned(), waiter.instance().cloned())
}

fn first_of<K: std::hash::Hash + Eq>(
    index: &HashMap<K, BTreeSet<Ticket>>,
    key: &K,
) -> Option<Ticket> {
    index.get(key).and_then(BTreeSet::first).copied()
}

fn earliest(one: Option<Ticket>, other: Option<Ticket>) -> Option<Ticket> {
    one.into_iter().chain(other).min()
}

fn withdraw<K: std::hash::Hash + Eq>(
    index: &mut HashMap<K, BTreeSet<Ticket>>,
    key: &K,
    ticket: Ticket,
) {
    if let Some(tickets) = index.get_mut(key) {
        tickets.remove(&ticket);
        if tickets.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
