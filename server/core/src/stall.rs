//! Stalls: a session that is alive and does not progress. Shown and counted, never acted upon.
//!
//! A session stalls by time alone, at an instant that each touch of a work stream moves.

use crate::change::Change;
use crate::context::Clock;
use crate::session::Session;
use crate::time::LeaseInstant;
use crate::workspace::{Tenure, Workspace};

impl Session {
    /// Whether the session has stalled by `now`, given that it is live.
    #[must_use]
    pub fn has_stalled(&self, now: LeaseInstant) -> bool {
        self.stalls_at.is_some_and(|stalls_at| stalls_at <= now)
    }
}

impl Tenure {
    /// Whether a session is stored, live and stalled. The instant at which it stalls counts.
    #[must_use]
    pub fn is_stalled(&self, clock: &Clock) -> bool {
        let stalled = |session: &Session| session.has_stalled(clock.now.lease);
        self.session.as_ref().is_some_and(stalled) && !self.is_stale(clock)
    }

    /// The next instant at which time alone changes something: the session goes stale, or it
    /// stalls. It may have passed; then settle has something to do. Absent when nothing will.
    #[must_use]
    pub fn next_due(&self, boot_mark: LeaseInstant) -> Option<LeaseInstant> {
        let session = self.session.as_ref()?;
        if session.expiry_recorded && self.transfer.is_none() {
            return None;
        }
        let expiry = self.effective_expiry(boot_mark)?;
        let stall = session.stalls_at.filter(|_| !session.stalled);
        Some(stall.map_or(expiry, |stall| stall.min(expiry)))
    }
}

/// The stall that has come due and is not recorded; the session is live.
pub(crate) fn due(workspace: &Workspace, session: &Session, clock: &Clock) -> Option<Change> {
    let now = clock.now.lease;
    let due = !session.stalled && session.has_stalled(now);
    due.then(|| {
        let best = workspace.around().progress.work_streams.best(now);
        Change::Stalled { best: Box::new(best) }
    })
}

#[cfg(test)]
mod tests;
