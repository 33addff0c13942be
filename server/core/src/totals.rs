//! Sums over ended sessions.
//!
//! Guarantees: nothing overflows; the order in which sessions are added makes no difference;
//! the size is bounded however many sessions are added.

use std::collections::BTreeMap;

use crate::ledger::LedgerEntry;
use crate::name::CounterName;
use crate::time::Span;
use crate::usage::Usage;

/// Of so many usage counters the sums are kept: the first ones in the order of their names.
/// Each session names its own, so that there is no other end to them.
pub const COUNTERS_SUMMED_MAX: usize = 256;

/// What a number of ended sessions come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many.
    pub sessions: u64,
    /// Their heartbeats.
    pub beats: u64,
    /// Their times from start to end.
    pub held: Span,
    /// What they have consumed.
    pub usage: Usage,
}

impl Totals {
    /// Adds one session.
    pub fn add(&mut self, entry: &LedgerEntry) {
        self.sessions = self.sessions.saturating_add(1);
        self.beats = self.beats.saturating_add(entry.beats);
        self.held = sum(self.held, entry.ended_at.since(entry.started_at));
        if let Some(usage) = &entry.usage {
            self.add_usage(usage);
        }
    }

    fn add_usage(&mut self, usage: &Usage) {
        let total = &mut self.usage;
        total.input_tokens = total.input_tokens.saturating_add(usage.input_tokens);
        total.output_tokens = total.output_tokens.saturating_add(usage.output_tokens);
        total.cost_microunits = total.cost_microunits.saturating_add(usage.cost_microunits);
        total.wall_time = match (total.wall_time, usage.wall_time) {
            (Some(total), Some(more)) => Some(sum(total, more)),
            (total, more) => total.or(more),
        };
        for (name, value) in &usage.counters {
            add_counter(&mut total.counters, name, *value);
        }
    }
}

/// A name that is pushed out never comes in again, because those that stay are all before it:
/// so every sum that is there is whole.
fn add_counter(counters: &mut BTreeMap<CounterName, u64>, name: &CounterName, value: u64) {
    if let Some(total) = counters.get_mut(name) {
        *total = total.saturating_add(value);
        return;
    }
    counters.insert(name.clone(), value);
    if counters.len() > COUNTERS_SUMMED_MAX {
        counters.pop_last();
    }
}

const fn sum(one: Span, other: Span) -> Span {
    Span(one.0.saturating_add(other.0))
}

#[cfg(test)]
mod tests;
