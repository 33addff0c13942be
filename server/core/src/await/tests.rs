//! What a waiter is given, and what becomes of a grant.

use super::*;
use crate::command::Command;
use crate::ledger::LedgerEntry;
use crate::reply::{Reply, Started, TakenOver};
use crate::testing::{
    Done, NOW, Scene, TTL, at, beat, gate, lease, lease_of_instance, person, program, sealed,
    start_person, start_with, transfer_due_at, wait_for, wait_to_take_over,
};

const CLAIM: u64 = 10_000;

fn started(done: &Done) -> &Started {
    match &done.reply {
        Reply::Started(started) => started,
        other => panic!("not started: {other:?}"),
    }
}

fn taken_over(done: &Done) -> &TakenOver {
    match &done.reply {
        Reply::TakenOver(taken) => taken,
        other => panic!("not taken over: {other:?}"),
    }
}

fn expires_at(session: &Session) -> u64 {
    session.autonomous().unwrap().renewal.unwrap().expires_at.0
}

/// The workspace after a program was granted it at [`NOW`].
fn granted() -> Scene {
    let mut scene = Scene::free();
    scene.workspace = scene.done(wait_for(start_with(lease("a")))).workspace;
    scene
}

fn lapsed(scene: &Scene) -> (Workspace, LedgerEntry) {
    let (workspace, changes) = scene.settled();
    let [entry] = sealed(&changes)[..] else { panic!("not one end: {changes:?}") };
    (workspace, entry.clone())
}

#[test]
fn a_free_workspace_is_given_at_once() {
    let done = Scene::free().done(wait_for(start_with(lease("a"))));
    assert!(started(&done).reset);
    assert!(done.session().unclaimed);
}

#[test]
fn a_grant_expires_at_the_end_of_its_claim() {
    let done = Scene::free().done(wait_for(start_with(lease("a"))));
    assert_eq!(expires_at(done.session()), NOW + CLAIM);
    assert_eq!(started(&done).session.effective_expiry, LeaseInstant(NOW + CLAIM));
    assert_eq!(done.session().ttl(), Some(TTL));
}

#[test]
fn a_lease_shorter_than_the_claim_stays_as_it_is() {
    let short = crate::command::RequestedLease { ttl: Span(4_000), ..lease("a") };
    let done = Scene::free().done(wait_for(start_with(short)));
    assert_eq!(expires_at(done.session()), NOW + 4_000);
    assert!(done.session().unclaimed);
}

#[test]
fn a_person_has_nothing_to_claim() {
    let done = Scene::free().done(wait_for(start_person()));
    assert!(!done.session().unclaimed);
}

#[test]
fn the_first_beat_claims_the_grant_for_the_whole_lease() {
    let scene = granted().now(NOW + CLAIM - 1);
    let done = scene.done(beat("a"));
    assert!(!done.session().unclaimed);
    assert_eq!(expires_at(done.session()), NOW + CLAIM - 1 + TTL.0);
    assert!(done.changes.contains(&Change::Claimed));
    let again = Scene { workspace: done.workspace, ..scene }.done(beat("a"));
    assert_eq!(again.changes.len(), 1, "a second beat is a plain one");
}

#[test]
fn a_refresh_claims_the_grant_for_the_whole_lease() {
    let done = granted().now(NOW + 1).done(start_with(lease("a")));
    assert!(!done.session().unclaimed && !started(&done).reset);
    assert_eq!(expires_at(done.session()), NOW + 1 + TTL.0);
}

#[test]
fn an_unclaimed_grant_ends_as_yielded_when_its_claim_is_over() {
    let (workspace, entry) = lapsed(&granted().now(NOW + CLAIM + 3));
    assert!(workspace.tenure.session.is_none());
    assert_eq!((entry.cause, entry.ended_at), (EndCause::Yielded, at(NOW + CLAIM).wall));
    assert_eq!(entry.ended_by.as_str(), SERVICE_PRINCIPAL);
    assert_eq!(entry.why.as_deref(), Some(NOT_CLAIMED));
}

#[test]
fn an_unclaimed_grant_is_live_until_its_claim_is_over() {
    let scene = granted().now(NOW + CLAIM - 1);
    assert_eq!(crate::settle::settle(&scene.workspace, &scene.context.clock), None);
}

#[test]
fn a_grant_from_before_a_boot_has_the_boot_grace_to_be_claimed() {
    let scene = granted().booted_at(NOW + 1).now(NOW + CLAIM);
    assert_eq!(crate::settle::settle(&scene.workspace, &scene.context.clock), None);
    let (_, entry) = lapsed(&scene.now(NOW + 1 + TTL.0));
    assert_eq!(entry.ended_at, at(NOW + 1 + TTL.0).wall);
}

#[test]
fn a_grant_since_the_boot_has_no_grace() {
    let (_, entry) = lapsed(&granted().booted_at(NOW - 1).now(NOW + CLAIM));
    assert_eq!(entry.ended_at, at(NOW + CLAIM).wall);
}

