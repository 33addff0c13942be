//! Applies changes. Deliberately dull: every rule is in the functions that decide.

use crate::change::Change;
use crate::session::{Holder, Revision};
use crate::workspace::Workspace;

/// Applies one change. A change about a session where none is stored leaves the workspace as
/// it is.
pub fn evolve(workspace: &mut Workspace, change: &Change) {
    let tenure = &mut workspace.tenure;
    if let Change::Minted { session, .. } = change {
        tenure.revision = Some(Revision(session.token.0));
        tenure.session = Some((**session).clone());
        tenure.transfer = None;
        return;
    }
    let Some(session) = &mut tenure.session else { return };
    match change {
        // Handled above: the only change that needs no session.
        Change::Minted { .. } => {}
        Change::Renewed { revision, renewal } => {
            session.beats = session.beats.saturating_add(1);
            if let Holder::Autonomous(autonomous) = &mut session.holder {
                autonomous.renewal = Some(*renewal);
            }
            tenure.revision = Some(*revision);
        }
        Change::ActivitySet { activity, logged_at } => {
            session.activity = Some((**activity).clone());
            session.activity_logged_at = logged_at.or(session.activity_logged_at);
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
    }
}

#[cfg(test)]
mod tests;
