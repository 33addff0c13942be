//! Keeping a store bounded, and leaving it in good order.

use tenure_core::time::{LeaseInstant, WallTime};

use super::Pending;

/// What may be forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The lease clock: outcomes kept until then or earlier go.
    pub lease_now: LeaseInstant,
    /// Ordinary events before this wall time go.
    pub events_before: WallTime,
    /// Of ordinary events the newest so many stay.
    pub events_max: u64,
    /// Forced takeovers and transfers before this wall time go; they do not count as ordinary.
    pub important_events_before: WallTime,
    /// Ledger entries that ended before this wall time go.
    pub ledger_before: WallTime,
    /// Machines that hold nothing, are not cordoned, and of which nothing was noted since this
    /// wall time go.
    pub machines_before: WallTime,
    /// The present: of a machine that holds a session it is noted then, so that it is not
    /// looked at again and again.
    pub wall_now: WallTime,
    /// At most so many rows are removed in one call, so that writers wait little.
    pub rows_max: u32,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Events removed.
    pub events: u64,
    /// Ledger entries removed.
    pub ledger_entries: u64,
    /// Outcomes removed.
    pub outcomes: u64,
    /// Names of deleted workspaces, of which no event was left.
    pub names: u64,
    /// Machines removed.
    pub machines: u64,
}

/// Keeping a store bounded.
pub trait Upkeep {
    /// Forgets what retention allows, a bounded number of rows at a time.
    fn prune(&self, retention: Retention) -> Pending<'_, Pruned>;

    /// Releases the store in good order. Afterwards every call fails.
    fn close(&self) -> Pending<'_, ()>;
}
