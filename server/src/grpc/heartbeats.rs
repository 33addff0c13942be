//! `StreamHeartbeats`: many leases on one stream.
//!
//! A task reads whatever the client sends, always, so that unread frames never pile up; the
//! response stream sends what the outbox holds. They share nothing but the outbox.

use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::Stream;
use tenure::v1;
use tokio::task::AbortHandle;
use tonic::{Status, Streaming};

use crate::access::Caller;
use crate::drain::{Notice, reconnect_after};
use crate::engine::Engine;
use crate::engine::outbox::{End, Next, Outbox, Push};
use crate::grpc::status::Fault;
use crate::grpc::status::inbound::rejected;
use tenure_core::time::Span;

mod incoming;
mod outgoing;

/// The response side of a heartbeat stream. Dropping it ends the stream; its sessions go on.
#[derive(Debug)]
pub struct HeartbeatStream {
    outbox: Arc<Outbox>,
    engine: Engine,
    reader: AbortHandle,
    fault: Arc<OnceLock<Status>>,
    ended: bool,
}

/// Serves one heartbeat stream of `caller`, with at most `joins_max` sessions.
#[must_use]
pub fn serve(
    engine: &Engine,
    caller: Arc<Caller>,
    notice: Notice,
    joins_max: usize,
    inbound: Streaming<v1::StreamHeartbeatsRequest>,
) -> HeartbeatStream {
    let outbox = Arc::new(Outbox::new(caller, joins_max));
    let fault = Arc::new(OnceLock::new());
    let reader =
        Reader { engine: engine.clone(), outbox: Arc::clone(&outbox), fault: Arc::clone(&fault) };
    let reader = tokio::spawn(reader.run(inbound, notice)).abort_handle();
    HeartbeatStream { outbox, engine: engine.clone(), reader, fault, ended: false }
}

struct Reader {
    engine: Engine,
    outbox: Arc<Outbox>,
    fault: Arc<OnceLock<Status>>,
}

impl Reader {
    async fn run(self, mut inbound: Streaming<v1::StreamHeartbeatsRequest>, notice: Notice) {
        let mut told = false;
        // Made once: to begin waiting anew for each message would cost more than the message.
        let mut given = pin!(notice.given());
        loop {
            let message = tokio::select! {
                biased;
                message = inbound.message() => message,
                () = &mut given, if !told => {
                    told = true;
                    let wait_ms = u64::try_from(reconnect_after().as_millis()).unwrap_or_default();
                    self.outbox.push(0, Push::Draining { reconnect_after: Span(wait_ms) });
                    self.outbox.end(End::Draining);
                    continue;
                }
            };
            match message {
                Ok(Some(message)) => {
                    if let Err(status) = self.take_in(message) {
                        return self.end_with(status);
                    }
                }
                Ok(None) => return self.outbox.finish(),
                // The client has gone, or sent what cannot be decoded.
                Err(status) => return self.end_with(rejected(status)),
            }
        }
    }

    fn take_in(&self, message: v1::StreamHeartbeatsRequest) -> Result<(), Status> {
        let incoming = incoming::parse(message)?;
        let accepted = self.outbox.accept(incoming, || self.engine.clock());
        let accepted = accepted.map_err(incoming::not_rising)?;
        if accepted.is_empty() {
            return Ok(());
        }
        let submitted = self.engine.submit(&self.outbox, accepted);
        submitted.map_err(|failure| Fault::failed(&failure, &self.engine.clock()).into_status())
    }

    fn end_with(&self, status: Status) {
        // The first fault is the one that is told.
        let _ = self.fault.set(status);
        self.outbox.end(End::Faulty);
    }
}

impl Stream for HeartbeatStream {
    type Item = Result<v1::StreamHeartbeatsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(self.outbox.poll_next(cx));
        let end = match next {
            Next::Deliver(delivery) => {
                return Poll::Ready(Some(Ok(outgoing::shown(delivery))));
            }
            Next::End(end) => end,
        };
        self.ended = true;
        Poll::Ready(match end {
            End::Finished => None,
            End::Lagged => Some(Err(Fault::new(
                v1::ErrorReason::StreamLagged,
                "too much waits to be read on this stream: read it while you send",
            )
            .into_status())),
            End::Draining => Some(Err(Fault::new(
                v1::ErrorReason::Draining,
                "the server is about to stop, or to replace this connection; connect again",
            )
            .into_status())),
            End::Faulty => self.fault.get().cloned().map(Err),
        })
    }
}

impl Drop for HeartbeatStream {
    fn drop(&mut self) {
        self.reader.abort();
        self.engine.leave(&self.outbox);
    }
}
