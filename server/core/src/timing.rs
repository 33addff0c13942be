//! When a holder beats, and when it stops, counted from when it sent what is answered.
//!
//! The rule that makes takeover safe without a lock: work stops after two thirds of what is left
//! of the lease, so that a holder whose clock runs slow by up to a third still stops before
//! anybody else may have the workspace.

use crate::context::Clock;
use crate::time::{LeaseInstant, Span};

/// A holder beats after a third of its lease, give or take so many thousandths of that.
pub const RENEW_SCATTER_PERMILLE: u64 = 100;

/// How long an answer lets a holder go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Until the effective expiry.
    pub expires_in: Span,
    /// Until the next beat is due.
    pub renew_after: Span,
    /// Until the work stops, unless a newer answer has come.
    pub stop_work_after: Span,
}

impl Timing {
    /// The timing of a lease that expires at `effective_expiry`, from `clock` on. `scatter` is
    /// any number: holders that started together do not beat together if theirs differ.
    #[must_use]
    pub fn of(effective_expiry: LeaseInstant, clock: &Clock, scatter: u64) -> Self {
        let left = effective_expiry.since(clock.now.lease);
        let permille = 1_000 - RENEW_SCATTER_PERMILLE + scatter % (2 * RENEW_SCATTER_PERMILLE + 1);
        Self {
            expires_in: left,
            renew_after: share(left, permille, 3_000),
            stop_work_after: share(left, 2, 3),
        }
    }
}

/// Rounded down: a holder rather stops too early.
fn share(span: Span, numerator: u64, denominator: u64) -> Span {
    let ms = u128::from(span.0) * u128::from(numerator) / u128::from(denominator);
    Span(u64::try_from(ms).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Moment, WallTime};

    fn timing(expiry: u64, now: u64, scatter: u64) -> Timing {
        let now = Moment { lease: LeaseInstant(now), wall: WallTime(0) };
        let clock = Clock { now, boot_mark: LeaseInstant(0) };
        Timing::of(LeaseInstant(expiry), &clock, scatter)
    }

    #[test]
    fn a_beat_is_due_after_a_third_and_work_stops_after_two_thirds() {
        let told = timing(31_000, 1_000, RENEW_SCATTER_PERMILLE);
        let [expires_in, renew_after, stop_work_after] = [30, 10, 20].map(Span::from_secs);
        assert_eq!(told, Timing { expires_in, renew_after, stop_work_after });
    }

    #[test]
    fn beats_are_scattered_by_a_tenth_each_way_whatever_the_number() {
        let due: Vec<_> = [0, 1, 100, 200, 201, u64::MAX]
            .map(|scatter| timing(30_000, 0, scatter).renew_after.0)
            .into();
        assert_eq!(due[..5], [9_000, 9_010, 10_000, 11_000, 9_000]);
        assert!((9_000..=11_000).contains(&due[5]));
    }

    #[test]
    fn an_expired_lease_leaves_no_time() {
        let none = Span::ZERO;
        let told = Timing { expires_in: none, renew_after: none, stop_work_after: none };
        assert_eq!(timing(10, 11, 7), told);
    }

    #[test]
    fn what_is_told_never_passes_the_expiry() {
        for left in [1, 2, 3, 1_000, u64::MAX] {
            let Timing { expires_in, renew_after, stop_work_after } = timing(left, 0, 200);
            assert!(renew_after <= stop_work_after && stop_work_after < expires_in);
        }
    }
}
