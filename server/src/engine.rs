//! The group-commit pipeline, written once for every store.
//!
//! One task drains its queue, loads what is not cached, settles and decides one command after
//! another in memory, commits all of it as one batch, and only then answers and publishes.
//!
//! Guarantees: an answer is sent only after the commit that makes it true; a command is decided
//! on the state that its commit is guarded by; after an unknown outcome nothing is answered
//! until a read has told what happened; subscribers see changes in the order of commits.
//!
//! Must not know: the wire, SQL, who may do what.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures_util::FutureExt as _;
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::event::What;
use tenure_core::name::Key;
use tenure_core::time::Span;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tokio::sync::{broadcast, oneshot, watch};

use crate::engine::outbox::{Accepted, Outbox};
use crate::engine::waits::{Listing, Wait, Waiter, WaiterId, WaitersPage, Waiting};
use crate::ids::{IdSource, RandomIds};
use crate::store::{Epoch, LogId, Sequenced, Store, StoreError};
use crate::time::{SystemTimeSource, TimeSource};

mod ahead;
mod answering;
mod boot;
mod cache;
mod carry_out;
mod chain;
mod commit;
mod deciding;
mod due;
mod item;
pub mod lease_clock;
pub mod machines;
mod members;
pub mod outbox;
mod request;
mod run;
mod scan;
mod shared;
mod timers;
mod unknown_outcome;
pub mod waits;

pub use deciding::OUTCOME_KEPT_FOR;
pub(crate) use shared::{Shared, Submission};

pub use request::{Answer, Failure, Once, Request};
pub use run::Batching;

/// How many calls may wait for the engine; one more is answered `OVERLOADED`.
pub const QUEUE_MAX: usize = 65_536;

/// How many may wait for one workspace, where nothing else is configured.
pub const WAITERS_MAX: usize = 1_000;

/// How many batches a subscriber may be behind before it is told that it lagged.
pub const FEED_MAX_BATCHES: usize = 4_096;

/// What one commit published: its events, in order.
#[derive(Debug, Clone)]
pub struct Published {
    /// The newest sequence that the commit has written.
    pub through: u64,
    /// The events.
    pub events: Arc<[Sequenced]>,
}

/// The way into the engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// How an engine is to work.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The bounds of a requested lease.
    pub lease_bounds: LeaseBounds,
    /// About how many bytes of workspaces to keep at hand.
    pub cache_bytes: usize,
    /// In how much lease-clock time the score of a work stream halves.
    pub work_stream_half_life: Span,
    /// Whether workspaces must be registered before anything else.
    pub registration_required: bool,
    /// How many may wait for one workspace.
    pub waiters_max: usize,
    /// How much work makes a batch.
    pub batching: Batching,
    /// Where the present comes from.
    pub time: Arc<dyn TimeSource>,
    /// Where new ids come from.
    pub ids: Arc<dyn IdSource>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lease_bounds: LeaseBounds::default(),
            cache_bytes: 256 << 20,
            work_stream_half_life: HALF_LIFE_DEFAULT,
            registration_required: false,
            waiters_max: WAITERS_MAX,
            batching: Batching::default(),
            time: Arc::new(SystemTimeSource),
            ids: Arc::new(RandomIds),
        }
    }
}

impl Engine {
    /// Acquires the store, sets the timers of all stored leases, and begins to work.
    ///
    /// # Errors
    /// A [`StoreError`] if the store cannot be acquired or read.
    pub async fn start(store: Arc<dyn Store>, options: EngineOptions) -> Result<Self, StoreError> {
        let (engine, work) = Self::boot(store, options).await?;
        tokio::spawn(work);
        Ok(engine)
    }

    /// The same, with the work in the caller's hands: the engine works while the future is
    /// polled, stands still while it is not, and has crashed when it is dropped.
    ///
    /// # Errors
    /// A [`StoreError`] if the store cannot be acquired or read.
    pub async fn boot(
        store: Arc<dyn Store>,
        options: EngineOptions,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), StoreError> {
        let (engine, runner) = boot::boot(store, options).await?;
        Ok((engine, runner.run().map(drop)))
    }

    /// Carries a command out and waits until it is durable.
    ///
    /// # Errors
    /// A [`Failure`]; unless it says otherwise, nothing but what time alone had done was changed.
    pub async fn execute(&self, request: Request) -> Result<Answer, Failure> {
        self.shared.admit()?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission::Call { request: Box::new(request), answer };
        self.shared.queue.send(submission).map_err(|_| Failure::Stopping)?;
        answered.await.unwrap_or(Err(Failure::Stopping))
    }

