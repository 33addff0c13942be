//! Forced takeover: at once, after a grace, and each row of the pending-transfer table that is
//! not the test of another operation (start, heartbeat, takeover, yield and clear have theirs).

use super::*;
use crate::command::{CancelTransfer, Command, RequestedSuccessor};
use crate::session::{Holder, Mode, Successor};
use crate::testing::{
    Done, NOW, RENEWED, REVISION, Scene, TTL, actor, at, beat, expecting, force, machine, person,
    program, successor, transfer_due_at,
};

fn forced(done: &Done) -> &Forced {
    match &done.reply {
        Reply::Forced(forced) => forced,
        other => panic!("not a forced takeover's answer: {other:?}"),
    }
}

fn installed(done: &Done) -> &SessionView {
    match &forced(done).outcome {
        ForcedOutcome::Installed(view) => view,
        other => panic!("not installed: {other:?}"),
    }
}

fn scheduled(done: &Done) -> &Transfer {
    match &forced(done).outcome {
        ForcedOutcome::Scheduled(transfer) => transfer,
        other => panic!("not scheduled: {other:?}"),
    }
}

const GRACE: Span = Span::from_secs(30);

#[test]
fn force_on_nothing_is_no_session() {
    assert_eq!(Scene::free().refused(force(successor("b"), GRACE)), Reason::NoSession);
    let expected = expecting(Some("ses_gone"), None);
    let request = ForceTakeOver { expected, ..force(successor("b"), GRACE) };
    assert_eq!(Scene::unknown().cordoned().refused(request), Reason::NoSession);
}

#[test]
fn force_on_a_newcomer_is_session_mismatch_before_the_rule() {
    let scene = Scene::with(person()).cordoned();
    let request = |expected| ForceTakeOver { expected, ..force(successor("b"), GRACE) };
    let mismatch = scene.refused(request(expecting(Some("ses_gone"), Some(1))));
    assert_eq!(mismatch, Reason::SessionMismatch);
    assert_eq!(scene.refused(request(expecting(None, Some(1)))), Reason::RevisionMismatch);
}

#[test]
fn force_without_a_ttl_on_either_side_is_lease_incomplete_before_machine_cordoned() {
    let scene = Scene::with(person()).cordoned();
    assert_eq!(scene.refused(force(successor("b"), Span::ZERO)), Reason::LeaseIncomplete);
    let request = force(RequestedSuccessor::Interactive, Span::ZERO);
    assert_eq!(scene.refused(request), Reason::MachineCordoned);
}

#[test]
fn force_without_grace_installs_at_once_whatever_is_stored() {
    let stored = [
        (person(), None),
        (person().stale(), None),
        (person().without_id(), None),
        (program("a"), Some(LeaseInstant(RENEWED).after(TTL))),
        (program("a").stale(), None),
        (program("a").without_id(), None),
        (program("a").without_owner(), Some(LeaseInstant(RENEWED).after(TTL))),
    ];
    for (session, may_act_until) in stored {
        let scene = Scene::with(session.clone());
        let done = scene.done(force(RequestedSuccessor::Interactive, Span::ZERO));
        assert_eq!(forced(&done).prior_holder_may_act_until, may_act_until, "{session:?}");
        assert_eq!(forced(&done).prior.session, session);
        let after = SessionView::of(&done.workspace, &scene.context.clock);
        assert_eq!(Some(installed(&done)), after.as_ref());
        assert_eq!((done.revision(), done.session().token.0), (REVISION.0 + 1, REVISION.0 + 1));
        let [entry] = done.sealed()[..] else { panic!("one session ended") };
        assert_eq!((entry.cause, entry.ended_at), (EndCause::ForceTakenOver, at(NOW).wall));
        assert_eq!((entry.why.as_deref(), entry.ended_by.as_str()), (Some("urgent"), "caller"));
    }
}

#[test]
fn force_installs_a_named_program_that_inherits_as_a_takeover_does() {
    let scene = Scene::with(program("a").supervised_by("chief").instance("i1"));
    let request =
        ForceTakeOver { machine: Some(machine("m2")), ..force(successor("b"), Span::ZERO) };
    let done = scene.done(request);
    let held = done.session().autonomous().unwrap();
    assert_eq!((&held.actor, &held.supervisor), (&Some(actor("b")), &Some(actor("chief"))));
    assert_eq!((held.ttl, &held.instance), (Some(TTL), &None));
    assert_eq!(held.renewal.unwrap().expires_at, LeaseInstant(NOW).after(TTL));
    assert_eq!(
        (done.session().mode, &done.session().machine),
        (Mode::Research, &Some(machine("m2")))
    );
    assert_eq!(done.session().id.as_ref().unwrap().as_str(), "ses_new");
}

#[test]
fn force_by_the_same_actor_is_a_new_tenure() {
    let done = Scene::with(program("a")).done(force(successor("a"), Span::ZERO));
    assert_eq!(done.session().actor(), Some(&actor("a")));
    assert_eq!((done.session().token.0, done.session().start_count), (REVISION.0 + 1, 1));
}

