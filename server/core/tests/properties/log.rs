//! The event log, read as a stranger would: from the events alone it rebuilds the state.

use std::collections::BTreeSet;
use std::sync::Arc;

use tenure_core::content::Digest;
use tenure_core::escalation::Escalation;
use tenure_core::event::{Event, What};
use tenure_core::gate::Gate;
use tenure_core::handoff::Handoff;
use tenure_core::session::{Holder, Session};
use tenure_core::workspace::{Tenure, Workspace};

/// What the events so far add up to.
#[derive(Default)]
pub struct Log {
    pub tenure: Tenure,
    escalations: Vec<Escalation>,
    gates: Vec<Gate>,
    handoff: Option<Arc<Handoff>>,
    imported: BTreeSet<Digest>,
    /// The kinds of events that were read.
    pub seen: BTreeSet<&'static str>,
}

impl Log {
    /// Reads the event of one change, if it was one; `after` is the workspace then.
    pub fn read(&mut self, event: Option<&Event>, after: &Workspace) {
        let Some(event) = event else { return };
        let stored = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), *event);
        assert_eq!(event.revision, after.tenure.revision);
        match &event.what {
            What::SessionStarted { session, .. } => {
                self.tenure.session = Some((**session).clone());
                self.tenure.transfer = None;
            }
            What::SessionRefreshed(session) => self.tenure.session = Some((**session).clone()),
            What::SessionExpired { session, .. } => {
                self.tenure.session.as_mut().unwrap().expiry_recorded = true;
                let rebuilt = self.tenure.session.as_ref().map(without_beats);
                assert_eq!(rebuilt, Some(without_beats(session)));
            }
            What::SessionEnded { transfer_completed, .. } => {
                // What a forced takeover replaces has been cancelled before.
                assert_eq!(self.tenure.transfer.is_some(), *transfer_completed);
                let signals = self.tenure.signals.clone();
                self.tenure = Tenure { signals, ..Tenure::default() };
            }
            What::TransferScheduled { transfer } => {
                assert_eq!(self.tenure.transfer, None);
                assert_eq!(Some(transfer.revision), event.revision);
                self.tenure.transfer = Some((**transfer).clone());
            }
            What::TransferCancelled { transfer, .. } => {
                assert_eq!(self.tenure.transfer.take().as_ref(), Some(&**transfer));
            }
            What::ActivityChanged(_) => {}
            What::SessionStalled(_) => {
                self.tenure.session.as_mut().unwrap().stalled = true;
                self.seen.insert("SESSION_STALLED");
            }
            What::SessionResumed(_) => {
                self.tenure.session.as_mut().unwrap().stalled = false;
                self.seen.insert("SESSION_RESUMED");
            }
            what => self.read_of_surroundings(what),
        }
    }

    fn read_of_surroundings(&mut self, what: &What) {
        let gates_revision = &mut self.tenure.signals.gates_revision;
        match what {
            What::EscalationRaised(raised) => self.escalations.push((**raised).clone()),
            What::EscalationResolved(resolved) => {
                let at = self.escalations.iter().position(|open| open == &**resolved).unwrap();
                self.escalations.remove(at);
            }
            What::EscalationsCleared { ids } => {
                let before = self.escalations.len();
                self.escalations.retain(|open| !ids.contains(&open.id));
                assert_eq!(before - self.escalations.len(), ids.len());
                self.seen.insert("ESCALATIONS_CLEARED");
            }
            What::GatesSet(gates) => {
                self.gates = gates.list.to_vec();
                *gates_revision = gates.revision;
            }
            What::GateUpdated { gate, prior, revision } => {
                let known = self.gates.iter_mut().find(|known| known.name == gate.name).unwrap();
                assert_eq!(known.state, *prior);
                *known = (**gate).clone();
                *gates_revision = *revision;
            }
            What::GatesCleared { revision } => {
                self.gates.clear();
                *gates_revision = *revision;
                self.seen.insert("GATES_CLEARED");
            }
            What::StateImported(what) => {
                self.imported.insert(what.digest);
                self.escalations.extend(what.escalations.iter().cloned());
                self.escalations.sort_by_key(|open| open.raised_at);
                if let Some(session) = &what.session {
                    assert_eq!(self.tenure.session.replace(session.clone()), None);
                }
                self.seen.insert("STATE_IMPORTED");
            }
            What::WorkspaceRegistered => {}
            What::HandoffPut(handoff) => self.handoff = Some(Arc::clone(handoff)),
            other => panic!("no change of a workspace is {other:?}"),
        }
    }

    /// Whether the log has reproduced the session, without what beats move, and the transfer.
    pub fn reproduces(&self, workspace: &Workspace) {
        let rebuilt = self.tenure.session.as_ref().map(without_beats);
        assert_eq!(rebuilt, workspace.tenure.session.as_ref().map(without_beats));
        assert_eq!(self.tenure.transfer, workspace.tenure.transfer);
        let (around, signals) = (workspace.around(), &workspace.tenure.signals);
        assert_eq!(self.tenure.signals.gates_revision, signals.gates_revision);
        assert_eq!(self.escalations, around.escalations);
        assert_eq!(self.gates, around.gates);
        assert_eq!(self.handoff, around.handoff);
        assert_eq!(self.imported, around.imported);
    }
}

/// The session without what beats move: activity, lease times, the count of beats, and what
/// they tell of work streams and gates.
fn without_beats(session: &Session) -> Session {
    let mut session = Session {
        activity: None,
        activity_logged_at: None,
        beats: 0,
        applied_gates_revision: None,
        stalls_at: None,
        unclaimed: false,
        ..session.clone()
    };
    if let Holder::Autonomous(held) = &mut session.holder {
        held.renewal = None;
    }
    session
}
