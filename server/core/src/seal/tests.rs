//! What a sealed record holds beside the session itself. That each end seals with its cause is
//! tested with the ends.

use super::*;
use crate::gate::GateState;
use crate::handoff::{Handoff, HandoffAction};
use crate::ledger::LedgerEntry;
use crate::name::InstanceId;
use crate::testing::{Done, RENEWED, Scene, TTL, at, gate, give_up, person, program, usage};

fn entry(done: &Done) -> LedgerEntry {
    let [entry] = done.sealed()[..] else { panic!("one session ended") };
    entry.clone()
}

fn focus_of(change: impl Fn(&mut Surroundings)) -> Option<String> {
    let mut scene = Scene::with(program("a")).surrounded();
    change(scene.around());
    entry(&scene.done(give_up(Some("a")))).focus.map(|focus| focus.to_string())
}

#[test]
fn record_of_a_program_holds_process_lease_and_usage() {
    let scene = Scene::with(program("a").instance("i1")).surrounded().worked();
    let entry = entry(&scene.done(give_up(Some("a"))));
    assert_eq!(entry.instance, Some(InstanceId::imported("i1")));
    assert_eq!(entry.last_heartbeat_at, Some(at(RENEWED).wall));
    assert_eq!(entry.lease_ttl, Some(TTL));
    assert_eq!(entry.usage, Some(usage(1_000, &[("calls", 3)])));
}

#[test]
fn record_of_a_person_holds_none_of_it() {
    let entry = entry(&Scene::with(person()).done(give_up(None)));
    assert_eq!((entry.instance, entry.last_heartbeat_at, entry.lease_ttl), (None, None, None));
    assert_eq!((entry.usage, entry.focus), (None, None));
}

#[test]
fn focus_is_the_attention_anchor_else_the_handoffs_title_else_its_first_open_action() {
    assert_eq!(focus_of(|_| {}).as_deref(), Some("review"));
    let passed = |around: &mut Surroundings| around.gates = vec![gate("build", GateState::Passed)];
    assert_eq!(focus_of(passed).as_deref(), Some("the parser"));
    let untitled = |actions: &[(&str, ActionState)]| {
        let actions: Vec<_> = actions
            .iter()
            .map(|&(text, state)| HandoffAction { text: text.into(), state })
            .collect();
        focus_of(move |around| {
            passed(around);
            let handoff = around.handoff.take().unwrap();
            let handoff =
                Handoff { title: "".into(), actions: actions.clone(), ..(*handoff).clone() };
            around.handoff = Some(Arc::new(handoff));
        })
    };
    let actions = [("one", ActionState::Done), ("two", ActionState::Open)];
    assert_eq!(untitled(&actions).as_deref(), Some("two"));
    assert_eq!(untitled(&actions[..1]), None);
    assert_eq!(focus_of(|around| *around = Surroundings::default()), None);
}

#[test]
fn record_from_before_these_fields_is_still_read() {
    let scene = Scene::with(program("a"));
    let mut json = serde_json::to_value(entry(&scene.done(give_up(Some("a"))))).unwrap();
    let fields = json.as_object_mut().unwrap();
    for new in ["instance", "last_heartbeat_at", "lease_ttl", "usage", "focus"] {
        assert!(fields.remove(new).is_some(), "{new}");
    }
    let entry: LedgerEntry = serde_json::from_value(json).unwrap();
    assert_eq!((entry.lease_ttl, entry.focus), (None, None));
}

#[test]
fn session_from_before_these_fields_is_still_read() {
    let session = program("a");
    let mut json = serde_json::to_value(&session).unwrap();
    let fields = json.as_object_mut().unwrap();
    for new in ["applied_gates_revision", "stalls_at", "stalled"] {
        assert!(fields.remove(new).is_some(), "{new}");
    }
    assert_eq!(serde_json::from_value::<Session>(json).unwrap(), session);
}
