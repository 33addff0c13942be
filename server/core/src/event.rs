//! The event log's entries, derived from changes: a change that happens is an event that is
//! written, and nothing is listed twice. Beats are not events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::escalation::Escalation;
use crate::gate::{Gate, GateState, Gates, GatesRevision};
use crate::handoff::Handoff;
use crate::ledger::{LedgerEntry, Prior};
use crate::legacy::BroughtIn;
use crate::name::{ActorId, EscalationId, Key, MachineId, Principal, SessionId};
use crate::session::{Activity, Lifecycle, Revision, Session, Transfer};
use crate::time::{LeaseInstant, Moment, Span, WallTime};
use crate::work_stream::Best;
use crate::workspace::{Tenure, Workspace};

/// The principal that the log names for what time alone has done.
pub const SERVICE_PRINCIPAL: &str = "tenured";

/// One entry of the event log. Its place in the log is the store's to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub at: WallTime,
    /// Of which workspace; absent for what concerns the service.
    pub key: Option<Key>,
    /// Of which session.
    pub session_id: Option<SessionId>,
    /// The workspace's revision after it.
    pub revision: Option<Revision>,
    /// Who was authenticated.
    pub principal: Principal,
    /// Who acted, as claimed.
    pub actor: Option<ActorId>,
    /// The words given for it.
    pub why: Option<Arc<str>>,
    /// Where the call came from.
    pub address: Option<Arc<str>>,
    /// The holder before.
    pub before: Option<Facts>,
    /// The holder after.
    pub after: Option<Facts>,
    /// What happened, with the state that it set.
    pub what: What,
}

/// What filters ask of a holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Person or program.
    pub lifecycle: Lifecycle,
    /// The owner; absent for a person, and for an imported record without owner.
    pub owner: Option<ActorId>,
    /// The second actor.
    pub supervisor: Option<ActorId>,
    /// Where it runs.
    pub machine: Option<MachineId>,
}

impl Facts {
    /// What filters ask of `session`.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            lifecycle: session.lifecycle(),
            owner: session.actor().cloned(),
            supervisor: session.supervisor().cloned(),
            machine: session.machine.as_ref().map(|machine| machine.id.clone()),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A session was minted.
    SessionStarted {
        /// The session.
        session: Box<Session>,
        /// The session that ended in the same step, if one did.
        prior: Option<Prior>,
    },
    /// A session was started again by its owner.
    SessionRefreshed(Box<Session>),
    /// A session was found stale.
    SessionExpired {
        /// The session, which is still stored.
        session: Box<Session>,
        /// Since when it is stale. Its wall time is that of the clock by which this was noticed,
        /// so that it reads the same whenever the event is read.
        expired_at: Moment,
    },
    /// A session ended.
    SessionEnded {
        /// The sealed record.
        entry: Box<LedgerEntry>,
        /// Whether it made way for the successor of a pending transfer.
        transfer_completed: bool,
    },
    /// A forced takeover is pending.
    TransferScheduled {
        /// The transfer.
        transfer: Box<Transfer>,
    },
    /// The pending transfer was removed without completing.
    TransferCancelled {
        /// The transfer, as it was.
        transfer: Box<Transfer>,
        /// Whether another forced takeover took its place.
        replaced: bool,
    },
    /// The owner says what it is doing.
    ActivityChanged(Box<Activity>),
    /// A live session was found not to progress.
    SessionStalled(Box<Best>),
    /// A stalled session progresses again.
    SessionResumed(Box<Best>),
    /// An escalation was raised.
    EscalationRaised(Box<Escalation>),
    /// An escalation was resolved; it is told as it was.
    EscalationResolved(Box<Escalation>),
    /// Escalations went with a transition.
    EscalationsCleared {
        /// Which ones.
        ids: Box<[EscalationId]>,
    },
    /// The list of gates was set.
    GatesSet(Box<Gates>),
    /// One gate was set.
    GateUpdated {
        /// The gate now.
        gate: Box<Gate>,
        /// How far it had come before.
        prior: GateState,
        /// The revision of the gates now.
        revision: GatesRevision,
    },
    /// The gates went with a transition.
    GatesCleared {
        /// The revision of the gates now.
        revision: GatesRevision,
    },
    /// The handoff was replaced.
    HandoffPut(Arc<Handoff>),
    /// A file of an older installation was imported.
    StateImported(Box<BroughtIn>),
    /// The workspace was registered.
    WorkspaceRegistered,
    /// The workspace was deleted, with all that was stored under it.
    WorkspaceDeleted {
        /// The service's revision floor from then on.
        revision_floor: Revision,
    },
    /// A machine gets no new sessions any more.
    MachineCordoned {
        /// Which one.
        machine: MachineId,
    },
    /// A machine gets new sessions again.
    MachineUncordoned {
        /// Which one.
        machine: MachineId,
    },
    /// The server began to serve.
    ServerStarted {
        /// Its version.
        version: String,
        /// How often the store had been acquired before, and once more.
        epoch: u64,
        /// The lease clock's mark, from which it goes on.
        lease_clock: LeaseInstant,
    },
    /// The server was told to drain.
    ServerDrained {
        /// The epoch that it held.
        epoch: u64,
        /// The lease clock then.
        lease_clock: LeaseInstant,
    },
    /// The wall clock was stepped by so many milliseconds, forward if positive.
    ClockStepped {
        /// The step.
        by_ms: i64,
    },
    /// The commit loop stood still for so long, which no holder is charged for.
    StallSeen {
        /// The length of the stall.
        stalled_for: Span,
    },
}

