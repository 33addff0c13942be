//! Heartbeats and joins: each refusal in its order, then what a beat renews and says.

use super::*;
use crate::session::Mode;
use crate::testing::{
    Done, NOW, REVISION, Scene, TOKEN, TTL, actor, at, beat, person, program, transfer_due_at,
};
use crate::time::LeaseInstant;

fn beaten(done: &Done) -> &Beat {
    match &done.reply {
        Reply::Beat(beat) => beat,
        other => panic!("not a beat's answer: {other:?}"),
    }
}

fn beat_for(owner: &str, session_id: &str) -> Heartbeat {
    Heartbeat { session_id: Some(SessionId::imported(session_id)), ..beat(owner) }
}

fn join_for(owner: &str, session_id: &str) -> Join {
    Join { actor: actor(owner), session_id: SessionId::imported(session_id) }
}

fn saying(text: &str) -> Heartbeat {
    Heartbeat { activity: Some(text.into()), ..beat("a") }
}

/// Beats and joins are refused alike.
#[track_caller]
fn assert_refused(scene: &Scene, owner: &str, session_id: &str, reason: Reason) {
    assert_eq!(scene.refused(beat_for(owner, session_id)), reason);
    assert_eq!(scene.refused(join_for(owner, session_id)), reason);
}

#[test]
fn beat_on_nothing_is_no_session_first_of_all() {
    assert_refused(&Scene::free(), "b", "ses_other", Reason::NoSession);
    assert_refused(&Scene::unknown(), "b", "ses_other", Reason::NoSession);
}

#[test]
fn beat_on_a_person_is_not_autonomous_before_it_is_not_holder() {
    assert_refused(&Scene::with(person().stale()), "b", "ses_other", Reason::NotAutonomous);
    assert_refused(&Scene::with(person()), "interactive", "ses_stored", Reason::NotAutonomous);
}

#[test]
fn beat_by_another_is_not_holder_before_session_mismatch() {
    let scene = Scene::with(program("a").supervised_by("s").stale());
    assert_refused(&scene, "b", "ses_other", Reason::NotHolder);
    assert_refused(&scene, "s", "ses_stored", Reason::NotHolder);
    let nobodys = Scene::with(program("a").without_owner());
    assert_refused(&nobodys, "a", "ses_stored", Reason::NotHolder);
}

#[test]
fn beat_for_another_session_is_session_mismatch_before_lease_expired() {
    let scene = Scene::with(program("a").stale());
    assert_refused(&scene, "a", "ses_other", Reason::SessionMismatch);
    assert_refused(&Scene::with(program("a").without_id()), "a", "x", Reason::SessionMismatch);
}

#[test]
fn beat_on_an_expired_lease_is_lease_expired_with_and_without_session_id() {
    for session in
        [program("a").stale(), program("a").with_ttl(None), program("a").without_heartbeat()]
    {
        let scene = Scene::with(session);
        assert_refused(&scene, "a", "ses_stored", Reason::LeaseExpired);
        assert_eq!(scene.refused(beat("a")), Reason::LeaseExpired);
    }
    let without_id = Scene::with(program("a").without_id());
    assert_eq!(without_id.refused(beat("a")), Reason::LeaseExpired);
}

#[test]
fn beat_at_the_instant_of_expiry_is_too_late_and_1_ms_before_is_not() {
    assert_eq!(Scene::with(program("a").expiring_at(NOW)).refused(beat("a")), Reason::LeaseExpired);
    let done = Scene::with(program("a").expiring_at(NOW + 1)).done(beat("a"));
    assert_eq!(beaten(&done).effective_expiry, LeaseInstant(NOW).after(TTL));
}

#[test]
fn beat_renews_from_now_and_raises_the_revision_by_one() {
    let scene = Scene::with(program("a"));
    let done = scene.done(beat_for("a", "ses_stored"));
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.last_heartbeat_at, at(NOW).wall);
    assert_eq!(renewal.expires_at, LeaseInstant(NOW).after(TTL));
    assert_eq!((done.revision(), done.session().beats), (REVISION.0 + 1, 7));
    let answer = beaten(&done);
    assert_eq!((answer.token, answer.revision.0), (TOKEN, REVISION.0 + 1));
    assert_eq!(answer.last_heartbeat_at, at(NOW).wall);
    assert_eq!(answer.effective_expiry, LeaseInstant(NOW).after(TTL));
    assert_eq!((&answer.transfer, done.changes.len()), (&None, 1));
    // Nothing else about the session has changed.
    let mut expected = scene.session().clone();
    expected.beats = 7;
    expected.holder = done.session().holder.clone();
    assert_eq!(*done.session(), expected);
    assert_eq!(done.session().mode, Mode::Research);
}

#[test]
fn beat_that_names_no_session_is_told_which_it_renewed() {
    let scene = Scene::with(program("a"));
    assert_eq!(beaten(&scene.done(beat("a"))).session_id, scene.session().id);
    assert_eq!(beaten(&scene.done(beat_for("a", "ses_stored"))).session_id, None);
}

