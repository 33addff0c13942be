//! How machines stand, row by row and at each boundary, and what changes tell of them.

use super::*;
use crate::change::Changes;
use crate::evolve::evolve;
use crate::testing::{
    NOW, Scene, actor, at, beat, clear, give_up, lease, machine, person, program, start_with,
    successor, take_over, transfer_due_at,
};

const WALL: WallTime = WallTime(1_700_000_000_000);

fn seen_before(age_ms: u64) -> Machine {
    let seen_at = Some(WALL.before(Span(age_ms)));
    Machine { seen_at, ..Machine::unseen(MachineId::imported("m"), WallTime(0)) }
}

fn cordoned(machine: Machine) -> Machine {
    let cordon = Cordon { at: WALL, by: Principal::imported("operator"), reason: None };
    Machine { cordon: Some(cordon), ..machine }
}

fn holding(live: u64, stale: u64) -> Held {
    Held { live, stale }
}

const NOTHING: Held = Held { live: 0, stale: 0 };

#[test]
fn a_machine_with_a_live_session_is_ready_however_many_are_stale() {
    for held in [holding(1, 0), holding(1, 40), holding(40, 1)] {
        assert_eq!(seen_before(u64::MAX).state(held, WALL), MachineState::Ready);
    }
}

#[test]
fn a_cordoned_machine_with_a_live_session_is_draining() {
    for held in [holding(1, 0), holding(1, 40)] {
        assert_eq!(cordoned(seen_before(0)).state(held, WALL), MachineState::Draining);
    }
}

#[test]
fn a_machine_of_which_all_sessions_are_stale_is_lost_cordoned_or_not() {
    for held in [holding(0, 1), holding(0, 40)] {
        assert_eq!(seen_before(0).state(held, WALL), MachineState::Lost);
        assert_eq!(cordoned(seen_before(0)).state(held, WALL), MachineState::Lost);
    }
}

#[test]
fn a_machine_that_held_one_less_than_300_s_ago_is_idle_and_then_absent() {
    for (age_ms, state) in [
        (0, MachineState::Idle),
        (299_999, MachineState::Idle),
        (300_000, MachineState::Absent),
        (300_001, MachineState::Absent),
    ] {
        assert_eq!(seen_before(age_ms).state(NOTHING, WALL), state, "{age_ms}");
        assert_eq!(cordoned(seen_before(age_ms)).state(NOTHING, WALL), state, "{age_ms}");
    }
}

#[test]
fn a_machine_that_was_never_seen_is_absent() {
    let unseen = Machine::unseen(MachineId::imported("m"), WALL);
    assert_eq!(unseen.state(NOTHING, WALL), MachineState::Absent);
    assert_eq!(unseen.last_seen(NOTHING, WALL), None);
}

#[test]
fn a_machine_is_seen_for_as_long_as_it_holds_a_live_session() {
    let machine = seen_before(1_000);
    assert_eq!(machine.last_seen(holding(1, 0), WALL), Some(WALL));
    assert_eq!(machine.last_seen(holding(0, 9), WALL), machine.seen_at);
    assert_eq!(machine.last_seen(NOTHING, WALL), machine.seen_at);
}

#[test]
fn a_machine_is_forgotten_after_30_days_unless_it_is_cordoned_or_holds_something() {
    let noted = |noted_at| Machine { noted_at, ..seen_before(0) };
    let before = WALL.before(KEPT_FOR);
    let old = noted(before.before(Span(1)));
    assert!(old.may_be_forgotten(NOTHING, before));
    assert!(!noted(before).may_be_forgotten(NOTHING, before), "exactly 30 days");
    assert!(!old.may_be_forgotten(holding(1, 0), before));
    assert!(!old.may_be_forgotten(holding(0, 1), before));
    assert!(!cordoned(old).may_be_forgotten(NOTHING, before));
}

fn sighting(name: &str, stated: bool, seen_at: Option<u64>, at: u64) -> Sighting {
    let seen_at = seen_at.map(WallTime);
    Sighting { machine: machine(name), stated, seen_at, at: WallTime(at) }
}

#[test]
fn the_later_instant_stays_unless_the_clock_was_set_back() {
    let mut seen = Machine::from(&sighting("m", true, Some(100), 100));
    seen.see(&sighting("m", false, Some(90), 110));
    assert_eq!((seen.seen_at, seen.noted_at), (Some(WallTime(100)), WallTime(110)));
    seen.see(&sighting("m", false, None, 120));
    assert_eq!((seen.seen_at, seen.noted_at), (Some(WallTime(100)), WallTime(120)));
    seen.see(&sighting("m", false, Some(130), 130));
    assert_eq!(seen.seen_at, Some(WallTime(130)));
    seen.see(&sighting("m", false, Some(40), 50));
    assert_eq!((seen.seen_at, seen.noted_at), (Some(WallTime(50)), WallTime(50)));
}

