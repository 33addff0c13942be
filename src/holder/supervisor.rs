//! Many leases on one heartbeat stream.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonic::transport::Channel;

use super::book::{Identity, View};
use super::clock::{Clock, Moment, SystemClock, Timeline};
use super::requests::{NewLease, Requests};
use super::run::Beating;
use super::{LeaseHolder, StartRequest, Timing};
use crate::client::{ANSWER_BYTES_MAX, Repeatable, malformed};
use crate::repeat::Bounds;
use crate::v1::lease_service_client::LeaseServiceClient;
use crate::{Client, Error, v1};

/// The shortest time that one attempt of a start gets, whatever the TTL.
const ATTEMPT_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// How a supervisor works; start from the default and change what differs.
#[derive(Clone)]
#[non_exhaustive]
pub struct SupervisorOptions {
    /// Where time is read.
    pub clock: Arc<dyn Clock>,
    /// Seeds the jitter of reconnects, for tests; random by default.
    pub jitter_seed: Option<u64>,
}

impl Default for SupervisorOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), jitter_seed: None }
    }
}

impl fmt::Debug for SupervisorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorOptions")
            .field("jitter_seed", &self.jitter_seed)
            .finish_non_exhaustive()
    }
}

/// Keeps many leases by one heartbeat stream. Cloning is cheap, and clones share the
/// stream. The background task starts with the first lease, and ends with the last clone
/// and the last holder.
///
/// The server bounds how many sessions one stream may carry; use another supervisor beyond
/// that.
#[derive(Clone, Debug)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    requests: Arc<Requests>,
    timeline: Arc<Timeline>,
    jitter_seed: Option<u64>,
    task: OnceLock<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Supervisor {
    /// A supervisor without leases.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::with_options(client, SupervisorOptions::default())
    }

    /// A supervisor with these options; otherwise as [`Supervisor::new`].
    #[must_use]
    pub fn with_options(client: Client, options: SupervisorOptions) -> Self {
        let inner = Inner {
            client,
            requests: Arc::default(),
            timeline: Arc::new(Timeline::new(options.clock)),
            jitter_seed: options.jitter_seed,
            task: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Starts a session and holds it. The start is repeated with the same `request_id`
    /// until it is answered, as long as a call of the client may take.
    ///
    /// # Errors
    ///
    /// The refusals of `StartSession`, and the failures of [`Error`].
    pub async fn hold(&self, start: StartRequest) -> Result<LeaseHolder, Error> {
        let request = v1::StartSessionRequest::from(start).with_request_id();
        let ttl = match &request.holder {
            Some(v1::start_session_request::Holder::Autonomous(holder)) => holder.lease_ttl,
            _ => None,
        };
        let (answer, sent_at) = self
            .ask(request, ttl, |channel, request| async move {
                LeaseServiceClient::new(channel)
                    .max_decoding_message_size(ANSWER_BYTES_MAX)
                    .start_session(request)
                    .await
            })
            .await?;
        let session = answer.session.clone().ok_or_else(|| malformed("no session was answered"))?;
        let timing = Timing::of(answer.timing.as_ref())
            .ok_or_else(|| malformed("no timing was answered"))?;
        let directives = answer.directives.clone().unwrap_or_default();
        let mut holder = self.keep(session, sent_at, timing, directives)?;
        holder.started = Some(answer);
        Ok(holder)
    }

    /// Holds a session that the caller already owns, as after a takeover or a grant. It is
    /// claimed by one beat, from which the lease counts.
    ///
    /// # Errors
    ///
    /// The refusals of `Heartbeat`, and the failures of [`Error`].
    pub async fn adopt(&self, session: v1::Session) -> Result<LeaseHolder, Error> {
        let request = v1::HeartbeatRequest {
            workspace: session.workspace.clone(),
            profile: session.profile.clone(),
            actor_id: session.actor_id.clone(),
            session_id: Some(session.session_id.clone()),
            ..Default::default()
        };
        let (answer, sent_at) = self
            .ask(request, session.lease_ttl, |channel, request| async move {
                LeaseServiceClient::new(channel)
                    .max_decoding_message_size(ANSWER_BYTES_MAX)
                    .heartbeat(request)
                    .await
            })
            .await?;
        let timing = Timing::of(answer.timing.as_ref())
            .ok_or_else(|| malformed("no timing was answered"))?;
        let session = v1::Session { revision: answer.revision, ..session };
        self.keep(session, sent_at, timing, answer.directives.unwrap_or_default())
    }

    /// The client that the supervisor uses.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(super) fn now(&self) -> Moment {
        self.inner.timeline.now()
    }

    pub(super) fn requests(&self) -> &Requests {
        &self.inner.requests
    }

    /// Sends a request until it is answered, and answers also when the attempt was sent
    /// that was answered: from then its durations count. An attempt must not outlast the
    /// lease that it may have granted.
    async fn ask<Q, R, F, Fut>(
        &self,
        request: Q,
        ttl: Option<prost_types::Duration>,
        send: F,
    ) -> Result<(R, Moment), Error>
    where
        Q: Clone,
        F: Fn(Channel, Q) -> Fut,
        Fut: Future<Output = Result<tonic::Response<R>, tonic::Status>>,
    {
        let bounds = self.inner.client.bounds();
        let share = ttl.and_then(crate::error::positive).map(|ttl| ttl / 3);
        let attempt_timeout = share.map_or(bounds.attempt_timeout, |share| {
            share.clamp(ATTEMPT_TIMEOUT_MIN, bounds.attempt_timeout.max(ATTEMPT_TIMEOUT_MIN))
        });
        let bounds = Bounds { attempt_timeout, attempts_max: u32::MAX, ..bounds };
        let sent_at = Mutex::new(self.now());
        let answer = self
            .inner
            .client
            .call(request, bounds, |channel, request| {
                *sent_at.lock().unwrap_or_else(PoisonError::into_inner) = self.now();
                send(channel, request)
            })
            .await?;
        let sent_at = *sent_at.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((answer, sent_at))
    }

    fn keep(
        &self,
        session: v1::Session,
        basis: Moment,
        timing: Timing,
        directives: v1::Directives,
    ) -> Result<LeaseHolder, Error> {
        let stop_at = basis.after(timing.stop_work_after);
        let revision = session.revision;
        let view = View { stop_at, timing, revision, directives: directives.clone(), loss: None };
        let (publish, view) = watch::channel(view);
        let identity = Identity {
            workspace: session.workspace.clone(),
            profile: session.profile.clone(),
            session_id: session.session_id.clone(),
            actor_id: session.actor_id.clone(),
        };
        let lease = NewLease { identity, basis, timing, revision, directives, publish };
        let ticket = self.inner.requests.keep(lease)?;
        self.inner.task.get_or_init(|| self.spawn());
        Ok(LeaseHolder { supervisor: self.clone(), ticket, session, started: None, view })
    }

    fn spawn(&self) -> AbortHandle {
        let inner = &self.inner;
        let rng = inner.jitter_seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let (requests, timeline) = (Arc::clone(&inner.requests), Arc::clone(&inner.timeline));
        let beating = Beating::new(inner.client.clone(), requests, timeline, rng);
        tokio::spawn(beating.run()).abort_handle()
    }
}
