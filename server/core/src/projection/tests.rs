//! Status, age, conflict; and digests that change with the content and with nothing else.

use super::*;
use crate::command::{Command, RequestedLease};
use crate::escalation::EscalationKind;
use crate::evolve::evolve;
use crate::gate::GateState;
use crate::session::Session;
use crate::testing::{
    NOW, Scene, actor, at, beat, clear, give_up, lease, person, program, put_gates, put_handoff,
    raise, report, resolve, section, start_with, transfer_due_at, update_gate,
};

fn projected(scene: &Scene, caller: Option<&str>) -> Projection {
    let caller = caller.map(actor);
    project(&scene.workspace, &scene.context.clock, caller.as_ref(), &[])
}

fn after(scene: &Scene, command: impl Into<Command>) -> Scene {
    Scene { workspace: scene.done(command).workspace, context: scene.context.clone() }
}

/// The names of the sections whose digests differ.
fn differing(one: &Scene, other: &Scene) -> Vec<String> {
    let (one, other) = (Digests::of(&one.workspace), Digests::of(&other.workspace));
    let sections =
        other.list().into_iter().filter(|(section, digest)| one.get(section) != Some(*digest));
    sections.map(|(section, _)| section.name().to_owned()).collect()
}

/// The names of the sections that changed since the start.
fn changed(scene: &Scene) -> Vec<String> {
    let sections = projected(scene, None).sections.into_iter();
    let changed = sections.filter(|standing| standing.changed_since_start == Some(true));
    changed.map(|standing| standing.section.name().to_owned()).collect()
}

#[test]
fn status_is_missing_active_or_stale() {
    let status = |scene: &Scene| projected(scene, None).status;
    assert_eq!(status(&Scene::unknown()), Status::Missing);
    assert_eq!(status(&Scene::free()), Status::Missing);
    assert_eq!(status(&Scene::with(program("a"))), Status::Active);
    assert_eq!(status(&Scene::with(program("a").expiring_at(NOW))), Status::Stale);
    assert_eq!(status(&Scene::with(person().stale())), Status::Stale);
}

#[test]
fn age_is_in_whole_minutes_of_wall_time_since_the_session_was_minted() {
    let aged = |started: u64| {
        let started_at = at(started);
        Scene::with(Session { started_at, ..program("a") })
    };
    let age = |scene: &Scene| projected(scene, None).age_minutes;
    assert_eq!(age(&aged(NOW - 59_999)), Some(0));
    assert_eq!(age(&aged(NOW - 60_000)), Some(1));
    assert_eq!(age(&aged(NOW + 60_000)), Some(0), "a clock that was set back");
    assert_eq!(age(&Scene::free()), None);
}

#[test]
fn conflict_is_a_live_lease_of_another_and_asked_only_for_a_named_caller() {
    let conflict = |scene: &Scene, caller| projected(scene, caller).ownership_conflict;
    let held = Scene::with(program("a").supervised_by("s"));
    assert_eq!(conflict(&held, None), None);
    assert_eq!(conflict(&held, Some("a")), Some(false));
    assert_eq!(conflict(&held, Some("b")), Some(true));
    assert_eq!(conflict(&held, Some("s")), Some(true));
    for scene in [Scene::free(), Scene::with(person()), Scene::with(program("a").stale())] {
        assert_eq!(conflict(&scene, Some("b")), Some(false));
    }
}

#[test]
fn sections_come_in_a_fixed_order_those_of_clients_last_by_name() {
    let mut scene = Scene::with(program("a")).surrounded().worked();
    let sections = ["zoo", "ci"].map(|name| section(name, b"x"));
    let told = crate::command::Report { sections: sections.to_vec(), ..Default::default() };
    scene = after(&scene, report("a", told));
    let names: Vec<_> = projected(&scene, None).sections.into_iter().map(|s| s.section).collect();
    let names: Vec<_> = names.iter().map(Section::name).collect();
    assert_eq!(names, [&RESERVED_SECTION_NAMES[..], &["ci", "git", "zoo"]].concat());
    // Before the first session all are there already, and empty.
    assert_eq!(projected(&Scene::unknown(), None).sections.len(), 5);
}

#[test]
fn section_that_the_caller_has_is_unchanged() {
    let scene = Scene::with(program("a")).surrounded();
    let gates = Digests::of(&scene.workspace).gates;
    let known = [("gates", gates), ("handoff", gates), ("nonsense", gates)];
    let standing = project(&scene.workspace, &scene.context.clock, None, &known).sections;
    let unchanged = standing.iter().filter(|standing| standing.unchanged);
    assert_eq!(unchanged.map(|standing| standing.section.name()).collect::<Vec<_>>(), ["gates"]);
}

