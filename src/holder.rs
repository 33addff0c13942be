//! Holding a lease: beats in the background, and a clear word when it is lost.
//!
//! A holder believes in its lease until `stop_work_after` has passed since it *sent* the
//! last request that was answered, suspension of the machine included. Then, or when the
//! service says that the session ended or expired, the lease is lost, for good. Until then
//! beats go out, over whatever endpoint answers.
//!
//! ```no_run
//! # use std::time::Duration;
//! # async fn example(client: tenure::Client) -> Result<(), tenure::Error> {
//! let start = tenure::StartRequest::new("acme/api", "worker-1", Duration::from_secs(30));
//! let lease = tenure::LeaseHolder::start(client, start).await?;
//! tokio::select! { loss = lease.lost() => eprintln!("stop: {loss:?}"), () = work(lease.fencing_token()) => {} }
//! lease.release().await?;
//! # Ok(())
//! # }
//! # async fn work(_token: u64) {}
//! ```

mod beat_content;
mod book;
mod clock;
mod lease_state;
mod loss;
mod requests;
mod run;
mod start_request;
mod supervisor;
mod timing;

use std::time::Duration;

use tokio::sync::watch;

pub use clock::{Clock, SystemClock};
pub use loss::{Loss, LossKind};
pub use start_request::StartRequest;
pub use supervisor::{Supervisor, SupervisorOptions};
pub use timing::Timing;

use crate::{Client, Error, v1};
use beat_content::BeatContent;
use book::View;
use requests::Ticket;

/// One lease, kept alive in the background.
///
/// Dropping a holder stops its beats and releases nothing: the lease expires by itself.
/// [`LeaseHolder::release`] gives the session up at once.
#[derive(Debug)]
pub struct LeaseHolder {
    supervisor: Supervisor,
    ticket: Ticket,
    session: v1::Session,
    started: Option<v1::StartSessionResponse>,
    view: watch::Receiver<View>,
}

impl LeaseHolder {
    /// Starts a session and holds it by a stream of its own. Use a [`Supervisor`] for many.
    ///
    /// # Errors
    ///
    /// The refusals of `StartSession`, and the failures of [`Error`].
    pub async fn start(client: Client, start: StartRequest) -> Result<Self, Error> {
        Supervisor::new(client).hold(start).await
    }

    /// The session, as it was answered when it was started or adopted.
    #[must_use]
    pub fn session(&self) -> &v1::Session {
        &self.session
    }

    /// The whole answer to the start, with warnings, predecessor, checkpoint and handoff;
    /// absent for an adopted session.
    #[must_use]
    pub fn started(&self) -> Option<&v1::StartSessionResponse> {
        self.started.as_ref()
    }

