//! What a start sets, keeps, inherits and seals.

use super::{started, supersede};
use crate::command::{RequestedLease, Start};
use crate::reply::Warning;
use crate::session::{AutonomousKind, FencingToken, Holder, Mode, Session};
use crate::testing::{
    Done, NOW, RENEWED, REVISION, Scene, TOKEN, TTL, actor, at, lease, lease_of_instance, machine,
    person, program, start_person, start_with,
};
use crate::time::{LeaseInstant, Span};

#[test]
fn first_session_of_a_workspace_has_the_floor_plus_one() {
    let done = Scene::unknown().done(start_person());
    assert_eq!((done.revision(), done.session().token), (101, FencingToken(101)));
    // A workspace that has had a session counts on from there.
    let done = Scene::free().done(start_person());
    assert_eq!((done.revision(), done.session().token), (48, FencingToken(48)));
}

#[test]
fn fresh_program_session_has_what_was_asked_for() {
    let asked = RequestedLease {
        kind: AutonomousKind::RuntimeSupervisor,
        supervisor: Some(actor("chief")),
        ttl: Span::from_secs(5),
        ..lease_of_instance("a", "i7")
    };
    let request = Start {
        mode: Some(Mode::Implement),
        machine: Some(machine("m2")),
        ..start_with(asked.clone())
    };
    let stored = program("a").supervised_by("old-chief").stale();
    let done = Scene::with(stored).done(request);
    let held = done.session().autonomous().unwrap();
    assert_eq!(held.actor, Some(asked.actor));
    assert_eq!(held.kind, AutonomousKind::RuntimeSupervisor);
    assert_eq!((&held.supervisor, &held.instance), (&asked.supervisor, &asked.instance));
    assert_eq!(held.ttl, Some(Span(5_000)));
    let renewal = held.renewal.unwrap();
    assert_eq!(renewal.last_heartbeat_at, at(NOW).wall);
    assert_eq!(renewal.expires_at, LeaseInstant(NOW + 5_000));
    assert_eq!(done.session().mode, Mode::Implement);
    assert_eq!(done.session().machine, Some(machine("m2")));
}

#[test]
fn fresh_session_inherits_only_the_supervisor() {
    let stored = program("a").supervised_by("chief").instance("i1").stale();
    let done = Scene::with(stored).done(start_with(lease("a")));
    let held = done.session().autonomous().unwrap();
    assert_eq!(held.supervisor, Some(actor("chief")));
    assert_eq!((held.kind, &held.instance), (AutonomousKind::RuntimeWorker, &None));
    assert_eq!((done.session().mode, &done.session().machine), (Mode::General, &None));
}

#[test]
fn superseding_session_inherits_the_supervisor() {
    let stored = program("a").supervised_by("chief").instance("i1");
    let done = Scene::with(stored).done(supersede(lease_of_instance("a", "i2")));
    assert_eq!(done.session().supervisor(), Some(&actor("chief")));
}

#[test]
fn fresh_person_session_has_no_lease_fields() {
    let done = Scene::unknown().done(start_person());
    assert_eq!(done.session().holder, Holder::Interactive);
}

#[test]
fn refresh_takes_what_is_asked_for_and_keeps_the_rest() {
    let stored = program("a").supervised_by("chief").instance("i1");
    let kept = Scene::with(stored.clone()).done(start_with(lease("a")));
    let held = kept.session().autonomous().unwrap();
    assert_eq!(held.supervisor, Some(actor("chief")));
    assert_eq!(held.instance, stored.autonomous().unwrap().instance);
    assert_eq!(held.kind, AutonomousKind::RuntimeWorker, "requested or runtime_worker, not kept");
    assert_eq!((kept.session().mode, &kept.session().machine), (stored.mode, &stored.machine));
    assert_eq!((&kept.session().activity, kept.session().beats), (&stored.activity, 6));
    let asked = RequestedLease { supervisor: Some(actor("other")), ..lease("a") };
    let request =
        Start { mode: Some(Mode::General), machine: Some(machine("m2")), ..start_with(asked) };
    let taken = Scene::with(stored).done(request);
    assert_eq!(taken.session().supervisor(), Some(&actor("other")));
    assert_eq!(taken.session().mode, Mode::General);
    assert_eq!(taken.session().machine, Some(machine("m2")));
}

#[test]
fn refresh_renews_the_lease_with_the_ttl_asked_for() {
    let asked = RequestedLease { ttl: Span::from_secs(600), ..lease("a") };
    let done = Scene::with(program("a")).done(start_with(asked));
    let held = done.session().autonomous().unwrap();
    assert_eq!(held.ttl, Some(Span(600_000)));
    assert_eq!(held.renewal.unwrap().expires_at, LeaseInstant(NOW + 600_000));
    assert_eq!(held.renewal.unwrap().last_heartbeat_at, at(NOW).wall);
}

#[test]
fn refresh_with_a_shorter_ttl_never_moves_the_expiry_back() {
    let asked = RequestedLease { ttl: Span::from_secs(1), ..lease("a") };
    let done = Scene::with(program("a")).done(start_with(asked));
    let held = done.session().autonomous().unwrap();
    assert_eq!(held.ttl, Some(Span(1_000)));
    assert_eq!(held.renewal.unwrap().expires_at, LeaseInstant(RENEWED).after(TTL));
}

#[test]
fn refresh_names_the_other_principal_only_if_another_started_it() {
    let mut scene = Scene::with(person());
    let warning = |done: &Done| match &started(done).warnings[..] {
        [Warning::SessionRefreshed { other_principal }] => other_principal.clone(),
        other => panic!("{other:?}"),
    };
    let first = scene.done(start_person());
    assert_eq!(warning(&first).unwrap().as_str(), "starter");
    scene.workspace = first.workspace;
    assert_eq!(warning(&scene.done(start_person())), None);
}

#[test]
fn refresh_of_a_person_drops_an_activity_and_start_count_saturates() {
    let stored = Session { activity: program("a").activity, start_count: u32::MAX, ..person() };
    let done = Scene::with(stored).done(start_person());
    assert_eq!((&done.session().activity, done.session().start_count), (&None, u32::MAX));
}

#[test]
fn replaced_session_is_sealed_with_what_it_was_and_who_came_after() {
    let stored = program("a").supervised_by("chief").instance("i1").stale();
    let done = Scene::with(stored.clone()).done(start_with(lease("a")));
    let [entry] = done.sealed()[..] else { panic!("one session ended") };
    assert_eq!(entry.session_id, stored.id);
    assert_eq!((entry.token, entry.revision.0), (TOKEN, REVISION.0 + 1));
    assert_eq!((entry.started_at, entry.ended_at), (stored.started_at.wall, at(NOW).wall));
    assert_eq!((&entry.actor, &entry.supervisor), (&Some(actor("a")), &Some(actor("chief"))));
    assert_eq!((entry.owner_kind, entry.mode), (stored.owner_kind(), stored.mode));
    assert_eq!((entry.principal.as_str(), entry.ended_by.as_str()), ("starter", "caller"));
    assert_eq!(entry.ended_by_actor, Some(actor("a")));
    assert_eq!((entry.start_count, entry.beats, &entry.why), (3, 6, &None));
    assert_eq!((&entry.machine, &entry.last_activity), (&stored.machine, &stored.activity));
    let next = entry.successor.as_ref().unwrap();
    assert_eq!((next.session_id.as_str(), &next.actor), ("ses_new", &Some(actor("a"))));
}
