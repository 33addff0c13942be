//! The list and one gate of it: what is stored, told and logged, and when it is refused.

use super::*;
use crate::command::Command;
use crate::event::What;
use crate::testing::{
    Done, GATES_REVISION, NOW, Scene, actor, at, clear, expecting, gate, give_up, program,
    put_gates, report, update_gate,
};

fn told(done: &Done) -> &Gates {
    match &done.reply {
        Reply::Gates(gates) => gates,
        other => panic!("{other:?}"),
    }
}

fn set(name: &str, state: GateState, note: Option<&str>) -> Gate {
    Gate {
        note: note.map(Into::into),
        updated_at: at(NOW).wall,
        updated_by_actor: Some(actor("w")),
        updated_by: Principal::imported("caller"),
        ..gate(name, state)
    }
}

#[test]
fn put_replaces_the_whole_list_in_order_and_raises_its_revision() {
    let scene = Scene::with(program("a")).surrounded().worked();
    let asked = [("ship", GateState::Open), ("build", GateState::Waived)];
    let done = scene.done(put_gates(&asked));
    let expected: Vec<_> = asked.iter().map(|&(name, state)| set(name, state, None)).collect();
    assert_eq!(done.workspace.around().gates, expected);
    assert_eq!((&*told(&done).list, told(&done).revision), (&*expected, GATES_REVISION.next()));
    assert_eq!(told(&done).applied, Some(GatesRevision(6)));
    assert_eq!(*told(&done), Gates::of(&done.workspace));
    let what = &scene.events_of(&done.changes)[0].what;
    assert_eq!(*what, What::GatesSet(Box::new(told(&done).clone())));
}

#[test]
fn putting_an_empty_list_removes_all_gates_and_is_a_change() {
    for scene in [Scene::unknown(), Scene::free().surrounded()] {
        let done = scene.done(put_gates(&[]));
        assert!(done.workspace.around().gates.is_empty());
        let before = scene.workspace.tenure.signals.gates_revision;
        assert_eq!(done.workspace.tenure.signals.gates_revision, before.next());
        assert_eq!(done.workspace.tenure.revision, scene.workspace.tenure.revision);
    }
}

#[test]
fn update_sets_one_gate_and_leaves_order_and_the_others() {
    let scene = Scene::with(program("a")).surrounded();
    let done = scene.done(update_gate("review", GateState::Failed, Some("too long")));
    let review = set("review", GateState::Failed, Some("too long"));
    let expected = [gate("build", GateState::Passed), review.clone()];
    assert_eq!(done.workspace.around().gates, expected);
    assert_eq!(*told(&done), Gates::of(&done.workspace));
    let (prior, revision) = (GateState::Open, GATES_REVISION.next());
    let what = What::GateUpdated { gate: Box::new(review), prior, revision };
    assert_eq!(scene.events_of(&done.changes)[0].what, what);
}

#[test]
fn update_without_note_keeps_it_and_with_an_empty_one_removes_it() {
    let scene = Scene::with(program("a")).surrounded();
    let note = |asked| {
        let done = scene.done(update_gate("build", GateState::Open, asked));
        done.workspace.around().gates[0].note.clone()
    };
    assert_eq!(note(None).as_deref(), Some("as it was"));
    assert_eq!(note(Some("")), None);
}

#[test]
fn gate_that_is_not_in_the_list_is_no_such_gate() {
    for scene in [Scene::unknown(), Scene::with(program("a")).surrounded()] {
        assert_eq!(scene.refused(update_gate("x", GateState::Open, None)), Reason::NoSuchGate);
    }
}

#[test]
fn expected_session_is_checked_first() {
    let commands = |session_id: &str| -> [Command; 2] {
        let expected = expecting(Some(session_id), None);
        let put = PutGates { expected: expected.clone(), ..put_gates(&[]) };
        let update = UpdateGate { expected, ..update_gate("x", GateState::Open, None) };
        [put.into(), update.into()]
    };
    for command in commands("ses_other") {
        assert_eq!(Scene::free().refused(command.clone()), Reason::NoSession);
        assert_eq!(Scene::with(program("a")).refused(command), Reason::SessionMismatch);
    }
    let [put, update] = commands("ses_stored");
    Scene::with(program("a")).done(put);
    assert_eq!(Scene::with(program("a")).refused(update), Reason::NoSuchGate);
}

#[test]
fn anchor_is_the_first_gate_that_is_open_or_failed() {
    use GateState::{Failed, Open, Passed, Waived};
    let anchor = |states: &[GateState]| {
        let gates: Vec<_> = states.iter().map(|&state| gate("g", state)).collect();
        attention_anchor(&gates).map(|found| found.state)
    };
    assert_eq!(anchor(&[]), None);
    assert_eq!(anchor(&[Passed, Waived]), None);
    assert_eq!(anchor(&[Passed, Failed, Open]), Some(Failed));
    assert_eq!(anchor(&[Waived, Open, Failed]), Some(Open));
}

#[test]
fn gates_revision_rises_with_each_change_and_clearing_and_is_never_reset() {
    let mut scene = Scene::with(program("a"));
    let commands: [Command; 4] = [
        put_gates(&[("build", GateState::Open)]).into(),
        update_gate("build", GateState::Passed, None).into(),
        clear(Some("a")).into(),
        put_gates(&[]).into(),
    ];
    for (number, command) in commands.into_iter().enumerate() {
        scene.workspace = scene.done(command).workspace;
        let revision = scene.workspace.tenure.signals.gates_revision;
        assert_eq!(revision.0, number as u64 + 1);
    }
    // Clearing nothing is no clearing.
    let cleared = scene.done(clear(None)).workspace;
    assert_eq!(cleared.tenure.signals.gates_revision, GatesRevision(4));
}

#[test]
fn beats_tell_the_revision_and_say_which_one_is_applied_in_this_tenure() {
    let scene = Scene::with(program("a")).surrounded();
    let applied = |said: u64| {
        let said = Some(GatesRevision(said));
        let told = crate::command::Report { gates_revision: said, ..Default::default() };
        let done = scene.done(report("a", told));
        let Reply::Beat(beat) = &done.reply else { panic!() };
        assert_eq!(beat.signals.gates_revision, GATES_REVISION);
        assert!(scene.events_of(&done.changes).is_empty(), "beats are not events");
        (done.session().applied_gates_revision.unwrap().0, done)
    };
    assert_eq!(applied(5).0, 5);
    assert_eq!(applied(99).0, 7, "nobody has applied what was never set");
    let (_, done) = applied(7);
    let again = Scene { workspace: done.workspace, ..Scene::with(program("a")) };
    let told =
        crate::command::Report { gates_revision: Some(GATES_REVISION), ..Default::default() };
    assert_eq!(again.done(report("a", told)).changes.len(), 1, "nothing but the renewal");
    let next = Scene { workspace: again.done(give_up(Some("a"))).workspace, ..again };
    let started = next.done(crate::testing::start_with(crate::testing::lease("a")));
    assert_eq!(started.session().applied_gates_revision, None);
}
