//! Durations in; durations, display instants and the timing of a lease out.

use prost_types::{Duration, Timestamp};
use tenure::v1;
use tenure_core::r#await::{CLAIM_WITHIN_DEFAULT, CLAIM_WITHIN_MAX};
use tenure_core::context::{Clock, GRACE_MAX, LeaseBounds};
use tenure_core::time::{LeaseInstant, Span, WallTime};
use tenure_core::timing::Timing;

use super::violation::Violations;

/// The last second that a `Timestamp` can name: the end of the year 9999.
const TIMESTAMP_MAX_SECS: i64 = 253_402_300_799;
/// The first one: the beginning of the year 1.
const TIMESTAMP_MIN_SECS: i64 = -62_135_596_800;
/// The most seconds of a `Duration`: some 10,000 years.
const DURATION_MAX_SECS: i64 = 315_576_000_000;
const NANOS_PER_SEC: i32 = 1_000_000_000;
const NANOS_PER_MS: i128 = 1_000_000;

/// A lease's length, within `bounds`; outside is refused, never clamped.
pub fn lease_ttl(
    field: &'static str,
    duration: &Duration,
    bounds: &LeaseBounds,
    violations: &mut Violations,
) -> Option<Span> {
    let nanos = exact_nanos(field, duration, violations)?;
    if nanos < nanos_of(bounds.min) || nanos > nanos_of(bounds.max) {
        let (min, max) = (shown(bounds.min), shown(bounds.max));
        violations.add(field, format!("must be from {min} to {max}"));
        return None;
    }
    Some(rounded_up(nanos))
}

/// The grace of a forced takeover: none, or at most 10 minutes.
pub fn grace(duration: Option<&Duration>, violations: &mut Violations) -> Option<Span> {
    let Some(duration) = duration else {
        return Some(Span::ZERO);
    };
    let nanos = exact_nanos("grace", duration, violations)?;
    if nanos < 0 || nanos > nanos_of(GRACE_MAX) {
        violations.add("grace", format!("must be from 0 s to {}", shown(GRACE_MAX)));
        return None;
    }
    Some(rounded_up(nanos))
}

/// How long a grant lives until it is claimed: 10 s, or more than nothing and at most 60 s.
pub fn claim_within(duration: Option<&Duration>, violations: &mut Violations) -> Option<Span> {
    let Some(duration) = duration else {
        return Some(CLAIM_WITHIN_DEFAULT);
    };
    let nanos = exact_nanos("claim_within", duration, violations)?;
    if nanos <= 0 || nanos > nanos_of(CLAIM_WITHIN_MAX) {
        let max = shown(CLAIM_WITHIN_MAX);
        violations.add("claim_within", format!("must be more than 0 s and at most {max}"));
        return None;
    }
    Some(rounded_up(nanos))
}

/// A time that a caller has measured: not negative, and no longer than a duration may be.
pub fn measured(
    field: &'static str,
    duration: &Duration,
    violations: &mut Violations,
) -> Option<Span> {
    let nanos = exact_nanos(field, duration, violations)?;
    if nanos < 0 || nanos > i128::from(DURATION_MAX_SECS) * i128::from(NANOS_PER_SEC) {
        violations.add(field, "must be from 0 s to 315,576,000,000 s");
        return None;
    }
    Some(rounded_up(nanos))
}

/// One end of a period: the first millisecond that is not before the instant. Nothing here is
/// older than the Unix epoch, which therefore stands for everything before it.
pub fn period_end(
    field: &'static str,
    instant: Option<Timestamp>,
    violations: &mut Violations,
) -> Option<WallTime> {
    let Timestamp { seconds, nanos } = instant?;
    let is_instant = (TIMESTAMP_MIN_SECS..=TIMESTAMP_MAX_SECS).contains(&seconds)
        && (0..NANOS_PER_SEC).contains(&nanos);
    if !is_instant {
        violations.add(
            field,
            "is malformed: must be from the year 1 to 9999, with nanos from 0 to 999,999,999",
        );
        return None;
    }
    let nanos = i128::from(seconds) * i128::from(NANOS_PER_SEC) + i128::from(nanos);
    Some(WallTime(rounded_up(nanos.max(0)).0))
}

