//! One test for each cell of the Start table, and for each rule around it.

mod effects;

use super::*;
use crate::command::Command;
use crate::testing::{
    Done, NOW, REVISION, Scene, at, expecting, lease, lease_of_instance, person, program,
    start_person, start_with, transfer_due_at,
};
use crate::time::LeaseInstant;

fn started(done: &Done) -> &Started {
    match &done.reply {
        Reply::Started(started) => started,
        other => panic!("not a start's answer: {other:?}"),
    }
}

/// A fresh session, in the place of `cause` or of nothing, with exactly these warnings.
#[track_caller]
fn assert_fresh(scene: &Scene, request: impl Into<Command>, cause: Option<EndCause>) {
    assert_fresh_with(scene, request, cause, &[]);
}

#[track_caller]
fn assert_fresh_with(
    scene: &Scene,
    request: impl Into<Command>,
    cause: Option<EndCause>,
    warnings: &[Warning],
) {
    let done = scene.done(request);
    let answer = started(&done);
    assert!(answer.reset);
    assert_eq!(answer.warnings, warnings);
    assert_eq!(answer.session.session, *done.session());
    let session = done.session();
    assert_eq!(session.id.as_ref().map(|id| id.as_str()), Some("ses_new"));
    assert_eq!(session.token.0, done.revision());
    assert_eq!(session.start_count, 1);
    assert_eq!((session.started_at, session.last_started_at), (at(NOW), at(NOW)));
    assert_eq!(session.principal.as_str(), "caller");
    assert_eq!((session.beats, &session.activity, session.expiry_recorded), (0, &None, false));
    let causes: Vec<_> = done.sealed().iter().map(|entry| entry.cause).collect();
    assert_eq!(causes, cause.into_iter().collect::<Vec<_>>());
    assert_eq!(answer.predecessor.as_ref(), done.sealed().first().copied());
}

#[track_caller]
fn assert_refreshed(scene: &Scene, request: impl Into<Command>) {
    let done = scene.done(request);
    let answer = started(&done);
    assert!(!answer.reset && answer.predecessor.is_none() && done.sealed().is_empty());
    assert!(matches!(answer.warnings[..], [Warning::SessionRefreshed { .. }]));
    assert_eq!(answer.session.session, *done.session());
    let (before, after) = (scene.session(), done.session());
    assert_eq!((&after.id, after.token), (&before.id, before.token));
    assert_eq!((after.started_at, after.last_started_at), (before.started_at, at(NOW)));
    assert_eq!(after.start_count, before.start_count + 1);
    assert_eq!(done.revision(), REVISION.0 + 1);
}

fn supersede(lease: RequestedLease) -> Start {
    Start { supersede: true, ..start_with(lease) }
}

#[test]
fn start_on_nothing_by_person_is_fresh() {
    assert_fresh(&Scene::unknown(), start_person(), None);
    assert_fresh(&Scene::free(), start_person(), None);
}

#[test]
fn start_on_nothing_by_program_is_fresh() {
    assert_fresh(&Scene::unknown(), start_with(lease("a")), None);
    assert_fresh(&Scene::free(), start_with(lease("a")), None);
}

#[test]
fn start_on_live_interactive_by_person_is_refresh() {
    assert_refreshed(&Scene::with(person()), start_person());
}

#[test]
fn start_on_live_interactive_by_program_is_interactive_session_active() {
    let scene = Scene::with(person());
    assert_eq!(scene.refused(start_with(lease("a"))), Reason::InteractiveSessionActive);
    // Not even an actor with the name of every person's session is its owner.
    assert_eq!(scene.refused(start_with(lease("interactive"))), Reason::InteractiveSessionActive);
}

#[test]
fn start_on_live_autonomous_by_person_is_autonomous_session_active() {
    assert_eq!(Scene::with(program("a")).refused(start_person()), Reason::AutonomousSessionActive);
}

#[test]
fn start_on_live_autonomous_by_same_actor_is_refresh() {
    assert_refreshed(&Scene::with(program("a")), start_with(lease("a")));
}

#[test]
fn start_on_live_autonomous_by_other_actor_is_lease_held() {
    let scene = Scene::with(program("a").supervised_by("s"));
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::LeaseHeld);
    assert_eq!(scene.refused(start_with(lease("s"))), Reason::LeaseHeld);
    // Superseding is for the same actor only.
    assert_eq!(scene.refused(supersede(lease_of_instance("b", "i2"))), Reason::LeaseHeld);
}

#[test]
fn start_on_stale_interactive_is_fresh_replacing_for_everybody() {
    let scene = Scene::with(person().stale());
    assert_fresh(&scene, start_person(), Some(EndCause::Replaced));
    assert_fresh(&scene, start_with(lease("a")), Some(EndCause::Replaced));
}

#[test]
fn start_on_stale_autonomous_by_person_is_stale_autonomous_session() {
    let scene = Scene::with(program("a").stale());
    assert_eq!(scene.refused(start_person()), Reason::StaleAutonomousSession);
}

#[test]
fn start_on_stale_autonomous_by_same_actor_is_fresh_replacing() {
    let scene = Scene::with(program("a").stale());
    assert_fresh(&scene, start_with(lease("a")), Some(EndCause::Replaced));
}

#[test]
fn start_on_stale_autonomous_by_other_actor_is_stale_lease_held() {
    let scene = Scene::with(program("a").stale().supervised_by("s"));
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::StaleLeaseHeld);
    assert_eq!(scene.refused(start_with(lease("s"))), Reason::StaleLeaseHeld);
}

