//! When to look at which workspace again. Timers only wake the engine: whether something is
//! due is decided by the rules, so a timer that fires early or twice does no harm.
//!
//! A workspace has one timer at the earliest instant asked for. Beats move expiries later and
//! leave the timer alone; when it fires, it is set anew.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use tenure_core::name::Key;
use tenure_core::time::LeaseInstant;

/// The pending timers.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(LeaseInstant, Key)>>,
    due_at: HashMap<Key, LeaseInstant>,
}

impl Timers {
    /// Looks at `key` at `instant`, or earlier if that was asked for before.
    pub fn set(&mut self, key: &Key, instant: LeaseInstant) {
        match self.due_at.get_mut(key) {
            Some(earlier) if *earlier <= instant => return,
            Some(later) => *later = instant,
            None => {
                self.due_at.insert(key.clone(), instant);
            }
        }
        self.heap.push(Reverse((instant, key.clone())));
    }

    /// The earliest instant at which something may be due.
    #[must_use]
    pub fn next(&self) -> Option<LeaseInstant> {
        self.heap.peek().map(|Reverse((instant, _))| *instant)
    }

    /// Takes one workspace whose timer has fired at `now`.
    pub fn pop(&mut self, now: LeaseInstant) -> Option<Key> {
        while self.next().is_some_and(|instant| instant <= now) {
            let Reverse((instant, key)) = self.heap.pop()?;
            // An entry that was overtaken by an earlier one for the same workspace is void.
            if self.due_at.get(&key) == Some(&instant) {
                self.due_at.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// Whether no timer is pending: no session is stored whose expiry is still to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due_at.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::name::{ProfileName, WorkspaceName};

    fn key(name: &str) -> Key {
        Key { workspace: WorkspaceName::imported(name), profile: ProfileName::default() }
    }

    #[test]
    fn the_earliest_instant_asked_for_counts() {
        let mut timers = Timers::default();
        timers.set(&key("a"), LeaseInstant(30));
        timers.set(&key("a"), LeaseInstant(10));
        timers.set(&key("a"), LeaseInstant(20));
        assert_eq!(timers.next(), Some(LeaseInstant(10)));
        assert_eq!(timers.pop(LeaseInstant(9)), None);
        assert_eq!(timers.pop(LeaseInstant(10)), Some(key("a")));
        assert_eq!(timers.pop(LeaseInstant(100)), None);
        assert!(timers.is_empty());
    }

    #[test]
    fn fires_in_order_of_time() {
        let mut timers = Timers::default();
        for (name, instant) in [("c", 3), ("a", 1), ("b", 2)] {
            timers.set(&key(name), LeaseInstant(instant));
        }
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop(LeaseInstant(9))).collect();
        assert_eq!(fired, [key("a"), key("b"), key("c")]);
    }
}