    /// Waits for a workspace, and for as long as the [`Wait`] is kept.
    ///
    /// # Errors
    /// A [`Failure`] if nothing more is taken in; what becomes of the wait is told by it.
    pub fn wait(&self, waiting: Waiting) -> Result<Wait, Failure> {
        self.shared.admit()?;
        let id = WaiterId(self.shared.last_waiter.fetch_add(1, Ordering::Relaxed));
        let since = self.shared.time.read().wall;
        let (waiter, wait) = Waiter::new(id, waiting, since, self.shared.queue.clone());
        let submission = Submission::Wait(Box::new(waiter));
        self.shared.queue.send(submission).map_err(|_| Failure::Stopping)?;
        Ok(wait)
    }

    /// Who waits for a workspace: at most `limit`, after the ticket `after`.
    ///
    /// # Errors
    /// [`Failure::Stopping`] if the engine has stopped.
    pub async fn waiters(
        &self,
        key: Key,
        after: u64,
        limit: usize,
    ) -> Result<WaitersPage, Failure> {
        let (answer, answered) = oneshot::channel();
        let listing = Submission::ListWaiters(Listing { key, after, limit, answer });
        self.shared.queue.send(listing).map_err(|_| Failure::Stopping)?;
        answered.await.map_err(|_| Failure::Stopping)
    }

    /// How many wait for a workspace.
    #[must_use]
    pub fn waiter_count(&self, key: &Key) -> u32 {
        let counts = self.shared.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).copied().unwrap_or_default()
    }

    /// Takes in what one message of a stream asks for. Results come through its outbox.
    ///
    /// # Errors
    /// [`Failure::Stopping`] if the engine has stopped.
    pub fn submit(&self, outbox: &Arc<Outbox>, accepted: Accepted) -> Result<(), Failure> {
        let submission = Submission::Stream { outbox: Arc::clone(outbox), accepted };
        self.shared.queue.send(submission).map_err(|_| Failure::Stopping)
    }

    /// A stream has ended: nobody listens there any more. Its sessions go on.
    pub fn leave(&self, outbox: &Arc<Outbox>) {
        let left = outbox.leave_all();
        if !left.is_empty() {
            // An engine that has stopped tells nobody anyway.
            let _ = self.submit(outbox, Accepted { left, ..Accepted::default() });
        }
    }

    /// Writes into the event log that the server drains.
    pub fn note_drain(&self) {
        let (epoch, lease_clock) = (self.shared.epoch.0, self.clock().now.lease);
        let drained = What::ServerDrained { epoch, lease_clock };
        // An engine that has stopped can log nothing.
        let _ = self.shared.queue.send(Submission::Note(drained));
    }

    /// Carries out what is queued, stores the lease clock's mark, and ends.
    pub async fn stop(&self) {
        let (stopped, has_stopped) = oneshot::channel();
        if self.shared.queue.send(Submission::Stop(stopped)).is_ok() {
            // An error means that it had stopped before.
            let _ = has_stopped.await;
        }
    }

    /// Why the engine had to end, once the store has failed for good.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<StoreError>> {
        self.shared.failed.subscribe()
    }

    /// The clock as it stands: for views of what reads have found.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = *self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.at(self.shared.time.read())
    }

    /// What is committed from now on. A subscriber that falls behind by more than
    /// [`FEED_MAX_BATCHES`] is told so; the engine never waits for one.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Published> {
        self.shared.feed.subscribe()
    }

    /// The newest sequence of the event log.
    #[must_use]
    pub fn newest_sequence(&self) -> u64 {
        self.shared.newest_sequence()
    }

    /// Which event log this is.
    #[must_use]
    pub fn log_id(&self) -> &LogId {
        &self.shared.log_id
    }

    /// How often the store has been acquired.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// The bounds of a requested lease.
    #[must_use]
    pub fn lease_bounds(&self) -> LeaseBounds {
        self.shared.lease_bounds
    }

    /// In how much lease-clock time the score of a work stream halves.
    #[must_use]
    pub fn work_stream_half_life(&self) -> Span {
        self.shared.work_stream_half_life
    }

    /// Whether workspaces must be registered before anything else.
    #[must_use]
    pub fn registration_required(&self) -> bool {
        self.shared.registration_required
    }
}
