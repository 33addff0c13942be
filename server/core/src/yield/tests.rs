//! Yield: each refusal in its order, then who follows.

use super::*;
use crate::command::Expected;
use crate::testing::{
    Done, NOW, REVISION, Scene, actor, at, expecting, give_up, person, program, transfer_due_at,
};

fn yielded(done: &Done) -> &Yielded {
    match &done.reply {
        Reply::Yielded(yielded) => yielded,
        other => panic!("not a yield's answer: {other:?}"),
    }
}

#[test]
fn yield_of_nothing_is_no_session_before_actor_required() {
    assert_eq!(Scene::free().refused(give_up(None)), Reason::NoSession);
    assert_eq!(Scene::unknown().refused(give_up(Some("a"))), Reason::NoSession);
}

#[test]
fn yield_of_a_program_without_actor_is_actor_required() {
    assert_eq!(Scene::with(program("a")).refused(give_up(None)), Reason::ActorRequired);
    assert_eq!(Scene::with(program("a").stale()).refused(give_up(None)), Reason::ActorRequired);
}

#[test]
fn yield_by_neither_owner_nor_supervisor_is_not_holder() {
    let scene = Scene::with(program("a").supervised_by("s"));
    assert_eq!(scene.refused(give_up(Some("b"))), Reason::NotHolder);
    let nobodys = Scene::with(program("a").without_owner());
    assert_eq!(nobodys.refused(give_up(Some("a"))), Reason::NotHolder);
}

#[test]
fn yield_by_a_superseded_process_is_session_mismatch_before_the_rule() {
    let expected = expecting(Some("ses_superseded"), None);
    let request = Yield { expected, ..give_up(Some("b")) };
    assert_eq!(Scene::with(program("a")).refused(request), Reason::SessionMismatch);
}

#[test]
fn yield_by_owner_or_supervisor_live_or_stale_leaves_the_workspace_free() {
    for session in [program("a").supervised_by("s"), program("a").supervised_by("s").stale()] {
        for by in ["a", "s"] {
            let done = Scene::with(session.clone()).done(give_up(Some(by)));
            assert_eq!((&done.workspace.tenure.session, done.revision()), (&None, 48));
            let [entry] = done.sealed()[..] else { panic!("one session ended") };
            assert_eq!((entry.cause, entry.ended_at), (EndCause::Yielded, at(NOW).wall));
            assert_eq!((&entry.successor, &entry.why), (&None, &None));
            assert_eq!(entry.ended_by_actor, Some(actor(by)));
            assert_eq!((entry.ended_by.as_str(), entry.revision.0), ("caller", REVISION.0 + 1));
            assert_eq!((&yielded(&done).ended, &yielded(&done).successor), (entry, &None));
        }
    }
}

#[test]
fn yield_of_a_person_needs_no_actor_and_anybody_may() {
    for session in [person(), person().stale(), person().without_id()] {
        for by in [None, Some("somebody")] {
            let done = Scene::with(session.clone()).done(give_up(by));
            assert_eq!(done.workspace.tenure.session, None);
            assert_eq!(yielded(&done).ended.cause, EndCause::Yielded);
        }
    }
}

#[test]
fn yield_while_a_transfer_is_pending_completes_it_now() {
    let transfer = transfer_due_at(NOW + 5_000);
    let scene = Scene::with(program("a").supervised_by("s")).pending(transfer.clone());
    for by in ["a", "s"] {
        let done = scene.done(give_up(Some(by)));
        let [entry] = done.sealed()[..] else { panic!("one session ended") };
        assert_eq!((entry.cause, entry.ended_at), (EndCause::ForceTakenOver, at(NOW).wall));
        assert_eq!((entry.why.as_deref(), entry.ended_by.as_str()), (Some("urgent"), "operator"));
        assert_eq!(entry.ended_by_actor, Some(actor(by)));
        assert_eq!(done.session().id, Some(transfer.successor_session_id.clone()));
        assert_eq!(
            (done.session().actor(), done.session().started_at),
            (Some(&actor("next")), at(NOW))
        );
        assert_eq!(done.session().machine, transfer.machine);
        assert_eq!((&done.workspace.tenure.transfer, done.revision()), (&None, REVISION.0 + 1));
        let after = SessionView::of(&done.workspace, &scene.context.clock);
        assert_eq!(yielded(&done).successor, after);
    }
}

#[test]
fn yield_by_the_waiting_successor_is_not_holder() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    assert_eq!(scene.refused(give_up(Some("next"))), Reason::NotHolder);
}

#[test]
fn yield_of_a_cordoned_machine_is_not_refused() {
    let request = Yield { expected: Expected::default(), ..give_up(Some("a")) };
    assert_eq!(Scene::with(program("a")).cordoned().done(request).workspace.tenure.session, None);
}

#[test]
fn yield_to_nobody_is_sealed_with_its_reason() {
    let request = Yield { reason: Some("lunch".into()), ..give_up(Some("a")) };
    let done = Scene::with(program("a")).done(request);
    assert_eq!(done.sealed()[0].why.as_deref(), Some("lunch"));
}

#[test]
fn yield_to_a_successor_is_sealed_with_the_reason_of_the_transfer() {
    let transfer = transfer_due_at(NOW + 5_000);
    let request = Yield { reason: Some("lunch".into()), ..give_up(Some("a")) };
    let done = Scene::with(program("a")).pending(transfer.clone()).done(request);
    assert_eq!(done.sealed()[0].why, Some(transfer.reason));
}
