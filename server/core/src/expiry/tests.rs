//! The exact instants of staleness, and the boot grace.

use super::*;
use crate::testing::{NOW, Scene, TTL, at, person, program, transfer_due_at};

const EIGHT_HOURS_MS: u64 = 8 * 60 * 60 * 1_000;

fn is_stale(scene: &Scene) -> bool {
    scene.workspace.tenure.is_stale(&scene.context.clock)
}

fn expiry_of(session: &Session, boot_mark: u64) -> u64 {
    effective_expiry(session, None, LeaseInstant(boot_mark)).0
}

fn person_started_at(lease_ms: u64) -> Session {
    Session { last_started_at: at(lease_ms), ..person() }
}

#[test]
fn nothing_stored_is_not_stale() {
    assert!(!is_stale(&Scene::free()));
    assert_eq!(Scene::free().workspace.tenure.effective_expiry(LeaseInstant(0)), None);
}

#[test]
fn person_is_live_at_exactly_eight_hours_and_stale_1_ms_later() {
    assert!(!is_stale(&Scene::with(person_started_at(NOW - EIGHT_HOURS_MS))));
    assert!(is_stale(&Scene::with(person_started_at(NOW - EIGHT_HOURS_MS - 1))));
}

#[test]
fn staleness_of_a_person_counts_from_the_last_start_not_the_first() {
    let session = Session { started_at: at(1), ..person_started_at(NOW - 1) };
    assert!(!is_stale(&Scene::with(session)));
}

#[test]
fn program_is_stale_at_the_instant_of_expiry_and_live_1_ms_before() {
    assert!(is_stale(&Scene::with(program("a").expiring_at(NOW))));
    assert!(!is_stale(&Scene::with(program("a").expiring_at(NOW + 1))));
}

#[test]
fn session_without_id_is_stale_however_new_it_is() {
    assert!(is_stale(&Scene::with(Session { last_started_at: at(NOW), ..person() }.without_id())));
    assert!(is_stale(&Scene::with(program("a").without_id())));
}

#[test]
fn program_without_ttl_or_heartbeat_is_stale() {
    assert!(is_stale(&Scene::with(program("a").with_ttl(None))));
    assert!(is_stale(&Scene::with(program("a").without_heartbeat())));
}

#[test]
fn person_who_left_before_the_clock_began_is_stale_however_young_the_clock() {
    let left = Session { last_started_at: at(0), ..person() };
    assert!(is_stale(&Scene::with(left.clone()).now(1)));
    assert!(!is_stale(&Scene::with(Session { last_started_at: at(1), ..left }).now(1)));
}

#[test]
fn transfer_deadline_makes_either_lifecycle_stale_at_its_instant() {
    for session in [person(), program("a")] {
        let scene = |deadline| Scene::with(session.clone()).pending(transfer_due_at(deadline));
        assert!(is_stale(&scene(NOW)));
        assert!(!is_stale(&scene(NOW + 1)));
    }
}

#[test]
fn transfer_deadline_never_lengthens_a_lease() {
    let scene = Scene::with(program("a").expiring_at(NOW)).pending(transfer_due_at(NOW + 9_000));
    assert!(is_stale(&scene));
}

#[test]
fn boot_leaves_a_running_lease_its_ttl_but_60_s_at_most() {
    let expiring = |ttl_ms| program("a").with_ttl(Some(Span(ttl_ms))).expiring_at(NOW + 1);
    assert_eq!(expiry_of(&expiring(5_000), NOW), NOW + 5_000);
    assert_eq!(expiry_of(&expiring(60_000), NOW), NOW + 60_000);
    assert_eq!(expiry_of(&expiring(60_001), NOW), NOW + 60_000);
    assert_eq!(expiry_of(&expiring(86_400_000), NOW), NOW + 60_000);
}

#[test]
fn boot_grace_never_shortens_a_lease() {
    let session = program("a").with_ttl(Some(TTL)).expiring_at(NOW + 3_600_000);
    assert_eq!(expiry_of(&session, NOW), NOW + 3_600_000);
}

#[test]
fn lease_that_had_expired_by_the_mark_gets_no_grace() {
    assert_eq!(expiry_of(&program("a").expiring_at(NOW), NOW), NOW);
    assert_eq!(expiry_of(&program("a").expiring_at(NOW - 1), NOW), NOW - 1);
    assert_eq!(expiry_of(&program("a").expiring_at(NOW + 1), NOW), NOW + 60_000);
}

#[test]
fn boot_grace_is_not_the_basis_of_another() {
    let session = program("a").expiring_at(NOW + 10);
    assert_eq!(expiry_of(&session, NOW), NOW + 60_000);
    // The second boot falls into the first one's grace: by the stored expiry the lease is over.
    assert_eq!(expiry_of(&session, NOW + 30_000), NOW + 10);
}

#[test]
fn boot_grace_is_clipped_by_a_transfer_deadline() {
    let transfer = transfer_due_at(NOW + 2_000);
    let session = program("a").expiring_at(NOW + 1);
    let expiry = effective_expiry(&session, Some(&transfer), LeaseInstant(NOW));
    assert_eq!(expiry, LeaseInstant(NOW + 2_000));
}

#[test]
fn person_gets_no_boot_grace() {
    let session = person_started_at(NOW - EIGHT_HOURS_MS);
    assert_eq!(expiry_of(&session, NOW), NOW + 1);
}

#[test]
fn numbers_at_their_limits_saturate() {
    let session = program("a").with_ttl(Some(Span(u64::MAX))).expiring_at(u64::MAX);
    assert_eq!(expiry_of(&session, u64::MAX - 1), u64::MAX);
    assert_eq!(expiry_of(&person_started_at(u64::MAX), u64::MAX), u64::MAX);
}
