//! What all commands have in common: what is expected, and the counter that may be used up.

use super::*;
use crate::command::{CancelTransfer, Clear, ForceTakeOver, Join, Start, TakeOver, Yield};
use crate::name::SessionId;
use crate::testing::{
    NOW, REVISION, Scene, beat, clear, expecting, force, give_up, lease, person, program,
    start_person, start_with, successor, take_over, transfer_due_at,
};
use crate::time::Span;

/// Every command that may expect something, expecting it.
fn commands(expected: &Expected) -> [Command; 6] {
    let e = || expected.clone();
    [
        Command::Start(Start { expected: e(), ..start_with(lease("b")) }),
        Command::TakeOver(TakeOver { expected: e(), ..take_over(successor("b")) }),
        Command::ForceTakeOver(ForceTakeOver { expected: e(), ..force(successor("b"), Span(1)) }),
        Command::CancelTransfer(CancelTransfer { reason: None, expected: e() }),
        Command::Yield(Yield { expected: e(), ..give_up(None) }),
        Command::Clear(Clear { expected: e(), ..clear(None) }),
    ]
}

#[track_caller]
fn assert_all_refused(scene: &Scene, expected: &Expected, reason: Reason) {
    for command in commands(expected) {
        assert_eq!(scene.refused(command.clone()), reason, "{command:?}");
    }
}

#[test]
fn expecting_anything_where_nothing_is_stored_is_no_session() {
    for scene in [Scene::unknown(), Scene::free()] {
        assert_all_refused(&scene, &expecting(Some("ses_x"), None), Reason::NoSession);
        assert_all_refused(&scene, &expecting(None, Some(REVISION.0)), Reason::NoSession);
    }
}

#[test]
fn expected_session_is_checked_before_the_expected_revision_and_both_before_the_rule() {
    let scene = Scene::with(program("a")).cordoned();
    assert_all_refused(&scene, &expecting(Some("ses_x"), Some(1)), Reason::SessionMismatch);
    let one_wrong = expecting(Some("ses_stored"), Some(1));
    assert_all_refused(&scene, &one_wrong, Reason::RevisionMismatch);
    assert_all_refused(&scene, &expecting(None, Some(1)), Reason::RevisionMismatch);
}

#[test]
fn expecting_a_session_where_one_without_id_is_stored_is_session_mismatch() {
    let scene = Scene::with(program("a").without_id());
    assert_all_refused(&scene, &expecting(Some("ses_stored"), None), Reason::SessionMismatch);
}

#[test]
fn expectations_that_are_met_change_nothing_about_the_rule() {
    let scene = Scene::with(program("a"));
    let none = commands(&Expected::default());
    let met = commands(&expecting(Some("ses_stored"), Some(REVISION.0)));
    for (with, without) in met.into_iter().zip(none) {
        let decided = decide(&scene.workspace, &with, &scene.context);
        assert_eq!(decided, decide(&scene.workspace, &without, &scene.context));
    }
}

#[test]
fn mismatch_refusals_carry_the_current_values() {
    let scene = Scene::with(program("a"));
    let request = Clear { expected: expecting(Some("ses_x"), None), ..clear(None) };
    let standing = scene.refusal(request).standing.unwrap();
    assert_eq!((&standing.session, standing.revision), (scene.session(), REVISION));
}

#[test]
fn used_up_counter_refuses_whatever_needs_a_revision() {
    let live = || Scene::with(program("a")).at_revision(REVISION_LIMIT.0);
    let join =
        Join { actor: crate::testing::actor("a"), session_id: SessionId::imported("ses_stored") };
    let dry = ForceTakeOver { dry_run: true, ..force(successor("b"), Span(1)) };
    let commands: [Command; 7] = [
        start_with(lease("a")).into(),
        beat("a").into(),
        join.into(),
        force(successor("b"), Span(0)).into(),
        dry.into(),
        give_up(Some("a")).into(),
        clear(Some("a")).into(),
    ];
    for command in commands {
        assert_eq!(live().refused(command.clone()), Reason::RevisionExhausted, "{command:?}");
    }
    let stale = Scene::with(program("a").stale()).at_revision(REVISION_LIMIT.0);
    assert_eq!(stale.refused(take_over(successor("b"))), Reason::RevisionExhausted);
    assert_eq!(stale.refused(start_with(lease("a"))), Reason::RevisionExhausted);
    let pending = live().pending(transfer_due_at(NOW + 1));
    assert_eq!(pending.refused(give_up(Some("a"))), Reason::RevisionExhausted);
    let cancel = Command::CancelTransfer(CancelTransfer::default());
    assert_eq!(pending.refused(cancel), Reason::RevisionExhausted);
    let free = Scene::free().at_revision(REVISION_LIMIT.0);
    assert_eq!(free.refused(start_person()), Reason::RevisionExhausted);
}

#[test]
fn used_up_counter_is_told_only_to_those_whom_the_rule_allows() {
    let scene = Scene::with(program("a")).at_revision(REVISION_LIMIT.0).cordoned();
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::LeaseHeld);
    assert_eq!(scene.refused(beat("b")), Reason::NotHolder);
}

#[test]
fn last_revision_is_the_limit_itself() {
    let scene = Scene::with(person()).at_revision(REVISION_LIMIT.0 - 1);
    assert_eq!(scene.done(start_person()).revision(), REVISION_LIMIT.0);
}

#[test]
fn floor_at_the_limit_refuses_the_first_session() {
    let mut scene = Scene::unknown();
    scene.context.revision_floor = REVISION_LIMIT;
    assert_eq!(scene.refused(start_person()), Reason::RevisionExhausted);
}

#[test]
fn revision_zero_was_never_handed_out_and_does_not_hide_the_floor() {
    let scene = Scene::unknown().at_revision(0);
    let done = scene.done(start_person());
    assert_eq!(done.revision(), scene.context.revision_floor.0 + 1);
}
