//! The answer's body: holds what the call has taken until it ends, and ends streams that must.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use tonic::body::Body;

use super::connection::LoadGuard;
use crate::drain::Notice;
use crate::grpc::status::serving;

/// What a call has taken, and gives back when its body is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pub _load: LoadGuard,
    pub _stream: Option<OwnedSemaphorePermit>,
}

/// When a stream that has not ended by itself is ended. A busy stream asks at each message, so
/// the answer that nothing has happened must cost next to nothing.
pub(super) struct Until {
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    alarm: Arc<Alarm>,
    as_waker: Waker,
}

/// Remembers that the end may have come, and wakes the stream's task.
struct Alarm {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Until {
    /// So long after the notice.
    pub(super) fn new(notice: Notice, after: Duration) -> Self {
        let end = Box::pin(async move {
            notice.given().await;
            tokio::time::sleep(after).await;
        });
        // Rung at first, so that the end is asked for once and can ring later.
        let alarm = Arc::new(Alarm { rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { end, as_waker: Waker::from(Arc::clone(&alarm)), alarm }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.alarm.task.register(cx.waker());
        if !self.alarm.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        self.end.as_mut().poll(&mut Context::from_waker(&self.as_waker))
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Until")
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct CallBody {
    inner: Body,
    held: Option<Held>,
    until: Option<Until>,
    limit_bytes: u32,
}

impl CallBody {
    pub(super) fn new(inner: Body, held: Held, until: Option<Until>, limit_bytes: u32) -> Self {
        Self { inner, held: Some(held), until, limit_bytes }
    }

    /// Drops the handler's side, and answers the status as the stream's end.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.inner = Body::empty();
        self.until = None;
        self.held = None;
        let mut trailers = HeaderMap::new();
        // A status of ours has no metadata and a short message, so that it always fits.
        if status.add_header(&mut trailers).is_err() {
            trailers = HeaderMap::new();
        }
        Frame::trailers(trailers)
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some(until) = &mut this.until else { return Poll::Pending };
                ready!(until.poll(cx));
                return Poll::Ready(Some(Ok(this.end(&serving::draining()))));
            }
        };
        match frame {
            Some(Ok(frame)) if frame.trailers_ref().is_some_and(is_oversized) => {
                let status = serving::message_too_large(this.limit_bytes);
                Poll::Ready(Some(Ok(this.end(&status))))
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Whether the status in these headers says that a received message was too large. The codec
/// says it with `OUT_OF_RANGE` and no details; our own statuses of that code have details.
pub(super) fn is_oversized(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|code| code.as_bytes() == b"11")
        && !headers.contains_key("grpc-status-details-bin")
}
