//! One connection, from the accept to its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::call::Calls;
use super::guarded_io::{Arrival, GuardedIo};
use crate::listen::{Peer, Socket};

/// What a client may have on its way to us on one connection. Smaller windows make h2 take
/// many small unread messages for an attack: it counts them against half of this.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// What a client may have on its way to us on one stream.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;

/// What may wait to be sent on one stream; beyond it the stream's source waits.
const SEND_BUFFER_BYTES_MAX: usize = 64 << 10;

/// The headers of one call, uncompressed.
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;

/// Calls that the client has reset and we have not yet looked at, before it is cut.
const PENDING_RESETS_MAX: usize = 200;

/// Resets that the client has provoked by breaking the protocol, before it is cut.
const PROVOKED_RESETS_MAX: usize = 1_024;

/// By how much the age of connections differs, either way, so that clients that came together
/// do not all go together.
const AGE_JITTER: f64 = 0.1;

/// Serves one connection until it ends, by itself or because it must.
pub(super) async fn run(socket: Socket, peer: Peer, shared: Arc<Shared>) {
    let times = shared.times;
    let notice = shared.drain.notice();
    let load = Load::new();
    let arrival = Arrival::default();
    let io = GuardedIo::new(socket, times.handshake, times.keepalive_timeout, arrival.clone());
    let calls = Calls::new(shared.clone(), peer, notice.clone(), load.clone());
    let service = service_fn(move |request| {
        let answer = calls.call(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let builder = builder(&shared);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));

    let leave = tokio::select! {
        outcome = connection.as_mut() => return log_end(peer, outcome),
        () = shared.cut.cancelled() => return,
        () = notice.given() => Leave::Drain,
        () = tokio::time::sleep(jittered(times.age)) => Leave::Age,
        () = load.idle_for(times.idle) => Leave::Idle,
    };
    tracing::debug!(%peer, ?leave, "asking the client to go");
    notice.give();
    if !arrival.has_come() {
        // It has not said a word of HTTP/2 yet, so it has no calls to finish.
        return;
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        outcome = connection.as_mut() => log_end(peer, outcome),
        () = shared.cut.cancelled() => {}
        () = tokio::time::sleep(times.age_grace), if leave != Leave::Drain => {
            tracing::info!(%peer, ?leave, "cutting a connection that was asked to go");
        }
    }
}

/// Why a client is asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Drain,
    Age,
    Idle,
}

fn builder(shared: &Shared) -> http2::Builder<CallExecutor> {
    let mut builder = http2::Builder::new(CallExecutor(shared.calls.clone()));
    builder
        .timer(TokioTimer::new())
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_concurrent_streams(shared.limits.streams_per_connection)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(PROVOKED_RESETS_MAX)
        .keep_alive_interval(shared.times.keepalive_interval)
        .keep_alive_timeout(shared.times.keepalive_timeout)
        .auto_date_header(false);
    builder
}

fn jittered(age: Duration) -> Duration {
    age.mul_f64(1.0 + AGE_JITTER * (2.0 * fastrand::f64() - 1.0))
}

fn log_end(peer: Peer, outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        // Clients vanish all the time; only whoever looks for it wants to know.
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::debug!(%peer, %error, ?source, "connection ended");
    }
}

/// Runs calls as tasks that `serve` can wait for.
#[derive(Debug, Clone)]
struct CallExecutor(TaskTracker);

impl<F> Executor<F> for CallExecutor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, call: F) {
        self.0.spawn(call);
    }
}

/// How many calls a connection has, and when the last one ended.
#[derive(Debug, Clone)]
pub(super) struct Load(Arc<LoadState>);

#[derive(Debug)]
struct LoadState {
    calls: AtomicU32,
    began: Instant,
    /// In milliseconds since `began`.
    last_end_ms: AtomicU64,
}

impl Load {
    pub(super) fn new() -> Self {
        let state = LoadState {
            calls: AtomicU32::new(0),
            began: Instant::now(),
            last_end_ms: AtomicU64::new(0),
        };
        Self(Arc::new(state))
    }

    /// Counts a call until what is returned is dropped.
    pub(super) fn enter(&self) -> LoadGuard {
        self.0.calls.fetch_add(1, Ordering::AcqRel);
        LoadGuard(self.clone())
    }

    /// Waits until there has been no call for as long as `limit`. Calls do not wake it: it
    /// looks again when the limit may have been reached.
    async fn idle_for(&self, limit: Duration) {
        let mut look_at = self.0.began + limit;
        loop {
            tokio::time::sleep_until(look_at).await;
            let now = Instant::now();
            if self.0.calls.load(Ordering::Acquire) > 0 {
                look_at = now + limit;
                continue;
            }
            let last_end = Duration::from_millis(self.0.last_end_ms.load(Ordering::Acquire));
            look_at = self.0.began + last_end + limit;
            if look_at <= now {
                return;
            }
        }
    }
}

/// One call of a connection.
#[derive(Debug)]
pub(super) struct LoadGuard(Load);

impl Drop for LoadGuard {
    fn drop(&mut self) {
        let state = &self.0.0;
        let now_ms = u64::try_from(state.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.last_end_ms.fetch_max(now_ms, Ordering::AcqRel);
        state.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_calls_is_idle_after_the_limit() {
        let start = Instant::now();
        Load::new().idle_for(LIMIT).await;
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_keeps_a_connection_from_being_idle_until_the_limit_after_its_end() {
        let load = Load::new();
        let start = Instant::now();
        let call = load.enter();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(95)).await;
            drop(call);
        });
        load.idle_for(LIMIT).await;
        // The timer of tokio rounds up to the next millisecond.
        assert!(start.elapsed() >= Duration::from_secs(105), "{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(111), "{:?}", start.elapsed());
    }

    #[test]
    fn ages_differ_by_a_tenth_at_most() {
        for _ in 0..1_000 {
            let age = jittered(Duration::from_secs(100)).as_secs_f64();
            assert!((90.0..=110.0).contains(&age), "{age}");
        }
    }
}
