//! Applies changes. Deliberately dull: every rule is in the functions that decide.

use crate::change::Change;
use crate::session::{Holder, Revision};
use crate::workspace::Workspace;

/// Applies one change. A change that does not fit the state (one about a session where none is
/// stored) leaves it as it is.
pub fn evolve(workspace: &mut Workspace, change: &Change) {
    let tenure = &mut workspace.tenure;
    match change {
        Change::Renewed { revision, renewal } => {
            if let Some(session) = &mut tenure.session {
                session.beats = session.beats.saturating_add(1);
                if let Holder::Autonomous(autonomous) = &mut session.holder {
                    autonomous.renewal = Some(*renewal);
                }
                tenure.revision = Some(*revision);
            }
        }
        Change::ActivitySet { activity, logged_at } => {
            if let Some(session) = &mut tenure.session {
                session.activity = Some((**activity).clone());
                session.activity_logged_at = logged_at.or(session.activity_logged_at);
            }
        }
        Change::Minted { session } => {
            tenure.revision = Some(Revision(session.token.0));
            tenure.session = Some((**session).clone());
            tenure.transfer = None;
        }
        Change::Refreshed { revision, session } => {
            tenure.revision = Some(*revision);
            tenure.session = Some((**session).clone());
        }
        Change::ExpiryRecorded { revision, .. } => {
            if let Some(session) = &mut tenure.session {
                session.expiry_recorded = true;
                tenure.revision = Some(*revision);
            }
        }
        Change::Ended { entry } => {
            tenure.revision = Some(entry.revision);
            tenure.session = None;
            tenure.transfer = None;
        }
        Change::TransferScheduled { revision, transfer } => {
            if tenure.session.is_some() {
                tenure.revision = Some(*revision);
                tenure.transfer = Some((**transfer).clone());
            }
        }
        Change::TransferCancelled { revision } => {
            tenure.revision = Some(*revision);
            tenure.transfer = None;
        }
    }
}
