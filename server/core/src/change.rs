//! What a decision does to a workspace, as values: applied by `evolve`, written by the stores,
//! told to watchers. Nothing else ever changes a workspace.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::ledger::{LedgerEntry, Prior};
use crate::session::{Activity, Renewal, Revision, Session, Transfer};
use crate::time::{LeaseInstant, Moment};

/// The changes of one decision, in order. One beat is one change and allocates nothing.
pub type Changes = SmallVec<[Change; 2]>;

/// One change of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A beat: the lease is renewed.
    Renewed {
        /// The workspace's new revision.
        revision: Revision,
        /// The lease's new expiry; never before the old one.
        renewal: Renewal,
    },
    /// The owner says what it is doing.
    ActivitySet {
        /// The new activity.
        activity: Box<Activity>,
        /// The instant, if the change goes to the event log.
        logged_at: Option<LeaseInstant>,
    },
    /// A new session is stored. The one before, if any, has been ended by an earlier change.
    Minted {
        /// The session; its token is the workspace's new revision.
        session: Box<Session>,
        /// The session that ended in the same step, if one did.
        prior: Option<Prior>,
    },
    /// The stored session was started again by its owner.
    Refreshed {
        /// The workspace's new revision.
        revision: Revision,
        /// The session as it is now.
        session: Box<Session>,
    },
    /// The stored session was found stale for the first time.
    ExpiryRecorded {
        /// The workspace's new revision.
        revision: Revision,
        /// The instant of expiry.
        expired_at: Moment,
    },
    /// The stored session ended; a pending transfer goes with it.
    Ended {
        /// The sealed record, which holds the workspace's new revision.
        entry: Box<LedgerEntry>,
    },
    /// A transfer is pending from now on. The one before, if any, has been removed by an earlier
    /// change.
    TransferScheduled {
        /// The transfer, which holds the workspace's new revision.
        transfer: Box<Transfer>,
    },
    /// The pending transfer was removed without completing.
    TransferCancelled {
        /// The workspace's new revision.
        revision: Revision,
        /// Whether another forced takeover took its place.
        replaced: bool,
        /// The words given for it.
        why: Option<Arc<str>>,
    },
}
