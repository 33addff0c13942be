//! What a decision does to a workspace, as values: applied by `evolve`, written by the stores,
//! told to watchers. Nothing else ever changes a workspace.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::checkpoint::Checkpoint;
use crate::escalation::Escalation;
use crate::gate::{Gate, GateState, GatesRevision};
use crate::handoff::Handoff;
use crate::ledger::{LedgerEntry, Prior};
use crate::legacy::BroughtIn;
use crate::name::{EscalationId, SectionName};
use crate::parts::Parts;
use crate::projection::Digests;
use crate::registration::Origin;
use crate::section::ClientSection;
use crate::session::{Activity, Renewal, Revision, Session, Transfer};
use crate::time::{LeaseInstant, Moment};
use crate::usage::Usage;
use crate::work_stream::{Best, Touch};

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
    /// The first beat after a grant: from now on it is a session like any other.
    Claimed,
    /// The owner says what it is doing.
    ActivitySet {
        /// The new activity.
        activity: Box<Activity>,
        /// The instant, if the change goes to the event log.
        logged_at: Option<LeaseInstant>,
    },
    /// The owner says which gates it has applied.
    GatesApplied {
        /// The revision of the gates that it has applied.
        revision: GatesRevision,
    },
    /// The owner touches a work stream.
    WorkStreamTouched {
        /// What comes of it.
        touch: Box<Touch>,
    },
    /// The owner has consumed more.
    UsageReported {
        /// The totals now.
        usage: Box<Usage>,
    },
    /// The owner leaves a state for a successor.
    CheckpointSet {
        /// The checkpoint now.
        checkpoint: Arc<Checkpoint>,
    },
    /// A client section is new, or has another content.
    SectionSet {
        /// The section now.
        section: Arc<ClientSection>,
    },
    /// A client section is gone.
    SectionRemoved {
        /// Which one.
        name: SectionName,
    },
    /// A live session was found not to progress.
    Stalled {
        /// The best of its work streams.
        best: Box<Best>,
    },
    /// A stalled session progresses again.
    Resumed {
        /// The best of its work streams.
        best: Box<Best>,
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
    /// An escalation is open.
    EscalationRaised {
        /// The escalation.
        escalation: Box<Escalation>,
    },
    /// An escalation is no longer open.
    EscalationResolved {
        /// The escalation, as it was.
        escalation: Box<Escalation>,
        /// How it was resolved.
        why: Option<Arc<str>>,
    },
    /// Escalations went with a transition.
    EscalationsCleared {
        /// Which ones.
        ids: Box<[EscalationId]>,
    },
    /// The whole list of gates was set.
    GatesPut {
        /// The gates now.
        gates: Arc<[Gate]>,
        /// Their revision now.
        revision: GatesRevision,
    },
    /// One gate was set.
    GateUpdated {
        /// The gate now.
        gate: Box<Gate>,
        /// How far it had come before.
        prior: GateState,
        /// The revision of the gates now.
        revision: GatesRevision,
    },
    /// The gates went with a transition.
    GatesCleared {
        /// The revision of the gates now.
        revision: GatesRevision,
    },
    /// A file of an older installation was imported: its digest is remembered from now on.
    Imported {
        /// What it brought in.
        what: Box<BroughtIn>,
    },
    /// The handoff was replaced.
    HandoffPut {
        /// The handoff now.
        handoff: Arc<Handoff>,
    },
    /// Parts went with a transition: of work streams, usage, client sections, checkpoint and
    /// baseline those that are named. The others have changes of their own.
    Dropped {
        /// Which ones.
        parts: Parts,
    },
    /// The workspace is known, or registered, from now on.
    OriginSet {
        /// How it came to be known.
        origin: Arc<Origin>,
        /// Whether it was registered in this very step.
        registered: bool,
    },
    /// The workspace is forgotten, with all that was stored under it. The only change of its
    /// step.
    WorkspaceDeleted {
        /// The service's revision floor from now on.
        revision_floor: Revision,
    },
    /// A session starts from here.
    BaselineTaken {
        /// The digests of all sections.
        digests: Arc<Digests>,
    },
}