#[test]
fn the_state_of_the_work_survives_an_unclaimed_grant() {
    let mut scene = granted().now(NOW + CLAIM);
    let around = scene.workspace.surroundings.as_mut().unwrap();
    around.gates.push(gate("build", crate::gate::GateState::Open));
    let (workspace, _) = lapsed(&scene);
    assert_eq!(workspace.around().gates.len(), 1);
}

#[test]
fn a_claimed_grant_expires_like_any_other_session() {
    let scene = granted();
    let workspace = scene.done(beat("a")).workspace;
    let scene = Scene { workspace, ..scene }.now(NOW + TTL.0);
    let (workspace, changes) = scene.settled();
    assert!(matches!(changes[..], [Change::ExpiryRecorded { .. }]));
    assert!(workspace.tenure.session.is_some());
}

#[test]
fn a_pending_transfer_comes_before_the_end_of_a_claim() {
    let scene = granted().pending(transfer_due_at(NOW + CLAIM)).now(NOW + CLAIM);
    let (workspace, changes) = scene.settled();
    let [entry] = sealed(&changes)[..] else { panic!("not one end: {changes:?}") };
    assert_eq!(entry.cause, EndCause::ForceTakenOver);
    assert!(!workspace.tenure.session.unwrap().unclaimed);
}

#[test]
fn a_stale_session_is_taken_over_by_who_said_so() {
    let scene = Scene::with(program("a").stale());
    let done = scene.done(wait_to_take_over(start_with(lease("b"))));
    assert_eq!(taken_over(&done).prior.cause, EndCause::TakenOver);
    assert_eq!(taken_over(&done).prior.why.as_deref(), Some("it died"));
    assert!(done.session().unclaimed);
    assert_eq!(expires_at(done.session()), NOW + CLAIM);
}

#[test]
fn a_person_takes_a_stale_session_in_hand() {
    let scene = Scene::with(program("a").stale());
    let done = scene.done(wait_to_take_over(start_person()));
    assert_eq!(taken_over(&done).prior.cause, EndCause::TakenOver);
    assert!(!done.session().unclaimed);
}

#[test]
fn a_stale_session_is_waited_for_by_others() {
    let scene = Scene::with(program("a").stale());
    let reason = scene.refused(wait_for(start_with(lease("b"))));
    assert_eq!(reason, Reason::StaleLeaseHeld);
    assert!(reason.is_cured_by_waiting());
}

#[test]
fn its_owner_replaces_a_stale_session_and_does_not_take_it_over() {
    let scene = Scene::with(program("a").stale());
    let done = scene.done(wait_to_take_over(start_with(lease("a"))));
    assert_eq!(started(&done).predecessor.as_ref().unwrap().cause, EndCause::Replaced);
}

#[test]
fn a_record_without_id_cannot_be_waited_for_by_a_taker() {
    let scene = Scene::with(program("a").without_id());
    let reason = scene.refused(wait_to_take_over(start_with(lease("b"))));
    assert_eq!(reason, Reason::LeaseIncomplete);
    assert!(!reason.is_cured_by_waiting());
}

#[test]
fn a_cordoned_machine_is_granted_nothing() {
    let reason = Scene::free().cordoned().refused(wait_for(start_with(lease("a"))));
    assert_eq!(reason, Reason::MachineCordoned);
    assert!(!reason.is_cured_by_waiting());
}

/// To whom each state of a workspace is open: the owner's process and another one, another
/// program, the same with a takeover in mind, and a person with and without it.
#[test]
fn a_workspace_is_open_to_those_who_would_be_served() {
    let stale = || program("a").instance("i").stale();
    let stale_person = || {
        let mut session = person();
        session.last_started_at = at(0);
        session
    };
    let cases = [
        (Scene::unknown(), [true; 6]),
        (Scene::free(), [true; 6]),
        (Scene::with(stale_person()), [true; 6]),
        (Scene::with(person()), [false, false, false, false, true, true]),
        (Scene::with(program("a").instance("i")), [true, false, false, false, false, false]),
        (Scene::with(program("a")), [true, true, false, false, false, false]),
        (Scene::with(stale()), [true, true, false, true, false, true]),
    ];
    for (scene, expected) in cases {
        let waiters = [
            wait_for(start_with(lease_of_instance("a", "i"))),
            wait_for(start_with(lease_of_instance("a", "j"))),
            wait_for(start_with(lease("b"))),
            wait_to_take_over(start_with(lease("b"))),
            wait_for(start_person()),
            wait_to_take_over(start_person()),
        ];
        let open = OpenTo::of(&scene.workspace.tenure, &scene.context.clock);
        let admitted = waiters.each_ref().map(|waiter| open.admits(waiter));
        assert_eq!(admitted, expected, "{open:?}");
        for (waiter, admitted) in waiters.into_iter().zip(admitted) {
            let decided =
                crate::decide::decide(&scene.workspace, &Command::Await(waiter), &scene.context);
            assert_eq!(decided.is_ok(), admitted, "{open:?}");
        }
    }
}
