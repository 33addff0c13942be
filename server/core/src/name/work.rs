//! Names of what surrounds a session: escalations, gates, work streams, client sections and
//! usage counters.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{NameError, is_unsafe_to_show};

/// The most bytes of an escalation's id.
pub const ESCALATION_ID_MAX_BYTES: usize = 256;
/// The most characters of a gate's name.
pub const GATE_NAME_MAX_CHARS: usize = 128;
/// The most characters of a work stream's name.
pub const WORK_STREAM_NAME_MAX_CHARS: usize = 128;
/// The most bytes of a client section's name.
pub const SECTION_NAME_MAX_BYTES: usize = 64;
/// The most bytes of a usage counter's name.
pub const COUNTER_NAME_MAX_BYTES: usize = 64;
/// Names that clients cannot give to their sections, because sections of the service have them.
pub const RESERVED_SECTION_NAMES: [&str; 5] =
    ["session", "escalations", "gates", "handoff", "recovery"];

text_id! {
    /// One escalation: `esc_<ULID>`, or an imported id of any form.
    EscalationId
}
text_id! {
    /// One step on the way of the work; unique in its list.
    GateName
}
text_id! {
    /// A strand of work that a session touches.
    WorkStreamName
}
text_id! {
    /// A part of the projection whose content belongs to a client, such as `git`.
    SectionName
}
text_id! {
    /// A total that a session counts, beyond those that every session has.
    CounterName
}

impl EscalationId {
    /// Takes the id that a caller names. Ids are compared, never parsed: imported ones may have
    /// any form, so only emptiness and length are refused.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError("must not be empty"));
        }
        if text.len() > ESCALATION_ID_MAX_BYTES {
            return Err(NameError("must be at most 256 bytes"));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl GateName {
    /// Parses 1 to 128 characters without control or bidirectional-control characters.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        at_most_128_chars(text)?;
        if text.chars().any(is_unsafe_to_show) {
            return Err(NameError("must not hold control or bidirectional-control characters"));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl WorkStreamName {
    /// Parses 1 to 128 characters.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        at_most_128_chars(text).map(|()| Self(Arc::from(text)))
    }
}

impl SectionName {
    /// Parses 1 to 64 of `[a-z0-9_-]`, other than [`RESERVED_SECTION_NAMES`].
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > SECTION_NAME_MAX_BYTES {
            return Err(NameError("must be 1 to 64 characters"));
        }
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !text.bytes().all(allowed) {
            return Err(NameError("may hold only a-z 0-9 _ -"));
        }
        if RESERVED_SECTION_NAMES.contains(&text) {
            return Err(NameError("is the name of one of the service's own sections"));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl CounterName {
    /// Parses 1 to 64 of `[a-z0-9_]`.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > COUNTER_NAME_MAX_BYTES {
            return Err(NameError("must be 1 to 64 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(NameError("may hold only a-z 0-9 _"));
        }
        Ok(Self(Arc::from(text)))
    }
}

fn at_most_128_chars(text: &str) -> Result<(), NameError> {
    const { assert!(GATE_NAME_MAX_CHARS == WORK_STREAM_NAME_MAX_CHARS) };
    if text.is_empty() {
        return Err(NameError("must not be empty"));
    }
    // Counting at most one too many keeps the check cheap for a huge text.
    if text.chars().take(GATE_NAME_MAX_CHARS + 1).count() > GATE_NAME_MAX_CHARS {
        return Err(NameError("must be at most 128 characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_and_work_stream_names_are_1_to_128_characters_not_bytes() {
        for (length, good) in [(0, false), (1, true), (128, true), (129, false)] {
            let text = "ä".repeat(length);
            assert_eq!(GateName::parse(&text).is_ok(), good, "{length}");
            assert_eq!(WorkStreamName::parse(&text).is_ok(), good, "{length}");
        }
        assert!(GateName::parse("a\u{1b}").is_err() && GateName::parse("a\u{202e}").is_err());
    }

    #[test]
    fn section_names_are_1_to_64_of_the_allowed_characters_and_not_those_of_the_service() {
        for good in ["git", "a-b_9", &"x".repeat(64)] {
            assert_eq!(SectionName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", &"x".repeat(65), "Git", "a b", "ä", "a.b"] {
            assert!(SectionName::parse(bad).is_err(), "{bad:?}");
        }
        for reserved in RESERVED_SECTION_NAMES {
            assert!(SectionName::parse(reserved).is_err(), "{reserved}");
        }
    }

    #[test]
    fn counter_names_are_1_to_64_of_the_allowed_characters() {
        for good in ["calls", "a_9", &"x".repeat(64)] {
            assert_eq!(CounterName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", &"x".repeat(65), "Calls", "a-b", "ä"] {
            assert!(CounterName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn escalation_ids_are_taken_as_they_are() {
        for good in ["esc_01", "anything at all", &"x".repeat(256)] {
            assert_eq!(EscalationId::parse(good).unwrap().as_str(), good);
        }
        assert!(EscalationId::parse("").is_err() && EscalationId::parse(&"x".repeat(257)).is_err());
    }
}
