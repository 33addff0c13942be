//! One direction of a stream: in order, until it breaks, or until nothing comes through any more
//! and nobody is told.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::network::Network;

/// After so long the server's end of a connection on which nothing comes through is cut.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// What becomes of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFate {
    /// The message is delivered.
    Goes,
    /// Both ends learn that the stream is broken.
    Cut,
    /// Nothing comes through any more, and nobody is told.
    Silent,
}

/// One direction of a stream.
#[derive(Debug)]
pub struct Pipe<T> {
    network: Rc<Network>,
    to: mpsc::UnboundedSender<(Instant, T)>,
    last: Cell<Instant>,
    is_silent: Cell<bool>,
}

/// Where a stream's messages arrive.
#[derive(Debug)]
pub struct PipeEnd<T> {
    from: mpsc::UnboundedReceiver<(Instant, T)>,
    next: Option<(Instant, T)>,
}

/// One direction of a stream over `network`.
#[must_use]
pub fn pipe<T>(network: &Rc<Network>) -> (Pipe<T>, PipeEnd<T>) {
    let (to, from) = mpsc::unbounded_channel();
    let (last, is_silent) = (Cell::new(Instant::now()), Cell::new(false));
    let pipe = Pipe { network: Rc::clone(network), to, last, is_silent };
    (pipe, PipeEnd { from, next: None })
}

impl<T> Pipe<T> {
    /// Sends a message, which arrives after those before it; false if the stream is broken.
    pub fn send(&self, message: T) -> bool {
        if self.is_silent.get() {
            return !self.to.is_closed();
        }
        match self.network.fate_of_stream() {
            StreamFate::Cut => return false,
            StreamFate::Silent => self.is_silent.set(true),
            StreamFate::Goes => {
                let arrives = (Instant::now() + self.network.delay()).max(self.last.get());
                self.last.set(arrives);
                return self.to.send((arrives, message)).is_ok();
            }
        }
        true
    }

    /// Waits until the other end is gone.
    pub async fn closed(&self) {
        if self.is_silent.get() {
            // Nobody tells, but that the connection is idle is noticed in time.
            sleep(IDLE_MAX).await;
            return;
        }
        self.to.closed().await;
    }
}

impl<T> PipeEnd<T> {
    /// The next message, when it has arrived; absent when the stream is over. May be dropped
    /// and called again without loss.
    pub async fn recv(&mut self) -> Option<T> {
        if self.next.is_none() {
            self.next = Some(self.from.recv().await?);
        }
        let arrives = self.next.as_ref().map(|(arrives, _)| *arrives)?;
        sleep_until(arrives).await;
        self.next.take().map(|(_, message)| message)
    }
}
