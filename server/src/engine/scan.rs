//! Timers for the sessions that were stored before the boot.
//!
//! Guarantees: a server serves before it has them all, however many there are; until then it goes on
//! as if a lease were running. No decision needs a timer: the rules look at what is stored, and a
//! timer only makes the engine notice, and tell, what time alone has changed.

use crate::engine::run::{Runner, Stop};
use crate::engine::timers::Timers;
use crate::store::{LeaseSlot, PAGE_MAX, RowId, Store, StoreError};
use tenure_core::time::LeaseInstant;

/// Sessions read between two batches: about a millisecond of the store's time.
const BETWEEN_BATCHES: u32 = 256;

/// How far the timers have been set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Up to this row.
    Upto(RowId),
    /// All of them.
    Done,
}

impl Scan {
    /// Sets the first ones, which are all of them in a small store.
    pub async fn begin(
        store: &dyn Store,
        timers: &mut Timers,
        boot_mark: LeaseInstant,
    ) -> Result<Self, StoreError> {
        let page = store.leases(None, PAGE_MAX).await?;
        Ok(Self::enter(&page, PAGE_MAX, timers, boot_mark))
    }

    /// Sets the timers of a page that was to have `wanted` rows.
    fn enter(
        page: &[LeaseSlot],
        wanted: u32,
        timers: &mut Timers,
        boot_mark: LeaseInstant,
    ) -> Self {
        for slot in page {
            if let Some(due) = slot.tenure.next_due(boot_mark) {
                timers.set(&slot.key, due);
            }
        }
        match page.last() {
            Some(last) if page.len() >= wanted as usize => Self::Upto(last.row),
            _ => Self::Done,
        }
    }
}

impl Runner {
    /// Sets a few more timers.
    pub async fn scan_on(&mut self) -> Result<(), Stop> {
        let Scan::Upto(row) = self.scan else { return Ok(()) };
        match self.store.leases(Some(row), BETWEEN_BATCHES).await {
            Ok(page) => {
                let boot_mark = self.now().boot_mark;
                self.scan = Scan::enter(&page, BETWEEN_BATCHES, &mut self.timers, boot_mark);
                if self.scan == Scan::Done {
                    tracing::info!("every stored lease has its timer");
                }
                Ok(())
            }
            // What is stored cannot be read: better nobody serves than that expiries go unnoticed.
            Err(error) => Err(self.give_up(Vec::new(), error)),
        }
    }

    /// Whether a lease may be running.
    pub fn may_hold_leases(&self) -> bool {
        self.scan != Scan::Done || !self.timers.is_empty()
    }
}
