//! The one place where clocks are read.

use std::time::{SystemTime, UNIX_EPOCH};

use tenure_core::time::WallTime;

/// The wall clock, in milliseconds since the Unix epoch; zero if it is set before it.
#[must_use]
pub fn wall_now() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
