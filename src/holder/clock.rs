//! The one place where the holder reads time.
//!
//! A lease goes on while this machine sleeps, so elapsed time is the larger of what the
//! monotonic clock and what the boot clock counted. [`Timeline`] adds that up from reading
//! to reading into one rising scale, which nothing can turn back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Where time is read; another one than [`SystemClock`] is for tests.
pub trait Clock: Send + Sync + 'static {
    /// Time since any fixed instant, not counting suspension of the machine.
    fn monotonic(&self) -> Duration;

    /// Time since any fixed instant, counting suspension. It may step; steps back are
    /// ignored.
    fn boot(&self) -> Duration;
}

/// The clocks of this machine: `CLOCK_MONOTONIC`, and `CLOCK_BOOTTIME` on Linux or wall
/// time elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        read(ClockId::Monotonic)
    }

    fn boot(&self) -> Duration {
        #[cfg(target_os = "linux")]
        return read(ClockId::Boottime);
        #[cfg(not(target_os = "linux"))]
        return read(ClockId::Realtime);
    }
}

fn read(clock: ClockId) -> Duration {
    // A clock before its own epoch reads as its epoch; elapsed time is what counts.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// An instant on a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    #[cfg(test)]
    pub(crate) const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// The time from `earlier` to here; zero when it is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Time that rises with the larger of both clocks.
pub(crate) struct Timeline {
    clock: Arc<dyn Clock>,
    last: Mutex<Reading>,
}

struct Reading {
    monotonic: Duration,
    boot: Duration,
    elapsed: Duration,
}

impl Timeline {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let (monotonic, boot) = (clock.monotonic(), clock.boot());
        Self { clock, last: Mutex::new(Reading { monotonic, boot, elapsed: Duration::ZERO }) }
    }

    pub(crate) fn now(&self) -> Moment {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that readings are in order.
        let (monotonic, boot) = (self.clock.monotonic(), self.clock.boot());
        let step = monotonic.saturating_sub(last.monotonic).max(boot.saturating_sub(last.boot));
        last.elapsed = last.elapsed.saturating_add(step);
        (last.monotonic, last.boot) = (monotonic, boot);
        Moment(last.elapsed)
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Hands {
        monotonic: Mutex<Duration>,
        boot: Mutex<Duration>,
    }

    impl Clock for Hands {
        fn monotonic(&self) -> Duration {
            *self.monotonic.lock().unwrap()
        }

        fn boot(&self) -> Duration {
            *self.boot.lock().unwrap()
        }
    }

    #[test]
    fn time_rises_with_the_larger_of_both_clocks() {
        let hands = Arc::new(Hands::default());
        let timeline = Timeline::new(Arc::clone(&hands) as Arc<dyn Clock>);
        let start = timeline.now();
        let set = |monotonic_ms, boot_ms| {
            *hands.monotonic.lock().unwrap() = Duration::from_millis(monotonic_ms);
            *hands.boot.lock().unwrap() = Duration::from_millis(boot_ms);
            timeline.now().since(start).as_millis()
        };
        assert_eq!(set(100, 100), 100);
        assert_eq!(set(200, 5_200), 5_200, "suspension counts");
        assert_eq!(set(300, 1_000), 5_300, "a step back of the boot clock does not");
        assert_eq!(set(300, 1_000), 5_300);
    }

    #[test]
    fn the_clocks_of_this_machine_advance() {
        let timeline = Timeline::new(Arc::new(SystemClock));
        let start = timeline.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(timeline.now().since(start) >= Duration::from_millis(2));
    }
}
