//! What time alone does, and that it does it once.

use super::*;
use crate::ledger::EndCause;
use crate::session::{Holder, REVISION_LIMIT, Session, Successor};
use crate::testing::{
    NOW, REVISION, Scene, actor, at, machine, person, program, sealed, transfer_due_at,
};
use crate::time::LeaseInstant;

fn nothing_due(scene: &Scene) -> bool {
    settle(&scene.workspace, &scene.context.clock).is_none()
}

/// A session as it was before anybody noticed that it is stale.
fn unnoticed(session: Session) -> Session {
    Session { expiry_recorded: false, ..session }
}

#[test]
fn nothing_is_due_without_a_session_or_while_it_is_live() {
    assert!(nothing_due(&Scene::unknown()));
    assert!(nothing_due(&Scene::free()));
    assert!(nothing_due(&Scene::with(person())));
    assert!(nothing_due(&Scene::with(program("a").expiring_at(NOW + 1))));
    assert!(nothing_due(&Scene::with(program("a")).pending(transfer_due_at(NOW + 1))));
}

#[test]
fn newly_stale_session_is_recorded_once_with_the_instant_of_expiry() {
    let scene = Scene::with(unnoticed(program("a").expiring_at(NOW - 7)));
    let (after, changes) = scene.settled();
    let [Change::ExpiryRecorded { revision, expired_at }] = changes[..] else {
        panic!("{changes:?}")
    };
    assert_eq!((revision.0, expired_at), (REVISION.0 + 1, at(NOW - 7)));
    assert_eq!(after.tenure.revision, Some(revision));
    let expected = Session { expiry_recorded: true, ..scene.session().clone() };
    assert_eq!(after.tenure.session, Some(expected));
    assert_eq!(settle(&after, &scene.context.clock), None);
    assert_eq!(settle(&after, &scene.now(NOW + 1_000_000).context.clock), None);
}

#[test]
fn sessions_of_either_lifecycle_and_imported_ones_are_recorded() {
    for session in [person().stale(), person().without_id(), program("a").with_ttl(None)] {
        let (after, _) = Scene::with(unnoticed(session)).settled();
        assert!(after.tenure.session.unwrap().expiry_recorded);
    }
}

#[test]
fn a_session_that_was_never_live_is_recorded_as_of_when_it_was_found() {
    let (_, changes) = Scene::with(unnoticed(program("a").without_id())).settled();
    let [Change::ExpiryRecorded { expired_at, .. }] = changes[..] else { panic!("{changes:?}") };
    assert_eq!(expired_at, at(NOW));
}

#[test]
fn lease_in_boot_grace_is_not_recorded_until_the_grace_ends() {
    let scene = || Scene::with(program("a").expiring_at(NOW + 1)).booted_at(NOW);
    assert!(nothing_due(&scene().now(NOW + 59_999)));
    let (_, changes) = scene().now(NOW + 60_000).settled();
    let expired_at = at(NOW + 60_000);
    assert!(
        matches!(changes[..], [Change::ExpiryRecorded { expired_at: at, .. }] if at == expired_at)
    );
}

#[test]
fn transfer_past_its_deadline_is_applied_as_of_the_deadline() {
    let transfer = transfer_due_at(NOW - 250);
    let scene = Scene::with(program("a")).pending(transfer.clone());
    let (after, changes) = scene.settled();
    let [entry] = sealed(&changes)[..] else { panic!("one session ended") };
    assert_eq!((entry.cause, entry.ended_at), (EndCause::ForceTakenOver, at(NOW - 250).wall));
    assert_eq!((entry.why.as_deref(), entry.ended_by.as_str()), (Some("urgent"), "operator"));
    assert_eq!((&entry.ended_by_actor, entry.revision.0), (&None, REVISION.0 + 1));
    assert_eq!(entry.successor.as_ref().unwrap().session_id.as_str(), "ses_reserved");
    // The successor's lease runs from now, not from the deadline.
    let next = after.tenure.session.as_ref().unwrap();
    assert_eq!(next.id.as_ref(), Some(&transfer.successor_session_id));
    assert_eq!((next.token.0, after.tenure.revision.unwrap().0), (48, 48));
    assert_eq!((next.started_at, next.last_started_at), (at(NOW), at(NOW)));
    let held = next.autonomous().unwrap();
    assert_eq!(held.renewal.unwrap().expires_at, LeaseInstant(NOW + 30_000));
    assert_eq!((&held.actor, &held.supervisor), (&Some(actor("next")), &Some(actor("chief"))));
    assert_eq!(
        (next.principal.as_str(), &next.machine),
        ("operator", &Some(machine("next-machine")))
    );
    assert_eq!(next.mode, scene.session().mode);
    assert_eq!((&after.tenure.transfer, settle(&after, &scene.context.clock)), (&None, None));
}

#[test]
fn transfer_completes_when_the_session_goes_stale_as_of_its_effective_expiry() {
    let session = unnoticed(program("a").expiring_at(NOW - 3));
    let (after, changes) = Scene::with(session).pending(transfer_due_at(NOW + 9_000)).settled();
    assert_eq!(sealed(&changes)[0].ended_at, at(NOW - 3).wall);
    assert_eq!(after.tenure.session.unwrap().actor(), Some(&actor("next")));
}

#[test]
fn transfer_of_a_persons_session_completes_to_a_person() {
    let mut transfer = transfer_due_at(NOW);
    transfer.successor = Successor::Interactive;
    let (after, changes) = Scene::with(person()).pending(transfer).settled();
    assert_eq!(sealed(&changes)[0].cause, EndCause::ForceTakenOver);
    assert_eq!(after.tenure.session.unwrap().holder, Holder::Interactive);
}

#[test]
fn transfer_across_a_restart_completes_at_its_deadline_not_later() {
    let scene = |now| {
        let session = program("a").expiring_at(NOW + 1);
        Scene::with(session).pending(transfer_due_at(NOW + 5)).booted_at(NOW).now(now)
    };
    assert!(nothing_due(&scene(NOW + 4)));
    let (_, changes) = scene(NOW + 5).settled();
    assert_eq!(sealed(&changes)[0].ended_at, at(NOW + 5).wall);
}

#[test]
fn transfer_goes_to_a_cordoned_machine_because_it_was_promised() {
    let (after, _) = Scene::with(person()).pending(transfer_due_at(NOW)).cordoned().settled();
    assert_eq!(after.tenure.session.unwrap().actor(), Some(&actor("next")));
}

#[test]
fn used_up_revisions_leave_everything_as_it_is() {
    let stale = || Scene::with(unnoticed(program("a").stale()));
    assert!(nothing_due(&stale().at_revision(REVISION_LIMIT.0)));
    assert!(nothing_due(&stale().pending(transfer_due_at(NOW)).at_revision(REVISION_LIMIT.0)));
    let (after, _) = stale().at_revision(REVISION_LIMIT.0 - 1).settled();
    assert_eq!(after.tenure.revision, Some(REVISION_LIMIT));
}
