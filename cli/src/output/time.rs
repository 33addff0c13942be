//! Instants and durations as people read them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::output::words::NONE;

/// Reads a duration such as `30s`, `5m` or `1h30m`.
///
/// # Errors
/// The accepted form, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a number with its unit, such as 30s, 5m, 500ms or 1h30m".to_owned())
}

/// Reads a duration that is not zero, such as `10s`.
///
/// # Errors
/// The accepted form, in words.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(duration) }
}

/// A duration in its two largest units: `1h 2m`, `28s`, `350ms`.
#[must_use]
pub fn humane(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let seconds = duration.as_secs();
    if seconds == 0 {
        return if duration.is_zero() {
            "0s".to_owned()
        } else {
            format!("{}ms", duration.as_millis().max(1))
        };
    }
    let largest = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (unit, name) = UNITS[largest];
    let mut text = format!("{}{name}", seconds / unit);
    if let Some((smaller, smaller_name)) = UNITS.get(largest + 1) {
        let rest = seconds % unit / smaller;
        if rest > 0 {
            text.push_str(&format!(" {rest}{smaller_name}"));
        }
    }
    text
}

/// A duration of the contract; a dash where there is none.
#[must_use]
pub fn span(duration: Option<prost_types::Duration>) -> String {
    duration.map_or_else(
        || NONE.to_owned(),
        |duration| match Duration::try_from(duration) {
            Ok(positive) => humane(positive),
            Err(prost_types::DurationError::NegativeDuration(back)) => format!("-{}", humane(back)),
            Err(_) => NONE.to_owned(),
        },
    )
}

/// How long it was from one instant to another; no time at all if the other one is earlier, and
/// absent if either is.
#[must_use]
pub fn between(
    from: Option<prost_types::Timestamp>,
    to: Option<prost_types::Timestamp>,
) -> Option<Duration> {
    let apart = to.and_then(parse)?.duration_since(from.and_then(parse)?);
    Some(if apart.is_negative() { Duration::ZERO } else { apart.unsigned_abs() })
}

/// A duration for the contract; what is too long for it becomes the longest.
#[must_use]
pub fn wire(duration: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(duration.subsec_nanos()).unwrap_or(0);
    prost_types::Duration { seconds, nanos }
}

/// The present, by which relative times are shown.
#[derive(Debug, Clone, Copy)]
pub struct Now(Timestamp);

impl Now {
    /// The present by the clock of this machine.
    #[must_use]
    pub fn read() -> Self {
        Self(Timestamp::now())
    }

    /// `3m ago`, `in 28s`, or a dash where there is no instant.
    #[must_use]
    pub fn relative(self, instant: Option<prost_types::Timestamp>) -> String {
        let Some(instant) = instant.and_then(parse) else { return NONE.to_owned() };
        let apart = self.0.duration_since(instant);
        match nearest_second(apart.unsigned_abs()) {
            Duration::ZERO => "now".to_owned(),
            far if apart.is_negative() => format!("in {}", humane(far)),
            far => format!("{} ago", humane(far)),
        }
    }

    /// How long ago an instant was, without a word: `3m`.
    #[must_use]
    pub fn age(self, instant: Option<prost_types::Timestamp>) -> String {
        let Some(instant) = instant.and_then(parse) else { return NONE.to_owned() };
        let apart = self.0.duration_since(instant);
        if apart.is_negative() {
            "0s".to_owned()
        } else {
            humane(nearest_second(apart.unsigned_abs()))
        }
    }

    /// How long it is until an instant, `expired` once it has passed.
    #[must_use]
    pub fn until(self, instant: Option<prost_types::Timestamp>) -> String {
        let Some(instant) = instant.and_then(parse) else { return NONE.to_owned() };
        let left = instant.duration_since(self.0);
        if left.is_negative() || left.is_zero() {
            "expired".to_owned()
        } else {
            humane(nearest_second(left.unsigned_abs()))
        }
    }

    /// The relative time, and the absolute one too if `wide`.
    #[must_use]
    pub fn shown(self, instant: Option<prost_types::Timestamp>, wide: bool) -> String {
        let relative = self.relative(instant);
        match (wide, instant) {
            (true, Some(_)) => format!("{relative} ({})", absolute(instant)),
            _ => relative,
        }
    }
}

/// Local time to the second with its offset; a dash where there is no instant.
#[must_use]
pub fn absolute(instant: Option<prost_types::Timestamp>) -> String {
    instant.and_then(parse).map_or_else(
        || NONE.to_owned(),
        |instant| instant.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
    )
}

/// What is shown to a person needs no more, and `9s` for 9.99 s looks wrong.
fn nearest_second(duration: Duration) -> Duration {
    Duration::from_secs((duration + Duration::from_millis(500)).as_secs())
}

fn parse(instant: prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(instant.seconds, instant.nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn durations_are_shown_in_their_two_largest_units() {
        let shown = |ms| humane(Duration::from_millis(ms));
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(350), "350ms");
        assert_eq!(shown(28_900), "28s");
        assert_eq!(shown(60_000), "1m");
        assert_eq!(shown(3_725_000), "1h 2m");
        assert_eq!(shown(90_061_000), "1d 1h");
    }

    #[test]
    fn instants_are_shown_relative_to_the_present() {
        let now = Now(Timestamp::from_second(1_000).unwrap());
        assert_eq!(now.relative(at(820)), "3m ago");
        assert_eq!(now.relative(at(1_028)), "in 28s");
        assert_eq!(now.relative(at(1_000)), "now");
        let almost = prost_types::Timestamp { seconds: 1_009, nanos: 990_000_000 };
        assert_eq!(now.relative(Some(almost)), "in 10s");
        assert_eq!(now.relative(None), "-");
        assert_eq!(now.until(at(1_030)), "30s");
        assert_eq!(now.until(at(1_000)), "expired");
        assert_eq!(now.age(at(2_000)), "0s", "the server's clock may be ahead");
        assert!(now.shown(at(820), true).starts_with("3m ago (1970-01-01 "));
    }

    #[test]
    fn the_time_between_two_instants_is_never_negative() {
        assert_eq!(between(at(5), at(8)), Some(Duration::from_secs(3)));
        assert_eq!(between(at(8), at(5)), Some(Duration::ZERO), "the wall clock was stepped");
        assert_eq!((between(None, at(5)), between(at(5), None)), (None, None));
    }

    #[test]
    fn a_duration_without_unit_is_refused_with_the_accepted_form() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert!(parse_duration("30").unwrap_err().contains("30s"));
        assert!(parse_duration("-1s").is_err());
    }
}
