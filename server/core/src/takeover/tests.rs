//! Takeover: each refusal in its order, then what the successor gets.

use super::*;
use crate::command::Command;
use crate::session::{AutonomousKind, FencingToken, Holder, Mode};
use crate::testing::{
    Done, NOW, REVISION, Scene, TTL, actor, at, expecting, machine, person, program, successor,
    take_over, transfer_due_at,
};
use crate::time::{LeaseInstant, Span};

fn taken(done: &Done) -> &TakenOver {
    match &done.reply {
        Reply::TakenOver(taken) => taken,
        other => panic!("not a takeover's answer: {other:?}"),
    }
}

#[track_caller]
fn assert_refused(scene: &Scene, request: impl Into<Command>, reason: Reason) {
    assert_eq!(scene.refused(request), reason);
}

#[test]
fn takeover_of_nothing_is_no_session() {
    assert_refused(&Scene::free().cordoned(), take_over(successor("b")), Reason::NoSession);
    assert_refused(
        &Scene::unknown(),
        take_over(RequestedSuccessor::Interactive),
        Reason::NoSession,
    );
}

#[test]
fn takeover_of_a_person_is_not_autonomous_live_or_stale() {
    for session in [person(), person().stale(), person().without_id()] {
        let scene = Scene::with(session).cordoned();
        assert_refused(&scene, take_over(successor("b")), Reason::NotAutonomous);
    }
}

#[test]
fn takeover_of_a_live_lease_is_lease_not_stale_before_same_actor() {
    let scene = Scene::with(program("a")).cordoned();
    assert_refused(&scene, take_over(successor("b")), Reason::LeaseNotStale);
    assert_refused(&scene, take_over(successor("a")), Reason::LeaseNotStale);
    assert_refused(&scene, take_over(RequestedSuccessor::Interactive), Reason::LeaseNotStale);
}

#[test]
fn takeover_while_a_transfer_is_pending_is_lease_not_stale() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 1));
    assert_refused(&scene, take_over(successor("b")), Reason::LeaseNotStale);
}

#[test]
fn takeover_by_the_owner_is_takeover_same_actor_before_lease_incomplete() {
    let scene = Scene::with(program("a").without_id().with_ttl(None)).cordoned();
    assert_refused(&scene, take_over(successor("a")), Reason::TakeoverSameActor);
}

#[test]
fn takeover_of_a_session_without_id_is_lease_incomplete_for_everybody() {
    let scene = Scene::with(program("a").without_id()).cordoned();
    assert_refused(&scene, take_over(successor("b")), Reason::LeaseIncomplete);
    assert_refused(&scene, take_over(RequestedSuccessor::Interactive), Reason::LeaseIncomplete);
}

#[test]
fn takeover_without_ttl_on_either_side_is_lease_incomplete_unless_by_a_person() {
    let scene = Scene::with(program("a").with_ttl(None));
    assert_refused(&scene, take_over(successor("b")), Reason::LeaseIncomplete);
    let with_ttl = RequestedSuccessor::Autonomous {
        actor: actor("b"),
        ttl: Some(Span::from_secs(9)),
        supervisor: None,
        instance: None,
    };
    assert_eq!(scene.done(take_over(with_ttl)).session().ttl(), Some(Span(9_000)));
    let person = scene.done(take_over(RequestedSuccessor::Interactive));
    assert_eq!(person.session().holder, Holder::Interactive);
}

#[test]
fn takeover_from_a_cordoned_machine_is_refused_last() {
    let scene = Scene::with(program("a").stale()).cordoned();
    assert_refused(&scene, take_over(successor("b")), Reason::MachineCordoned);
    assert_refused(&scene, take_over(successor("a")), Reason::TakeoverSameActor);
}

#[test]
fn what_the_caller_expects_is_checked_before_the_rule() {
    let request = |expected| TakeOver { expected, ..take_over(successor("b")) };
    let live = Scene::with(program("a"));
    let session = expecting(Some("ses_other"), Some(1));
    assert_refused(&live, request(session), Reason::SessionMismatch);
    assert_refused(&live, request(expecting(None, Some(1))), Reason::RevisionMismatch);
    let met = expecting(Some("ses_stored"), Some(REVISION.0));
    assert_refused(&live, request(met), Reason::LeaseNotStale);
}