    /// The id of the session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session.session_id
    }

    /// The number that protected resources must compare; constant for this session.
    #[must_use]
    pub fn fencing_token(&self) -> u64 {
        self.session.fencing_token
    }

    /// Whether the holder may go on working now. Reads the clock itself, so that it is
    /// right even if the background task has not run, as just after a suspension.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.work_time_left().is_zero()
    }

    /// How long the work may go on if no further answer comes; zero once the lease is lost.
    #[must_use]
    pub fn work_time_left(&self) -> Duration {
        let view = self.view.borrow();
        match view.loss {
            Some(_) => Duration::ZERO,
            None => view.stop_at.since(self.supervisor.now()),
        }
    }

    /// How long ago the request was sent that was answered last, at most `stop_work_after`.
    /// Well beyond `renew_after` of the [timing](Self::timing), answers have stopped coming.
    #[must_use]
    pub fn unanswered_for(&self) -> Duration {
        let view = self.view.borrow();
        let left = view.stop_at.since(self.supervisor.now());
        view.timing.stop_work_after.saturating_sub(left)
    }

    /// The timing that was answered last, counted from when its request was sent.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.view.borrow().timing
    }

    /// The newest revision that was answered.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.view.borrow().revision
    }

    /// What the service asks of the holder now.
    #[must_use]
    pub fn directives(&self) -> v1::Directives {
        self.view.borrow().directives.clone()
    }

    /// How the lease was lost; absent while it is held.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.view.borrow().loss.clone()
    }

    /// Waits until the lease is lost, and says how; at once if it is. The work must stop
    /// then.
    pub async fn lost(&self) -> Loss {
        let mut view = self.view.clone();
        let lost = view.wait_for(|view| view.loss.is_some()).await;
        lost.ok()
            .and_then(|view| view.loss.clone())
            .unwrap_or_else(|| Loss::stopped_work("the background task has ended"))
    }

    /// Waits until the service asks to yield, and says by when; at once if it has. The
    /// holder then brings its work to a close and calls [`LeaseHolder::release`]. A beat
    /// goes out by itself to learn how long the lease has; see [`LeaseHolder::timing`].
    /// Never ends when the lease is lost without such a request.
    pub async fn yield_requested(&self) -> v1::YieldRequested {
        let mut view = self.view.clone();
        let asked = view.wait_for(|view| view.directives.yield_requested.is_some()).await;
        match asked.ok().and_then(|view| view.directives.yield_requested.clone()) {
            Some(asked) => asked,
            None => std::future::pending().await,
        }
    }

    /// Waits until the directives differ from `seen`, and answers the new ones. Never ends
    /// when the lease is lost without a further change.
    pub async fn directives_other_than(&self, seen: &v1::Directives) -> v1::Directives {
        let mut view = self.view.clone();
        let other = view.wait_for(|view| view.directives != *seen).await;
        match other.ok().map(|view| view.directives.clone()) {
            Some(other) => other,
            None => std::future::pending().await,
        }
    }

    /// Says what the owner is doing: at most 280 characters after trimming, and an empty
    /// text says nothing. A beat goes out soon; of several texts until then the last counts.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the text is too long.
    pub fn set_activity(&self, text: &str) -> Result<(), Error> {
        self.say(BeatContent::activity(text)?);
        Ok(())
    }

    /// Touches a work stream, 1 to 128 characters, with a beat that goes out soon. Of
    /// several touches until then the last counts.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the name is empty or too long.
    pub fn touch_work_stream(&self, name: &str) -> Result<(), Error> {
        self.say(BeatContent::work_stream(name)?);
        Ok(())
    }

    /// Reports the totals of the session so far, with a beat that goes out soon.
    pub fn report_usage(&self, usage: v1::Usage) {
        self.say(BeatContent { usage: Some(usage), ..Default::default() });
    }

    /// Reports which revision of the gates the holder has applied, with a beat that goes
    /// out soon.
    pub fn report_gates_revision(&self, gates_revision: u64) {
        self.say(BeatContent { gates_revision: Some(gates_revision), ..Default::default() });
    }

    /// Gives the session up: to the pending successor, or to nobody. Beats end first. It
    /// names its session, so that it can never give up another's; after a loss it may still
    /// free what is left of the session.
    ///
    /// # Errors
    ///
    /// The refusals of `YieldSession`, such as `SESSION_MISMATCH` when the session has
    /// ended; and the failures of [`Error`], after which the lease expires by itself.
    pub async fn release(self) -> Result<v1::YieldSessionResponse, Error> {
        let client = self.supervisor.client().clone();
        let request = v1::YieldSessionRequest {
            workspace: self.session.workspace.clone(),
            profile: self.session.profile.clone(),
            expected_session_id: Some(self.session.session_id.clone()),
            actor_id: self.session.actor_id.clone(),
            ..Default::default()
        };
        drop(self);
        client.yield_session(request).await
    }

    fn say(&self, content: BeatContent) {
        if !content.is_empty() && self.loss().is_none() {
            self.supervisor.requests().say(self.ticket, content);
        }
    }
}

impl Drop for LeaseHolder {
    fn drop(&mut self) {
        self.supervisor.requests().leave(self.ticket);
    }
}
