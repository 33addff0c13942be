//! Raise and resolve: what is stored, what beats are told, and the bound.

use super::*;
use crate::event::What;
use crate::testing::{
    Done, NOW, Scene, actor, at, beat, escalation, person, program, raise, resolve,
};
use crate::workspace::Tenure;

fn events(scene: &Scene, done: &Done) -> Vec<What> {
    scene.events_of(&done.changes).into_iter().map(|event| event.what).collect()
}

#[test]
fn raised_escalation_is_stored_with_who_when_and_the_session() {
    let scene = Scene::with(program("a"));
    let done = scene.done(raise(EscalationKind::Blocking));
    let raised = Escalation {
        id: EscalationId::imported("esc_new"),
        kind: EscalationKind::Blocking,
        reason: "which one?".into(),
        raised_at: at(NOW).wall,
        actor: Some(actor("w")),
        principal: Principal::imported("caller"),
        session_id: scene.session().id.clone(),
    };
    assert_eq!(done.workspace.around().escalations, std::slice::from_ref(&raised));
    assert_eq!(done.reply, Reply::EscalationRaised(Box::new(raised.clone())));
    assert_eq!(events(&scene, &done), [What::EscalationRaised(Box::new(raised))]);
    assert_eq!(scene.events_of(&done.changes)[0].why.as_deref(), Some("which one?"));
}

#[test]
fn escalations_need_no_session_and_raise_no_revision() {
    for scene in [Scene::unknown(), Scene::free(), Scene::with(person()), Scene::with(program("a"))]
    {
        let raised = scene.done(raise(EscalationKind::NonBlocking));
        let told =
            |tenure: &Tenure| (tenure.revision, tenure.session.clone(), tenure.signals.clone());
        let (before, after) = (&scene.workspace.tenure, &raised.workspace.tenure);
        assert_eq!(told(after), told(before), "not blocking: not told");
        let later = Scene { workspace: raised.workspace, ..scene };
        let resolved = later.done(resolve("esc_new"));
        assert_eq!(resolved.workspace.tenure.revision, later.workspace.tenure.revision);
        assert!(resolved.workspace.around().escalations.is_empty());
    }
}

#[test]
fn beats_are_told_of_the_oldest_blocking_escalation_and_how_many_there_are() {
    let mut scene = Scene::with(program("a")).surrounded();
    scene.context.new_escalation_id = EscalationId::imported("esc_younger");
    let scene = Scene { workspace: scene.done(raise(EscalationKind::Blocking)).workspace, ..scene };
    let told = |scene: &Scene| match scene.done(beat("a")).reply {
        Reply::Beat(beat) => beat.signals.blocking.map(|told| (told.count, told.oldest.clone())),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&scene), Some((2, EscalationId::imported("esc_waits"))));
    let scene = Scene { workspace: scene.done(resolve("esc_waits")).workspace, ..scene };
    assert_eq!(told(&scene), Some((1, EscalationId::imported("esc_younger"))));
    let scene = Scene { workspace: scene.done(resolve("esc_younger")).workspace, ..scene };
    assert_eq!(told(&scene), None);
}

#[test]
fn resolving_tells_the_escalation_as_it_was_and_how_many_block_still() {
    let scene = Scene::with(program("a")).surrounded();
    for (id, kind, left) in
        [("esc_asks", EscalationKind::NonBlocking, 1), ("esc_waits", EscalationKind::Blocking, 0)]
    {
        let done = scene.done(resolve(id));
        let was = escalation(id, kind);
        let told = EscalationResolved { escalation: was.clone(), blocking: left };
        assert_eq!(done.reply, Reply::EscalationResolved(Box::new(told)));
        assert_eq!(events(&scene, &done), [What::EscalationResolved(Box::new(was))]);
        let why = scene.events_of(&done.changes)[0].why.clone();
        assert_eq!(why.as_deref(), Some("the left one"));
    }
}

#[test]
fn escalation_that_is_not_open_is_no_such_escalation() {
    let scene = Scene::with(program("a")).surrounded();
    assert_eq!(scene.refused(resolve("esc_other")), Reason::NoSuchEscalation);
    let later = Scene { workspace: scene.done(resolve("esc_waits")).workspace, ..scene };
    assert_eq!(later.refused(resolve("esc_waits")), Reason::NoSuchEscalation);
}

#[test]
fn hundredth_escalation_is_kept_and_one_more_is_quota_exceeded() {
    let mut scene = Scene::free();
    for number in 0..ESCALATIONS_MAX - 1 {
        let each = escalation(&format!("esc_{number}"), EscalationKind::NonBlocking);
        scene.around().escalations.push(each);
    }
    let full = scene.done(raise(EscalationKind::Blocking)).workspace;
    assert_eq!(full.around().escalations.len(), ESCALATIONS_MAX);
    let scene = Scene { workspace: full, ..scene };
    let reason = Reason::QuotaExceeded(Quota::Escalations);
    assert_eq!(scene.refused(raise(EscalationKind::NonBlocking)), reason);
    // One that is resolved makes room.
    let room = Scene { workspace: scene.done(resolve("esc_0")).workspace, ..scene };
    room.done(raise(EscalationKind::NonBlocking));
}

#[test]
fn used_up_revisions_do_not_keep_anybody_from_asking() {
    let scene = Scene::with(program("a")).at_revision(crate::session::REVISION_LIMIT.0);
    scene.done(raise(EscalationKind::Blocking));
}
