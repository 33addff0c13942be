//! How long an answer lets a holder go on.

use std::time::Duration;

use crate::error::positive;
use crate::v1;

/// The durations of a lease, each counted from when the request was sent that they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// Until the lease expires.
    pub expires_in: Duration,
    /// When the next heartbeat goes out.
    pub renew_after: Duration,
    /// When the work stops unless a newer answer came. At most `expires_in`.
    pub stop_work_after: Duration,
}

impl Timing {
    /// The timing of an answer; absent when it has none or a senseless one. Whatever the
    /// answer says, the work stops before the expiry and a heartbeat comes before both.
    pub(crate) fn of(answer: Option<&v1::LeaseTiming>) -> Option<Self> {
        let answer = answer?;
        let expires_in = positive(answer.expires_in?)?;
        let stop_work_after = positive(answer.stop_work_after?)?.min(expires_in);
        let renew_after = positive(answer.renew_after?)?.min(stop_work_after);
        Some(Self { expires_in, renew_after, stop_work_after })
    }

    /// The timing of a lease that ends after `expires_in`, in the shares that the service
    /// itself uses.
    pub(crate) fn ending_in(expires_in: Duration) -> Self {
        Self {
            expires_in,
            renew_after: expires_in / 3,
            stop_work_after: expires_in.saturating_mul(2) / 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(expires_s: i64, renew_s: i64, stop_s: i64) -> v1::LeaseTiming {
        let duration = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        v1::LeaseTiming {
            expires_in: duration(expires_s),
            renew_after: duration(renew_s),
            stop_work_after: duration(stop_s),
            lease_expires_at: None,
        }
    }

    #[test]
    fn work_stops_before_the_expiry_whatever_the_answer_says() {
        let timing = Timing::of(Some(&answer(30, 50, 40))).unwrap();
        assert_eq!(timing.stop_work_after, Duration::from_secs(30));
        assert_eq!(timing.renew_after, Duration::from_secs(30));
    }

    #[test]
    fn an_answer_without_sense_has_no_timing() {
        assert_eq!(Timing::of(None), None);
        assert_eq!(Timing::of(Some(&v1::LeaseTiming::default())), None);
        assert_eq!(Timing::of(Some(&answer(-1, 1, 1))), None);
    }
}
