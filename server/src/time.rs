//! The one place where clocks are read.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tenure_core::time::WallTime;

/// One reading of every clock, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Never steps; stands still while the machine is suspended. From an arbitrary origin.
    pub monotonic_ms: u64,
    /// Never steps; goes on while the machine is suspended. From an arbitrary origin.
    pub boot_ms: u64,
    /// What people call the time; may step.
    pub wall: WallTime,
}

/// Where the present comes from: the machine, or a test.
pub trait TimeSource: Debug + Send + Sync + 'static {
    /// The present.
    fn read(&self) -> Reading;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimeSource;

impl TimeSource for SystemTimeSource {
    fn read(&self) -> Reading {
        Reading {
            monotonic_ms: clock_ms(ClockId::Monotonic),
            boot_ms: clock_ms(ClockId::Boottime),
            wall: wall_now(),
        }
    }
}

/// The wall clock, in milliseconds since the Unix epoch; zero if it is set before it.
#[must_use]
pub fn wall_now() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

fn clock_ms(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or_default();
    seconds.saturating_mul(1_000).saturating_add(millis)
}
