//! Values of settings: what each kind accepts, and how a value is shown again.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Addresses to listen on; the one kind that may be given several times.
    Listen,
    /// A store.
    Store,
    /// A duration.
    Duration { min: Duration, max: Duration },
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A size in bytes.
    Bytes { min: u64, max: u64 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Log directives.
    Filter,
}

impl Kind {
    /// What would be accepted, to end a sentence.
    pub(super) fn accepted(self) -> String {
        match self {
            Self::Listen => {
                "a loopback address with a port, such as 127.0.0.1:7420 or [::1]:7420, or \
                 unix:PATH"
                    .to_owned()
            }
            Self::Store => "sqlite:PATH".to_owned(),
            Self::Duration { min, max } => format!(
                "a duration from {} to {}, such as 500ms, 10s or 1h 30m",
                show_duration(min),
                show_duration(max)
            ),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Bytes { min, max } => format!(
                "a size from {} to {}, such as 65536, 64KiB, 8MiB or 1GiB",
                show_bytes(min),
                show_bytes(max)
            ),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Filter => {
                "directives as RUST_LOG knows them, such as info or info,tenured=debug".to_owned()
            }
        }
    }

    /// A word for the value in the help.
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Listen => "ADDR:PORT|unix:PATH",
            Self::Store => "sqlite:PATH",
            Self::Duration { .. } => "DURATION",
            Self::Count { .. } => "COUNT",
            Self::Bytes { .. } => "SIZE",
            Self::Choice(_) => "WORD",
            Self::Filter => "FILTER",
        }
    }
}

/// A duration such as `10s`, within bounds.
pub(super) fn parse_duration(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let value = humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::UnknownUnit { unit, .. } if unit.is_empty() => {
            "a duration needs a unit".to_owned()
        }
        humantime::DurationError::NumberOverflow => "it is too large".to_owned(),
        _ => "it is not a duration".to_owned(),
    })?;
    within(value, min, max)?;
    if value.subsec_nanos() % 1_000_000 != 0 {
        return Err("it is finer than a millisecond".to_owned());
    }
    Ok(value)
}

/// A whole number, within bounds. Underscores may group the digits.
pub(super) fn parse_count(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let value = digits(text).ok_or("it is not a whole number")?;
    within(value, min, max)?;
    Ok(value)
}

/// A size in bytes, with a binary unit or none, within bounds.
pub(super) fn parse_bytes(text: &str, min: u64, max: u64) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    let number = digits(number.trim_end()).ok_or("it is not a size")?;
    let value = number.checked_mul(unit).ok_or("it is too large")?;
    within(value, min, max)?;
    Ok(value)
}

/// One of the words.
pub(super) fn parse_choice(text: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err("it is none of the words".to_owned())
    }
}

/// Log directives that can be used.
pub(super) fn parse_filter(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    match EnvFilter::builder().parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("it cannot be understood".to_owned()),
    }
}

/// A duration in the form that is accepted.
pub(super) fn show_duration(value: Duration) -> String {
    const UNITS: [(u128, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = value.as_millis();
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// A size in the largest unit that divides it.
pub(super) fn show_bytes(value: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in UNITS {
        if value >= unit && value.is_multiple_of(unit) {
            return format!("{}{name}", value / unit);
        }
    }
    value.to_string()
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|digit| digit.is_ascii_digit() || digit == '_');
    if !plain {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn within<T: PartialOrd + Copy>(value: T, min: T, max: T) -> Result<(), String> {
    if value < min {
        Err("it is too small".to_owned())
    } else if value > max {
        Err("it is too large".to_owned())
    } else {
        Ok(())
    }
}