#[test]
fn start_on_interactive_without_id_is_fresh_replacing_with_a_warning_for_everybody() {
    // It is stale although it was started a moment ago.
    let scene = Scene::with(person().without_id());
    let warnings = [Warning::LegacySessionReplaced];
    assert_fresh_with(&scene, start_person(), Some(EndCause::Replaced), &warnings);
    assert_fresh_with(&scene, start_with(lease("a")), Some(EndCause::Replaced), &warnings);
}

#[test]
fn start_on_autonomous_without_id_is_as_on_a_stale_one() {
    let scene = Scene::with(program("a").without_id());
    assert_fresh(&scene, start_with(lease("a")), Some(EndCause::Replaced));
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::StaleLeaseHeld);
    assert_eq!(scene.refused(start_person()), Reason::StaleAutonomousSession);
}

#[test]
fn start_on_autonomous_without_owner_matches_no_actor() {
    let live = Scene::with(program("a").without_owner());
    assert_eq!(live.refused(start_with(lease("a"))), Reason::LeaseHeld);
    assert_eq!(live.refused(supersede(lease("a"))), Reason::LeaseHeld);
    let stale = Scene::with(program("a").without_owner().stale());
    assert_eq!(stale.refused(start_with(lease("a"))), Reason::StaleLeaseHeld);
}

#[test]
fn start_on_autonomous_without_ttl_or_heartbeat_is_as_on_a_stale_one() {
    for session in [program("a").with_ttl(None), program("a").without_heartbeat()] {
        let scene = Scene::with(session);
        assert_fresh(&scene, start_with(lease("a")), Some(EndCause::Replaced));
        assert_eq!(scene.refused(start_with(lease("b"))), Reason::StaleLeaseHeld);
    }
}

#[test]
fn only_two_named_and_different_instances_are_two_processes() {
    let named = Scene::with(program("a").instance("i1"));
    let unnamed = Scene::with(program("a"));
    assert_eq!(named.refused(start_with(lease_of_instance("a", "i2"))), Reason::LeaseHeld);
    assert_refreshed(&named, start_with(lease_of_instance("a", "i1")));
    assert_refreshed(&named, start_with(lease("a")));
    assert_refreshed(&unnamed, start_with(lease_of_instance("a", "i2")));
    assert_refreshed(&unnamed, start_with(lease("a")));
}

#[test]
fn supersede_replaces_another_process_and_means_nothing_else() {
    let named = Scene::with(program("a").instance("i1"));
    let unnamed = Scene::with(program("a"));
    assert_fresh(&named, supersede(lease_of_instance("a", "i2")), Some(EndCause::Superseded));
    assert_refreshed(&named, supersede(lease_of_instance("a", "i1")));
    assert_refreshed(&named, supersede(lease("a")));
    assert_refreshed(&unnamed, supersede(lease_of_instance("a", "i2")));
    assert_refreshed(&unnamed, supersede(lease("a")));
    // A person's session has no instances.
    assert_refreshed(&Scene::with(person()), Start { supersede: true, ..start_person() });
    // A stale session is replaced whichever process starts.
    let stale = Scene::with(program("a").instance("i1").stale());
    assert_fresh(&stale, supersede(lease_of_instance("a", "i2")), Some(EndCause::Replaced));
    assert_fresh(&stale, start_with(lease_of_instance("a", "i2")), Some(EndCause::Replaced));
}

#[test]
fn supersede_while_a_transfer_is_pending_is_lease_held() {
    let scene = Scene::with(program("a").instance("i1")).pending(transfer_due_at(NOW + 5_000));
    assert_eq!(scene.refused(supersede(lease_of_instance("a", "i2"))), Reason::LeaseHeld);
}

#[test]
fn start_by_others_while_a_transfer_is_pending_is_as_for_the_live_session() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::LeaseHeld);
    assert_eq!(scene.refused(start_with(lease("next"))), Reason::LeaseHeld);
    assert_eq!(scene.refused(start_person()), Reason::AutonomousSessionActive);
}

#[test]
fn refresh_while_a_transfer_is_pending_is_clipped_to_the_deadline_and_keeps_it() {
    let transfer = transfer_due_at(NOW + 5_000);
    let done = Scene::with(program("a")).pending(transfer.clone()).done(start_with(lease("a")));
    assert_eq!(started(&done).session.effective_expiry, LeaseInstant(NOW + 5_000));
    assert_eq!(started(&done).session.transfer.as_ref(), Some(&transfer));
    assert_eq!(done.workspace.tenure.transfer.as_ref(), Some(&transfer));
}

#[test]
fn a_cordoned_machine_is_refused_after_the_rule_and_only_a_new_session() {
    let fresh =
        [Scene::unknown(), Scene::with(person().stale()), Scene::with(program("a").stale())];
    for scene in fresh.map(Scene::cordoned) {
        assert_eq!(scene.refused(start_with(lease("a"))), Reason::MachineCordoned);
    }
    let held = Scene::with(program("a").instance("i1")).cordoned();
    assert_eq!(held.refused(supersede(lease_of_instance("a", "i2"))), Reason::MachineCordoned);
    assert_eq!(held.refused(start_with(lease_of_instance("a", "i2"))), Reason::LeaseHeld);
    assert_eq!(held.refused(start_person()), Reason::AutonomousSessionActive);
    assert_refreshed(&held, start_with(lease("a")));
    assert_refreshed(&Scene::with(person()).cordoned(), start_person());
}

#[test]
fn what_the_caller_expects_is_checked_before_the_rule() {
    let expected = expecting(Some("ses_gone"), Some(1));
    let request = Start { expected, ..start_with(lease("b")) };
    assert_eq!(Scene::with(program("a")).cordoned().refused(request), Reason::SessionMismatch);
}
