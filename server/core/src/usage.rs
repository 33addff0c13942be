//! Usage: what a session has consumed. Reports carry totals so far, not increments; a value
//! lower than the stored one is ignored, so that reports may come twice or out of order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::CounterName;
use crate::time::Span;

/// The most counters of a session, beyond the totals that every session has.
pub const COUNTERS_MAX: usize = 16;

/// Totals of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read by models.
    pub input_tokens: u64,
    /// Tokens written by models.
    pub output_tokens: u64,
    /// Cost in millionths of the unit of money that the installation uses.
    pub cost_microunits: u64,
    /// Time worked, as the holder measures it; absent while it was never reported.
    pub wall_time: Option<Span>,
    /// Further totals by name, none of them zero.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<CounterName, u64>,
}

impl Usage {
    /// These totals after `reported` has come in: the larger value, one by one.
    #[must_use]
    pub fn after(&self, reported: &Self) -> Self {
        let mut counters = self.counters.clone();
        for (name, &value) in reported.counters.iter().filter(|(_, value)| **value > 0) {
            let total = counters.entry(name.clone()).or_default();
            *total = value.max(*total);
        }
        Self {
            input_tokens: self.input_tokens.max(reported.input_tokens),
            output_tokens: self.output_tokens.max(reported.output_tokens),
            cost_microunits: self.cost_microunits.max(reported.cost_microunits),
            wall_time: self.wall_time.max(reported.wall_time),
            counters,
        }
    }
}

#[cfg(test)]
mod tests;
