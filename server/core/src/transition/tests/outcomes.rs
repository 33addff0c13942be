//! What can become of each row: kept, dropped, sealed, taken.

use super::*;
use crate::work_stream::WorkStreams;

impl Passed {
    pub(super) fn entry(&self) -> &LedgerEntry {
        let [entry] = sealed(&self.changes)[..] else { panic!("one session ended") };
        entry
    }

    pub(super) fn keeps_activity(&self) {
        let activity = |at: &Workspace| at.tenure.session.as_ref().unwrap().activity.clone();
        assert!(activity(&self.before).is_some());
        assert_eq!(activity(&self.after), activity(&self.before));
    }

    pub(super) fn drops_activity(&self) {
        let session = self.after.tenure.session.as_ref();
        assert!(session.is_none_or(|session| session.activity.is_none()));
    }

    /// Dropped, and told in the entry that seals it.
    pub(super) fn returns_activity(&self) {
        self.drops_activity();
        let activity = self.before.tenure.session.as_ref().unwrap().activity.clone();
        assert!(activity.is_some());
        assert_eq!(self.entry().last_activity, activity);
        match &self.reply {
            None => {}
            Some(Reply::TakenOver(taken)) => assert_eq!(taken.prior.last_activity, activity),
            Some(Reply::Forced(forced)) => assert_eq!(forced.prior.session.activity, activity),
            Some(Reply::Yielded(yielded)) => assert_eq!(yielded.ended.last_activity, activity),
            Some(Reply::Cleared(cleared)) => {
                assert_eq!(cleared.ended.as_ref().unwrap().last_activity, activity);
            }
            Some(Reply::Started(started)) => {
                assert_eq!(started.predecessor.as_ref().unwrap().last_activity, activity);
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn keeps_work_streams(&self) {
        assert_eq!(self.after.around().progress.work_streams, streams(&self.before));
        let stalls_at = |at: &Workspace| at.tenure.session.as_ref().unwrap().stalls_at;
        assert!(stalls_at(&self.before).is_some());
        assert_eq!(stalls_at(&self.after), stalls_at(&self.before));
    }

    pub(super) fn drops_work_streams(&self) {
        assert!(!streams(&self.before).streams.is_empty());
        self.has_no_work_streams();
    }

    pub(super) fn has_no_work_streams(&self) {
        assert!(self.after.around().progress.work_streams.streams.is_empty());
        let session = self.after.tenure.session.as_ref();
        assert!(session.is_none_or(|new| new.stalls_at.is_none() && !new.stalled));
    }

    pub(super) fn keeps_usage_and_sections(&self) {
        let of =
            |at: &Workspace| (at.around().progress.usage.clone(), at.around().sections.clone());
        assert!(of(&self.before).0.is_some() && !of(&self.before).1.is_empty());
        assert_eq!(of(&self.after), of(&self.before));
    }

    pub(super) fn seals_and_drops_usage_and_sections(&self) {
        let usage = &self.before.around().progress.usage;
        assert!(usage.is_some() && !self.before.around().sections.is_empty());
        assert_eq!(self.entry().usage, *usage);
        assert_eq!(self.entry().focus.as_deref(), Some("review"));
        assert_eq!(self.after.around().progress.usage, None);
        assert!(self.after.around().sections.is_empty());
    }

    pub(super) fn keeps_gates(&self) {
        assert!(!self.before.around().gates.is_empty());
        assert_eq!(self.after.around().gates, self.before.around().gates);
        let revision = |at: &Workspace| at.tenure.signals.gates_revision;
        assert_eq!(revision(&self.after), revision(&self.before));
    }

    pub(super) fn drops_gates(&self) {
        assert!(!self.before.around().gates.is_empty());
        assert!(self.after.around().gates.is_empty());
        let before = self.before.tenure.signals.gates_revision;
        assert_eq!(self.after.tenure.signals.gates_revision, before.next());
    }

    fn escalations(&self, kind: EscalationKind) -> usize {
        let of_kind = |at: &Workspace| {
            at.around().escalations.iter().filter(|open| open.kind == kind).count()
        };
        assert_eq!(of_kind(&self.before), 1);
        let blocking = self.after.tenure.signals.blocking.as_deref();
        assert_eq!(
            blocking.is_some(),
            self.after
                .around()
                .escalations
                .iter()
                .any(|open| { open.kind == EscalationKind::Blocking })
        );
        of_kind(&self.after)
    }

    pub(super) fn keeps_non_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::NonBlocking), 1);
    }

    pub(super) fn drops_non_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::NonBlocking), 0);
    }

    pub(super) fn keeps_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::Blocking), 1);
    }

    pub(super) fn drops_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::Blocking), 0);
    }

    /// Kept, and told to whoever holds the workspace now.
    pub(super) fn keeps_checkpoint(&self) {
        assert!(self.before.around().checkpoint.is_some());
        assert_eq!(self.after.around().checkpoint, self.before.around().checkpoint);
        if let Some(found) = self.found() {
            assert_eq!(found.checkpoint, self.after.around().checkpoint);
        }
    }

    pub(super) fn drops_checkpoint(&self) {
        assert!(self.before.around().checkpoint.is_some());
        assert_eq!(self.after.around().checkpoint, None);
    }

    pub(super) fn keeps_handoff(&self) {
        assert!(self.before.around().handoff.is_some());
        assert_eq!(self.after.around().handoff, self.before.around().handoff);
        if let Some(found) = self.found() {
            assert_eq!(found.handoff, self.after.around().handoff);
            assert_eq!(found.signals, self.after.tenure.signals);
        }
    }

    fn found(&self) -> Option<&Found> {
        match &self.reply {
            Some(Reply::Started(started)) => Some(&started.found),
            Some(Reply::TakenOver(taken)) => Some(&taken.found),
            Some(Reply::Forced(forced)) => Some(&forced.found),
            _ => None,
        }
    }

    pub(super) fn seals(&self, cause: EndCause) {
        assert_eq!(self.entry().cause, cause);
    }

    pub(super) fn seals_nothing(&self) {
        assert!(sealed(&self.changes).is_empty());
    }

    pub(super) fn takes_baseline(&self) {
        assert_eq!(self.after.around().baseline, Some(Digests::of(&self.after).into()));
        assert_ne!(self.after.around().baseline, self.before.around().baseline);
    }

    pub(super) fn leaves_baseline(&self) {
        assert!(self.before.around().baseline.is_some());
        assert_eq!(self.after.around().baseline, self.before.around().baseline);
    }

    pub(super) fn drops_baseline(&self) {
        assert!(self.before.around().baseline.is_some());
        assert_eq!(self.after.around().baseline, None);
    }
}

fn streams(workspace: &Workspace) -> WorkStreams {
    workspace.around().progress.work_streams.clone()
}