#[test]
fn force_with_grace_of_a_live_session_schedules_a_transfer_with_all_that_it_needs() {
    let scene = Scene::with(program("a").supervised_by("chief"));
    let request = ForceTakeOver { machine: Some(machine("m2")), ..force(successor("b"), GRACE) };
    let done = scene.done(request);
    let transfer = scheduled(&done);
    assert_eq!(done.workspace.tenure.transfer.as_ref(), Some(transfer));
    let inherited = Successor::Autonomous {
        actor: actor("b"),
        ttl: TTL,
        supervisor: Some(actor("chief")),
        instance: None,
    };
    assert_eq!(transfer.successor, inherited);
    assert_eq!(transfer.successor_session_id.as_str(), "ses_new");
    assert_eq!((transfer.scheduled_at, transfer.deadline), (at(NOW), LeaseInstant(NOW + 30_000)));
    assert_eq!((&*transfer.reason, transfer.principal.as_str()), ("urgent", "caller"));
    assert_eq!(transfer.machine, Some(machine("m2")));
    // The session goes on, and the revision rises.
    assert_eq!((done.session(), done.revision()), (scene.session(), REVISION.0 + 1));
    assert!(done.sealed().is_empty());
}

#[test]
fn force_with_grace_of_a_person_schedules_and_no_lease_was_promised() {
    let done = Scene::with(person()).done(force(RequestedSuccessor::Interactive, GRACE));
    assert_eq!(scheduled(&done).successor, Successor::Interactive);
    assert_eq!(forced(&done).prior_holder_may_act_until, None);
}

#[test]
fn force_with_grace_of_a_stale_session_is_at_once() {
    for session in [person().stale(), program("a").stale(), person().without_id()] {
        let done = Scene::with(session).done(force(RequestedSuccessor::Interactive, GRACE));
        assert!(!installed(&done).stale);
        assert_eq!(done.workspace.tenure.transfer, None);
    }
}

#[test]
fn holder_may_act_until_its_lease_or_the_deadline_whichever_is_later() {
    // The lease runs for 50 s more, the grace is shorter, then longer.
    let until = |grace| {
        let done = Scene::with(program("a")).done(force(successor("b"), grace));
        forced(&done).prior_holder_may_act_until
    };
    assert_eq!(until(Span::from_secs(30)), Some(LeaseInstant(NOW + 50_000)));
    assert_eq!(until(Span::from_secs(90)), Some(LeaseInstant(NOW + 90_000)));
}

#[test]
fn pending_transfer_does_not_hide_what_the_holder_was_promised_before_it() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let done = scene.done(force(successor("b"), Span::ZERO));
    assert_eq!(forced(&done).prior_holder_may_act_until, Some(LeaseInstant(NOW + 50_000)));
}

#[test]
fn holder_in_boot_grace_may_act_until_the_grace_ends() {
    let scene = Scene::with(program("a").expiring_at(NOW + 1)).booted_at(NOW);
    let done = scene.done(force(successor("b"), Span::ZERO));
    assert_eq!(forced(&done).prior_holder_may_act_until, Some(LeaseInstant(NOW + 60_000)));
}

#[test]
fn dry_run_answers_what_would_happen_and_changes_nothing() {
    for grace in [Span::ZERO, GRACE] {
        let scene = Scene::with(program("a"));
        let real = scene.done(force(successor("b"), grace));
        let dry = scene.done(ForceTakeOver { dry_run: true, ..force(successor("b"), grace) });
        assert!(dry.changes.is_empty());
        assert_eq!(*forced(&dry), Forced { dry_run: true, ..forced(&real).clone() });
        assert_eq!(dry.reply.granted(), None, "a dry run grants nothing");
    }
    let refused = ForceTakeOver { dry_run: true, ..force(successor("b"), GRACE) };
    assert_eq!(Scene::with(person()).refused(refused), Reason::LeaseIncomplete);
}

#[test]
fn forced_takeover_again_replaces_the_transfer_or_installs_at_once() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let again = scene.done(force(successor("c"), GRACE));
    let transfer = again.workspace.tenure.transfer.as_ref().unwrap();
    assert_eq!(
        (transfer.successor.actor(), transfer.deadline.0),
        (Some(&actor("c")), NOW + 30_000)
    );
    assert_eq!(forced(&again).prior.transfer, Some(transfer_due_at(NOW + 5_000)));
    let at_once = scene.done(force(successor("c"), Span::ZERO));
    assert_eq!(at_once.session().actor(), Some(&actor("c")));
    assert_eq!(at_once.workspace.tenure.transfer, None);
}

#[test]
fn cancel_removes_the_transfer_and_the_session_goes_on() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let done = scene.done(Command::CancelTransfer(CancelTransfer::default()));
    assert_eq!((&done.workspace.tenure.transfer, done.revision()), (&None, REVISION.0 + 1));
    let Reply::TransferCancelled(answer) = &done.reply else { panic!("{:?}", done.reply) };
    assert_eq!(answer.cancelled, transfer_due_at(NOW + 5_000));
    // The lease is no longer clipped.
    assert_eq!(answer.session.effective_expiry, LeaseInstant(RENEWED).after(TTL));
    assert_eq!((&answer.session.session, answer.session.revision.0), (scene.session(), 48));
}

#[test]
fn cancel_with_none_pending_is_no_transfer_also_without_session() {
    let cancel = || Command::CancelTransfer(CancelTransfer::default());
    assert_eq!(Scene::with(program("a")).refused(cancel()), Reason::NoTransfer);
    assert_eq!(Scene::free().refused(cancel()), Reason::NoTransfer);
    let expected = expecting(Some("ses_stored"), None);
    let expecting_one = Command::CancelTransfer(CancelTransfer { reason: None, expected });
    assert_eq!(Scene::free().refused(expecting_one), Reason::NoSession);
}

#[test]
fn beat_after_the_scheduling_keeps_the_transfer() {
    let transfer = transfer_due_at(NOW + 5_000);
    let done = Scene::with(program("a")).pending(transfer.clone()).done(beat("a"));
    assert_eq!(done.workspace.tenure.transfer, Some(transfer));
    assert!(matches!(done.session().holder, Holder::Autonomous(_)));
}