#[test]
fn beat_never_moves_the_expiry_back() {
    // A refresh with a shorter lease has left a later expiry behind.
    let session = program("a").expiring_at(NOW + 500_000);
    let done = Scene::with(session).done(beat("a"));
    assert_eq!(beaten(&done).effective_expiry, LeaseInstant(NOW + 500_000));
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.expires_at, LeaseInstant(NOW + 500_000));
    assert_eq!(renewal.last_heartbeat_at, at(NOW).wall);
}

#[test]
fn beat_while_a_transfer_is_pending_is_clipped_to_the_deadline() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let done = scene.done(beat("a"));
    assert_eq!(beaten(&done).effective_expiry, LeaseInstant(NOW + 5_000));
    assert_eq!(beaten(&done).transfer.as_deref(), Some(&transfer_due_at(NOW + 5_000)));
    // What is stored is not clipped: a cancelled transfer leaves no trace.
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.expires_at, LeaseInstant(NOW).after(TTL));
}

#[test]
fn beat_in_boot_grace_leaves_the_grace_unwritten() {
    let session = program("a").expiring_at(NOW + 1).with_ttl(Some(TTL));
    let scene = Scene::with(session).booted_at(NOW);
    let done = scene.done(beat("a"));
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.expires_at, LeaseInstant(NOW).after(TTL));
    assert_eq!(beaten(&done).effective_expiry, renewal.expires_at);
}

#[test]
fn beat_with_activity_sets_text_time_and_revision() {
    let done = Scene::with(program("a")).done(saying("writing"));
    let activity = done.session().activity.clone().unwrap();
    assert_eq!((&*activity.text, activity.set_at), ("writing", at(NOW).wall));
    assert_eq!(activity.revision.0, REVISION.0 + 1);
    assert_eq!(beaten(&done).activity, Some(activity));
}

#[test]
fn beat_without_activity_answers_the_current_one_with_its_time() {
    let scene = Scene::with(program("a"));
    let done = scene.done(beat("a"));
    assert_eq!(beaten(&done).activity, scene.session().activity);
    assert_eq!(done.session().activity, scene.session().activity);
}

#[test]
fn activity_reaches_the_log_once_a_minute_and_only_when_the_text_changes() {
    let logged = |logged_before: Option<u64>, text: &str| {
        let mut session = program("a");
        session.activity_logged_at = logged_before.map(LeaseInstant);
        let done = Scene::with(session).done(saying(text));
        match &done.changes[..] {
            [Change::Renewed { .. }, Change::ActivitySet { logged_at, .. }] => {
                // The session remembers the last time that it was logged, not the last change.
                let remembered = logged_at.or(logged_before.map(LeaseInstant));
                assert_eq!(done.session().activity_logged_at, remembered);
                logged_at.is_some()
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(logged(None, "writing"));
    assert!(logged(Some(NOW - 60_000), "writing"));
    assert!(!logged(Some(NOW - 59_999), "writing"));
    assert!(!logged(None, "reading"), "the same text is not a change");
}

#[test]
fn equal_activity_sent_again_still_sets_its_time_and_revision() {
    let done = Scene::with(program("a")).done(saying("reading"));
    let activity = done.session().activity.clone().unwrap();
    assert_eq!((activity.set_at, activity.revision.0), (at(NOW).wall, REVISION.0 + 1));
}

#[test]
fn join_renews_nothing_and_answers_the_session() {
    let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 5_000));
    let done = scene.done(join_for("a", "ses_stored"));
    assert!(done.changes.is_empty());
    let Reply::Joined(joined) = &done.reply else { panic!("{:?}", done.reply) };
    assert_eq!(
        Some(&joined.session),
        SessionView::of(&scene.workspace, &scene.context.clock).as_ref()
    );
    assert_eq!(joined.session.revision, REVISION);
    assert_eq!(joined.session.effective_expiry, LeaseInstant(NOW + 5_000));
}

#[test]
fn join_is_answered_without_boot_grace_which_another_crash_would_take() {
    let answered = |expires_at: u64| {
        let mut scene = Scene::with(program("a").expiring_at(expires_at));
        scene.context.clock.boot_mark = LeaseInstant(NOW - 1_000);
        let done = scene.done(join_for("a", "ses_stored"));
        let Reply::Joined(joined) = &done.reply else { panic!("{:?}", done.reply) };
        assert!(!joined.session.stale);
        joined.session.effective_expiry
    };
    assert_eq!(answered(NOW + 10), LeaseInstant(NOW + 10));
    // By grace alone: it lives, and nothing is promised until a beat renews it.
    assert_eq!(answered(NOW - 10), LeaseInstant(NOW - 10));
}

#[test]
fn beats_of_a_cordoned_machine_go_on() {
    assert_eq!(Scene::with(program("a")).cordoned().done(beat("a")).session().beats, 7);
}

#[test]
fn count_of_beats_saturates() {
    let mut session = program("a");
    session.beats = u64::MAX;
    assert_eq!(Scene::with(session).done(beat("a")).session().beats, u64::MAX);
}