#[test]
fn takeover_of_a_session_without_owner_succeeds_for_any_actor() {
    let scene = Scene::with(program("a").without_owner().stale());
    assert_eq!(scene.done(take_over(successor("a"))).session().actor(), Some(&actor("a")));
}

#[test]
fn successor_has_a_new_session_that_inherits_ttl_supervisor_and_mode() {
    let session = program("a").supervised_by("chief").instance("i1").stale();
    let scene = Scene::with(session.clone());
    let done = scene.done(take_over(successor("b")));
    let next = done.session();
    assert_eq!(next.id.as_ref().unwrap().as_str(), "ses_new");
    assert_eq!(done.revision(), REVISION.0 + 1);
    assert_eq!(next.token, FencingToken(REVISION.0 + 1));
    assert_eq!((next.started_at, next.last_started_at, next.start_count), (at(NOW), at(NOW), 1));
    assert_eq!((next.mode, next.principal.as_str()), (Mode::Research, "caller"));
    assert_eq!((&next.activity, next.beats, &next.machine), (&None, 0, &None));
    let held = next.autonomous().unwrap();
    assert_eq!((&held.actor, held.kind), (&Some(actor("b")), AutonomousKind::RuntimeWorker));
    assert_eq!((held.ttl, &held.supervisor), (Some(TTL), &Some(actor("chief"))));
    assert_eq!(held.instance, None);
    let renewal = held.renewal.unwrap();
    assert_eq!(renewal.last_heartbeat_at, at(NOW).wall);
    assert_eq!(renewal.expires_at, LeaseInstant(NOW).after(TTL));
    let answer = taken(&done);
    assert_eq!(
        Some(&answer.session),
        SessionView::of(&done.workspace, &scene.context.clock).as_ref()
    );
    assert_eq!(answer.prior.last_activity, session.activity);
}

#[test]
fn successor_has_what_it_asked_for_in_place_of_what_it_would_inherit() {
    let asked = RequestedSuccessor::Autonomous {
        actor: actor("b"),
        ttl: Some(Span::from_secs(5)),
        supervisor: Some(actor("other-chief")),
        instance: Some(crate::name::InstanceId::imported("i9")),
    };
    let request = TakeOver { machine: Some(machine("m2")), ..take_over(asked) };
    let done = Scene::with(program("a").supervised_by("chief").stale()).done(request);
    let held = done.session().autonomous().unwrap();
    assert_eq!((held.ttl, &held.supervisor), (Some(Span(5_000)), &Some(actor("other-chief"))));
    assert_eq!(held.instance.as_ref().unwrap().as_str(), "i9");
    assert_eq!(held.renewal.unwrap().expires_at, LeaseInstant(NOW + 5_000));
    assert_eq!(done.session().machine, Some(machine("m2")));
}

#[test]
fn person_takes_the_work_in_hand_without_a_lease() {
    let done = Scene::with(program("a").stale()).done(take_over(RequestedSuccessor::Interactive));
    assert_eq!(done.session().holder, Holder::Interactive);
    assert_eq!(done.session().mode, Mode::Research);
    assert_eq!(taken(&done).prior.ended_by_actor, None);
}

#[test]
fn prior_session_is_sealed_as_taken_over_with_the_reason() {
    let done = Scene::with(program("a").stale()).done(take_over(successor("b")));
    let [entry] = done.sealed()[..] else { panic!("one session ended") };
    assert_eq!(*entry, taken(&done).prior);
    assert_eq!((entry.cause, entry.why.as_deref()), (EndCause::TakenOver, Some("it died")));
    assert_eq!((entry.ended_by.as_str(), &entry.ended_by_actor), ("caller", &Some(actor("b"))));
    assert_eq!((&entry.actor, entry.ended_at), (&Some(actor("a")), at(NOW).wall));
    let next = entry.successor.as_ref().unwrap();
    assert_eq!((next.session_id.as_str(), &next.actor), ("ses_new", &Some(actor("b"))));
}
