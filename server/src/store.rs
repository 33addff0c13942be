//! The store: what a database must be able to do for the engine, and nothing about leases.
//!
//! Guarantees that every implementation gives, held by one conformance suite:
//! a batch is applied write by write, each under its guard, and is durable as a whole when
//! `commit` answers; after any error the store is usable, or says that it is not; a batch whose
//! outcome is unknown is reported as [`CommitError::Unknown`], never as applied or refused.
//!
//! Must not know: the rules. A store compares versions; it never reads a clock and never asks
//! what a session is.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_core::event::Event;
use tenure_core::ledger::LedgerEntry;
use tenure_core::machine::Sighting;
use tenure_core::name::{Key, Principal};
use tenure_core::parts::Needs;
use tenure_core::registration::Origin;
use tenure_core::reply::Reply;
use tenure_core::session::Revision;
use tenure_core::surroundings::Surroundings;
use tenure_core::time::{LeaseInstant, WallTime};
use tenure_core::workspace::Tenure;

mod around;
mod event_class;
mod hot;
mod ledger_page;
mod machines;
pub mod memory;
mod reads;
pub mod sqlite;
mod upkeep;

pub use self::around::AroundWrite;
pub use self::machines::{
    MACHINES_LOOKED_AT_MAX, MachineFilter, MachinePage, MachineWrite, StoredMachine,
};
pub use self::reads::{
    Counts, EscalationFilter, EscalationPage, EventPage, KnownWorkspace, ListFilter, ListPage,
    Listed, PAGE_MAX, Reads, Sequenced, Whole, WorkspacePage,
};
pub use self::upkeep::{Pruned, Retention, Upkeep};

pub use self::ledger_page::{
    LEDGER_LOOKED_AT_MAX, LedgerFilter, LedgerPage, LedgerPlace, LedgerQuery,
};
pub(crate) use self::ledger_page::{PageFiller, page_of};

/// What an implementation answers with. Boxed, so that the engine does not depend on which
/// store it drives; one allocation a batch is nothing beside the batch.
pub type Pending<'a, T, E = StoreError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Counts the servers that have acquired a store. A batch of an earlier epoch is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// The store's own guard, raised by any change under a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A workspace's place in the store: a small dense integer, fixed when it is first written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// Names an event log. Another log's sequences mean nothing in this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogId(pub Arc<str>);

/// What a server learns when it acquires the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquired {
    /// This server's epoch.
    pub epoch: Epoch,
    /// The lease clock's mark: everything up to it has been charged to holders.
    pub lease_mark: LeaseInstant,
    /// Every workspace that is not stored yet starts above this revision.
    pub revision_floor: Revision,
    /// Which event log this is.
    pub log_id: LogId,
}

/// The hot row of a workspace: all that a beat changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRow {
    /// The new version.
    pub version: Version,
    /// The workspace's revision.
    pub revision: Revision,
    /// The last heartbeat; absent without a lease.
    pub last_heartbeat_at: Option<WallTime>,
    /// The stored expiry; absent without a lease.
    pub expires_at: Option<LeaseInstant>,
    /// Heartbeats of the stored session.
    pub beats: u64,
}

/// A stored workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub row: RowId,
    /// Its version.
    pub version: Version,
    /// Its state.
    pub tenure: Tenure,
    /// What surrounds its session, if that was asked for.
    pub surroundings: Option<Box<Surroundings>>,
}

/// Who asked what with which request id: the key of a stored outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutcomeKey {
    /// Who was authenticated.
    pub principal: Principal,
    /// The RPC's name.
    pub rpc: &'static str,
    /// The workspace.
    pub key: Key,
    /// The caller's id.
    pub request_id: Arc<str>,
}

/// The outcome of a request, kept so that a repeat is answered and not carried out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutcome {
    /// Of which request.
    pub key: OutcomeKey,
    /// A digest of the request's content.
    pub digest: [u8; 32],
    /// What was answered.
    pub reply: Reply,
    /// When it may be forgotten, on the lease clock.
    pub keep_until: LeaseInstant,
}

/// What to read before a batch is decided.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// Workspaces, each key at most once, and whether their surroundings are asked for.
    pub keys: Vec<(Key, Needs)>,
    /// Outcomes of earlier requests.
    pub outcomes: Vec<OutcomeKey>,
}

/// What was read, in the order that it was asked for.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Absent where nothing is stored.
    pub workspaces: Vec<Option<Stored>>,
    /// Absent where the request is new, or forgotten.
    pub outcomes: Vec<Option<StoredOutcome>>,
}

/// On what state a write was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing was stored.
    Absent,
    /// This row was at this version.
    At(RowId, Version),
}

