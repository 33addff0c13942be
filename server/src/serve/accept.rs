//! Accepting: takes connections in as long as there is room.
//!
//! A connection beyond the limit is accepted and closed at once: its client learns soon that
//! it has to come back later, where one that is left in the backlog would wait in silence.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Shared;
use super::connection;
use crate::listen::Listener;

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The least time between two warnings of one kind.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Accepts until the drain begins.
pub(super) async fn accept(listener: Listener, shared: Arc<Shared>, room: Arc<Semaphore>) {
    let mut full = Warning::default();
    let mut failing = Warning::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.drain.begun() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => match room.clone().try_acquire_owned() {
                Ok(permit) => {
                    let connection = connection::run(socket, peer, shared.clone());
                    shared.connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(_) => {
                    if let Some(times) = full.due() {
                        let limit = shared.limits.connections;
                        tracing::warn!(%peer, limit, times, "too many connections, closing new ones");
                    }
                }
            },
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                if let Some(times) = failing.due() {
                    let address = listener.address();
                    tracing::warn!(%address, ?error, times, "cannot accept connections");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the next accept may succeed at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::InvalidInput
            | ErrorKind::NotConnected
            | ErrorKind::Interrupted
    )
}

/// Something that may happen very often, and is to be logged seldom.
#[derive(Debug, Default)]
struct Warning {
    last: Option<Instant>,
    times: u64,
}

impl Warning {
    /// Counts one more; answers how many there were since the last time it answered, when it
    /// is time to say so.
    fn due(&mut self) -> Option<u64> {
        self.times += 1;
        if self.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_now_and_then_with_its_count() {
        let mut warning = Warning::default();
        assert_eq!(warning.due(), Some(1));
        for _ in 0..1_000 {
            assert_eq!(warning.due(), None);
        }
        tokio::time::advance(WARN_EVERY).await;
        assert_eq!(warning.due(), Some(1_001));
    }
}
