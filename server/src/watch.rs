//! Watching: a snapshot, then every event from one cursor on, without loss and without repeats.
//!
//! The log in the store is the truth; the engine's feed only spares reading it. A [`Watcher`]
//! starts from the log, changes over to the feed when it has caught up, and goes back to the
//! log when it has missed part of the feed.
//!
//! Guarantees: the first update is the cursor; sequences strictly rise; an event that a
//! snapshot's page already shows is not sent for that page's keys; progress never passes an
//! event that is still to be sent; a watcher holds one page of the log and one entry for each
//! page of its snapshot, and no writer ever waits for it.
//!
//! Must not know: the wire, tasks, how its updates are queued.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::context::Clock;
use tenure_core::name::Key;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use crate::engine::{Engine, Published};
use crate::store::{Listed, LogId, PAGE_MAX, Reads, Sequenced};

pub mod cursor;
pub mod error;
pub mod filter;
pub mod listing;

mod coverage;

pub use cursor::Cursor;
pub use error::WatchError;
pub use filter::{EventFilter, EventType};

use coverage::Coverage;

/// How often a watcher says how far it has come. Half of the 10 s that are promised, so that a
/// slow read of the store in between does not break the promise.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// How many rows one page of a snapshot is read with.
pub const SNAPSHOT_PAGE_ROWS: u32 = 500;

/// Where a watch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With what is committed from now on.
    Now,
    /// With the first event after a cursor.
    After(Cursor),
    /// With the stored sessions, and then what has been committed since.
    Snapshot,
}

/// What a watcher has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Everything up to this sequence has been told.
    Progress(u64),
    /// A page of the snapshot.
    Page {
        /// The sessions that the filter selects.
        rows: Vec<Listed>,
        /// The place in the log at which the page was read.
        sequence: u64,
        /// Whether the snapshot is complete with it.
        last: bool,
    },
    /// An event that the filter selects.
    Event(Box<Sequenced>),
}

/// Where watchers hear what is committed.
pub trait Feed: Send + Sync + 'static {
    /// Everything that is published from now on. What was published before is in the log.
    fn subscribe(&self) -> broadcast::Receiver<Published>;

    /// The log that the published sequences belong to.
    fn log_id(&self) -> &LogId;

    /// The clock as it stands, for views of what is sent.
    fn clock(&self) -> Clock;
}

impl Feed for Engine {
    fn subscribe(&self) -> broadcast::Receiver<Published> {
        Self::subscribe(self)
    }

    fn log_id(&self) -> &LogId {
        Self::log_id(self)
    }

    fn clock(&self) -> Clock {
        Self::clock(self)
    }
}

/// One watch, as a state machine that is asked for its next update.
pub struct Watcher {
    reads: Arc<dyn Reads>,
    feed: Arc<dyn Feed>,
    filter: EventFilter,
    page_rows: PageRows,
    phase: Phase,
    /// Everything up to here has been told, or is not wanted.
    cursor: u64,
    coverage: Coverage,
    pending: Pending,
    progress_due: Instant,
    /// Whether anything was done since the last progress.
    got_on: bool,
}

/// How many rows pages are read with.
#[derive(Debug, Clone, Copy)]
struct PageRows {
    snapshot: u32,
    log: u32,
}

impl Default for PageRows {
    fn default() -> Self {
        Self { snapshot: SNAPSHOT_PAGE_ROWS, log: PAGE_MAX }
    }
}

#[derive(Debug)]
enum Phase {
    /// Reading pages of sessions, the next one after this key.
    Snapshot { after: Option<Key> },
    /// Reading the log. Once its end has been seen, a subscription is kept, and the log is read
    /// once more: what is committed in between is in one of the two.
    CatchUp { feed: Option<broadcast::Receiver<Published>> },
    /// Listening.
    Live { feed: broadcast::Receiver<Published> },
}

/// Events that have been read and not been looked at yet.
#[derive(Debug)]
struct Pending {
    events: Arc<[Sequenced]>,
    next: usize,
    /// How far the log is known once all of them have been looked at.
    through: u64,
}

impl Watcher {
    /// Prepares a watch.
    ///
    /// # Errors
    /// [`WatchError::LogReplaced`], [`WatchError::Ahead`] or [`WatchError::Compacted`] for a
    /// cursor that cannot be continued from; [`WatchError::Store`].
    pub async fn open(
        reads: Arc<dyn Reads>,
        feed: Arc<dyn Feed>,
        filter: EventFilter,
        start: Start,
    ) -> Result<Self, WatchError> {
        let cursor = match &start {
            Start::After(cursor) => cursor::resume(&*reads, feed.log_id(), cursor).await?,
            // The cursor comes before the first page is read: what is committed while the pages
            // are read is then told by the log.
            Start::Now | Start::Snapshot => cursor::extent(&*reads).await?.newest,
        };
        let phase = match start {
            Start::Snapshot => Phase::Snapshot { after: None },
            Start::Now | Start::After(_) => Phase::CatchUp { feed: None },
        };
        Ok(Self {
            reads,
            feed,
            filter,
            page_rows: PageRows::default(),
            phase,
            cursor,
            coverage: Coverage::default(),
            pending: Pending { events: Arc::from([]), next: 0, through: cursor },
            // Due at once: the first update is the cursor.
            progress_due: Instant::now(),
            got_on: true,
        })
    }

