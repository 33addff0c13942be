//! `WatchSessions`: each watch is a task that asks its [`Watcher`] for updates and puts them
//! into a short queue, which the call's stream empties.
//!
//! Guarantees: a watch costs at most its queue, whose messages are bounded in size; a reader
//! that takes nothing for [`UNREAD_MAX`] is told so and cut; the last message of a watch that
//! the server ends is its status, for which the queue always has room.
//!
//! Must not know: how a watch keeps its place in the log.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tenure::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tonic::Status;

use crate::grpc::status;
use crate::store::Reads;
use crate::watch::{Feed, WatchError, Watcher};

pub(crate) mod message;
pub(crate) mod over;
pub(crate) mod request;

/// How many messages of one watch wait to be read. A watcher whose queue is full stands still
/// and later goes on from the log.
pub const UNREAD_MESSAGES_MAX: usize = 64;

/// How long the queue of a watch may stay full; then it ends with `WATCH_LAGGED`.
pub const UNREAD_MAX: Duration = Duration::from_secs(30);

type Message = Result<v1::WatchSessionsResponse, Status>;

/// Opens watches. Cheap to clone.
#[derive(Clone)]
pub struct Watches {
    reads: Arc<dyn Reads>,
    feed: Arc<dyn Feed>,
    slots: Arc<Semaphore>,
}

impl Watches {
    /// Watches of what `reads` holds and `feed` tells, of which `watches_max` may be open; one
    /// more is answered `TOO_MANY_STREAMS`.
    #[must_use]
    pub fn new(reads: Arc<dyn Reads>, feed: Arc<dyn Feed>, watches_max: usize) -> Self {
        let slots = watches_max.min(Semaphore::MAX_PERMITS);
        Self { reads, feed, slots: Arc::new(Semaphore::new(slots)) }
    }

    /// Opens a watch, which ends with `DRAINING` once `drain` is done.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, `SEQUENCE_COMPACTED`, `LOG_REPLACED`, `TOO_MANY_STREAMS`, and what a
    /// failing store is answered with.
    pub async fn open(
        &self,
        request: v1::WatchSessionsRequest,
        drain: impl Future<Output = ()> + Send + 'static,
    ) -> Result<WatchStream, Status> {
        let (filter, start) = request::watch(request).map_err(|v| status::invalid(&v))?;
        let slot =
            Arc::clone(&self.slots).try_acquire_owned().map_err(|_| over::too_many_watches())?;
        let (reads, feed) = (Arc::clone(&self.reads), Arc::clone(&self.feed));
        let watcher = Watcher::open(reads, Arc::clone(&feed), filter, start)
            .await
            .map_err(|refused| over::status(&refused, feed.log_id()))?;
        // One place more than the queue has: it is kept for the status.
        let (unread, messages) = mpsc::channel(UNREAD_MESSAGES_MAX + 1);
        tokio::spawn(run(watcher, feed, unread, drain));
        Ok(WatchStream { messages, _slot: slot })
    }
}

/// The messages of one watch. Dropping it ends the watch.
pub struct WatchStream {
    messages: mpsc::Receiver<Message>,
    _slot: OwnedSemaphorePermit,
}

impl Stream for WatchStream {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.messages.poll_recv(cx)
    }
}

/// Feeds the queue of one watch until it is over, one way or the other.
async fn run(
    mut watcher: Watcher,
    feed: Arc<dyn Feed>,
    unread: mpsc::Sender<Message>,
    drain: impl Future<Output = ()>,
) {
    // Taken first, while the queue is empty, so it only fails when the reader has gone.
    let Ok(kept) = unread.clone().reserve_owned().await else { return };
    let over = tokio::select! {
        biased;
        () = unread.closed() => return,
        () = drain => WatchError::Stopping,
        over = pump(&mut watcher, &*feed, &unread) => over,
    };
    kept.send(Err(over::status(&over, feed.log_id())));
}

async fn pump(
    watcher: &mut Watcher,
    feed: &dyn Feed,
    unread: &mpsc::Sender<Message>,
) -> WatchError {
    loop {
        let update = match watcher.next().await {
            Ok(update) => update,
            Err(over) => return over,
        };
        for message in message::of(update, feed.log_id(), &feed.clock()) {
            match timeout(UNREAD_MAX, unread.reserve()).await {
                Ok(Ok(place)) => place.send(Ok(message)),
                Ok(Err(_)) => return WatchError::Stopping,
                Err(_) => return WatchError::Lagged,
            }
        }
    }
}

#[cfg(test)]
mod tests;
