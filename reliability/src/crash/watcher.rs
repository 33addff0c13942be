//! A watch that goes on through every crash, from wherever it was.

use std::sync::{Arc, Mutex, PoisonError};

use tenure::{Client, v1};
use tokio::task::AbortHandle;

use super::book::Book;

/// What identifies an event in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub sequence: u64,
    pub kind: i32,
    pub workspace: String,
    pub session_id: String,
    pub revision: u64,
}

impl Seen {
    pub(super) fn of(event: &v1::Event) -> Self {
        Self {
            sequence: event.sequence,
            kind: event.r#type,
            workspace: event.workspace.clone(),
            session_id: event.session_id.clone(),
            revision: event.revision,
        }
    }
}

/// What the watch has been sent and nobody has compared yet.
#[derive(Debug)]
pub(super) struct Watcher {
    seen: Arc<Mutex<Vec<Seen>>>,
    reading: AbortHandle,
}

impl Watcher {
    /// Watches everything from the beginning of the log.
    pub(super) fn start(
        client: &Client,
        from: v1::Cursor,
        ground: Arc<super::client::Ground>,
    ) -> Self {
        let request = v1::WatchSessionsRequest { from: Some(from), ..Default::default() };
        let mut watch = client.watch(request);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let reading = tokio::spawn(async move {
            loop {
                match watch.message().await {
                    Ok(message) => {
                        if let Some(v1::watch_sessions_response::Update::Event(event)) =
                            message.update
                        {
                            sink.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(Seen::of(&event));
                        }
                    }
                    Err(error) => note(&ground.book, &error),
                }
            }
        });
        Self { seen, reading: reading.abort_handle() }
    }

    /// The newest sequence that it has been sent; 0 before any.
    pub(super) fn newest(&self) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last().map_or(0, |seen| seen.sequence)
    }

    /// What it has been sent up to a sequence, which it then forgets.
    pub(super) fn take_through(&self, sequence: u64) -> Vec<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let end = seen.iter().position(|seen| seen.sequence > sequence).unwrap_or(seen.len());
        seen.drain(..end).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// A watch is told that the server is away, and goes on; all else breaks its promise.
fn note(book: &Book, error: &tenure::Error) {
    if !super::client::is_in_doubt(error) {
        book.broken(format!("the watch was ended: {error}"));
    }
}
