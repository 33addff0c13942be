//! When a session stalls, that it is recorded once, and that a touch ends it.

use super::*;
use crate::event::What;
use crate::session::REVISION_LIMIT;
use crate::settle::settle;
use crate::testing::{NOW, Scene, beat, lease, person, program, start_with, touching};
use crate::work_stream::{HALF_LIFE_DEFAULT, STALLED_UNDER, Score};

/// A session with a long lease that touched a stream and has just stalled, or is about to.
fn touched(since_stall_ms: i64) -> Scene {
    let scene = Scene::with(program("a").expiring_at(NOW + 100_000_000));
    let scene = Scene { workspace: scene.done(touching("a", "parsing")).workspace, ..scene };
    let stalls_at = NOW + 2 * HALF_LIFE_DEFAULT.0 + 1;
    assert_eq!(scene.session().stalls_at, Some(LeaseInstant(stalls_at)));
    scene.now(stalls_at.saturating_add_signed(since_stall_ms))
}

#[test]
fn session_that_never_touched_a_stream_never_stalls() {
    for session in [program("a").expiring_at(u64::MAX), person()] {
        let scene = Scene::with(session).now(NOW + 1_000_000);
        assert!(!scene.workspace.tenure.is_stalled(&scene.context.clock));
        assert_eq!(settle(&scene.workspace, &scene.context.clock), None);
    }
}

#[test]
fn stall_is_recorded_once_with_the_best_stream_and_without_revision() {
    let scene = touched(0);
    let (after, changes) = scene.settled();
    let [event] = &scene.events_of(&changes)[..] else { panic!("{changes:?}") };
    let What::SessionStalled(best) = &event.what else { panic!("{event:?}") };
    assert_eq!(best.stream.as_ref().unwrap().as_str(), "parsing");
    assert!(best.score < STALLED_UNDER && best.score > Score::ZERO);
    assert_eq!(
        (event.session_id.clone(), event.revision),
        (scene.session().id.clone(), after.tenure.revision)
    );
    assert_eq!(after.tenure.revision, scene.workspace.tenure.revision);
    assert!(after.tenure.session.as_ref().unwrap().stalled);
    assert!(after.tenure.is_stalled(&scene.context.clock));
    assert_eq!(settle(&after, &scene.context.clock), None);
}

#[test]
fn nothing_is_stalled_an_instant_before() {
    let scene = touched(-1);
    assert!(!scene.workspace.tenure.is_stalled(&scene.context.clock));
    assert_eq!(settle(&scene.workspace, &scene.context.clock), None);
}

#[test]
fn reads_see_the_stall_before_it_is_recorded() {
    let scene = touched(0);
    assert!(!scene.session().stalled);
    assert!(scene.workspace.tenure.is_stalled(&scene.context.clock));
}

#[test]
fn touch_resumes_and_moves_the_stall_but_a_plain_beat_does_not() {
    let scene = touched(5);
    let scene = Scene { workspace: scene.settled().0, ..scene };
    let plain = scene.done(beat("a"));
    assert!(plain.session().stalled && plain.workspace.tenure.is_stalled(&scene.context.clock));
    let done = scene.done(touching("a", "testing"));
    let events = scene.events_of(&done.changes);
    let [What::SessionResumed(best)] = events.iter().map(|e| &e.what).collect::<Vec<_>>()[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((best.stream.as_ref().unwrap().as_str(), best.score), ("testing", Score::ONE));
    assert!(!done.session().stalled);
    assert!(done.session().stalls_at > Some(scene.context.clock.now.lease));
    assert_eq!(settle(&done.workspace, &scene.context.clock), None);
}

#[test]
fn refresh_of_a_stalled_session_leaves_it_stalled() {
    let scene = touched(5);
    let scene = Scene { workspace: scene.settled().0, ..scene };
    let done = scene.done(start_with(lease("a")));
    assert!(done.session().stalled);
}

#[test]
fn stale_session_does_not_stall() {
    let mut scene = touched(0);
    let expiry = scene.context.clock.now.lease;
    let session = scene.session().clone().expiring_at(expiry.0);
    scene.workspace.tenure.session = Some(session);
    let (after, changes) = scene.settled();
    assert!(matches!(changes[..], [Change::ExpiryRecorded { .. }]), "{changes:?}");
    assert!(!after.tenure.is_stalled(&scene.context.clock));
    assert_eq!(settle(&after, &scene.context.clock), None);
}

#[test]
fn stall_is_recorded_also_when_the_revisions_are_used_up() {
    let mut scene = touched(0);
    scene.workspace.tenure.revision = Some(REVISION_LIMIT);
    assert!(scene.settled().0.tenure.session.unwrap().stalled);
}

#[test]
fn next_due_is_the_earlier_of_expiry_and_stall_until_each_is_recorded() {
    let due = |scene: &Scene| scene.workspace.tenure.next_due(LeaseInstant(1));
    assert_eq!(due(&Scene::free()), None);
    let scene = touched(0);
    assert_eq!(due(&scene), scene.session().stalls_at);
    let stalled = Scene { workspace: scene.settled().0, ..scene };
    assert_eq!(due(&stalled), Some(LeaseInstant(NOW + 100_000_000)));
    let expired = stalled.now(NOW + 100_000_000);
    let expired = Scene { workspace: expired.settled().0, ..expired };
    assert_eq!(due(&expired), None);
    let pending = crate::testing::transfer_due_at(NOW + 5);
    assert_eq!(due(&touched(0).pending(pending)), Some(LeaseInstant(NOW + 5)));
}
