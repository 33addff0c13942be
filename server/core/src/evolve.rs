//! Applies changes. Deliberately dull: every rule is in the functions that decide.

use std::sync::Arc;

use crate::change::Change;
use crate::escalation::Blocking;
use crate::parts::Parts;
use crate::session::{Holder, Revision, Session};
use crate::surroundings::{Progress, Signals, Surroundings};
use crate::work_stream::WorkStreams;
use crate::workspace::{Tenure, Workspace};

/// Applies one change. A change about a session where none is stored leaves the workspace as
/// it is; a part of the surroundings is changed only if they are loaded.
pub fn evolve(workspace: &mut Workspace, change: &Change) {
    let tenure = &mut workspace.tenure;
    match change {
        Change::Minted { session, .. } => {
            tenure.revision = Some(Revision(session.token.0));
            tenure.session = Some((**session).clone());
            tenure.transfer = None;
        }
        Change::Imported { what } => {
            if let Some(session) = &what.session {
                tenure.revision = Some(Revision(session.token.0));
                tenure.session = Some(session.clone());
                tenure.transfer = None;
            }
        }
        Change::OriginSet { origin, .. } => tenure.origin = Some(Arc::clone(origin)),
        Change::WorkspaceDeleted { .. } => {
            *workspace = Workspace::unknown(workspace.key.clone());
            return;
        }
        Change::GatesPut { revision, .. }
        | Change::GateUpdated { revision, .. }
        | Change::GatesCleared { revision } => tenure.signals.gates_revision = *revision,
        _ => of_session(tenure, change),
    }
    if let Some(around) = &mut workspace.surroundings {
        of_surroundings(around, &mut workspace.tenure.signals, change);
    }
}

/// What is about the stored session.
fn of_session(tenure: &mut Tenure, change: &Change) {
    let Some(session) = &mut tenure.session else { return };
    match change {
        Change::Renewed { revision, renewal } => {
            session.beats = session.beats.saturating_add(1);
            if let Holder::Autonomous(autonomous) = &mut session.holder {
                autonomous.renewal = Some(*renewal);
            }
            tenure.revision = Some(*revision);
        }
        Change::Refreshed { revision, session: refreshed } => {
            *session = (**refreshed).clone();
            tenure.revision = Some(*revision);
        }
        Change::ExpiryRecorded { revision, .. } => {
            session.expiry_recorded = true;
            tenure.revision = Some(*revision);
        }
        Change::Ended { entry } => {
            tenure.session = None;
            tenure.transfer = None;
            tenure.revision = Some(entry.revision);
        }
        Change::TransferScheduled { transfer } => {
            tenure.transfer = Some((**transfer).clone());
            tenure.revision = Some(transfer.revision);
        }
        Change::TransferCancelled { revision, .. } => {
            tenure.transfer = None;
            tenure.revision = Some(*revision);
        }
        _ => of_progress(session, change),
    }
}

/// What the owner says of its work, and what time makes of its silence.
fn of_progress(session: &mut Session, change: &Change) {
    match change {
        Change::ActivitySet { activity, logged_at } => {
            session.activity = Some((**activity).clone());
            session.activity_logged_at = logged_at.or(session.activity_logged_at);
        }
        Change::Claimed => session.unclaimed = false,
        Change::GatesApplied { revision } => session.applied_gates_revision = Some(*revision),
        Change::WorkStreamTouched { touch } => session.stalls_at = Some(touch.stalls_at),
        Change::Stalled { .. } => session.stalled = true,
        Change::Resumed { .. } => session.stalled = false,
        _ => {}
    }
}

fn of_surroundings(around: &mut Surroundings, signals: &mut Signals, change: &Change) {
    match change {
        Change::EscalationRaised { escalation } => {
            around.escalations.push((**escalation).clone());
        }
        Change::EscalationResolved { escalation, .. } => {
            around.escalations.retain(|open| open.id != escalation.id);
        }
        Change::EscalationsCleared { ids } => {
            around.escalations.retain(|open| !ids.contains(&open.id));
        }
        Change::GatesPut { gates, .. } => around.gates = gates.to_vec(),
        Change::GateUpdated { gate, .. } => {
            around.gates.iter_mut().filter(|stored| stored.name == gate.name).for_each(|stored| {
                *stored = (**gate).clone();
            });
        }
        Change::GatesCleared { .. } => around.gates.clear(),
        Change::Imported { what } => {
            around.imported.insert(what.digest);
            around.escalations.extend(what.escalations.iter().cloned());
            // What is brought in may be older than what is open; the oldest comes first.
            around.escalations.sort_by_key(|open| open.raised_at);
        }
        Change::HandoffPut { handoff } => around.handoff = Some(Arc::clone(handoff)),
        // An empty one is none.
        Change::CheckpointSet { checkpoint } => {
            let content = Some(checkpoint).filter(|checkpoint| !checkpoint.content.is_empty());
            around.checkpoint = content.cloned();
        }
        Change::WorkStreamTouched { touch } => around.progress.work_streams.apply(touch),
        Change::UsageReported { usage } => around.progress.usage = Some((**usage).clone()),
        Change::SectionSet { section } => {
            around.sections.insert(section.name.clone(), Arc::clone(section));
        }
        Change::SectionRemoved { name } => {
            around.sections.remove(name);
        }
        Change::BaselineTaken { digests } => around.baseline = Some(Arc::clone(digests)),
        Change::Dropped { parts } => drop_parts(around, *parts),
        _ => {}
    }
    if change.touches().meets(Parts::ESCALATIONS) {
        signals.blocking = Blocking::among(&around.escalations).map(Arc::new);
    }
}

fn drop_parts(around: &mut Surroundings, parts: Parts) {
    let Progress { work_streams, usage } = &mut around.progress;
    if parts.meets(Parts::WORK_STREAMS) {
        *work_streams = WorkStreams::NONE;
    }
    if parts.meets(Parts::USAGE) {
        *usage = None;
    }
    if parts.meets(Parts::SECTIONS) {
        around.sections.clear();
    }
    if parts.meets(Parts::CHECKPOINT) {
        around.checkpoint = None;
    }
    if parts.meets(Parts::BASELINE) {
        around.baseline = None;
    }
}

#[cfg(test)]
mod tests;
