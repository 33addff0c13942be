//! How workspaces come to be known and are forgotten.

use super::*;
use crate::escalation::EscalationKind;
use crate::event::What;
use crate::gate::GateState;
use crate::session::Revision;
use crate::testing::{
    Done, NOW, REVISION, Scene, at, beat, clear, lease, person, program, put_gates, put_handoff,
    raise, resolve, start_person, start_with, update_gate, wait_for,
};

impl Scene {
    fn strict(mut self) -> Self {
        self.context.registration_required = true;
        self
    }
}

fn origin(done: &Done) -> &Origin {
    done.workspace.tenure.origin.as_deref().unwrap()
}

fn deleted(done: &Done) -> (bool, u64) {
    match &done.reply {
        Reply::WorkspaceDeleted(answer) => (answer.deleted, answer.revision_floor.0),
        other => panic!("{other:?}"),
    }
}

fn created(done: &Done) -> bool {
    match &done.reply {
        Reply::Registered(registered) => registered.created,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_workspace_comes_into_being_with_its_first_start() {
    let done = Scene::unknown().done(start_person());
    let expected = Origin {
        registered: false,
        at: Some(at(NOW).wall),
        principal: Some(Principal::imported("caller")),
    };
    assert_eq!(*origin(&done), expected);
    let kinds = Scene::unknown().events_of(&done.changes);
    assert!(matches!(kinds[..], [ref only] if matches!(only.what, What::SessionStarted { .. })));
}

#[test]
fn a_workspace_comes_into_being_with_whatever_is_stored_first() {
    let escalated =
        Scene::unknown().done(Command::RaiseEscalation(raise(EscalationKind::Blocking)));
    assert!(!origin(&escalated).registered);
}

#[test]
fn a_clear_of_nothing_leaves_a_workspace_unknown() {
    let done = Scene::unknown().done(clear(None));
    assert_eq!(done.workspace.tenure.origin, None);
}

#[test]
fn what_is_known_stays_as_it_came_to_be() {
    let done = Scene::free().done(start_person());
    assert_eq!(*origin(&done), Origin::default());
}

#[test]
fn registering_makes_a_workspace_known_without_a_revision() {
    let done = Scene::unknown().done(Command::Register);
    assert!(created(&done) && origin(&done).registered);
    assert_eq!(done.workspace.tenure.revision, None);
    let events = Scene::unknown().events_of(&done.changes);
    assert!(matches!(events[..], [ref only] if only.what == What::WorkspaceRegistered));
}

#[test]
fn registering_twice_changes_nothing() {
    let once = Scene::unknown().done(Command::Register);
    let again = Scene { workspace: once.workspace, ..Scene::unknown() }.done(Command::Register);
    assert!(!created(&again) && again.changes.is_empty());
}

#[test]
fn registering_what_came_into_being_by_itself_keeps_since_when_it_is_known() {
    let started = Scene::unknown().done(start_person());
    let later = Scene { workspace: started.workspace, ..Scene::unknown() }.now(NOW + 5);
    let done = later.done(Command::Register);
    assert!(created(&done));
    assert_eq!((origin(&done).registered, origin(&done).at), (true, Some(at(NOW).wall)));
}

#[test]
fn where_registration_is_required_nothing_brings_a_workspace_into_being() {
    let commands: [Command; 7] = [
        start_person().into(),
        wait_for(start_with(lease("a"))).into(),
        Command::PutGates(put_gates(&[("build", GateState::Open)])),
        Command::UpdateGate(update_gate("build", GateState::Passed, None)),
        Command::RaiseEscalation(raise(EscalationKind::NonBlocking)),
        Command::ResolveEscalation(resolve("esc_1")),
        Command::PutHandoff(put_handoff("title")),
    ];
    for command in commands {
        let reason = Scene::unknown().strict().refused(command.clone());
        assert_eq!(reason, Reason::WorkspaceNotRegistered, "{command:?}");
        assert!(!reason.is_cured_by_waiting());
    }
}

#[test]
fn where_registration_is_required_a_registered_workspace_is_started() {
    let registered = Scene::unknown().done(Command::Register);
    let scene = Scene { workspace: registered.workspace, ..Scene::unknown() }.strict();
    let done = scene.done(start_person());
    assert!(origin(&done).registered);
}

#[test]
fn where_registration_is_required_what_is_known_goes_on() {
    let scene = Scene::with(program("a")).strict();
    scene.done(beat("a"));
    scene.done(start_with(lease("a")));
}

#[test]
fn a_workspace_with_a_session_is_not_deleted() {
    for scene in [Scene::with(person()), Scene::with(program("a").stale())] {
        assert_eq!(scene.refused(Command::DeleteWorkspace), Reason::WorkspaceInUse);
    }
}

#[test]
fn deleting_leaves_nothing_and_raises_the_floor_to_the_last_revision() {
    let mut scene = Scene::free().at_revision(4_000);
    scene.workspace.surroundings.as_mut().unwrap().gates = Vec::new();
    let done = scene.done(Command::DeleteWorkspace);
    assert_eq!(deleted(&done), (true, 4_000));
    assert_eq!(done.workspace, Workspace::unknown(scene.workspace.key.clone()));
    let events = scene.events_of(&done.changes);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.what, What::WorkspaceDeleted { revision_floor: Revision(4_000) });
    assert_eq!(event.revision, Some(Revision(4_000)));
}

#[test]
fn the_floor_never_falls() {
    let done = Scene::free().done(Command::DeleteWorkspace);
    assert!(REVISION < Revision(100), "the floor of the scene is higher");
    assert_eq!(deleted(&done), (true, 100));
}

#[test]
fn a_session_after_a_deletion_has_a_larger_token() {
    let scene = Scene::free().at_revision(4_000);
    let gone = scene.done(Command::DeleteWorkspace);
    let mut scene = Scene { workspace: gone.workspace, ..scene };
    scene.context.revision_floor = Revision(4_000);
    assert_eq!(scene.done(start_person()).session().token.0, 4_001);
}

#[test]
fn deleting_what_is_unknown_succeeds() {
    let done = Scene::unknown().done(Command::DeleteWorkspace);
    assert_eq!(deleted(&done), (false, 100));
    assert!(done.changes.is_empty());
}
