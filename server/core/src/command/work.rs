//! What may be asked about the work around a session.

use std::sync::Arc;

use super::Expected;
use crate::content::{Content, Digest};
use crate::context::LeaseBounds;
use crate::escalation::EscalationKind;
use crate::gate::{GateState, GatesRevision};
use crate::handoff::HandoffAction;
use crate::legacy::LegacyContent;
use crate::name::{ActorId, EscalationId, GateName, WorkStreamName};
use crate::section::ClientSection;
use crate::usage::Usage;

/// What a heartbeat tells beyond that its holder lives and what it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The work stream that is touched.
    pub work_stream: Option<WorkStreamName>,
    /// Totals so far.
    pub usage: Option<Usage>,
    /// The revision of the gates that the holder has applied.
    pub gates_revision: Option<GatesRevision>,
    /// The state by which a successor can go on; at most
    /// [`CHECKPOINT_MAX_BYTES`](crate::checkpoint::CHECKPOINT_MAX_BYTES).
    pub checkpoint: Option<Content>,
    /// Sections of the client's own; one with empty content is removed.
    pub sections: Vec<ClientSection>,
}

impl Report {
    /// Whether all that is told is kept in the tenure.
    #[must_use]
    pub const fn is_of_the_tenure(&self) -> bool {
        self.work_stream.is_none()
            && self.usage.is_none()
            && self.checkpoint.is_none()
            && self.sections.is_empty()
    }
}

/// See semantics.md, section 5: an escalation is raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaiseEscalation {
    /// Who raises it, if named.
    pub actor: Option<ActorId>,
    /// Whether the holder is to wait.
    pub kind: EscalationKind,
    /// What is asked.
    pub reason: Arc<str>,
}

/// See semantics.md, section 5: an escalation is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveEscalation {
    /// Who resolves it, if named.
    pub actor: Option<ActorId>,
    /// Which one.
    pub id: EscalationId,
    /// How it was resolved.
    pub reason: Option<Arc<str>>,
}

/// See semantics.md, section 5: the list of gates is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutGates {
    /// Who sets them, if named.
    pub actor: Option<ActorId>,
    /// The gates in order, with distinct names, at most
    /// [`GATES_MAX`](crate::gate::GATES_MAX); empty removes all.
    pub gates: Vec<RequestedGate>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// A gate as a caller wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedGate {
    /// Its name.
    pub name: GateName,
    /// How far it has come.
    pub state: GateState,
    /// A note, not empty.
    pub note: Option<Arc<str>>,
}

/// See semantics.md, section 5: one gate is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateGate {
    /// Who sets it, if named.
    pub actor: Option<ActorId>,
    /// Which one.
    pub name: GateName,
    /// How far it has come.
    pub state: GateState,
    /// Its note; absent keeps the one that it has, empty removes it.
    pub note: Option<Arc<str>>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// See semantics.md, section 5: the handoff is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutHandoff {
    /// Who puts it, if named.
    pub actor: Option<ActorId>,
    /// What it is about.
    pub title: Arc<str>,
    /// What is to be done, in order.
    pub actions: Vec<HandoffAction>,
    /// What the caller believes to be stored.
    pub expected: Expected,
}

/// See semantics.md, section 6: what a file of an older installation holds is brought in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The file's name, for the event log.
    pub file_name: Arc<str>,
    /// The digest of the file's content.
    pub digest: Digest,
    /// What it holds.
    pub content: LegacyContent,
    /// What the lease of a session is fitted into.
    pub lease_bounds: LeaseBounds,
}