#[test]
fn beats_and_refreshed_leases_alone_change_no_digest() {
    let scene = Scene::with(program("a")).surrounded().worked();
    let beaten = after(&scene, beat("a")).now(NOW + 1);
    let beaten = after(&beaten, beat("a"));
    assert!(differing(&scene, &beaten).is_empty());
    let mut revised = Scene::with(program("a")).surrounded().worked().at_revision(99);
    revised.workspace.tenure.signals.gates_revision.0 += 1;
    assert!(differing(&scene, &revised).is_empty());
}

#[test]
fn each_change_of_content_changes_the_digest_of_its_section_and_no_other() {
    let scene = Scene::with(program("a")).surrounded().worked();
    let told = |sections: Vec<_>| crate::command::Report { sections, ..Default::default() };
    let checkpoint = Some(crate::content::Content::new(&b"more"[..]));
    let checkpoint = crate::command::Report { checkpoint, ..Default::default() };
    let mut telling = beat("a");
    telling.activity = Some("writing".into());
    let lease = RequestedLease { supervisor: Some(actor("s")), ..lease("a") };
    let cases: [(Command, &str); 10] = [
        (telling.into(), "session"),
        (start_with(lease).into(), "session"),
        (raise(EscalationKind::NonBlocking).into(), "escalations"),
        (resolve("esc_asks").into(), "escalations"),
        (put_gates(&[]).into(), "gates"),
        (update_gate("review", GateState::Open, Some("n")).into(), "gates"),
        (put_handoff("the parser").into(), "handoff"),
        (report("a", checkpoint).into(), "recovery"),
        (report("a", told(vec![section("git", b"topic")])).into(), "git"),
        (report("a", told(vec![section("ci", b"red")])).into(), "ci"),
    ];
    for (command, section) in cases {
        let changed = after(&scene, command.clone());
        assert_eq!(differing(&scene, &changed), [section], "{command:?}");
    }
    let pending = Scene::with(program("a")).surrounded().worked();
    assert_eq!(differing(&scene, &pending.pending(transfer_due_at(NOW + 5))), ["session"]);
}

#[test]
fn one_section_is_never_taken_for_another() {
    let digests: std::collections::BTreeSet<_> =
        Digests::of(&Scene::unknown().workspace).list().into_iter().map(|(_, each)| each).collect();
    assert_eq!(digests.len(), 5, "not even empty ones");
    let gates = |names: &[&str]| {
        let gates: Vec<_> = names.iter().map(|name| (*name, GateState::Open)).collect();
        Digests::of(&Scene::free().done(put_gates(&gates)).workspace).gates
    };
    assert_ne!(gates(&["ab", "c"]), gates(&["a", "bc"]));
    assert_ne!(of_client_section(&section("a", b"x")), of_client_section(&section("b", b"x")));
}

#[test]
fn digests_are_the_same_on_every_machine() {
    let empty = Digests::of(&Scene::unknown().workspace);
    let mut bytes = Vec::new();
    for text in ["tenure section 1", "handoff"] {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend(0_u64.to_le_bytes());
    assert_eq!(empty.handoff, Digest::of(&bytes));
}

#[test]
fn changed_since_start_is_what_changed_since_the_last_start_or_refresh() {
    let scene = Scene::free().surrounded();
    assert!(projected(&scene, None).sections.iter().all(|s| s.changed_since_start.is_none()));
    let started = after(&scene, start_with(lease("a")));
    assert!(changed(&started).is_empty());
    let told =
        crate::command::Report { sections: vec![section("git", b"x")], ..Default::default() };
    let worked = after(&after(&started, report("a", told)), put_handoff("later"));
    assert_eq!(changed(&worked), ["handoff", "git"]);
    let back = after(&worked, resolve("esc_asks"));
    assert_eq!(changed(&back), ["escalations", "handoff", "git"]);
    let refreshed = after(&back, start_with(lease("a")));
    assert!(changed(&refreshed).is_empty());
    // A yield leaves the baseline: whoever comes to look learns what the last session did.
    let yielded = after(&worked, give_up(Some("a")));
    assert_eq!(changed(&yielded), ["session", "handoff"]);
    let cleared = after(&worked, clear(Some("a")));
    assert!(projected(&cleared, None).sections.iter().all(|s| s.changed_since_start.is_none()));
}

#[test]
fn digests_survive_json() {
    let mut scene = Scene::with(program("a")).surrounded().worked();
    for change in scene.done(beat("a")).changes {
        evolve(&mut scene.workspace, &change);
    }
    let digests = Digests::of(&scene.workspace);
    let json = serde_json::to_string(&digests).unwrap();
    assert_eq!(serde_json::from_str::<Digests>(&json).unwrap(), digests);
}
