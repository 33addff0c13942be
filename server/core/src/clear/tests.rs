//! Clear: each refusal in its order, then what is answered.

use super::*;
use crate::ledger::LedgerEntry;
use crate::reply::SessionView;
use crate::session::{Lifecycle, REVISION_LIMIT};
use crate::testing::{
    Done, NOW, REVISION, Scene, actor, at, clear, expecting, person, program, transfer_due_at,
};

fn cleared(done: &Done) -> &Cleared {
    match &done.reply {
        Reply::Cleared(cleared) => cleared,
        other => panic!("not a clear's answer: {other:?}"),
    }
}

fn ended(done: &Done) -> &LedgerEntry {
    cleared(done).ended.as_ref().unwrap()
}

#[test]
fn clear_of_nothing_succeeds_and_changes_nothing() {
    for scene in [Scene::unknown(), Scene::free(), Scene::free().at_revision(REVISION_LIMIT.0)] {
        let done = scene.done(clear(None));
        assert!(done.changes.is_empty());
        assert_eq!(done.workspace, scene.workspace, "an unknown workspace stays unknown");
        let reason = Some("done".into());
        assert_eq!(*cleared(&done), Cleared { ended: None, successor: None, reason });
    }
}

#[test]
fn clear_of_nothing_that_expects_a_session_is_no_session() {
    let request = Clear { expected: expecting(None, Some(REVISION.0)), ..clear(None) };
    assert_eq!(Scene::free().refused(request), Reason::NoSession);
}

#[test]
fn clear_of_a_person_needs_no_actor_and_anybody_may() {
    for session in [person(), person().stale(), person().without_id()] {
        for by in [None, Some("somebody")] {
            let done = Scene::with(session.clone()).done(clear(by));
            assert_eq!((&done.workspace.tenure.session, done.revision()), (&None, 48));
            assert_eq!(ended(&done).lifecycle, Lifecycle::Interactive);
            assert_eq!(ended(&done).ended_by_actor, by.map(actor));
        }
    }
}

#[test]
fn clear_of_a_program_without_actor_is_actor_required() {
    assert_eq!(Scene::with(program("a")).refused(clear(None)), Reason::ActorRequired);
    assert_eq!(Scene::with(program("a").stale()).refused(clear(None)), Reason::ActorRequired);
}

#[test]
fn clear_by_neither_owner_nor_supervisor_is_not_authorized_to_clear_live_or_stale() {
    for session in
        [program("a").supervised_by("s"), program("a").stale(), program("a").without_id()]
    {
        assert_eq!(Scene::with(session).refused(clear(Some("b"))), Reason::NotAuthorizedToClear);
    }
    let nobodys = Scene::with(program("a").without_owner());
    assert_eq!(nobodys.refused(clear(Some("a"))), Reason::NotAuthorizedToClear);
}

#[test]
fn what_the_caller_expects_is_checked_before_the_rule() {
    let request = Clear { expected: expecting(Some("ses_other"), None), ..clear(None) };
    assert_eq!(Scene::with(program("a")).refused(request), Reason::SessionMismatch);
}

#[test]
fn clear_by_owner_or_supervisor_live_or_stale_seals_the_session_as_cleared() {
    for session in [program("a").supervised_by("s"), program("a").supervised_by("s").stale()] {
        for by in ["a", "s"] {
            let done = Scene::with(session.clone()).done(clear(Some(by)));
            assert_eq!((&done.workspace.tenure.session, done.revision()), (&None, 48));
            let [entry] = done.sealed()[..] else { panic!("one session ended") };
            assert_eq!(entry, ended(&done));
            assert_eq!((entry.cause, entry.why.as_deref()), (EndCause::Cleared, Some("done")));
            assert_eq!((&entry.actor, &entry.supervisor), (&Some(actor("a")), &Some(actor("s"))));
            assert_eq!((&entry.ended_by_actor, &entry.successor), (&Some(actor(by)), &None));
            assert_eq!(
                (entry.revision.0, entry.owner_kind),
                (REVISION.0 + 1, session.owner_kind())
            );
        }
    }
}

#[test]
fn clear_needs_no_reason() {
    let done = Scene::with(person()).done(Clear { reason: None, ..clear(None) });
    assert_eq!((&cleared(&done).reason, &ended(&done).why), (&None, &None));
}

#[test]
fn clear_while_a_transfer_is_pending_completes_it_and_names_the_successor() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let done = scene.done(clear(Some("a")));
    assert_eq!(ended(&done).cause, EndCause::ForceTakenOver);
    assert_eq!(
        (ended(&done).why.as_deref(), ended(&done).ended_at),
        (Some("urgent"), at(NOW).wall)
    );
    assert_eq!(done.session().actor(), Some(&actor("next")));
    let after = SessionView::of(&done.workspace, &scene.context.clock);
    assert_eq!(cleared(&done).successor, after);
    assert_eq!(cleared(&done).reason.as_deref(), Some("done"));
    assert_eq!(scene.refused(clear(Some("next"))), Reason::NotAuthorizedToClear);
}
