//! One stream, driven from a single task.
//!
//! The transport polls the request stream for the next message from a task of its own. The lane
//! is that request stream, and owns the response stream of the same call too: an answer wakes
//! the very task that sends the next beat, and no message costs a second wake-up.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use tokio_stream::Stream;
use tonic::Streaming;

use super::dialogue::{Breach, Dialogue};
use super::tally::Tally;

/// What lets a lane go.
#[derive(Debug)]
pub struct Start<D: Dialogue> {
    /// The answers to what the lane sends.
    pub responses: Streaming<D::Response>,
    /// What it is to send.
    pub dialogue: D,
    /// When it is to send; at will if absent.
    pub pace: Option<Pace>,
}

/// When messages are due.
#[derive(Debug)]
pub struct Pace {
    /// The next one.
    pub due: Instant,
    /// From one to the next.
    pub period: Duration,
    /// Woken when one is due.
    pub gate: Arc<AtomicWaker>,
}

/// The request stream of one call.
#[derive(Debug)]
pub struct Lane<D: Dialogue> {
    stage: Stage<D>,
    tally: Arc<Tally>,
    latencies: bool,
}

#[derive(Debug)]
enum Stage<D: Dialogue> {
    Opening(VecDeque<D::Request>, oneshot::Receiver<Start<D>>),
    Beating(Box<Start<D>>),
    Ended,
}

impl<D: Dialogue> Lane<D> {
    /// A lane that sends `openings` at once, and then waits for its start.
    pub fn new(
        openings: Vec<D::Request>,
        started: oneshot::Receiver<Start<D>>,
        tally: Arc<Tally>,
        latencies: bool,
    ) -> Self {
        Lane { stage: Stage::Opening(openings.into(), started), tally, latencies }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<D::Request>, Breach>> {
        loop {
            match &mut self.stage {
                Stage::Opening(openings, started) => {
                    if let Some(opening) = openings.pop_front() {
                        return Poll::Ready(Ok(Some(opening)));
                    }
                    self.stage = match ready!(Pin::new(started).poll(cx)) {
                        Ok(start) => Stage::Beating(Box::new(start)),
                        Err(_) => Stage::Ended,
                    };
                }
                Stage::Beating(_) if self.tally.run().is_stopped() => self.stage = Stage::Ended,
                Stage::Beating(beating) => {
                    return beating.poll_message(&self.tally, self.latencies, cx).map_ok(Some);
                }
                Stage::Ended => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl<D: Dialogue> Stream for Lane<D> {
    type Item = D::Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = ready!(self.poll_message(cx));
        Poll::Ready(polled.unwrap_or_else(|breach| {
            if !self.tally.run().is_stopped() {
                self.tally.run().alarm.raise(breach);
            }
            self.stage = Stage::Ended;
            None
        }))
    }
}

impl<D: Dialogue> Drop for Lane<D> {
    /// The transport drops a lane without asking it when the stream was reset or its connection
    /// lost. The status, if any came, is then still in the response stream.
    fn drop(&mut self) {
        let mut status = "the transport gave it up".to_owned();
        match &mut self.stage {
            Stage::Ended => return,
            _ if self.tally.run().is_stopped() => return,
            Stage::Opening(..) => {}
            Stage::Beating(beating) => {
                let mut cx = Context::from_waker(Waker::noop());
                let mut responses = Pin::new(&mut beating.responses);
                while let Poll::Ready(Some(response)) = responses.as_mut().poll_next(&mut cx) {
                    if let Err(error) = response {
                        status = error.to_string();
                        break;
                    }
                }
            }
        }
        self.tally.run().alarm.raise(Breach::Ended { status });
    }
}

impl<D: Dialogue> Start<D> {
    fn poll_message(
        &mut self,
        tally: &Tally,
        latencies: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<D::Request, Breach>> {
        let mut beats = 0;
        // Answers first: whatever is in hand is counted before more is asked for.
        loop {
            match Pin::new(&mut self.responses).poll_next(cx) {
                Poll::Ready(Some(Ok(response))) => {
                    let mut took = |latency| tally.took(latency);
                    beats += self.dialogue.enter(&response, &mut took)?;
                }
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Err(ended(&status))),
                Poll::Ready(None) => {
                    return Poll::Ready(Err(ended(&"by the server, without an error")));
                }
                Poll::Pending => break,
            }
        }
        if beats > 0 {
            tally.count(beats);
        }
        let Some(pace) = &mut self.pace else {
            let at = latencies.then(Instant::now);
            return self.dialogue.next_message(at).map_or(Poll::Pending, |m| Poll::Ready(Ok(m)));
        };
        pace.gate.register(cx.waker());
        let now = Instant::now();
        if now < pace.due {
            return Poll::Pending;
        }
        // What is due and cannot be sent yet keeps its instant: its time runs already.
        let Some(message) = self.dialogue.next_message(latencies.then_some(pace.due)) else {
            return Poll::Pending;
        };
        tally.sent_late_by(now - pace.due);
        pace.due += pace.period;
        Poll::Ready(Ok(message))
    }
}

fn ended(status: &dyn std::fmt::Display) -> Breach {
    Breach::Ended { status: status.to_string() }
}
