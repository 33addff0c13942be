//! The bytes of a connection, watched: what HTTP/2 itself does not bound.
//!
//! Guarantees: a peer that sends no preface, or reads nothing of what it is sent, is cut in
//! time; while it reads nothing, it can make the server hold no more than a bounded amount,
//! because then not much more is read from it either.
//!
//! Must not know: HTTP/2, but for the length of its preface.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What an HTTP/2 client says first, in bytes.
const PREFACE_BYTES: usize = 24;

/// How much is read from a peer beyond what could be written to it while it does not read. An
/// answer or a reset is seldom smaller than what provoked it, so that this bounds them too.
const AHEAD_BYTES_MAX: usize = 256 << 10;

/// Whether a client has sent its preface. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrival(Arc<AtomicBool>);

impl Arrival {
    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection that is cut when it stalls.
#[derive(Debug)]
pub(super) struct GuardedIo<S> {
    socket: S,
    arrival: Arrival,
    /// Until the preface has come: how much of it, and how long it may still take.
    awaited: Option<(usize, Pin<Box<Sleep>>)>,
    stall_timeout: Duration,
    /// While the peer takes nothing: how long it may still take.
    stall: Option<Pin<Box<Sleep>>>,
    /// What was read while the peer took nothing, and is not yet made up for by writes.
    ahead: usize,
    /// Wakes the reader, which waits for `ahead` to shrink.
    reader: Option<Waker>,
    /// Whether the writer has stood back once since the last flush.
    stood_back: bool,
}

impl<S> GuardedIo<S> {
    pub(super) fn new(
        socket: S,
        preface_timeout: Duration,
        stall_timeout: Duration,
        arrival: Arrival,
    ) -> Self {
        Self {
            socket,
            arrival,
            awaited: Some((PREFACE_BYTES, Box::pin(tokio::time::sleep(preface_timeout)))),
            stall_timeout,
            stall: None,
            ahead: 0,
            reader: None,
            stood_back: false,
        }
    }

    /// Stands back once before each burst of writes: answers of many streams become ready
    /// together, and those whose tasks run meanwhile leave in the same system call.
    fn stand_back(&mut self, cx: &Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.stood_back, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn has_read(&mut self, count: usize) {
        if self.stall.is_some() {
            self.ahead += count;
        }
        if let Some((missing, _)) = &mut self.awaited {
            *missing = missing.saturating_sub(count);
            if *missing == 0 {
                self.awaited = None;
                self.arrival.0.store(true, Ordering::Release);
            }
        }
    }

    fn has_written(&mut self, count: usize) {
        self.stall = None;
        self.ahead = self.ahead.saturating_sub(count);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Looks at the outcome of a write, and at how long the peer has taken nothing.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(count)) => {
                self.has_written(count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let timeout = self.stall_timeout;
                let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                ready!(stall.as_mut().poll(cx));
                Poll::Ready(Err(timed_out("the peer reads nothing of what it is sent")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stall.is_some() && this.ahead >= AHEAD_BYTES_MAX {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.socket).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                this.has_read(buf.filled().len() - before);
                Poll::Ready(outcome)
            }
            Poll::Pending => match &mut this.awaited {
                None => Poll::Pending,
                Some((_, deadline)) => {
                    ready!(deadline.as_mut().poll(cx));
                    Poll::Ready(Err(timed_out("the peer sent no HTTP/2 preface")))
                }
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.stand_back(cx));
        let outcome = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.written(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.stand_back(cx));
        let outcome = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_flush(cx))?;
        this.stood_back = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

fn timed_out(message: &'static str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    use super::*;

    const PREFACE: Duration = Duration::from_secs(10);
    const STALL: Duration = Duration::from_secs(20);

    /// The peer's end, with room for `room` bytes in flight each way, and ours.
    fn pair(room: usize) -> (DuplexStream, GuardedIo<DuplexStream>, Arrival) {
        let (peer, ours) = tokio::io::duplex(room);
        let arrival = Arrival::default();
        (peer, GuardedIo::new(ours, PREFACE, STALL, arrival.clone()), arrival)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_nothing_is_cut() {
        let (_peer, mut ours, arrival) = pair(1_024);
        let start = Instant::now();
        let error = ours.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), PREFACE);
        assert!(!arrival.has_come());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_its_preface_byte_by_byte_gets_no_more_time() {
        let (mut peer, mut ours, _) = pair(1_024);
        let start = Instant::now();
        tokio::spawn(async move {
            while peer.write_u8(b'P').await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let error = loop {
            if let Err(error) = ours.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), PREFACE);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_preface_silence_is_no_fault() {
        let (mut peer, mut ours, arrival) = pair(1_024);
        peer.write_all(&[0; PREFACE_BYTES]).await.unwrap();
        let mut buffer = [0; 64];
        assert_eq!(ours.read(&mut buffer).await.unwrap(), PREFACE_BYTES);
        assert!(arrival.has_come());
        let silence = tokio::time::timeout(PREFACE * 100, ours.read(&mut buffer));
        assert!(silence.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_and_one_that_takes_a_little_is_not() {
        let (mut peer, mut ours, _) = pair(16);
        let start = Instant::now();
        let slow = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(STALL / 2).await;
                peer.read_u8().await.unwrap();
            }
            peer
        });
        let error = ours.write_all(&[0; 1_024]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), STALL / 2 * 10 + STALL);
        slow.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn little_is_read_ahead_from_a_peer_that_takes_nothing() {
        let (peer, ours, _) = pair(16);
        let (mut from_peer, mut to_peer) = tokio::io::split(peer);
        let (mut input, mut output) = tokio::io::split(ours);
        let flood = tokio::spawn(async move {
            let mut sent = 0;
            while to_peer.write_all(&[0; 16]).await.is_ok() {
                sent += 16;
                if sent > 4 * AHEAD_BYTES_MAX {
                    break;
                }
            }
        });
        let writer = tokio::spawn(async move { output.write_all(&[0; 1_024]).await });
        let mut total = 0;
        let mut buffer = [0; 4_096];
        // One second is long enough for everything that could be read.
        while let Ok(read) =
            tokio::time::timeout(Duration::from_secs(1), input.read(&mut buffer)).await
        {
            total += read.unwrap();
        }
        let bound = AHEAD_BYTES_MAX + buffer.len() + 64;
        assert!(total >= AHEAD_BYTES_MAX && total <= bound, "{total}");

        // Once the peer takes what it is sent, the rest is read.
        let mut taken = vec![0; 1_024];
        from_peer.read_exact(&mut taken).await.unwrap();
        writer.await.unwrap().unwrap();
        let more = tokio::time::timeout(Duration::from_secs(1), input.read(&mut buffer)).await;
        assert!(more.unwrap().unwrap() > 0);
        flood.abort();
    }
}
