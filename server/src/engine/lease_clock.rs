//! The lease clock: a monotone count of milliseconds that advances only while the commit loop
//! turns. Stalls, suspends and downtime are not charged to holders; steps of the wall clock do
//! not touch it.

use tenure_core::context::Clock;
use tenure_core::time::{LeaseInstant, Moment, Span};

use crate::time::Reading;

/// The loop turns at least this often while it is healthy, so a longer gap is a stall.
pub const STALL_AFTER: Span = Span(1_000);

/// A wall clock that moved by more than this against the boot clock was stepped.
pub const STEP_AFTER_MS: u64 = 1_000;

/// The lease clock, with what it last read.
#[derive(Debug, Clone, Copy)]
pub struct LeaseClock {
    now: LeaseInstant,
    boot_mark: LeaseInstant,
    last: Reading,
}

/// What a turn of the clock found besides the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// How long the loop stood still or the machine was suspended, if longer than
    /// [`STALL_AFTER`]. None of it was charged.
    pub stalled_for: Option<Span>,
    /// By how many milliseconds the wall clock was stepped, if more than [`STEP_AFTER_MS`].
    pub stepped_by_ms: Option<i64>,
}

impl LeaseClock {
    /// Starts from the stored mark: downtime is not charged.
    #[must_use]
    pub const fn resume(mark: LeaseInstant, reading: Reading) -> Self {
        Self { now: mark, boot_mark: mark, last: reading }
    }

    /// Advances to `reading`.
    pub fn turn(&mut self, reading: Reading) -> Turn {
        let awake_ms = reading.monotonic_ms.saturating_sub(self.last.monotonic_ms);
        let elapsed_ms = reading.boot_ms.saturating_sub(self.last.boot_ms).max(awake_ms);
        let suspended_ms = elapsed_ms - awake_ms;
        let stalled = awake_ms > STALL_AFTER.0;
        if !stalled {
            self.now = self.now.after(Span(awake_ms));
        }
        let not_charged_ms = suspended_ms + if stalled { awake_ms } else { 0 };
        let wall_moved_ms = signed_difference(reading.wall.0, self.last.wall.0);
        let step_ms = wall_moved_ms.saturating_sub(i64::try_from(elapsed_ms).unwrap_or(i64::MAX));
        self.last = reading;
        Turn {
            stalled_for: (not_charged_ms > STALL_AFTER.0).then_some(Span(not_charged_ms)),
            stepped_by_ms: (step_ms.unsigned_abs() > STEP_AFTER_MS).then_some(step_ms),
        }
    }

    /// Goes back to `mark`: nothing since then could be made durable, so nobody could renew.
    pub fn set_back(&mut self, mark: LeaseInstant) {
        self.now = self.now.min(mark);
    }

    /// The clock at its last turn.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        let now = Moment { lease: self.now, wall: self.last.wall };
        Clock { now, boot_mark: self.boot_mark }
    }

    /// The clock at `reading`, for those who read between turns. What may turn out to be a
    /// stall is not charged here either.
    #[must_use]
    pub fn at(&self, reading: Reading) -> Clock {
        let mut ahead = *self;
        ahead.turn(reading);
        ahead.clock()
    }
}

fn signed_difference(later: u64, earlier: u64) -> i64 {
    if later >= earlier {
        i64::try_from(later - earlier).unwrap_or(i64::MAX)
    } else {
        i64::try_from(earlier - later).map_or(i64::MIN, |difference| -difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::time::WallTime;

    fn reading(ms: u64) -> Reading {
        Reading { monotonic_ms: ms, boot_ms: ms, wall: WallTime(1_000_000 + ms) }
    }

    #[test]
    fn advances_with_monotonic_time() {
        let mut clock = LeaseClock::resume(LeaseInstant(500), reading(0));
        assert_eq!(clock.turn(reading(250)), Turn::default());
        assert_eq!(clock.clock().now.lease, LeaseInstant(750));
    }

    #[test]
    fn downtime_is_not_charged() {
        let clock = LeaseClock::resume(LeaseInstant(500), reading(9_999_999));
        assert_eq!(clock.clock().now.lease, LeaseInstant(500));
        assert_eq!(clock.clock().boot_mark, LeaseInstant(500));
    }

    #[test]
    fn a_gap_of_exactly_a_second_is_charged_and_a_longer_one_is_a_stall() {
        let mut clock = LeaseClock::resume(LeaseInstant(0), reading(0));
        assert_eq!(clock.turn(reading(1_000)), Turn::default());
        assert_eq!(clock.clock().now.lease, LeaseInstant(1_000));
        assert_eq!(clock.turn(reading(2_001)).stalled_for, Some(Span(1_001)));
        assert_eq!(clock.clock().now.lease, LeaseInstant(1_000));
        clock.turn(reading(2_101));
        assert_eq!(clock.clock().now.lease, LeaseInstant(1_100));
    }

    #[test]
    fn a_suspended_machine_is_not_charged() {
        let mut clock = LeaseClock::resume(LeaseInstant(0), reading(0));
        let woken = Reading {
            monotonic_ms: 100,
            boot_ms: 3_600_100,
            wall: WallTime(1_000_000 + 3_600_100),
        };
        let turn = clock.turn(woken);
        assert_eq!(turn.stalled_for, Some(Span(3_600_000)));
        assert_eq!(turn.stepped_by_ms, None);
        assert_eq!(clock.clock().now.lease, LeaseInstant(100));
    }

    #[test]
    fn steps_of_the_wall_clock_are_seen_and_do_not_touch_it() {
        for (step_ms, seen) in [(3_600_000_i64, true), (-86_400_000, true), (1_000, false)] {
            let start = WallTime(100_000_000);
            let mut clock =
                LeaseClock::resume(LeaseInstant(0), Reading { wall: start, ..reading(0) });
            let wall = WallTime(start.0.saturating_add_signed(step_ms) + 10);
            let turn = clock.turn(Reading { wall, ..reading(10) });
            assert_eq!(turn.stepped_by_ms, seen.then_some(step_ms));
            assert_eq!(clock.clock().now.lease, LeaseInstant(10));
        }
    }

    #[test]
    fn reading_between_turns_moves_nothing() {
        let clock = LeaseClock::resume(LeaseInstant(0), reading(0));
        assert_eq!(clock.at(reading(40)).now.lease, LeaseInstant(40));
        assert_eq!(clock.at(reading(5_000)).now.lease, LeaseInstant(0));
        assert_eq!(clock.clock().now.lease, LeaseInstant(0));
    }

    #[test]
    fn absurd_readings_do_not_panic() {
        let mut clock = LeaseClock::resume(LeaseInstant(u64::MAX), reading(0));
        for ms in [u64::MAX, 0, u64::MAX / 2] {
            clock.turn(Reading { monotonic_ms: ms, boot_ms: u64::MAX - ms, wall: WallTime(ms) });
        }
    }
}
