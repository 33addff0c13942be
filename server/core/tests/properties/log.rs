//! The event log, read as a stranger would: from the events alone it rebuilds the state.

use tenure_core::event::{Event, What};
use tenure_core::session::{Holder, Session};
use tenure_core::workspace::{Tenure, Workspace};

/// What the events so far add up to.
#[derive(Default)]
pub struct Log {
    pub tenure: Tenure,
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
                self.tenure = Tenure::default();
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
            other => panic!("no change of a workspace is {other:?}"),
        }
    }

    /// Whether the log has reproduced the session, without what beats move, and the transfer.
    pub fn reproduces(&self, workspace: &Workspace) {
        let rebuilt = self.tenure.session.as_ref().map(without_beats);
        assert_eq!(rebuilt, workspace.tenure.session.as_ref().map(without_beats));
        assert_eq!(self.tenure.transfer, workspace.tenure.transfer);
    }
}

/// The session without activity, lease times and the count of beats.
fn without_beats(session: &Session) -> Session {
    let mut session =
        Session { activity: None, activity_logged_at: None, beats: 0, ..session.clone() };
    if let Holder::Autonomous(held) = &mut session.holder {
        held.renewal = None;
    }
    session
}