    /// Waits for the next update. May be dropped and called again without loss.
    ///
    /// # Errors
    /// Any [`WatchError`] but `LogReplaced` and `Ahead`; the watch is then over.
    pub async fn next(&mut self) -> Result<Update, WatchError> {
        loop {
            // A reader so slow that progress is always due must still get on.
            let got_on = std::mem::replace(&mut self.got_on, true);
            if got_on && Instant::now() >= self.progress_due {
                self.got_on = false;
                self.progress_due = Instant::now() + PROGRESS_EVERY;
                return Ok(Update::Progress(self.cursor));
            }
            if let Some(event) = self.next_pending() {
                return Ok(Update::Event(Box::new(event)));
            }
            match &self.phase {
                Phase::Snapshot { .. } => return self.read_page().await,
                Phase::CatchUp { .. } => self.read_log().await?,
                Phase::Live { .. } => self.listen().await?,
            }
        }
    }

    #[cfg(test)]
    const fn coverage_is_empty(&self) -> bool {
        self.coverage.is_empty()
    }

    /// The next event that is wanted, out of those that have been read.
    fn next_pending(&mut self) -> Option<Sequenced> {
        while let Some(entry) = self.pending.events.get(self.pending.next) {
            self.pending.next += 1;
            let Sequenced { sequence, event } = entry;
            // The feed repeats what the log has told when both were read at the change-over.
            let told = *sequence <= self.cursor;
            self.cursor = self.cursor.max(*sequence);
            let shown = event.key.as_ref().is_some_and(|key| self.coverage.shows(key, *sequence));
            if !told && !shown && self.filter.matches(event) {
                return Some(entry.clone());
            }
        }
        self.cursor = self.cursor.max(self.pending.through);
        // While pages are still read, a later one must find those before it.
        if !matches!(self.phase, Phase::Snapshot { .. }) {
            self.coverage.forget_through(self.cursor);
        }
        None
    }

    async fn read_page(&mut self) -> Result<Update, WatchError> {
        let after = match &self.phase {
            Phase::Snapshot { after } => after.clone(),
            Phase::CatchUp { .. } | Phase::Live { .. } => None,
        };
        let page = self.reads.list(self.filter.sessions(), after, self.page_rows.snapshot).await?;
        self.coverage.add(page.next.clone(), page.sequence);
        let last = page.next.is_none();
        self.phase = match page.next {
            Some(key) => Phase::Snapshot { after: Some(key) },
            None => Phase::CatchUp { feed: None },
        };
        Ok(Update::Page { rows: page.rows, sequence: page.sequence, last })
    }

    async fn read_log(&mut self) -> Result<(), WatchError> {
        let page = self.reads.events(None, self.cursor, self.page_rows.log).await?;
        cursor::complete(&page, self.cursor)?;
        let at_end = page.read_through >= page.newest;
        self.pending = Pending { events: page.events.into(), next: 0, through: page.read_through };
        if at_end && let Phase::CatchUp { feed } = &mut self.phase {
            self.phase = match feed.take() {
                Some(feed) => Phase::Live { feed },
                None => Phase::CatchUp { feed: Some(self.feed.subscribe()) },
            };
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), WatchError> {
        let Phase::Live { feed } = &mut self.phase else { return Ok(()) };
        let received = tokio::select! {
            biased;
            received = feed.recv() => received,
            () = sleep_until(self.progress_due) => return Ok(()),
        };
        match received {
            Ok(published) if continues(&published, self.cursor) => {
                let Published { through, events } = published;
                self.pending = Pending { events, next: 0, through };
            }
            // What was missed is in the log.
            Ok(_) | Err(RecvError::Lagged(_)) => self.phase = Phase::CatchUp { feed: None },
            Err(RecvError::Closed) => return Err(WatchError::Stopping),
        }
        Ok(())
    }
}

/// Whether `published` holds every sequence after `cursor` up to its end. If not, either the
/// log has a gap there, which is allowed, or a commit went unpublished, because its outcome was
/// unknown for a while: the log tells.
fn continues(published: &Published, cursor: u64) -> bool {
    let new = published.events.iter().filter(|entry| entry.sequence > cursor).count();
    published.through.saturating_sub(cursor) == u64::try_from(new).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