#[test]
fn only_what_is_stated_replaces_host_and_labels() {
    let mut seen = Machine::from(&sighting("m", true, Some(1), 1));
    let mut other = sighting("m", false, Some(2), 2);
    other.machine.host = "renamed".into();
    other.machine.labels.insert("zone".to_owned(), "b".to_owned());
    seen.see(&other);
    assert_eq!((&*seen.host, seen.labels.len()), ("m", 0));
    other.stated = true;
    seen.see(&other);
    assert_eq!((&*seen.host, seen.labels["zone"].as_str()), ("renamed", "b"));
}

/// What changes that are applied one after another tell: of which machine, whether it was
/// stated, and when it held a live session.
fn told(scene: &Scene, changes: &Changes) -> Vec<(String, bool, Option<WallTime>)> {
    let mut workspace = scene.workspace.clone();
    let mut all = Vec::new();
    for change in changes {
        let before = workspace.tenure.clone();
        evolve(&mut workspace, change);
        for told in sightings(&before, change, at(NOW).wall) {
            assert_eq!(told.at, at(NOW).wall);
            all.push((told.machine.id.as_str().to_owned(), told.stated, told.seen_at));
        }
    }
    all
}

fn of(name: &str, stated: bool, seen_ms: Option<u64>) -> (String, bool, Option<WallTime>) {
    (name.to_owned(), stated, seen_ms.map(|ms| at(ms).wall))
}

fn on(name: &str) -> crate::command::Start {
    let mut request = start_with(lease("a"));
    request.machine = Some(machine(name));
    request
}

#[test]
fn a_start_is_a_sighting_and_a_start_without_machine_is_none() {
    let scene = Scene::unknown();
    assert_eq!(told(&scene, &scene.done(on("m")).changes), [of("m", true, Some(NOW))]);
    assert_eq!(told(&scene, &scene.done(start_with(lease("a"))).changes), []);
}

#[test]
fn a_refresh_is_a_sighting_of_the_machine_that_it_names_or_else_kept() {
    let scene = Scene::with(program("a"));
    let same = scene.done(start_with(lease("a"))).changes;
    assert_eq!(told(&scene, &same), [of("old-machine", false, Some(NOW))]);
    let moved = scene.done(on("m")).changes;
    let both = [of("old-machine", false, Some(NOW)), of("m", true, Some(NOW))];
    assert_eq!(told(&scene, &moved), both);
}

#[test]
fn the_end_of_a_live_session_is_a_sighting() {
    let scene = Scene::with(program("a"));
    for changes in [scene.done(give_up(Some("a"))).changes, scene.done(clear(Some("a"))).changes] {
        assert_eq!(told(&scene, &changes), [of("old-machine", false, Some(NOW))]);
    }
}

#[test]
fn the_end_of_a_stale_session_does_not_say_that_its_machine_was_alive() {
    let scene = Scene::with(program("a").stale());
    let changes = scene.done(clear(Some("a"))).changes;
    assert_eq!(told(&scene, &changes), [of("old-machine", false, None)]);
}

#[test]
fn a_takeover_is_a_sighting_of_the_successors_machine_only() {
    let scene = Scene::with(program("a").stale());
    let mut request = take_over(successor("b"));
    request.machine = Some(machine("m"));
    let changes = scene.done(request).changes;
    let both = [of("old-machine", false, None), of("m", true, Some(NOW))];
    assert_eq!(told(&scene, &changes), both);
}

#[test]
fn an_expiry_says_until_when_its_machine_held_a_live_session() {
    let scene = Scene::with(program("a").expiring_at(NOW - 70));
    let (_, changes) = scene.settled();
    assert_eq!(told(&scene, &changes), [of("old-machine", false, Some(NOW - 70))]);
}

#[test]
fn a_transfer_that_came_due_says_so_too() {
    let scene = Scene::with(person()).pending(transfer_due_at(NOW - 30));
    let (_, changes) = scene.settled();
    let first = told(&scene, &changes).remove(0);
    assert_eq!(first, of("old-machine", false, Some(NOW - 30)));
}

#[test]
fn a_beat_tells_nothing_of_its_machine() {
    let scene = Scene::with(program("a"));
    let mut request = beat("a");
    request.activity = Some("writing".into());
    assert_eq!(request.actor, actor("a"));
    assert_eq!(told(&scene, &scene.done(request).changes), []);
}
