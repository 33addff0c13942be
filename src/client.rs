//! The typed client: one method for each RPC, over several endpoints.
//!
//! A call that meets an unavailable endpoint, a lost connection or silence is repeated, on
//! the next endpoint, a bounded number of times. Writes carry a `request_id`, made here
//! unless the caller set one, and keep it over all attempts, so that a repeat answers what
//! the first attempt did. A refusal is an answer and is never repeated, unless it says
//! that the service is unavailable. Methods without `request_id` are either reads, or
//! do the same when done twice, or say that they are attempted once.

mod admin;
mod calls;
mod history;
mod lease;
mod machine;
mod pages;
mod request_id;
mod resume;
mod waiting;
mod watch;
mod workspace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;

pub(crate) use lease::malformed;
pub use pages::{Pageable, Pages};
pub(crate) use request_id::Repeatable;
pub use waiting::Waiting;
pub use watch::Watch;

use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::pool::{Fault, Pool};
use crate::repeat::{Backoff, Bounds};

/// The largest answer that is accepted; a full page of sessions with long texts fits.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 << 20;

/// How a client calls; start from the default and change what differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// How long connecting to one endpoint may take; 2 s by default.
    pub connect_timeout: Duration,
    /// How long one attempt of a call may take before the next endpoint is tried; 5 s by
    /// default.
    pub attempt_timeout: Duration,
    /// How long a call may take, all its attempts together; 15 s by default.
    pub call_timeout: Duration,
    /// How often a call is attempted at most, at least once; 5 by default.
    pub attempts_max: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(15),
            attempts_max: 5,
        }
    }
}

/// A client of the service. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    bounds: Bounds,
}

impl Client {
    /// A client with the default options. No connection is opened yet, so a service that
    /// is away shows at the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an endpoint that no connection can be made from.
    pub async fn connect(endpoints: Endpoints) -> Result<Self, Error> {
        Self::connect_with(endpoints, ClientOptions::default()).await
    }

    /// A client with these options; otherwise as [`Client::connect`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an endpoint that no connection can be made from.
    // Asynchronous although it awaits nothing yet: credentials will have to be read here.
    pub async fn connect_with(endpoints: Endpoints, options: ClientOptions) -> Result<Self, Error> {
        let pool = Pool::new(&endpoints, options.connect_timeout)?;
        let bounds = Bounds {
            attempt_timeout: options.attempt_timeout,
            call_timeout: options.call_timeout,
            attempts_max: options.attempts_max.max(1),
        };
        Ok(Self { inner: Arc::new(Inner { pool, bounds }) })
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.inner.bounds
    }

    /// Sends a request until it is answered, within the bounds. `send` is called for each
    /// attempt, at the instant at which it is made.
    pub(crate) async fn call<Q, R, F, Fut>(
        &self,
        request: Q,
        bounds: Bounds,
        send: F,
    ) -> Result<R, Error>
    where
        Q: Clone,
        F: Fn(Channel, Q) -> Fut,
        Fut: Future<Output = Result<tonic::Response<R>, tonic::Status>>,
    {
        let begun = Instant::now();
        let mut backoff = Backoff::new(fastrand::Rng::new());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = bounds.call_timeout.saturating_sub(begun.elapsed());
            let timeout = bounds.attempt_timeout.min(left);
            let route = self.pool().route();
            let answer =
                tokio::time::timeout(timeout, send(route.channel.clone(), request.clone())).await;
            let (error, fault) = match answer {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => (Error::from_status(&status, begun.elapsed()), Fault::Failed),
                Err(_) => (Error::Timeout { after: begun.elapsed() }, Fault::Silent),
            };
            if !error.may_be_repeated() {
                return Err(error);
            }
            self.pool().report(&route, fault);
            let wait = self.wait_before(attempts, &error, &mut backoff);
            if attempts >= bounds.attempts_max || begun.elapsed() + wait >= bounds.call_timeout {
                return Err(after_attempts(error, attempts));
            }
            tracing::debug!(attempts, ?wait, ?error, "the call is repeated");
            tokio::time::sleep(wait).await;
        }
    }

    /// The first round over all endpoints is quick, since another may well be there; later
    /// rounds back off. What the service asks for counts, if it is longer.
    fn wait_before(&self, attempts: u32, error: &Error, backoff: &mut Backoff) -> Duration {
        let round_over = (attempts as usize).is_multiple_of(self.pool().len());
        let wait = if round_over { backoff.next_wait() } else { Duration::ZERO };
        let asked = error.refused().and_then(|refused| refused.retry_after);
        // The other endpoints did not ask for anything.
        if round_over { wait.max(asked.unwrap_or_default()) } else { wait }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.pool().len()).finish_non_exhaustive()
    }
}

fn after_attempts(error: Error, attempts: u32) -> Error {
    match error {
        Error::Unreachable { message, .. } => Error::Unreachable { attempts, message },
        other => other,
    }
}
