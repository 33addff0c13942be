//! What a turn of a contender is measured by, and the values that came of one turn.
//!
//! Must not know: how anything is measured.

use crate::machine::CpuReading;
use crate::statistics::quantile;
use std::time::Duration;

/// Something with a unit, of which more or less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The unit, as reports say it.
    pub unit: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
}

impl Measure {
    /// Acknowledged beats, or what a peer does in their place, a second.
    pub const BEATS_PER_S: Measure = more("beats/s");
    /// The same for each processor second of client and server together: what a rate becomes when
    /// all cores are busy, and steadier than it when other programs disturb.
    pub const BEATS_PER_CPU_S: Measure = more("beats/cpu s");
    /// Durable starts a second.
    pub const STARTS_PER_S: Measure = more("starts/s");
    /// Takeovers a second.
    pub const TAKEOVERS_PER_S: Measure = more("takeovers/s");
    /// Pages of a list a second.
    pub const PAGES_PER_S: Measure = more("pages/s");
    /// Projections read a second.
    pub const PROJECTIONS_PER_S: Measure = more("projections/s");
    /// Events delivered to each watcher a second.
    pub const EVENTS_PER_S: Measure = more("events/s");
    /// The latency that half of what was asked for stayed within, in milliseconds.
    pub const P50_MS: Measure = less("p50 ms");
    /// The latency that 99 % of it stayed within, in milliseconds.
    pub const P99_MS: Measure = less("p99 ms");
    /// The 99th percentile of pages by prefix.
    pub const PREFIX_P99_MS: Measure = less("p99 ms by prefix");
    /// The 99th percentile of pages of what is stale.
    pub const STALE_P99_MS: Measure = less("p99 ms by stale");
    /// How late the load generator itself sent what was due: the part of a latency that is its own.
    pub const SEND_LAG_P99_MS: Measure = less("send lag p99 ms");
    /// Server memory for each stream.
    pub const KB_PER_STREAM: Measure = less("KB/stream");
    /// Seconds until a server served.
    pub const SECONDS: Measure = less("s");
}

const fn more(unit: &'static str) -> Measure {
    Measure { unit, more_is_better: true }
}

const fn less(unit: &'static str) -> Measure {
    Measure { unit, more_is_better: false }
}

/// What came of one turn.
#[derive(Debug, Clone)]
pub struct Sample {
    values: Vec<(Measure, f64)>,
    /// Seconds that were counted.
    pub window_s: f64,
    /// Processor time in that window; the client is this process.
    pub cpu: CpuReading,
}

impl Sample {
    /// Of a window, without any value yet.
    #[must_use]
    pub fn new(window_s: f64, cpu: CpuReading) -> Self {
        Sample { values: Vec::new(), window_s, cpu }
    }

    /// With one value more.
    #[must_use]
    pub fn with(mut self, measure: Measure, value: f64) -> Self {
        self.values.push((measure, value));
        self
    }

    /// With a quantile of latencies that are sorted; without it if there are none.
    #[must_use]
    pub fn with_quantile(self, measure: Measure, sorted: &[Duration], share: f64) -> Self {
        match quantile(sorted, share) {
            Some(value) => self.with(measure, value.as_secs_f64() * 1e3),
            None => self,
        }
    }

    /// The value of one measure; absent if it was not taken.
    #[must_use]
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.values.iter().find(|(taken, _)| *taken == measure).map(|&(_, value)| value)
    }
}
