//! Gates: named steps on the way of the work, in order. Their revision rises with each change
//! and each clearing, so that a holder can tell whether it has applied the newest list.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::smallvec;

use crate::change::Change;
use crate::command::{PutGates, UpdateGate};
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::name::{ActorId, GateName, Principal};
use crate::refusal::Reason;
use crate::reply::Reply;
use crate::time::WallTime;
use crate::workspace::Workspace;

/// The most gates of a workspace.
pub const GATES_MAX: usize = 100;
/// The most characters of a gate's note.
pub const GATE_NOTE_MAX_CHARS: usize = 500;

/// Counts the changes and clearings of a workspace's gates; zero while they were never set.
/// Never reset, and independent of the workspace's own revision.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct GatesRevision(pub u64);

impl GatesRevision {
    /// The revision of the next change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// How far a gate has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Still to be passed.
    #[default]
    Open,
    /// Passed.
    Passed,
    /// Given up on purpose; counts as passed.
    Waived,
    /// Tried, and failed.
    Failed,
}

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name, unique in its list.
    pub name: GateName,
    /// How far it has come.
    pub state: GateState,
    /// A note, never empty.
    pub note: Option<Arc<str>>,
    /// When it was last set.
    pub updated_at: WallTime,
    /// The actor who last set it, if one was named.
    pub updated_by_actor: Option<ActorId>,
    /// The principal who last set it.
    pub updated_by: Principal,
}

/// The whole list, as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// The gates in order.
    pub list: Arc<[Gate]>,
    /// Their revision.
    pub revision: GatesRevision,
    /// The revision that the holder says it has applied, if it has said so in this tenure.
    pub applied: Option<GatesRevision>,
}

impl Gates {
    /// The gates of a workspace.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        let tenure = &workspace.tenure;
        Self {
            list: Arc::from(&*workspace.around().gates),
            revision: tenure.signals.gates_revision,
            applied: tenure.session.as_ref().and_then(|session| session.applied_gates_revision),
        }
    }
}

/// The attention anchor: the first gate that is open or failed.
#[must_use]
pub fn attention_anchor(gates: &[Gate]) -> Option<&Gate> {
    gates.iter().find(|gate| matches!(gate.state, GateState::Open | GateState::Failed))
}

pub(crate) fn put(workspace: &Workspace, request: &PutGates, context: &Context) -> Decided {
    let list: Arc<[Gate]> = request
        .gates
        .iter()
        .map(|asked| Gate {
            name: asked.name.clone(),
            state: asked.state,
            note: asked.note.clone(),
            updated_at: context.clock.now.wall,
            updated_by_actor: request.actor.clone(),
            updated_by: context.principal.clone(),
        })
        .collect();
    let mut gates = Gates::of(workspace);
    gates.list = Arc::clone(&list);
    gates.revision = gates.revision.next();
    let change = Change::GatesPut { gates: list, revision: gates.revision };
    Ok(Decision { changes: smallvec![change], reply: Reply::Gates(Box::new(gates)) })
}

pub(crate) fn update(workspace: &Workspace, request: &UpdateGate, context: &Context) -> Decided {
    let mut gates = Gates::of(workspace);
    let mut list = workspace.around().gates.clone();
    let gate = list.iter_mut().find(|gate| gate.name == request.name).ok_or(Reason::NoSuchGate)?;
    let prior = gate.state;
    *gate = Gate {
        name: request.name.clone(),
        state: request.state,
        note: match &request.note {
            None => gate.note.take(),
            Some(note) => Some(Arc::clone(note)).filter(|note| !note.is_empty()),
        },
        updated_at: context.clock.now.wall,
        updated_by_actor: request.actor.clone(),
        updated_by: context.principal.clone(),
    };
    let gate = Box::new(gate.clone());
    gates.list = list.into();
    gates.revision = gates.revision.next();
    let change = Change::GateUpdated { gate, prior, revision: gates.revision };
    Ok(Decision { changes: smallvec![change], reply: Reply::Gates(Box::new(gates)) })
}

#[cfg(test)]
mod tests;
