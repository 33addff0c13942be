//! What anybody may read of a store, and the pages that it comes in.
//!
//! Guarantees: a read sees one committed snapshot and never waits for the writer.

use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::event::Event;
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{EscalationId, Key, MachineId, SessionId};
use tenure_core::session::Lifecycle;

use super::{LedgerPage, LedgerQuery, MachineFilter, MachinePage, Pending, Stored, StoredMachine};

/// The most rows that one page of any read may hold.
pub const PAGE_MAX: u32 = 1_000;

/// Reads that never meet the writer: each sees one committed snapshot.
pub trait Reads: Send + Sync + 'static {
    /// One workspace, with a session or without, and without its surroundings.
    fn get(&self, key: Key) -> Pending<'_, Option<Stored>>;

    /// One workspace with all that surrounds its session, from one snapshot.
    fn whole(&self, key: Key) -> Pending<'_, Whole>;

    /// A page of open escalations, after `after` in the order of the page.
    fn escalations(
        &self,
        filter: EscalationFilter,
        after: Option<(Key, EscalationId)>,
        limit: u32,
    ) -> Pending<'_, EscalationPage>;

    /// A page of workspaces that hold a session, after `after` in key order.
    fn list(&self, filter: ListFilter, after: Option<Key>, limit: u32) -> Pending<'_, ListPage>;

    /// A page of workspaces, with a session or without, after `after` in key order.
    fn workspaces(
        &self,
        prefix: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Pending<'_, WorkspacePage>;

    /// A page of the event log after `after`, of one workspace or of all.
    fn events(&self, key: Option<Key>, after: u64, limit: u32) -> Pending<'_, EventPage>;

    /// How a session ended; absent while it lives, and if it is unknown or forgotten.
    fn ledger_entry(&self, session_id: SessionId) -> Pending<'_, Option<LedgerEntry>>;

    /// How much is stored.
    fn counts(&self) -> Pending<'_, Counts>;

    /// Workspaces by key, in that order and from one snapshot; absent where nothing is stored.
    fn get_each(&self, keys: Vec<Key>) -> Pending<'_, Vec<Option<Stored>>>;

    /// A page of ended sessions, the last ended first, and the totals of all of them if they
    /// are asked for.
    fn ledger(&self, query: LedgerQuery) -> Pending<'_, LedgerPage>;

    /// One machine, with what it holds.
    fn machine(&self, id: MachineId) -> Pending<'_, Option<StoredMachine>>;

    /// A page of machines, after `after` in the order of their ids.
    fn machines(
        &self,
        filter: MachineFilter,
        after: Option<MachineId>,
        limit: u32,
    ) -> Pending<'_, MachinePage>;
}

/// A workspace with its key, as pages list it: without surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which workspace.
    pub key: Key,
    /// What is stored.
    pub stored: Stored,
}

/// Which workspaces to list. Absent conditions hold for all.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Whole segments of the workspace's name.
    pub prefix: Option<String>,
    /// Person or program.
    pub lifecycle: Option<Lifecycle>,
    /// The owning actor; `interactive` means every person.
    pub owner: Option<String>,
    /// The second actor.
    pub supervisor: Option<String>,
    /// The machine's id.
    pub machine: Option<String>,
    /// Whether the expiry has been recorded.
    pub expiry_recorded: Option<bool>,
}

/// A page of workspaces with a session, in the order of their keys.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// The rows.
    pub rows: Vec<Listed>,
    /// The key to continue after; absent on the last page.
    pub next: Option<Key>,
    /// The newest sequence in the snapshot that the page was read from.
    pub sequence: u64,
}

/// A workspace that is known, with a session or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownWorkspace {
    /// Which one.
    pub key: Key,
    /// What is stored, without surroundings.
    pub stored: Stored,
    /// How many escalations are open.
    pub open_escalations: u32,
}

/// A page of known workspaces, in the order of their keys.
#[derive(Debug, Clone)]
pub struct WorkspacePage {
    /// The workspaces.
    pub rows: Vec<KnownWorkspace>,
    /// The key to continue after; absent on the last page.
    pub next: Option<Key>,
}

/// One workspace as a whole.
#[derive(Debug, Clone)]
pub struct Whole {
    /// What is stored of it, its surroundings included.
    pub stored: Option<Stored>,
    /// The newest sequence in the snapshot that it was read from.
    pub sequence: u64,
}

/// Which open escalations to list. Absent conditions hold for all.
#[derive(Debug, Clone, Default)]
pub struct EscalationFilter {
    /// Those of one workspace.
    pub key: Option<Key>,
    /// Whole segments of the workspace's name.
    pub prefix: Option<String>,
    /// Blocking or not.
    pub kind: Option<EscalationKind>,
}

/// A page of open escalations, ordered by workspace, profile and id.
#[derive(Debug, Clone)]
pub struct EscalationPage {
    /// The escalations, with the workspaces that they belong to.
    pub rows: Vec<(Key, Escalation)>,
    /// The place to continue after; absent on the last page.
    pub next: Option<(Key, EscalationId)>,
}

/// A logged event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequenced {
    /// Its place in the log; strictly rising, gaps allowed.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// A page of the event log.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// Events after the cursor, oldest first.
    pub events: Vec<Sequenced>,
    /// How far the page has read: the cursor to continue after, also where filtered events
    /// lie in between.
    pub read_through: u64,
    /// The newest sequence that retention has removed; 0 if nothing was. A reader whose cursor
    /// is older has missed events, although important ones may be left.
    pub compacted_through: u64,
    /// The newest sequence in the log.
    pub newest: u64,
}

/// How much is stored, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Known workspaces.
    pub workspaces: u64,
    /// Stored sessions.
    pub sessions: u64,
    /// Events kept.
    pub events: u64,
    /// Ledger entries kept.
    pub ledger_entries: u64,
}
