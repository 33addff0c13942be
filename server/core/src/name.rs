//! Names and ids: parsed once at the edge, cheap to clone, never bare strings inside.
//!
//! `parse` refuses what semantics.md refuses; `imported` accepts what old installations hold,
//! because a record that exists must stay reachable.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most bytes of a workspace name.
pub const WORKSPACE_NAME_MAX_BYTES: usize = 200;
/// The most bytes of a profile name.
pub const PROFILE_NAME_MAX_BYTES: usize = 64;
/// The most characters of an actor, supervisor or instance id.
pub const ACTOR_ID_MAX_CHARS: usize = 256;
/// The most bytes of a session id.
pub const SESSION_ID_MAX_BYTES: usize = 256;
/// The profile meant when none is given.
pub const DEFAULT_PROFILE: &str = "main";
/// The owner of every interactive session.
pub const INTERACTIVE_OWNER: &str = "interactive";

/// Why a name is refused: what is wrong and the accepted form, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub &'static str);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl PartialEq for $name {
            // Mostly it is the very same text: then the pointers tell, and nothing is read.
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl $name {
            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text that an older installation or the store holds, unchecked.
            #[must_use]
            pub fn imported(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Debug for $name {
            // Escapes control characters, so that `?value` in a log is always safe to show.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

mod work;

pub use work::{
    COUNTER_NAME_MAX_BYTES, CounterName, ESCALATION_ID_MAX_BYTES, EscalationId,
    GATE_NAME_MAX_CHARS, GateName, RESERVED_SECTION_NAMES, SECTION_NAME_MAX_BYTES, SectionName,
    WORK_STREAM_NAME_MAX_CHARS, WorkStreamName,
};

text_id! {
    /// A path-like workspace name, such as `acme/api`.
    WorkspaceName
}
text_id! {
    /// Which of the workspace's independent tenures is meant; `main` when not given.
    ProfileName
}
text_id! {
    /// One tenure: `ses_<ULID>`, or an imported id of any form.
    SessionId
}
text_id! {
    /// Who acts, as the caller claims.
    ActorId
}
text_id! {
    /// One process of an actor.
    InstanceId
}
text_id! {
    /// Who is authenticated, as opposed to the actor that is claimed.
    Principal
}
text_id! {
    /// A machine, as it names itself.
    MachineId
}

impl WorkspaceName {
    /// Parses 1 to 200 bytes of `[A-Za-z0-9._/@:+-]`, without leading or trailing `/`, `//`,
    /// or a segment `.` or `..`.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError("must not be empty: name a workspace such as acme/api"));
        }
        if text.len() > WORKSPACE_NAME_MAX_BYTES {
            return Err(NameError("must be at most 200 bytes"));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/@:+-".contains(&b);
        if !text.bytes().all(allowed) {
            return Err(NameError("may hold only A-Z a-z 0-9 . _ / @ : + -"));
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(NameError(
                "must not start or end with /, nor hold //, nor a segment . or ..",
            ));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl ProfileName {
    /// Parses 1 to 64 bytes of `[A-Za-z0-9._-]`; the empty text means `main`.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > PROFILE_NAME_MAX_BYTES {
            return Err(NameError("must be at most 64 bytes"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(NameError("may hold only A-Z a-z 0-9 . _ -"));
        }
        Ok(Self(Arc::from(text)))
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self(Arc::from(DEFAULT_PROFILE))
    }
}

impl ActorId {
    /// Parses 1 to 256 characters without control or bidirectional-control characters.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        plain_text(text).map(|()| Self(Arc::from(text)))
    }
}

impl InstanceId {
    /// Parses a text with the bounds of an actor id.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        plain_text(text).map(|()| Self(Arc::from(text)))
    }
}

impl MachineId {
    /// Parses a text with the bounds of an actor id.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        plain_text(text).map(|()| Self(Arc::from(text)))
    }
}

impl SessionId {
    /// Takes the id that a caller names. Ids are compared, never parsed: imported ones may have
    /// any form, so only emptiness and length are refused.
    ///
    /// # Errors
    /// [`NameError`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError("must not be empty: leave the field out instead"));
        }
        if text.len() > SESSION_ID_MAX_BYTES {
            return Err(NameError("must be at most 256 bytes"));
        }
        Ok(Self(Arc::from(text)))
    }
}

/// Whether `c` could change how the text around it is displayed: a control character or a
/// bidirectional control.
#[must_use]
pub fn is_unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

fn plain_text(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError("must not be empty"));
    }
    // Counting at most one too many keeps the check cheap for a huge text.
    if text.chars().take(ACTOR_ID_MAX_CHARS + 1).count() > ACTOR_ID_MAX_CHARS {
        return Err(NameError("must be at most 256 characters"));
    }
    if text.chars().any(is_unsafe_to_show) {
        return Err(NameError("must not hold control or bidirectional-control characters"));
    }
    Ok(())
}

/// What only one party may work on at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The profile in it.
    pub profile: ProfileName,
}

impl Key {
    /// Whether this workspace lies under `prefix`, which matches whole segments only:
    /// `acme/api` does not cover `acme/api-x`. A trailing `/` is ignored; the empty prefix
    /// covers everything.
    #[must_use]
    pub fn is_under(&self, prefix: &str) -> bool {
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        prefix.is_empty()
            || self
                .workspace
                .as_str()
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests;
