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
