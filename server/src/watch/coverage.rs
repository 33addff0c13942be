//! What a snapshot has already told: for each range of keys, up to which place in the log.
//!
//! Pages are read one after the other while writers go on, so each has a sequence of its own.
//! An event that a page already shows must not be sent after it: it would take the reader back.
//!
//! Guarantees: one entry a page at most, and none once the events have passed the last page.

use tenure_core::name::Key;

/// The pages of one snapshot, in the order of their keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage {
    pages: Vec<Page>,
}

#[derive(Debug, Clone)]
struct Page {
    /// The last key of the range; absent when the range has no end.
    through: Option<Key>,
    sequence: u64,
}

impl Coverage {
    /// Adds the page that continues the one before, up to and including `through`, or to the
    /// end. Its sequence is not before that of the page before.
    pub(super) fn add(&mut self, through: Option<Key>, sequence: u64) {
        match self.pages.last_mut() {
            // Nothing was written between the two: they are one range.
            Some(last) if last.sequence == sequence => last.through = through,
            _ => self.pages.push(Page { through, sequence }),
        }
    }

    /// Whether the page that `key` belongs to was read at `sequence` or after it.
    pub(super) fn shows(&self, key: &Key, sequence: u64) -> bool {
        let ends_before = |page: &Page| page.through.as_ref().is_some_and(|last| last < key);
        let place = self.pages.partition_point(ends_before);
        self.pages.get(place).is_some_and(|page| sequence <= page.sequence)
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub(super) const fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Forgets everything once all that the pages show lies at or before `sequence`.
    pub(super) fn forget_through(&mut self, sequence: u64) {
        if self.pages.last().is_some_and(|last| last.sequence <= sequence) {
            self.pages = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::name::{ProfileName, WorkspaceName};

    use super::*;

    fn key(name: &str) -> Key {
        Key { workspace: WorkspaceName::imported(name), profile: ProfileName::default() }
    }

    #[test]
    fn a_key_belongs_to_the_first_page_that_reaches_it() {
        let mut coverage = Coverage::default();
        coverage.add(Some(key("f")), 10);
        coverage.add(Some(key("m")), 20);
        coverage.add(None, 30);
        assert!(coverage.shows(&key("f"), 10), "the last key is part of the page");
        assert!(!coverage.shows(&key("f"), 11));
        assert!(coverage.shows(&key("g"), 20));
        assert!(!coverage.shows(&key("m"), 21));
        assert!(coverage.shows(&key("z"), 30), "the last page has no end");
        assert!(!coverage.shows(&key("z"), 31));
    }

    #[test]
    fn pages_of_a_quiet_store_are_one_entry() {
        let mut coverage = Coverage::default();
        for name in ["b", "d", "f"] {
            coverage.add(Some(key(name)), 7);
        }
        coverage.add(None, 7);
        assert_eq!(coverage.pages.len(), 1);
        assert!(coverage.shows(&key("a"), 7) && coverage.shows(&key("z"), 7));
    }

    #[test]
    fn nothing_is_kept_once_the_events_have_passed_the_last_page() {
        let mut coverage = Coverage::default();
        coverage.add(Some(key("f")), 10);
        coverage.add(None, 30);
        coverage.forget_through(29);
        assert!(coverage.shows(&key("z"), 30), "an event may still lie before the last page");
        coverage.forget_through(30);
        assert!(coverage.pages.is_empty());
    }
}
