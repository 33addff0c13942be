//! How long the command may take to end, so that it is dead before another has the lease.
//!
//! Pure but for reading the boot clock. A lease that is answered with `expires_in` stops work
//! at two thirds of it; the command is killed a sixth later, and a sixth is left over.

use std::time::Duration;

use tenure::holder::{Clock as _, SystemClock, Timing};
use tenure::v1::YieldRequested;
use tenure::{Loss, LossKind};
use tokio::time::Instant;

/// How often is looked how the lease stands, at least.
const TICK_MAX: Duration = Duration::from_millis(500);

/// The part of `expires_in` that the command may take to end.
const KILL_SHARE: u32 = 6;

/// How often to look how a lease stands: often enough to see every stage of a short one.
#[must_use]
pub fn tick(lease: Timing) -> Duration {
    (lease.renew_after / 8).clamp(Duration::from_millis(1), TICK_MAX)
}

/// How long the command may take to end at most, if that was said.
#[derive(Debug, Clone, Copy)]
pub struct KillAfter(pub Option<Duration>);

impl KillAfter {
    /// How long it may take under a lease that was answered with `expires_in`.
    #[must_use]
    pub fn of(self, expires_in: Duration) -> Duration {
        let most = expires_in / KILL_SHARE;
        self.0.map_or(most, |asked| asked.min(most))
    }
}

/// When to end the command because a transfer is pending.
#[derive(Debug)]
pub struct Plan {
    /// When it is told to end.
    pub end_at: Instant,
    /// How long it may then take.
    pub kill_after: Duration,
    /// What was asked.
    pub asked: YieldRequested,
}

impl Plan {
    /// As late as leaves the command its time to end, and the same again to spare. Beats go on
    /// until then, but no longer move the end of the lease, so waiting for one to stay
    /// unanswered would leave no time at all.
    #[must_use]
    pub fn of(asked: YieldRequested, kill_after: Duration, now: Instant) -> Self {
        let left = asked.grace_left.and_then(|left| Duration::try_from(left).ok());
        let left = left.unwrap_or_default();
        let kill_after = kill_after.min(left / KILL_SHARE);
        Self { end_at: now + (left - 2 * kill_after), kill_after, asked }
    }
}

/// How late it was noticed that the work must stop: a machine that slept notices it when it
/// wakes, and then there may be no time left to end in good order.
#[derive(Debug)]
pub struct Lateness {
    stop_at: Option<Duration>,
}

impl Lateness {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stop_at: None }
    }

    /// The work may go on for so long.
    pub fn saw(&mut self, work_time_left: Duration) {
        if !work_time_left.is_zero() {
            self.stop_at = Some(SystemClock.boot() + work_time_left);
        }
    }

    /// How much of `kill_after` is left after this loss.
    #[must_use]
    pub fn left(&self, kill_after: Duration, loss: &Loss) -> Duration {
        self.left_at(SystemClock.boot(), kill_after, loss.kind)
    }

    fn left_at(&self, now: Duration, kill_after: Duration, kind: LossKind) -> Duration {
        match self.stop_at {
            Some(stop_at) if kind == LossKind::StoppedWork => {
                kill_after.saturating_sub(now.saturating_sub(stop_at))
            }
            // The service ended the session, at whatever time; only the token protects.
            _ => kill_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_command_has_a_sixth_of_the_lease_to_end_and_never_more() {
        assert_eq!(KillAfter(None).of(seconds(30)), seconds(5));
        assert_eq!(KillAfter(Some(seconds(2))).of(seconds(30)), seconds(2));
        assert_eq!(KillAfter(Some(seconds(60))).of(seconds(30)), seconds(5));
    }

    #[test]
    fn a_pending_transfer_ends_the_command_well_before_its_deadline() {
        let now = Instant::now();
        let asked = |grace: i64| YieldRequested {
            grace_left: Some(prost_types::Duration { seconds: grace, nanos: 0 }),
            ..YieldRequested::default()
        };
        let long = Plan::of(asked(600), seconds(5), now);
        assert_eq!((long.end_at - now, long.kill_after), (seconds(590), seconds(5)));
        let short = Plan::of(asked(6), seconds(5), now);
        assert_eq!((short.end_at - now, short.kill_after), (seconds(4), seconds(1)));
        let none = Plan::of(YieldRequested::default(), seconds(5), now);
        assert_eq!((none.end_at - now, none.kill_after), (seconds(0), seconds(0)));
    }

    #[test]
    fn after_a_sleep_past_the_end_the_command_is_killed_at_once() {
        let lateness = Lateness { stop_at: Some(seconds(100)) };
        let left = |now| lateness.left_at(seconds(now), seconds(5), LossKind::StoppedWork);
        assert_eq!((left(100), left(102), left(500)), (seconds(5), seconds(3), seconds(0)));
        assert_eq!(lateness.left_at(seconds(500), seconds(5), LossKind::Ended), seconds(5));
    }
}
