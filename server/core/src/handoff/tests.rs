//! The handoff is replaced as a whole, by anybody, with or without a session.

use super::*;
use crate::event::What;
use crate::refusal::Reason;
use crate::testing::{NOW, Scene, actor, at, expecting, program, put_handoff};

#[test]
fn put_replaces_the_handoff_with_who_when_and_the_session() {
    let scene = Scene::with(program("a")).surrounded();
    let done = scene.done(put_handoff("the printer"));
    let expected = Arc::new(Handoff {
        title: "the printer".into(),
        actions: vec![HandoffAction { text: "go on".into(), state: ActionState::Open }],
        put_at: at(NOW).wall,
        actor: Some(actor("w")),
        principal: Principal::imported("caller"),
        session_id: scene.session().id.clone(),
    });
    assert_eq!(done.workspace.around().handoff, Some(Arc::clone(&expected)));
    assert_eq!(done.reply, Reply::HandoffPut(Arc::clone(&expected)));
    assert_eq!(scene.events_of(&done.changes)[0].what, What::HandoffPut(expected));
}

#[test]
fn handoff_needs_no_session_and_raises_no_revision() {
    for scene in [Scene::unknown(), Scene::free()] {
        let done = scene.done(put_handoff("later"));
        assert_eq!(done.workspace.tenure.revision, scene.workspace.tenure.revision);
        assert_eq!(done.workspace.tenure.session, None);
        assert_eq!(done.workspace.around().handoff.as_ref().unwrap().session_id, None);
    }
}

#[test]
fn expected_session_is_checked_first() {
    let put =
        || PutHandoff { expected: expecting(Some("ses_other"), None), ..put_handoff("later") };
    assert_eq!(Scene::free().refused(put()), Reason::NoSession);
    assert_eq!(Scene::with(program("a")).refused(put()), Reason::SessionMismatch);
}
