//! The last table of semantics.md, section 2, cell by cell: the columns, as commands, and what
//! can become of each row. The cells are in the file beside.

mod cells;

use super::*;
use crate::command::{Command, ForceTakeOver};
use crate::ledger::LedgerEntry;
use crate::reply::Reply;
use crate::session::Session;
use crate::testing::{
    Done, NOW, Scene, clear, force, give_up, lease, lease_of_instance, person, program, sealed,
    start_person, start_with, successor, take_over, transfer_due_at,
};
use crate::time::Span;

/// A transition that has happened.
struct Passed {
    before: Workspace,
    after: Workspace,
    changes: Changes,
    reply: Option<Reply>,
}

fn after(scene: &Scene, command: impl Into<Command>) -> Passed {
    let Done { workspace, changes, reply } = scene.done(command);
    Passed { before: scene.workspace.clone(), after: workspace, changes, reply: Some(reply) }
}

fn by_time(scene: &Scene) -> Passed {
    let (workspace, changes) = scene.settled();
    Passed { before: scene.workspace.clone(), after: workspace, changes, reply: None }
}

fn live() -> Scene {
    Scene::with(program("a").instance("i1")).surrounded().worked()
}

fn stale() -> Scene {
    Scene::with(program("a").stale()).surrounded().worked()
}

// The columns.

fn first_start() -> Passed {
    after(&Scene::free().surrounded(), start_with(lease("a")))
}

fn refresh() -> Passed {
    after(&live(), start_with(lease_of_instance("a", "i1")))
}

fn refresh_by_a_person() -> Passed {
    let session = Session { activity: program("a").activity, ..person() };
    after(&Scene::with(session).surrounded().worked(), start_person())
}

fn start_that_replaces() -> Passed {
    after(&stale(), start_with(lease("a")))
}

fn supersede() -> Passed {
    let mut start = start_with(lease_of_instance("a", "i2"));
    start.supersede = true;
    after(&live(), start)
}

fn takeover() -> Passed {
    after(&stale(), take_over(successor("b")))
}

fn forced_takeover() -> Passed {
    after(&live(), force(successor("b"), Span::ZERO))
}

fn transfer_completed_by_time() -> Passed {
    by_time(&live().pending(transfer_due_at(NOW)))
}

fn transfer_completed_by_a_yield() -> Passed {
    after(&live().pending(transfer_due_at(NOW + 1)), give_up(Some("a")))
}

fn transfer_completed_by_a_clear() -> Passed {
    after(&live().pending(transfer_due_at(NOW + 1)), clear(Some("a")))
}

fn yield_to_nobody() -> Passed {
    after(&live(), give_up(Some("a")))
}

fn clear_of_a_session() -> Passed {
    after(&live(), clear(Some("a")))
}

fn clear_of_nothing() -> Passed {
    let mut scene = Scene::free().surrounded();
    scene.around().baseline = Some(Digests::of(&scene.workspace).into());
    after(&scene, clear(None))
}

// What can become of each row.

impl Passed {
    fn entry(&self) -> &LedgerEntry {
        let [entry] = sealed(&self.changes)[..] else { panic!("one session ended") };
        entry
    }

    fn keeps_activity(&self) {
        let activity = |at: &Workspace| at.tenure.session.as_ref().unwrap().activity.clone();
        assert!(activity(&self.before).is_some());
        assert_eq!(activity(&self.after), activity(&self.before));
    }

    fn drops_activity(&self) {
        let session = self.after.tenure.session.as_ref();
        assert!(session.is_none_or(|session| session.activity.is_none()));
    }

