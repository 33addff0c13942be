//! One heartbeat stream, driven from a single task.
//!
//! The transport polls the request stream for the next message from a task of its own. The lane
//! is that request stream, and owns the response stream of the same call too: an answer wakes
//! the very task that sends the next beat, and no message costs a second wake-up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tenure::v1::{StreamHeartbeatsRequest, StreamHeartbeatsResponse};
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_stream::Stream;
use tonic::Streaming;

use super::book::{Book, Breach};
use super::tally::Tally;

/// What lets a lane go.
#[derive(Debug)]
pub struct Start {
    /// The answers to what the lane sends.
    pub responses: Streaming<StreamHeartbeatsResponse>,
    /// What it is to send.
    pub book: Book,
    /// When the first message is due, and the time from one to the next; at will if absent.
    pub first_at: Option<(Instant, Duration)>,
}

/// The request stream of one call.
#[derive(Debug)]
pub struct Lane {
    stage: Stage,
    tally: Arc<Tally>,
    latencies: bool,
}

#[derive(Debug)]
enum Stage {
    Joining(StreamHeartbeatsRequest, oneshot::Receiver<Start>),
    Waiting(oneshot::Receiver<Start>),
    Beating(Box<Beating>),
    Ended,
}

#[derive(Debug)]
struct Beating {
    responses: Streaming<StreamHeartbeatsResponse>,
    book: Book,
    pace: Option<Interval>,
    sent_at: Option<Instant>,
}

impl Lane {
    /// A lane that sends `joins` at once, and then waits for its start.
    pub fn new(
        joins: StreamHeartbeatsRequest,
        started: oneshot::Receiver<Start>,
        tally: Arc<Tally>,
        latencies: bool,
    ) -> Self {
        Lane { stage: Stage::Joining(joins, started), tally, latencies }
    }

    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<StreamHeartbeatsRequest>, Breach>> {
        loop {
            match &mut self.stage {
                Stage::Joining(..) => {
                    let stage = std::mem::replace(&mut self.stage, Stage::Ended);
                    if let Stage::Joining(joins, started) = stage {
                        self.stage = Stage::Waiting(started);
                        return Poll::Ready(Ok(Some(joins)));
                    }
                }
                Stage::Waiting(started) => match ready!(Pin::new(started).poll(cx)) {
                    Ok(start) => self.stage = Stage::Beating(Box::new(start.into())),
                    Err(_) => self.stage = Stage::Ended,
                },
                Stage::Beating(_) if self.tally.run().is_stopped() => self.stage = Stage::Ended,
                Stage::Beating(beating) => {
                    return beating.poll_message(&self.tally, self.latencies, cx).map_ok(Some);
                }
                Stage::Ended => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl Stream for Lane {
    type Item = StreamHeartbeatsRequest;

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

impl Drop for Lane {
    /// The transport drops a lane without asking it when the stream was reset or its connection
    /// lost. The status, if any came, is then still in the response stream.
    fn drop(&mut self) {
        let mut status = "the transport gave it up".to_owned();
        match &mut self.stage {
            Stage::Ended => return,
            _ if self.tally.run().is_stopped() => return,
            Stage::Joining(..) | Stage::Waiting(_) => {}
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

impl From<Start> for Beating {
    fn from(start: Start) -> Self {
        let pace = start.first_at.map(|(first, period)| {
            let mut pace = tokio::time::interval_at(first, period);
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            pace
        });
        Beating { responses: start.responses, book: start.book, pace, sent_at: None }
    }
}

impl Beating {
    fn poll_message(
        &mut self,
        tally: &Tally,
        latencies: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamHeartbeatsRequest, Breach>> {
        loop {
            // Answers first: whatever is in hand is counted before more is asked for.
            match Pin::new(&mut self.responses).poll_next(cx) {
                Poll::Ready(Some(Ok(response))) => {
                    let beats = self.book.enter(&response)?;
                    tally.count(beats, self.sent_at.map(|sent_at| sent_at.elapsed()));
                    continue;
                }
                Poll::Ready(Some(Err(status))) => return Poll::Ready(Err(ended(&status))),
                Poll::Ready(None) => {
                    return Poll::Ready(Err(ended(&"by the server, without an error")));
                }
                Poll::Pending => {}
            }
            if let Some(pace) = &mut self.pace {
                ready!(pace.poll_tick(cx));
            }
            match self.book.next_message() {
                Some(message) => {
                    if latencies {
                        self.sent_at = Some(Instant::now());
                    }
                    return Poll::Ready(Ok(message));
                }
                None if self.pace.is_some() => tally.miss(),
                None => return Poll::Pending,
            }
        }
    }
}

fn ended(status: &dyn std::fmt::Display) -> Breach {
    Breach::Ended { status: status.to_string() }
}
