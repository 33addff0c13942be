//! A token is current for one live tenure and in no other case.

use super::*;
use crate::session::Session;
use crate::testing::{NOW, Scene, TOKEN, person, program, transfer_due_at};
use crate::time::LeaseInstant;

const OLDER: FencingToken = FencingToken(TOKEN.0 - 1);
const NEWER: FencingToken = FencingToken(TOKEN.0 + 1);

fn check(scene: &Scene, token: FencingToken) -> Fence {
    Fence::check(Some(&scene.workspace.tenure), token, &scene.context.clock)
}

fn live() -> Fence {
    Fence { current: true, stored: Some(TOKEN), stale: false }
}

fn stale() -> Fence {
    Fence { current: false, stored: Some(TOKEN), stale: true }
}

#[test]
fn the_token_of_a_live_session_is_current_whoever_holds_it() {
    assert_eq!(check(&Scene::with(program("a")), TOKEN), live());
    assert_eq!(check(&Scene::with(person()), TOKEN), live());
}

#[test]
fn an_older_token_is_not_current_and_the_stored_one_is_told() {
    let scene = Scene::with(program("a"));
    for older in [OLDER, FencingToken(1), FencingToken(0)] {
        assert_eq!(check(&scene, older), Fence { current: false, ..live() });
    }
}

#[test]
fn a_token_newer_than_any_is_not_current() {
    let scene = Scene::with(program("a"));
    for newer in [NEWER, FencingToken(u64::MAX)] {
        assert_eq!(check(&scene, newer), Fence { current: false, ..live() });
    }
}

#[test]
fn the_revision_of_a_live_session_is_not_its_token() {
    let scene = Scene::with(program("a"));
    let revision = scene.workspace.tenure.revision.unwrap();
    assert!(!check(&scene, FencingToken(revision.0)).current);
}

#[test]
fn the_token_of_a_stale_session_is_not_current_in_either_lifecycle() {
    assert_eq!(check(&Scene::with(program("a").stale()), TOKEN), stale());
    assert_eq!(check(&Scene::with(person().stale()), TOKEN), stale());
}

#[test]
fn a_token_is_current_until_1_ms_before_expiry_and_not_at_its_instant() {
    // Nobody has recorded the expiry yet.
    assert_eq!(check(&Scene::with(program("a").expiring_at(NOW + 1)), TOKEN), live());
    assert_eq!(check(&Scene::with(program("a").expiring_at(NOW)), TOKEN), stale());
}

#[test]
fn a_token_is_current_until_a_transfers_deadline_and_not_at_its_instant() {
    for session in [person(), program("a")] {
        let pending = |deadline| Scene::with(session.clone()).pending(transfer_due_at(deadline));
        assert_eq!(check(&pending(NOW + 1), TOKEN), live());
        assert_eq!(check(&pending(NOW), TOKEN), stale());
    }
}

#[test]
fn a_lease_that_ran_at_the_last_boot_is_current_within_its_grace() {
    let mut scene = Scene::with(program("a").expiring_at(NOW - 1_000));
    scene.context.clock.boot_mark = LeaseInstant(NOW - 1_001);
    assert_eq!(check(&scene, TOKEN), live());
    scene.context.clock.boot_mark = LeaseInstant(NOW - 1_000);
    assert_eq!(check(&scene, TOKEN), stale());
}

#[test]
fn an_imported_record_without_id_has_no_current_token() {
    for session in [person().without_id(), program("a").without_id()] {
        assert_eq!(check(&Scene::with(session), TOKEN), stale());
    }
    let without_owner: Session = program("a").without_owner();
    assert_eq!(check(&Scene::with(without_owner), TOKEN), live(), "an owner is not needed");
}

#[test]
fn no_token_is_current_where_no_session_is_stored() {
    let free = Scene::free();
    assert!(free.workspace.tenure.revision.is_some(), "it had sessions before");
    for token in [TOKEN, OLDER, FencingToken(0)] {
        assert_eq!(check(&free, token), Fence::default());
    }
}

#[test]
fn no_token_is_current_in_an_unknown_workspace() {
    let clock = Scene::free().context.clock;
    for token in [TOKEN, FencingToken(0), FencingToken(1)] {
        assert_eq!(Fence::check(None, token, &clock), Fence::default());
    }
}