/// When to beat, when to stop, and until when the lease runs, all from `clock` on.
#[must_use]
pub fn lease_timing(effective_expiry: LeaseInstant, clock: &Clock) -> v1::LeaseTiming {
    let timing = Timing::of(effective_expiry, clock, fastrand::u64(..));
    v1::LeaseTiming {
        expires_in: Some(duration(timing.expires_in)),
        renew_after: Some(duration(timing.renew_after)),
        stop_work_after: Some(duration(timing.stop_work_after)),
        lease_expires_at: Some(lease_timestamp(effective_expiry, clock)),
    }
}

/// A length of time.
#[must_use]
pub fn duration(span: Span) -> Duration {
    let seconds = i64::try_from(span.0 / 1_000).unwrap_or(DURATION_MAX_SECS);
    if seconds >= DURATION_MAX_SECS {
        return Duration { seconds: DURATION_MAX_SECS, nanos: 0 };
    }
    Duration { seconds, nanos: subsecond_nanos(span.0) }
}

/// A length of time that may be negative, in milliseconds.
#[must_use]
pub fn signed_duration(ms: i64) -> Duration {
    let magnitude = duration(Span(ms.unsigned_abs()));
    if ms < 0 {
        Duration { seconds: -magnitude.seconds, nanos: -magnitude.nanos }
    } else {
        magnitude
    }
}

/// An instant of wall time; one after the year 9999, which no timestamp can name, as its end.
#[must_use]
pub fn timestamp(instant: WallTime) -> Timestamp {
    let seconds = i64::try_from(instant.0 / 1_000).unwrap_or(TIMESTAMP_MAX_SECS);
    if seconds > TIMESTAMP_MAX_SECS {
        return Timestamp { seconds: TIMESTAMP_MAX_SECS, nanos: 999_000_000 };
    }
    Timestamp { seconds, nanos: subsecond_nanos(instant.0) }
}

/// An instant of the lease clock, projected to wall time for display.
#[must_use]
pub fn lease_timestamp(instant: LeaseInstant, clock: &Clock) -> Timestamp {
    timestamp(clock.now.wall_at(instant))
}

fn subsecond_nanos(ms: u64) -> i32 {
    // Below a thousand million, so it always fits.
    i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default()
}

/// All of a duration, without rounding: bounds are compared exactly.
fn exact_nanos(
    field: &'static str,
    duration: &Duration,
    violations: &mut Violations,
) -> Option<i128> {
    let Duration { seconds, nanos } = *duration;
    let signs_agree = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if nanos.unsigned_abs() >= NANOS_PER_SEC.unsigned_abs() || !signs_agree {
        violations
            .add(field, "is malformed: nanos must be within a second, and of the sign of seconds");
        return None;
    }
    Some(i128::from(seconds) * i128::from(NANOS_PER_SEC) + i128::from(nanos))
}

fn nanos_of(span: Span) -> i128 {
    i128::from(span.0) * NANOS_PER_MS
}

/// Up to the next millisecond: what a caller was promised is never cut short.
fn rounded_up(nanos: i128) -> Span {
    Span(u64::try_from((nanos + NANOS_PER_MS - 1) / NANOS_PER_MS).unwrap_or_default())
}

/// In the largest unit that says it exactly: bounds are round numbers as a rule.
fn shown(span: Span) -> String {
    match (span.0 / 1_000, span.0 % 1_000) {
        (seconds, 0) if seconds >= 3_600 && seconds % 3_600 == 0 => {
            format!("{} h", seconds / 3_600)
        }
        (seconds, 0) if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, ms) => format!("{seconds}.{ms:03} s"),
    }
}

#[cfg(test)]
mod tests;
