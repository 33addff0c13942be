//! The names of the reasons without their prefix, as `ErrorInfo` and people use them.

use crate::v1::ErrorReason;

const PREFIX: &str = "ERROR_REASON_";

impl ErrorReason {
    /// The name without prefix, such as `LEASE_HELD`.
    #[must_use]
    pub fn as_short(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    /// The reason of this name without prefix; absent when it is not known.
    #[must_use]
    pub fn from_short(name: &str) -> Option<Self> {
        Self::from_str_name(&format!("{PREFIX}{name}"))
    }
}
