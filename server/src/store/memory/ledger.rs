//! The ledger of a store in memory: entries in the order in which they were sealed.

use tenure_core::ledger::LedgerEntry;

use crate::store::{LedgerPage, LedgerQuery, page_of};

/// Sealed entries, each with an id that was never given before.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<(u64, LedgerEntry)>,
    sealed: u64,
}

impl Ledger {
    /// Appends entries.
    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = LedgerEntry>) {
        for entry in entries {
            self.sealed += 1;
            self.entries.push((self.sealed, entry));
        }
    }

    /// Forgets the entries that are not wanted.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&LedgerEntry) -> bool) {
        self.entries.retain(|(_, entry)| wanted(entry));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries, the first sealed first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &LedgerEntry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// A page, and the totals if they are asked for.
    pub(super) fn page(&self, query: &LedgerQuery) -> LedgerPage {
        page_of(self.entries.iter().map(|(id, entry)| (*id, entry)), query)
    }
}
