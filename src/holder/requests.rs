//! What owners of leases ask of the task that beats for them.
//!
//! It cannot overflow and never makes an owner wait: there is at most one entry for a
//! lease, and later wishes are folded into it. So a dropped holder is always noticed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::beat_content::BeatContent;
use super::book::{Identity, View};
use super::clock::Moment;
use super::timing::Timing;
use crate::{Error, v1};

/// The most leases of one supervisor.
pub(crate) const LEASES_MAX: usize = 100_000;

/// A lease to keep.
#[derive(Debug)]
pub(crate) struct NewLease {
    pub identity: Identity,
    pub basis: Moment,
    pub timing: Timing,
    pub revision: u64,
    pub directives: v1::Directives,
    pub publish: watch::Sender<View>,
}

/// Names one lease of a supervisor; never reused.
pub(crate) type Ticket = u64;

/// What is asked for one lease.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub keep: Option<NewLease>,
    pub say: BeatContent,
    pub leave: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: Mutex<Open>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Open {
    wishes: BTreeMap<Ticket, Wish>,
    last_ticket: Ticket,
    /// Holders that exist, lost ones included.
    holders: usize,
}

impl Requests {
    /// Asks to keep a lease.
    pub(crate) fn keep(&self, lease: NewLease) -> Result<Ticket, Error> {
        let mut open = self.open();
        if open.holders >= LEASES_MAX {
            let why = format!("it has {LEASES_MAX} leases already; use another one");
            return Err(Error::invalid("supervisor", why));
        }
        open.holders += 1;
        open.last_ticket += 1;
        let ticket = open.last_ticket;
        open.wishes.insert(ticket, Wish { keep: Some(lease), ..Wish::default() });
        self.notify.notify_one();
        Ok(ticket)
    }

    /// Asks to say something with the next beat.
    pub(crate) fn say(&self, ticket: Ticket, content: BeatContent) {
        self.open().wishes.entry(ticket).or_default().say.add(content);
        self.notify.notify_one();
    }

    /// Asks to beat no more. The holder is gone.
    pub(crate) fn leave(&self, ticket: Ticket) {
        let mut open = self.open();
        open.holders = open.holders.saturating_sub(1);
        open.wishes.entry(ticket).or_default().leave = true;
        self.notify.notify_one();
    }

    /// All wishes since the last time, in the order of their leases.
    pub(crate) fn take(&self) -> BTreeMap<Ticket, Wish> {
        std::mem::take(&mut self.open().wishes)
    }

    /// Waits until there are wishes.
    pub(crate) async fn some(&self) {
        self.notify.notified().await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
