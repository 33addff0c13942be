//! When to kill.

use std::time::Duration;

use fastrand::Rng;

/// The longest burst of load before a kill, in most rounds.
const BURST_MAX_MS: u64 = 500;

/// In one round of so many the burst is long enough that short leases expire.
const LONG_BURST_EVERY: usize = 12;

/// How long those are.
const LONG_BURST_MS: std::ops::Range<u64> = 1_300..2_300;

/// What passes for the first moment of a server.
const HASTY_MAX_US: u64 = 1_500;

/// One round: a kill under load, and what is done to the servers that come after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moments {
    /// How long the load goes on before the first kill.
    pub burst: Duration,
    /// Each is a start and a kill so long after it, mostly before the server serves.
    pub boots: Vec<Duration>,
    /// Then, each is a start and a kill so long after the server first served.
    pub hasty: Vec<Duration>,
}

impl Moments {
    /// Chooses a round. `boot` is how long a start takes of late.
    pub(super) fn choose(rng: &mut Rng, boot: Duration) -> Self {
        let burst_ms = if rng.usize(0..LONG_BURST_EVERY) == 0 {
            rng.u64(LONG_BURST_MS)
        } else {
            rng.u64(0..BURST_MAX_MS)
        };
        let boot_us = u64::try_from(boot.as_micros()).unwrap_or(u64::MAX).clamp(1_000, 2_000_000);
        let boots = (0..rng.usize(0..3))
            .map(|_| Duration::from_micros(rng.u64(0..boot_us * 6 / 5)))
            .collect();
        let hasty =
            (0..rng.usize(0..2)).map(|_| Duration::from_micros(rng.u64(0..HASTY_MAX_US))).collect();
        Self { burst: Duration::from_millis(burst_ms), boots, hasty }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_plan_again() {
        let plan = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..50).map(|_| Moments::choose(&mut rng, Duration::from_millis(80))).collect()
        };
        let (one, again, other): (Vec<_>, Vec<_>, Vec<_>) = (plan(7), plan(7), plan(8));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }
}
