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

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_core::command::Command;
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::name::Key;
use tenure_core::refusal::Refusal;
use tenure_core::reply::Reply;
use tenure_core::time::{LeaseInstant, Moment};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::access::Caller;
use crate::store::{Epoch, LogId, Sequenced, StoreError};

/// How many calls may wait for the engine; one more is answered `OVERLOADED`.
pub const QUEUE_MAX: usize = 65_536;

/// How many batches a subscriber may be behind before it is told that it lagged.
pub const FEED_MAX_BATCHES: usize = 4_096;

/// A call that changes a workspace.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which workspace.
    pub key: Key,
    /// What to do.
    pub command: Command,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Set if the caller gave the request an id.
    pub once: Option<Once>,
}

/// What makes a repeat of a request recognisable.
#[derive(Debug, Clone)]
pub struct Once {
    /// The RPC's name.
    pub rpc: &'static str,
    /// The caller's id: a UUID or ULID, in lower case.
    pub request_id: Arc<str>,
    /// A digest of the request's content without the id.
    pub digest: [u8; 32],
}

/// A command that was carried out, durably.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What came of it.
    pub reply: Reply,
    /// Whether it had been carried out before, by an earlier call with the same request id.
    pub replayed: bool,
    /// The clock that durations in the answer count from.
    pub clock: Clock,
}

/// A command that was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// Other writers got in between as often as the engine was willing to try.
    #[error("the workspace was changed by others too often meanwhile; try again")]
    Conflict,
    /// Too many calls are waiting.
    #[error("too many calls are waiting")]
    Overloaded,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store cannot do it.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

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
    queue: mpsc::Sender<Submission>,
    shared: Arc<Shared>,
}

/// What everybody may read while the engine works.
#[derive(Debug)]
pub(crate) struct Shared {
    pub epoch: Epoch,
    pub log_id: LogId,
    pub lease_bounds: LeaseBounds,
    pub boot_mark: LeaseInstant,
    pub lease_now: AtomicU64,
    pub newest_sequence: AtomicU64,
    pub feed: broadcast::Sender<Published>,
}

/// One entry of the queue.
#[derive(Debug)]
pub(crate) enum Submission {
    Call { request: Box<Request>, answer: oneshot::Sender<Result<Answer, Failure>> },
}

impl Engine {
    /// Carries a command out and waits until it is durable.
    ///
    /// # Errors
    /// A [`Failure`]; unless it says otherwise, nothing but what time alone had done was changed.
    pub async fn execute(&self, request: Request) -> Result<Answer, Failure> {
        let (answer, answered) = oneshot::channel();
        let submission = Submission::Call { request: Box::new(request), answer };
        self.queue.try_send(submission).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Failure::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Failure::Stopping,
        })?;
        answered.await.unwrap_or(Err(Failure::Stopping))
    }

    /// The clock as it stands: for views of what reads have found.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let lease = LeaseInstant(self.shared.lease_now.load(Ordering::Acquire));
        let wall = crate::time::wall_now();
        Clock { now: Moment { lease, wall }, boot_mark: self.shared.boot_mark }
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
        self.shared.newest_sequence.load(Ordering::Acquire)
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
}
