//! Checkpoint: the opaque state by which a successor can resume the work. Its holder sends it
//! with a heartbeat; it outlives its session, and only a clear drops it.

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::name::{ActorId, SessionId};
use crate::session::Revision;
use crate::time::WallTime;

/// The most bytes of a checkpoint.
pub const CHECKPOINT_MAX_BYTES: usize = 65_536;

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The bytes; a store may keep them by themselves.
    pub content: Content,
    /// Where they come from.
    pub origin: CheckpointOrigin,
}

/// Who sent a checkpoint, and when: everything of it but the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointOrigin {
    /// When it was sent.
    pub set_at: WallTime,
    /// The session that sent it; absent only for records of older installations.
    pub session_id: Option<SessionId>,
    /// The actor who sent it.
    pub actor: ActorId,
    /// The workspace's revision that its heartbeat set.
    pub revision: Revision,
}
