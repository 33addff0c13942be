//! What the engine shares with those who ask it: the queue, the clock, and what may be read while
//! it works.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use tenure_core::context::LeaseBounds;
use tenure_core::event::What;
use tenure_core::name::Key;
use tenure_core::time::Span;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::engine::due::DueBy;
use crate::engine::lease_clock::LeaseClock;
use crate::engine::machines::WaitingOrder;
use crate::engine::outbox::{Accepted, Outbox};
use crate::engine::waits::{Listing, Waiter, WaiterId};
use crate::engine::{Answer, Failure, Published, QUEUE_MAX, Request};
use crate::store::{Epoch, LogId, StoreError};
use crate::time::TimeSource;

/// What everybody may read while the engine works.
#[derive(Debug)]
pub(crate) struct Shared {
    pub queue: mpsc::UnboundedSender<Submission>,
    pub waiting_calls: AtomicUsize,
    pub epoch: Epoch,
    pub log_id: LogId,
    pub lease_bounds: LeaseBounds,
    pub work_stream_half_life: Span,
    pub registration_required: bool,
    pub time: Arc<dyn TimeSource>,
    pub clock: Mutex<LeaseClock>,
    pub newest_sequence: AtomicU64,
    /// How many wait, where anybody does.
    pub waiters: Mutex<HashMap<Key, u32>>,
    pub last_waiter: AtomicU64,
    pub feed: broadcast::Sender<Published>,
    pub failed: watch::Sender<Option<StoreError>>,
}

/// One entry of the queue. Calls are counted; what streams submit is bounded by their handles.
#[derive(Debug)]
pub(crate) enum Submission {
    Call { request: Box<Request>, answer: oneshot::Sender<Result<Answer, Failure>> },
    Wait(Box<Waiter>),
    Depart(WaiterId),
    ListWaiters(Listing),
    Stream { outbox: Arc<Outbox>, accepted: Accepted },
    Order(WaitingOrder),
    Note(What),
    RecordDue(DueBy),
    Stop(oneshot::Sender<()>),
}

impl Shared {
    /// Counts a call in, unless too many wait already.
    pub fn admit(&self) -> Result<(), Failure> {
        if self.waiting_calls.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX {
            self.dismiss();
            return Err(Failure::Overloaded);
        }
        Ok(())
    }

    /// A call that was admitted waits no longer.
    pub fn dismiss(&self) {
        self.waiting_calls.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn publish_clock(&self, clock: LeaseClock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    pub fn count_waiters(&self, key: Key, waiters: u32) {
        let mut counts = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if waiters == 0 {
            counts.remove(&key);
        } else {
            counts.insert(key, waiters);
        }
    }

    pub fn newest_sequence(&self) -> u64 {
        self.newest_sequence.load(Ordering::Acquire)
    }

    pub fn set_newest_sequence(&self, sequence: u64) {
        self.newest_sequence.store(sequence, Ordering::Release);
    }
}
