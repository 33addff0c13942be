//! How many streams are open: counted as they begin and end, told by admin calls.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;

/// Counts of open streams. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct OpenStreams {
    heartbeats: Arc<AtomicU64>,
    watches: Arc<AtomicU64>,
    waits: Arc<AtomicU64>,
}

impl OpenStreams {
    /// Counts `stream` as a heartbeat stream for as long as it lives.
    pub fn heartbeats<S>(&self, stream: S) -> Counted<S> {
        Counted::new(stream, &self.heartbeats)
    }

    /// Counts `stream` as a watch for as long as it lives.
    pub fn watch<S>(&self, stream: S) -> Counted<S> {
        Counted::new(stream, &self.watches)
    }

    /// Counts `stream` as a wait for as long as it lives.
    pub fn wait<S>(&self, stream: S) -> Counted<S> {
        Counted::new(stream, &self.waits)
    }

    /// Open heartbeat streams.
    #[must_use]
    pub fn heartbeat_streams(&self) -> u64 {
        self.heartbeats.load(Ordering::Relaxed)
    }

    /// Open watches.
    #[must_use]
    pub fn watches(&self) -> u64 {
        self.watches.load(Ordering::Relaxed)
    }

    /// Open waits.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }
}

/// A stream that is counted until it is dropped.
#[derive(Debug)]
pub struct Counted<S> {
    stream: S,
    open: Arc<AtomicU64>,
}

impl<S> Counted<S> {
    fn new(stream: S, open: &Arc<AtomicU64>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self { stream, open: Arc::clone(open) }
    }
}

impl<S: Stream + Unpin> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        Pin::new(&mut self.stream).poll_next(cx)
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn a_stream_counts_until_it_is_dropped() {
        let open = OpenStreams::default();
        let first = open.watch(stream::empty::<()>());
        let second = open.watch(stream::empty::<()>());
        assert_eq!((open.watches(), open.heartbeat_streams()), (2, 0));
        drop(first);
        assert_eq!(open.watches(), 1);
        drop(second);
        assert_eq!(open.watches(), 0);
    }
}
