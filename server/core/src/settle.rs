//! Brings a workspace up to the present before anything is decided. Timers call it too, so a
//! rule that depends on time alone is written only here.

use smallvec::smallvec;

use crate::r#await;
use crate::change::{Change, Changes};
use crate::context::Clock;
use crate::forced_takeover;
use crate::session::Revision;
use crate::stall;
use crate::time::{LeaseInstant, Moment};
use crate::workspace::Workspace;

/// What has come due: a pending transfer to apply, a grant that was not claimed, a session found
/// stale for the first time, or a live one found to have stalled. Needs what
/// [`settle_needs`](crate::parts::settle_needs) says. Absent when the stored state is up to date, and when the workspace's revisions are
/// used up. One call settles everything: what it does leaves nothing due, as long as leases
/// have a length.
#[must_use]
pub fn settle(workspace: &Workspace, clock: &Clock) -> Option<Changes> {
    let tenure = &workspace.tenure;
    let session = tenure.session.as_ref()?;
    let expiry = tenure.effective_expiry(clock.boot_mark)?;
    if expiry > clock.now.lease {
        return stall::due(workspace, session, clock).map(|stalled| smallvec![stalled]);
    }
    if let Some(transfer) = &tenure.transfer {
        return forced_takeover::complete(workspace, session, transfer, expiry, clock).ok();
    }
    if session.unclaimed {
        return r#await::lapse(workspace, session, expiry, clock).ok();
    }
    if session.expiry_recorded {
        return None;
    }
    // A session is stored, so the workspace has a revision and the floor does not matter.
    let revision = workspace.next_revision(Revision::default()).ok()?;
    let expired_at = if expiry == LeaseInstant::BEFORE_THE_CLOCK {
        // Nobody knows when it went stale, only that it was found so.
        clock.now
    } else {
        Moment { lease: expiry, wall: clock.now.wall_at(expiry) }
    };
    Some(smallvec![Change::ExpiryRecorded { revision, expired_at }])
}

#[cfg(test)]
mod tests;
