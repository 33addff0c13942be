//! From the bytes of a file to what it holds.
//!
//! The two kinds of file are told apart by their content, never by their name. Versions 2, 3
//! and 4 of a session are read alike: a field that an older version did not have is absent, and
//! one that is there counts, because a program's session must not become a person's.
//!
//! Guarantees: total, for any bytes; an error names the field, and repeats no text of the file.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use self::fields::Fields;
use super::{
    LEGACY_FILE_MAX_BYTES, LEGACY_REVISION_MAX, LegacyContent, LegacyEscalation, LegacyHolder,
    LegacySession,
};
use crate::command::REASON_MAX_CHARS;
use crate::escalation::EscalationKind;
use crate::name::{
    ACTOR_ID_MAX_CHARS, ActorId, ESCALATION_ID_MAX_BYTES, EscalationId, SESSION_ID_MAX_BYTES,
    SessionId,
};
use crate::session::{AutonomousKind, Mode, Revision};
use crate::time::{Span, WallTime};

mod fields;

/// The versions of session files that are known.
const SESSION_VERSIONS: [u64; 3] = [2, 3, 4];
/// The one version of escalation files.
const ESCALATIONS_VERSION: u64 = 1;

/// Why a file cannot be imported, in words for its owner. None of the file's own text is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is larger than any file of an older installation.
    #[error("the file has {bytes} bytes, and at most {LEGACY_FILE_MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not text.
    #[error("the file is not UTF-8 text: byte {at} is wrong")]
    NotText {
        /// The place of the first wrong byte, from 0.
        at: usize,
    },
    /// It is text, and not JSON.
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    /// It is neither kind of file.
    #[error(
        "the file holds neither a session (with started_at_epoch_s) nor escalations (with entries)"
    )]
    OfNeitherKind,
    /// It says no version.
    #[error("the file has no schema_version that is a whole number")]
    NoVersion,
    /// It is a session of another version.
    #[error("the file holds a session of version {0}, and only 2, 3 and 4 are known")]
    UnknownSessionVersion(u64),
    /// It holds escalations of another version.
    #[error("the file holds escalations of version {0}, and only 1 is known")]
    UnknownEscalationsVersion(u64),
    /// One of its fields is not as it should be.
    #[error("{path} {what}")]
    Field {
        /// Which one.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What a file holds.
///
/// # Errors
/// [`LegacyError`]: the file is left as it is.
pub fn read(bytes: &[u8]) -> Result<LegacyContent, LegacyError> {
    if bytes.is_empty() {
        return Err(LegacyError::Empty);
    }
    if bytes.len() > LEGACY_FILE_MAX_BYTES {
        return Err(LegacyError::TooLarge { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| LegacyError::NotText { at: error.valid_up_to() })?;
    // Some editors put a byte order mark in front.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    // A parser that builds nothing but values quotes nothing of the text in its errors.
    let value: Value =
        serde_json::from_str(text).map_err(|error| LegacyError::NotJson(error.to_string()))?;
    let Value::Object(object) = &value else { return Err(LegacyError::OfNeitherKind) };
    let fields = Fields::of_file(object);
    let version = object.get("schema_version").and_then(Value::as_u64);
    match (fields.has("started_at_epoch_s"), fields.has("entries")) {
        (false, false) => Err(LegacyError::OfNeitherKind),
        // Where both are there, one of them is a field that is not known.
        (true, true) if version == Some(ESCALATIONS_VERSION) => escalations(&fields, version),
        (true, _) => session(&fields, version),
        (false, true) => escalations(&fields, version),
    }
}

fn session(fields: &Fields<'_>, version: Option<u64>) -> Result<LegacyContent, LegacyError> {
    let version = version.ok_or(LegacyError::NoVersion)?;
    if !SESSION_VERSIONS.contains(&version) {
        return Err(LegacyError::UnknownSessionVersion(version));
    }
    let id = fields.text("session_id")?;
    let id =
        id.map(|id| fields.at_most_bytes("session_id", id, SESSION_ID_MAX_BYTES)).transpose()?;
    let revision = Revision(fields.number("revision")?.unwrap_or_default());
    if revision > LEGACY_REVISION_MAX {
        let what =
            format!("is more than {}, which no installation has reached", LEGACY_REVISION_MAX.0);
        return Err(fields.wrong("revision", what));
    }
    let start_count = fields.required_number("start_count")?;
    Ok(LegacyContent::Session(Box::new(LegacySession {
        id: id.map(SessionId::imported),
        holder: holder(fields)?,
        mode: mode(fields)?,
        started_at: instant(fields.required_number("started_at_epoch_s")?),
        last_started_at: instant(fields.required_number("last_started_at_epoch_s")?),
        start_count: u32::try_from(start_count).unwrap_or(u32::MAX).max(1),
        revision,
    })))
}

fn holder(fields: &Fields<'_>) -> Result<LegacyHolder, LegacyError> {
    let kind = match fields.text("owner_kind")? {
        None | Some("interactive") => None,
        Some("runtime_worker") => Some(AutonomousKind::RuntimeWorker),
        Some("runtime_supervisor") => Some(AutonomousKind::RuntimeSupervisor),
        Some(_) => {
            let what = "is none of interactive, runtime_worker, runtime_supervisor";
            return Err(fields.wrong("owner_kind", what));
        }
    };
    // What a person's record says of these means nothing, and may still not be nonsense.
    let owner = actor(fields, "owner_id")?;
    let supervisor = actor(fields, "supervisor_id")?;
    let ttl = Span::from_secs(fields.number("lease_ttl_secs")?.unwrap_or_default());
    let last_heartbeat_at = fields.number("last_heartbeat_at_epoch_s")?.map(instant);
    Ok(match kind {
        None => LegacyHolder::Person,
        Some(kind) => {
            LegacyHolder::Program { actor: owner, kind, supervisor, ttl, last_heartbeat_at }
        }
    })
}

/// An actor with any characters, because a record that exists must stay reachable.
fn actor(fields: &Fields<'_>, name: &'static str) -> Result<Option<ActorId>, LegacyError> {
    let text = fields.text(name)?;
    let text = text.map(|text| fields.at_most_chars(name, text, ACTOR_ID_MAX_CHARS)).transpose()?;
    Ok(text.map(ActorId::imported))
}

fn mode(fields: &Fields<'_>) -> Result<Mode, LegacyError> {
    match fields.text("mode")? {
        None | Some("general") => Ok(Mode::General),
        Some("research") => Ok(Mode::Research),
        Some("implement") => Ok(Mode::Implement),
        Some(_) => Err(fields.wrong("mode", "is none of general, research, implement")),
    }
}

fn escalations(fields: &Fields<'_>, version: Option<u64>) -> Result<LegacyContent, LegacyError> {
    match version {
        None => return Err(LegacyError::NoVersion),
        Some(ESCALATIONS_VERSION) => {}
        Some(other) => return Err(LegacyError::UnknownEscalationsVersion(other)),
    }
    let mut seen = HashSet::new();
    let mut read = Vec::new();
    for entry in fields.entries()? {
        let entry = entry?;
        let escalation = escalation(&entry)?;
        if !seen.insert(escalation.id.clone()) {
            return Err(entry.wrong("id", "is that of an earlier entry, too"));
        }
        read.push(escalation);
    }
    Ok(LegacyContent::Escalations(read))
}

fn escalation(entry: &Fields<'_>) -> Result<LegacyEscalation, LegacyError> {
    let id = entry.required_text("id")?;
    let id = entry.at_most_bytes("id", id, ESCALATION_ID_MAX_BYTES)?;
    let reason = entry.required_text("reason")?;
    let reason = entry.at_most_chars("reason", reason, REASON_MAX_CHARS)?;
    let session_id = entry.text("session_id")?;
    let session_id = session_id
        .map(|id| entry.at_most_bytes("session_id", id, SESSION_ID_MAX_BYTES))
        .transpose()?;
    Ok(LegacyEscalation {
        id: EscalationId::imported(id),
        kind: match entry.required_text("kind")? {
            "blocking" => EscalationKind::Blocking,
            "non_blocking" => EscalationKind::NonBlocking,
            _ => return Err(entry.wrong("kind", "is neither blocking nor non_blocking")),
        },
        reason: Arc::from(reason),
        raised_at: instant(entry.required_number("created_at_epoch_s")?),
        session_id: session_id.map(SessionId::imported),
    })
}

fn instant(epoch_s: u64) -> WallTime {
    WallTime(epoch_s.saturating_mul(1_000))
}

#[cfg(test)]
mod tests;