/// Who did what is being recorded, when and from where.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// When.
    pub at: WallTime,
    /// Who was authenticated.
    pub principal: Principal,
    /// Who acted, as claimed.
    pub actor: Option<ActorId>,
    /// Where the call came from.
    pub address: Option<Arc<str>>,
}

/// The event that `change` is, given the tenure before and the workspace after it; absent for a
/// beat and what it tells, for an activity that is not due for the log, for what goes with the
/// end of a session, and for a change that does not fit the workspace.
#[must_use]
pub fn derive(before: &Tenure, change: &Change, after: &Workspace, stamp: &Stamp) -> Option<Event> {
    let what = what(before, change, after)?;
    let stored = |tenure: &Tenure| tenure.session.as_ref().map(Facts::of);
    let concerned = match change {
        Change::Minted { session, .. } => session.id.clone(),
        Change::Imported { what } if what.session.is_some() => after.session_id().cloned(),
        _ => before.session.as_ref().and_then(|session| session.id.clone()),
    };
    let why = match change {
        Change::Ended { entry } => entry.why.clone(),
        Change::TransferScheduled { transfer, .. } => Some(transfer.reason.clone()),
        Change::TransferCancelled { why, .. } | Change::EscalationResolved { why, .. } => {
            why.clone()
        }
        Change::EscalationRaised { escalation } => Some(escalation.reason.clone()),
        _ => None,
    };
    Some(Event {
        at: stamp.at,
        key: Some(after.key.clone()),
        session_id: concerned,
        // A deleted workspace has none; the event tells its last one.
        revision: after.tenure.revision.or(before.revision),
        principal: stamp.principal.clone(),
        actor: stamp.actor.clone(),
        why,
        address: stamp.address.clone(),
        before: stored(before),
        after: stored(&after.tenure),
        what,
    })
}

fn what(before: &Tenure, change: &Change, after: &Workspace) -> Option<What> {
    Some(match change {
        Change::Renewed { .. }
        | Change::Claimed
        | Change::ActivitySet { logged_at: None, .. }
        | Change::GatesApplied { .. }
        | Change::WorkStreamTouched { .. }
        | Change::UsageReported { .. }
        | Change::CheckpointSet { .. }
        | Change::SectionSet { .. }
        | Change::SectionRemoved { .. }
        | Change::Dropped { .. }
        | Change::OriginSet { registered: false, .. }
        | Change::BaselineTaken { .. } => return None,
        Change::ActivitySet { activity, .. } => What::ActivityChanged(activity.clone()),
        Change::Minted { session, prior } => {
            What::SessionStarted { session: session.clone(), prior: prior.clone() }
        }
        Change::Refreshed { session, .. } => What::SessionRefreshed(session.clone()),
        Change::ExpiryRecorded { expired_at, .. } => What::SessionExpired {
            session: Box::new(after.tenure.session.clone()?),
            expired_at: *expired_at,
        },
        Change::Ended { entry } => What::SessionEnded {
            entry: entry.clone(),
            transfer_completed: completes(before.transfer.as_ref(), entry),
        },
        Change::TransferScheduled { transfer } => {
            What::TransferScheduled { transfer: transfer.clone() }
        }
        Change::TransferCancelled { replaced, .. } => What::TransferCancelled {
            transfer: Box::new(before.transfer.clone()?),
            replaced: *replaced,
        },
        Change::Stalled { best } => What::SessionStalled(best.clone()),
        Change::Resumed { best } => What::SessionResumed(best.clone()),
        Change::EscalationRaised { escalation } => What::EscalationRaised(escalation.clone()),
        Change::EscalationResolved { escalation, .. } => {
            What::EscalationResolved(escalation.clone())
        }
        Change::EscalationsCleared { ids } => What::EscalationsCleared { ids: ids.clone() },
        Change::GatesPut { gates, revision } => {
            let applied = after.tenure.session.as_ref().and_then(|s| s.applied_gates_revision);
            let list = Arc::clone(gates);
            What::GatesSet(Box::new(Gates { list, revision: *revision, applied }))
        }
        Change::GateUpdated { gate, prior, revision } => {
            What::GateUpdated { gate: gate.clone(), prior: *prior, revision: *revision }
        }
        Change::GatesCleared { revision } => What::GatesCleared { revision: *revision },
        Change::OriginSet { registered: true, .. } => What::WorkspaceRegistered,
        Change::WorkspaceDeleted { revision_floor } => {
            What::WorkspaceDeleted { revision_floor: *revision_floor }
        }
        Change::HandoffPut { handoff } => What::HandoffPut(Arc::clone(handoff)),
        Change::Imported { what } => What::StateImported(what.clone()),
    })
}

/// Whether the end that `entry` seals installed the successor of `pending`.
fn completes(pending: Option<&Transfer>, entry: &LedgerEntry) -> bool {
    pending
        .zip(entry.successor.as_ref())
        .is_some_and(|(transfer, installed)| transfer.successor_session_id == installed.session_id)
}

#[cfg(test)]
mod tests;