/// Everything that one batch does to one workspace.
#[derive(Debug, Clone)]
pub struct Write {
    /// Which workspace.
    pub key: Key,
    /// The state that it was decided on; if that has gone, nothing of this write is applied.
    pub guard: Guard,
    /// The new hot row; absent if only outcomes are stored, and then nothing else is changed, or
    /// if the workspace is deleted.
    pub lease: Option<LeaseRow>,
    /// Set if the workspace is deleted: the service's revision floor from now on. Nothing is left
    /// of it but the name, by which its events are found for as long as any is kept.
    pub deleted: Option<Revision>,
    /// How the workspace came to be known, if that changed.
    pub origin: Option<Arc<Origin>>,
    /// The new state, if more than the hot row changed.
    pub tenure: Option<Arc<Tenure>>,
    /// The new surroundings, if any part of them changed.
    pub around: Option<AroundWrite>,
    /// Sessions that ended, in order.
    pub sealed: Vec<LedgerEntry>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The outcomes of requests that carried an id.
    pub outcomes: Vec<StoredOutcome>,
    /// What the changes tell of machines, in order.
    pub sightings: Vec<Sighting>,
}

/// A write that changes nothing but the hot row: what a heartbeat comes to. Small, because
/// there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseWrite {
    /// Whose row.
    pub row: RowId,
    /// The version that it was decided on; if that has gone, the row is left alone.
    pub expected: Version,
    /// The new hot row.
    pub lease: LeaseRow,
}

/// What is made durable together. At most one write or renewal concerns a workspace.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The epoch of the server that decided it.
    pub epoch: Epoch,
    /// The lease clock, stored as the new mark.
    pub lease_now: LeaseInstant,
    /// What changes more than a hot row, in order.
    pub writes: Vec<Write>,
    /// What changes only hot rows, in any order.
    pub renewals: Vec<LeaseWrite>,
    /// Events that concern the service and no workspace; logged before those of the writes.
    pub service_events: Vec<Event>,
    /// What operators have ordered of machines; done before the writes, and under no guard.
    pub machines: Vec<MachineWrite>,
}

/// What a batch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// For each write, in order.
    pub outcomes: Vec<Outcome>,
    /// The places of the renewals whose guards did not hold; all others are durable.
    pub conflicting_renewals: Vec<usize>,
    /// The sequences of the service events; `0..0` without any.
    pub service_sequences: Range<u64>,
}

/// What became of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Applied {
        /// The workspace's place; absent if none was stored and the write stored only outcomes.
        row: Option<RowId>,
        /// The sequences of its events, one for each; `0..0` without events.
        sequences: Range<u64>,
    },
    /// The guard did not hold; nothing of this write is stored.
    Conflict,
}

/// One row of the boot scan: a stored session whose expiry is not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSlot {
    /// Its place, which the next page continues after.
    pub row: RowId,
    /// Which workspace.
    pub key: Key,
    /// Its state.
    pub tenure: Tenure,
}

/// A store, as the engine drives it: one batch at a time.
pub trait Store: Reads + Upkeep {
    /// Makes this server the one that the store obeys, until another one acquires it.
    fn acquire(&self) -> Pending<'_, Acquired>;

    /// Reads what a batch needs, from one snapshot that includes every commit answered so far.
    fn load(&self, load: Load) -> Pending<'_, Loaded>;

    /// Makes a batch durable. Never called while an earlier call is under way.
    fn commit(&self, batch: Batch) -> Pending<'_, Committed, CommitError>;

    /// Sessions whose expiry is not recorded, in the order of their rows, for the boot scan.
    fn leases(&self, after: Option<RowId>, limit: u32) -> Pending<'_, Vec<LeaseSlot>>;
}

/// A store that cannot do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It may work again: busy, no space, a read-only file system. The text is for operators
    /// and says what to do.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds is damaged.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// It is of a newer version, or not a store of this service.
    #[error("the store cannot be used: {0}")]
    Unusable(String),
    /// Another server holds it.
    #[error("the store is in use: {0}")]
    InUse(String),
}

/// A batch that was not, or may not have been, made durable.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Nothing of the batch is stored.
    #[error("the batch was not applied")]
    NotApplied(#[source] StoreError),
    /// Nobody knows; a read or a guarded write tells.
    #[error("it is not known whether the batch was applied")]
    Unknown(#[source] StoreError),
    /// Another server has acquired the store. This one must stop.
    #[error("another server has acquired the store")]
    Fenced,
    /// The store cannot be trusted any more (an fsync failed). This server must stop, and
    /// verify at its next start.
    #[error("the store failed for good")]
    Fatal(#[source] StoreError),
}