    /// Dropped, and told in the entry that seals it.
    fn returns_activity(&self) {
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

    fn keeps_work_streams(&self) {
        assert_eq!(self.after.around().progress.work_streams, streams(&self.before));
        let stalls_at = |at: &Workspace| at.tenure.session.as_ref().unwrap().stalls_at;
        assert!(stalls_at(&self.before).is_some());
        assert_eq!(stalls_at(&self.after), stalls_at(&self.before));
    }

    fn drops_work_streams(&self) {
        assert!(!streams(&self.before).streams.is_empty());
        self.has_no_work_streams();
    }

    fn has_no_work_streams(&self) {
        assert!(self.after.around().progress.work_streams.streams.is_empty());
        let session = self.after.tenure.session.as_ref();
        assert!(session.is_none_or(|new| new.stalls_at.is_none() && !new.stalled));
    }

    fn keeps_usage_and_sections(&self) {
        let of =
            |at: &Workspace| (at.around().progress.usage.clone(), at.around().sections.clone());
        assert!(of(&self.before).0.is_some() && !of(&self.before).1.is_empty());
        assert_eq!(of(&self.after), of(&self.before));
    }

    fn seals_and_drops_usage_and_sections(&self) {
        let usage = &self.before.around().progress.usage;
        assert!(usage.is_some() && !self.before.around().sections.is_empty());
        assert_eq!(self.entry().usage, *usage);
        assert_eq!(self.entry().focus.as_deref(), Some("review"));
        assert_eq!(self.after.around().progress.usage, None);
        assert!(self.after.around().sections.is_empty());
    }

    fn keeps_gates(&self) {
        assert!(!self.before.around().gates.is_empty());
        assert_eq!(self.after.around().gates, self.before.around().gates);
        let revision = |at: &Workspace| at.tenure.signals.gates_revision;
        assert_eq!(revision(&self.after), revision(&self.before));
    }

    fn drops_gates(&self) {
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

    fn keeps_non_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::NonBlocking), 1);
    }

    fn drops_non_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::NonBlocking), 0);
    }

    fn keeps_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::Blocking), 1);
    }

    fn drops_blocking(&self) {
        assert_eq!(self.escalations(EscalationKind::Blocking), 0);
    }

    /// Kept, and told to whoever holds the workspace now.
    fn keeps_checkpoint(&self) {
        assert!(self.before.around().checkpoint.is_some());
        assert_eq!(self.after.around().checkpoint, self.before.around().checkpoint);
        if let Some(found) = self.found() {
            assert_eq!(found.checkpoint, self.after.around().checkpoint);
        }
    }

    fn drops_checkpoint(&self) {
        assert!(self.before.around().checkpoint.is_some());
        assert_eq!(self.after.around().checkpoint, None);
    }

    fn keeps_handoff(&self) {
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

    fn seals(&self, cause: EndCause) {
        assert_eq!(self.entry().cause, cause);
    }

    fn seals_nothing(&self) {
        assert!(sealed(&self.changes).is_empty());
    }

    fn takes_baseline(&self) {
        assert_eq!(self.after.around().baseline, Some(Digests::of(&self.after).into()));
        assert_ne!(self.after.around().baseline, self.before.around().baseline);
    }

    fn leaves_baseline(&self) {
        assert!(self.before.around().baseline.is_some());
        assert_eq!(self.after.around().baseline, self.before.around().baseline);
    }

    fn drops_baseline(&self) {
        assert!(self.before.around().baseline.is_some());
        assert_eq!(self.after.around().baseline, None);
    }
}

fn streams(workspace: &Workspace) -> crate::work_stream::WorkStreams {
    workspace.around().progress.work_streams.clone()
}

#[test]
fn dry_run_of_a_forced_takeover_changes_nothing_around_either() {
    let dry = ForceTakeOver { dry_run: true, ..force(successor("b"), Span::ZERO) };
    let passed = after(&live(), dry);
    assert_eq!(passed.after, passed.before);
    passed.keeps_handoff();
}

#[test]
fn clearings_are_about_the_session_that_goes_and_the_baseline_is_of_the_one_that_comes() {
    let changes = start_that_replaces().changes;
    let place = |wanted: fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
    let ended = place(|change| matches!(change, Change::Ended { .. }));
    assert!(place(|change| matches!(change, Change::EscalationsCleared { .. })) < ended);
    assert!(place(|change| matches!(change, Change::GatesCleared { .. })) < ended);
    assert!(matches!(changes.last(), Some(Change::BaselineTaken { .. })));
}

#[test]
fn what_is_not_there_is_not_dropped() {
    let done = Scene::with(program("a")).done(clear(Some("a")));
    assert!(matches!(&done.changes[..], [Change::Ended { .. }]));
}
