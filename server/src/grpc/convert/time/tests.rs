use proptest::prelude::*;
use tenure_core::time::Moment;

use super::*;

fn ttl(seconds: i64, nanos: i32) -> Result<Span, String> {
    let mut violations = Violations::default();
    let bounds = LeaseBounds::default();
    lease_ttl("ttl", &Duration { seconds, nanos }, &bounds, &mut violations).ok_or_else(|| {
        violations.iter().map(|violation| violation.description.to_string()).collect()
    })
}

fn clock(lease: u64, wall: u64) -> Clock {
    let now = Moment { lease: LeaseInstant(lease), wall: WallTime(wall) };
    Clock { now, boot_mark: LeaseInstant(0) }
}

#[test]
fn a_lease_outside_the_bounds_is_refused_to_the_nanosecond() {
    assert_eq!(ttl(1, 0), Ok(Span(1_000)));
    assert_eq!(ttl(86_400, 0), Ok(Span(86_400_000)));
    for (seconds, nanos) in
        [(0, 0), (0, 999_999_999), (86_400, 1), (-1, 0), (-5, -1), (i64::MAX, 0), (i64::MIN, 0)]
    {
        assert_eq!(ttl(seconds, nanos), Err("must be from 1 s to 24 h".to_owned()));
    }
}

#[test]
fn a_lease_is_rounded_up_never_down() {
    assert_eq!(ttl(1, 1), Ok(Span(1_001)));
    assert_eq!(ttl(1, 1_000_000), Ok(Span(1_001)));
}

#[test]
fn a_malformed_duration_is_refused() {
    for (seconds, nanos) in [(1, 1_000_000_000), (5, -1), (-5, 1), (0, i32::MIN), (0, i32::MAX)] {
        assert!(ttl(seconds, nanos).is_err_and(|why| why.starts_with("is malformed")));
    }
}

#[test]
fn a_grace_is_at_most_ten_minutes_and_absent_is_none() {
    let parse = |duration: Option<Duration>| grace(duration.as_ref(), &mut Violations::default());
    assert_eq!(parse(None), Some(Span::ZERO));
    assert_eq!(parse(Some(Duration { seconds: 0, nanos: 0 })), Some(Span::ZERO));
    assert_eq!(parse(Some(Duration { seconds: 600, nanos: 0 })), Some(GRACE_MAX));
    assert_eq!(parse(Some(Duration { seconds: 600, nanos: 1 })), None);
    assert_eq!(parse(Some(Duration { seconds: 0, nanos: -1 })), None);
}

#[test]
fn the_timing_of_a_lease_is_told_with_its_expiry_on_the_wall() {
    let timing = lease_timing(LeaseInstant(31_000), &clock(1_000, 500_000));
    assert_eq!(timing.expires_in, Some(Duration { seconds: 30, nanos: 0 }));
    assert_eq!(timing.stop_work_after, Some(Duration { seconds: 20, nanos: 0 }));
    assert_eq!(timing.lease_expires_at, Some(Timestamp { seconds: 530, nanos: 0 }));
}

#[test]
fn an_instant_that_no_timestamp_can_name_is_the_end_of_the_year_9999() {
    assert_eq!(timestamp(WallTime(u64::MAX)).seconds, TIMESTAMP_MAX_SECS);
    assert_eq!(duration(Span(u64::MAX)).seconds, DURATION_MAX_SECS);
    assert_eq!(signed_duration(-1_500), Duration { seconds: -1, nanos: -500_000_000 });
    assert_eq!(signed_duration(i64::MIN).seconds, -DURATION_MAX_SECS.min(i64::MAX / 1_000 + 1));
}

proptest! {
    #[test]
    fn renewal_is_a_third_give_or_take_a_tenth(ttl in 1_000_u64..86_400_000) {
        let timing = lease_timing(LeaseInstant(ttl), &clock(0, 0));
        let renew = timing.renew_after.unwrap_or_default();
        let ms = renew.seconds * 1_000 + i64::from(renew.nanos / 1_000_000);
        let third = i64::try_from(ttl / 3)?;
        prop_assert!((third * 9 / 10 - 1..=third * 11 / 10 + 1).contains(&ms));
    }

    #[test]
    fn any_timing_can_be_told(expiry: u64, now: u64, wall: u64) {
        let timing = lease_timing(LeaseInstant(expiry), &clock(now, wall));
        prop_assert!(timing.renew_after.unwrap_or_default().seconds >= 0);
        prop_assert!(timing.lease_expires_at.unwrap_or_default().seconds <= TIMESTAMP_MAX_SECS);
    }

    #[test]
    fn any_duration_is_parsed_or_refused(seconds: i64, nanos: i32) {
        let mut violations = Violations::default();
        let duration = Duration { seconds, nanos };
        let parsed = lease_ttl("ttl", &duration, &LeaseBounds::default(), &mut violations);
        prop_assert_eq!(parsed.is_some(), violations.is_empty());
    }
}

#[test]
fn an_end_of_a_period_is_rounded_up_so_that_both_ends_cut_alike() {
    let end = |seconds, nanos| {
        let mut violations = Violations::default();
        let end =
            period_end("filter.ended_since", Some(Timestamp { seconds, nanos }), &mut violations);
        assert_eq!(violations.is_empty(), end.is_some());
        end
    };
    assert_eq!(end(1, 0), Some(WallTime(1_000)));
    assert_eq!(end(1, 1), Some(WallTime(1_001)));
    assert_eq!(end(1, 1_000_000), Some(WallTime(1_001)));
    assert_eq!(end(-1, 999_999_999), Some(WallTime(0)), "nothing is older than the epoch");
    assert_eq!(end(TIMESTAMP_MIN_SECS, 0), Some(WallTime(0)));
    assert_eq!(end(TIMESTAMP_MAX_SECS, 0), Some(WallTime(253_402_300_799_000)));
    for (seconds, nanos) in [
        (TIMESTAMP_MIN_SECS - 1, 0),
        (TIMESTAMP_MAX_SECS + 1, 0),
        (i64::MIN, 0),
        (i64::MAX, i32::MAX),
        (0, -1),
        (0, 1_000_000_000),
    ] {
        assert_eq!(end(seconds, nanos), None, "{seconds} {nanos}");
    }
    assert_eq!(period_end("f", None, &mut Violations::default()), None);
}
