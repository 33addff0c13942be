//! The end of the server: who asked for it, who is told, and how long it may take.
//!
//! Guarantees: a drain begins once, however often it is asked for, and keeps its deadline;
//! everybody who holds a [`Notice`] learns of it.
//!
//! Must not know: what there is to be ended.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// After this long clients may come back; drawn anew for each, so that they do not all come at
/// once.
const RECONNECT_AFTER_MS: Range<u64> = 500..3_000;

/// How long a server whose store has failed goes on answering calls with that news.
pub const FAILED_DEADLINE: Duration = Duration::from_secs(1);

/// Begins the drain, and tells of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    allowed: Duration,
    begun: CancellationToken,
    cut: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    failure: Option<String>,
}

/// Why a server drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A signal of this name.
    Signal(&'static str),
    /// A caller of `AdminService.Drain`.
    Asked,
    /// The store cannot be used any more.
    StoreFailed,
}

impl Drain {
    /// A drain that may take as long as `allowed` once it begins.
    #[must_use]
    pub fn new(allowed: Duration) -> Self {
        let shared = Shared {
            allowed,
            begun: CancellationToken::new(),
            cut: CancellationToken::new(),
            state: Mutex::new(State::default()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Begins to drain, unless that has happened, and answers when it ends at the latest.
    pub fn begin(&self, cause: Cause) -> Instant {
        self.begin_within(cause, self.shared.allowed)
    }

    /// Begins to drain because the store failed with `error`; the process then ends with a
    /// failure.
    pub fn fail(&self, error: String) {
        self.state().failure.get_or_insert(error);
        self.begin_within(Cause::StoreFailed, self.shared.allowed.min(FAILED_DEADLINE));
    }

    /// Ends what is left now.
    pub fn cut(&self) {
        self.shared.cut.cancel();
    }

    /// Whether a drain has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.shared.begun.is_cancelled()
    }

    /// Waits until a drain begins.
    pub async fn begun(&self) {
        self.shared.begun.cancelled().await;
    }

    /// Waits until what is left is to end now: at the deadline, or when [`Drain::cut`] says so.
    pub async fn ended(&self) {
        self.begun().await;
        let deadline = self.state().deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            () = self.shared.cut.cancelled() => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }

    /// Why the store failed, if that is why the server ends.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// How long a drain may take.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.shared.allowed
    }

    /// A notice for streams, given when a drain begins.
    #[must_use]
    pub fn notice(&self) -> Notice {
        Notice(self.shared.begun.child_token())
    }

    fn begin_within(&self, cause: Cause, allowed: Duration) -> Instant {
        let deadline = {
            let mut state = self.state();
            *state.deadline.get_or_insert_with(|| Instant::now() + allowed)
        };
        if !self.has_begun() {
            tracing::info!(?cause, ?allowed, "draining");
            self.shared.begun.cancel();
        }
        deadline
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half done.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells streams that their connection is about to go: the server drains, or the connection
/// is old. It is found among the extensions of a request.
#[derive(Debug, Clone)]
pub struct Notice(CancellationToken);

impl Notice {
    /// A notice that nobody gives.
    #[must_use]
    pub fn never() -> Self {
        Self(CancellationToken::new())
    }

    /// One that is given with this one, and can be given alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Tells.
    pub fn give(&self) {
        self.0.cancel();
    }

    /// Whether it was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is given.
    pub async fn given(&self) {
        self.0.cancelled().await;
    }
}

/// When a client that was told to go should come back: jittered, drawn anew at each call.
#[must_use]
pub fn reconnect_after() -> Duration {
    Duration::from_millis(fastrand::u64(RECONNECT_AFTER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_drain_begins_once_and_keeps_its_deadline() {
        let drain = Drain::new(TEN);
        let notice = drain.notice();
        assert!(!drain.has_begun() && !notice.is_given());
        let first = drain.begin(Cause::Asked);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(drain.begin(Cause::Signal("SIGTERM")), first);
        assert!(notice.is_given() && drain.failure().is_none());
        drain.ended().await;
        assert_eq!(Instant::now(), first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_ends_a_drain_before_its_deadline() {
        let drain = Drain::new(TEN);
        let start = Instant::now();
        drain.begin(Cause::Asked);
        drain.cut();
        drain.ended().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_store_leaves_little_time_and_its_first_reason_stays() {
        let drain = Drain::new(TEN);
        let start = Instant::now();
        drain.fail("fsync".to_owned());
        drain.fail("again".to_owned());
        drain.ended().await;
        assert_eq!(start.elapsed(), FAILED_DEADLINE);
        assert_eq!(drain.failure().as_deref(), Some("fsync"));
    }

    #[tokio::test]
    async fn a_child_notice_is_given_alone_or_with_its_parent() {
        let parent = Drain::new(TEN).notice();
        let (one, other) = (parent.child(), parent.child());
        one.give();
        assert!(one.is_given() && !parent.is_given() && !other.is_given());
        parent.give();
        assert!(other.is_given());
    }

    #[test]
    fn clients_are_told_different_times_to_come_back() {
        let times: std::collections::HashSet<_> = (0..50).map(|_| reconnect_after()).collect();
        assert!(times.len() > 10);
        assert!(times.iter().all(|time| time.as_millis() >= 500 && time.as_millis() < 3_000));
    }
}
