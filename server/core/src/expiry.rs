//! Until when a session counts, and whether it is stale: one pure function of the session, the
//! clock and the boot mark, used by refusals, fence checks, projections and answers alike.

use crate::context::{BOOT_GRACE_MAX, Clock, INTERACTIVE_STALE_AFTER};
use crate::session::{Holder, Session, Transfer};
use crate::time::{LeaseInstant, Span};
use crate::workspace::Tenure;

/// The first instant at which the session is stale. [`LeaseInstant::BEFORE_THE_CLOCK`] for a
/// session that was never live here: an imported record without id, lease length or heartbeat,
/// or of a person who left before the clock began.
#[must_use]
pub fn effective_expiry(
    session: &Session,
    transfer: Option<&Transfer>,
    boot_mark: LeaseInstant,
) -> LeaseInstant {
    if session.id.is_none() {
        return LeaseInstant::BEFORE_THE_CLOCK;
    }
    let own = match &session.holder {
        Holder::Interactive if session.last_started_at.lease == LeaseInstant::BEFORE_THE_CLOCK => {
            return LeaseInstant::BEFORE_THE_CLOCK;
        }
        // Exactly eight hours is still live, so the first stale instant is one later.
        Holder::Interactive => {
            session.last_started_at.lease.after(INTERACTIVE_STALE_AFTER).after(Span(1))
        }
        Holder::Autonomous(autonomous) => match (autonomous.ttl, autonomous.renewal) {
            // What was granted since the boot could be claimed all the time.
            (Some(_), Some(renewal))
                if session.unclaimed && session.started_at.lease > boot_mark =>
            {
                renewal.expires_at
            }
            (Some(ttl), Some(renewal)) => with_boot_grace(renewal.expires_at, ttl, boot_mark),
            _ => return LeaseInstant(0),
        },
    };
    transfer.map_or(own, |transfer| own.min(transfer.deadline))
}

/// A lease that was running at the last boot gets at least a little time, because its holder
/// could not beat while the server was away. Computed each time, never stored: a grace is not
/// the basis of another one.
pub(crate) fn with_boot_grace(
    stored: LeaseInstant,
    ttl: Span,
    boot_mark: LeaseInstant,
) -> LeaseInstant {
    if stored > boot_mark { stored.max(boot_mark.after(ttl.min(BOOT_GRACE_MAX))) } else { stored }
}

impl Tenure {
    /// The first instant at which the stored session is stale; absent without one.
    #[must_use]
    pub fn effective_expiry(&self, boot_mark: LeaseInstant) -> Option<LeaseInstant> {
        self.session
            .as_ref()
            .map(|session| effective_expiry(session, self.transfer.as_ref(), boot_mark))
    }

    /// The same without boot grace: what is stored, and so outlives another crash. An answer
    /// that renews nothing promises no more than this.
    #[must_use]
    pub fn lasting_expiry(&self) -> Option<LeaseInstant> {
        // No expiry is later than this mark, so none gets a grace.
        self.effective_expiry(LeaseInstant(u64::MAX))
    }

    /// Whether a session is stored and stale. The instant of expiry is stale.
    #[must_use]
    pub fn is_stale(&self, clock: &Clock) -> bool {
        self.effective_expiry(clock.boot_mark).is_some_and(|expiry| expiry <= clock.now.lease)
    }
}

#[cfg(test)]
mod tests;
