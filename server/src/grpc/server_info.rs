//! What the server tells of itself.

use std::time::Instant;

use tenure::v1;
use tenure_core::time::WallTime;

use crate::config::{Limits, RetentionTimes};

/// What is fixed when the server starts.
#[derive(Debug, Clone)]
pub struct ServerInfo {
    /// Version of the server.
    pub version: String,
    /// Its build, for people: commit and target, or empty.
    pub build: String,
    /// When it began to serve.
    pub started_at: WallTime,
    /// The same, on a clock that is never set.
    pub started: Instant,
    /// What keeps the state.
    pub store_kind: v1::StoreKind,
    /// Where it is kept, without credentials.
    pub store_location: String,
    /// How much callers may ask for.
    pub limits: Limits,
    /// How long history is kept.
    pub retention: RetentionTimes,
}
