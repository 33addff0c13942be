//! A repeated request hears its answer again, but never of a grant that is gone.

use super::*;
use crate::command::ForceTakeOver;
use crate::escalation::EscalationKind;
use crate::evolve::evolve;
use crate::settle::settle;
use crate::testing::{
    NOW, Scene, TTL, clear, force, give_up, lease, person, program, put_gates, put_handoff, raise,
    start_person, start_with, successor, take_over, transfer_due_at,
};
use crate::time::{LeaseInstant, Span};

/// The answers that grant a session, each with the scene that it leaves behind.
fn grants() -> Vec<(Reply, Scene)> {
    let granting = |scene: Scene, command: crate::command::Command| {
        let done = scene.done(command);
        (done.reply, Scene { workspace: done.workspace, context: scene.context })
    };
    let stale = || Scene::with(program("a").stale());
    vec![
        granting(Scene::unknown(), start_with(lease("a")).into()),
        granting(Scene::with(program("a")), start_with(lease("a")).into()),
        granting(stale(), take_over(successor("b")).into()),
        granting(Scene::with(program("a")), force(successor("b"), Span::ZERO).into()),
    ]
}

#[test]
fn grant_that_lives_is_told_again_with_its_present_expiry() {
    for (reply, scene) in grants() {
        assert_eq!(replay(&scene.workspace, &reply, &scene.context), Ok(reply.clone()));
        // Meanwhile a transfer has become pending.
        let scene = scene.pending(transfer_due_at(NOW + 5_000));
        let told = replay(&scene.workspace, &reply, &scene.context).unwrap();
        assert_eq!(told.granted().unwrap().effective_expiry, LeaseInstant(NOW + 5_000));
        assert_eq!(told.granted().unwrap().session, reply.granted().unwrap().session);
    }
}

#[test]
fn grant_is_told_without_boot_grace_which_another_crash_would_take() {
    let (reply, scene) = grants().remove(0);
    let boot = |scene: Scene, ran_for_ms: u64| {
        let mut scene = scene.now(NOW + ran_for_ms);
        scene.context.clock.boot_mark = LeaseInstant(NOW + 50_000);
        scene
    };
    let scene = boot(scene, 55_000);
    assert!(!scene.workspace.tenure.is_stale(&scene.context.clock));
    let told = replay(&scene.workspace, &reply, &scene.context).unwrap();
    assert_eq!(told.granted().unwrap().effective_expiry, LeaseInstant(NOW).after(TTL));
    // By grace alone the lease lives, but nobody may begin to count on it.
    let scene = boot(scene, 60_000);
    assert!(!scene.workspace.tenure.is_stale(&scene.context.clock));
    let refusal = replay(&scene.workspace, &reply, &scene.context).unwrap_err();
    assert_eq!(refusal.reason, Reason::LeaseExpired);
}

#[test]
fn grant_that_was_renewed_is_told_with_the_renewed_expiry() {
    let (reply, scene) = grants().remove(0);
    let scene = scene.now(NOW + 20_000);
    let renewed = scene.done(crate::testing::beat("a")).workspace;
    let told = replay(&renewed, &reply, &scene.context).unwrap();
    let expiry = LeaseInstant(NOW + 20_000).after(TTL);
    assert_eq!(told.granted().unwrap().effective_expiry, expiry);
}

#[test]
fn grant_that_has_gone_stale_is_lease_expired_also_at_the_very_instant() {
    for (reply, scene) in grants() {
        let mut scene = scene.now(NOW + 60_000);
        let changes = settle(&scene.workspace, &scene.context.clock).unwrap();
        changes.iter().for_each(|change| evolve(&mut scene.workspace, change));
        let refusal = replay(&scene.workspace, &reply, &scene.context).unwrap_err();
        assert_eq!(refusal.reason, Reason::LeaseExpired);
    }
    let done = Scene::unknown().done(start_person());
    let later = Scene { workspace: done.workspace, ..Scene::unknown().now(NOW + 28_800_001) };
    let refusal = replay(&later.workspace, &done.reply, &later.context).unwrap_err();
    assert_eq!(refusal.reason, Reason::LeaseExpired);
}

#[test]
fn grant_that_has_ended_is_session_mismatch_whoever_came_after() {
    for (reply, scene) in grants() {
        let owner = scene.session().actor().unwrap().clone();
        let after = [
            scene.done(give_up(Some(owner.as_str()))).workspace,
            scene.done(clear(Some(owner.as_str()))).workspace,
            // The same actor in a new tenure is still another session.
            scene.done(force(successor(owner.as_str()), Span::ZERO)).workspace,
        ];
        for workspace in after {
            let refusal = replay(&workspace, &reply, &scene.context).unwrap_err();
            assert_eq!(refusal.reason, Reason::SessionMismatch);
        }
    }
}

#[test]
fn grant_that_has_ended_and_whose_workspace_is_free_does_not_speak_of_another_session() {
    let (reply, scene) = grants().remove(0);
    let workspace = scene.done(give_up(Some("a"))).workspace;
    let refusal = replay(&workspace, &reply, &scene.context).unwrap_err();
    assert!(refusal.message.ends_with("no longer has the session that was meant"));
}

#[test]
fn answers_that_grant_nothing_are_told_again_whatever_has_happened_since() {
    let dry = ForceTakeOver { dry_run: true, ..force(successor("b"), Span::ZERO) };
    let scene = Scene::with(program("a"));
    let replies = [
        scene.done(give_up(Some("a"))).reply,
        scene.done(clear(Some("a"))).reply,
        scene.done(force(successor("b"), Span(1))).reply,
        scene.done(dry).reply,
        Scene::free().done(clear(None)).reply,
        scene.done(raise(EscalationKind::Blocking)).reply,
        scene.done(put_gates(&[])).reply,
        scene.done(put_handoff("later")).reply,
    ];
    for later in [Scene::free(), Scene::with(person().stale())] {
        for reply in &replies {
            assert_eq!(replay(&later.workspace, reply, &later.context).as_ref(), Ok(reply));
        }
    }
}
