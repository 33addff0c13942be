use std::sync::Arc;

use tenure_core::event::SERVICE_PRINCIPAL;
use tenure_core::name::{ActorId, Key, MachineId, Principal, ProfileName, WorkspaceName};
use tenure_core::session::{Activity, Lifecycle, Revision};
use tenure_core::time::{LeaseInstant, Span, WallTime};

use super::*;

fn holder(owner: Option<&str>, supervisor: Option<&str>, machine: Option<&str>) -> Facts {
    Facts {
        lifecycle: owner.map_or(Lifecycle::Interactive, |_| Lifecycle::Autonomous),
        owner: owner.map(ActorId::imported),
        supervisor: supervisor.map(ActorId::imported),
        machine: machine.map(MachineId::imported),
    }
}

fn event(workspace: Option<&str>, before: Option<Facts>, after: Option<Facts>) -> Event {
    let activity = Activity { text: "x".into(), set_at: WallTime(0), revision: Revision(1) };
    Event {
        at: WallTime(0),
        key: workspace.map(|name| Key {
            workspace: WorkspaceName::imported(name),
            profile: ProfileName::default(),
        }),
        session_id: None,
        revision: None,
        principal: Principal::imported(SERVICE_PRINCIPAL),
        actor: None,
        why: None,
        address: None,
        before,
        after,
        what: What::ActivityChanged(Box::new(activity)),
    }
}

fn owned_by(owner: &str) -> EventFilter {
    EventFilter { owner: Some(owner.to_owned()), ..EventFilter::default() }
}

#[test]
fn without_conditions_everything_matches() {
    let filter = EventFilter::default();
    assert!(filter.matches(&event(Some("acme/api"), None, None)));
    assert!(filter.matches(&event(None, None, None)));
}

#[test]
fn a_holder_matches_before_or_after() {
    let ours = || Some(holder(Some("a"), None, None));
    let theirs = || Some(holder(Some("b"), None, None));
    let filter = owned_by("a");
    for (before, after, matches) in [
        (ours(), theirs(), true),
        (theirs(), ours(), true),
        (ours(), None, true),
        (None, ours(), true),
        (theirs(), theirs(), false),
        (theirs(), None, false),
        (None, None, false),
    ] {
        let event = event(Some("w"), before, after);
        assert_eq!(filter.matches(&event), matches, "{:?} -> {:?}", event.before, event.after);
    }
}

#[test]
fn the_conditions_about_a_holder_hold_together() {
    let filter = EventFilter {
        owner: Some("a".to_owned()),
        supervisor: Some("s".to_owned()),
        ..EventFilter::default()
    };
    let mixed = event(
        Some("w"),
        Some(holder(Some("a"), Some("t"), None)),
        Some(holder(Some("b"), Some("s"), None)),
    );
    assert!(!filter.matches(&mixed), "no holder is a's under s");
    let after = event(Some("w"), None, Some(holder(Some("a"), Some("s"), None)));
    assert!(filter.matches(&after));
}

#[test]
fn interactive_means_every_person() {
    let filter = owned_by("interactive");
    assert!(filter.matches(&event(Some("w"), Some(holder(None, None, None)), None)));
    assert!(!filter.matches(&event(Some("w"), Some(holder(Some("a"), None, None)), None)));
    assert!(!filter.matches(&event(Some("w"), None, None)), "nobody is not a person");
    assert!(!owned_by("a").matches(&event(Some("w"), Some(holder(None, None, None)), None)));
}

#[test]
fn an_imported_program_without_owner_is_no_person() {
    let unowned = Facts { lifecycle: Lifecycle::Autonomous, ..holder(None, Some("s"), None) };
    let event = event(Some("w"), None, Some(unowned));
    assert!(!owned_by("interactive").matches(&event));
    let filter = EventFilter { supervisor: Some("s".to_owned()), ..EventFilter::default() };
    assert!(filter.matches(&event));
}

#[test]
fn supervisor_and_machine_are_compared_whole() {
    let filter = EventFilter { supervisor: Some("s".to_owned()), ..EventFilter::default() };
    assert!(filter.matches(&event(Some("w"), Some(holder(None, Some("s"), None)), None)));
    assert!(!filter.matches(&event(Some("w"), Some(holder(None, Some("sx"), None)), None)));
    assert!(!filter.matches(&event(Some("w"), Some(holder(Some("s"), None, None)), None)));
    let filter = EventFilter { machine: Some("m".to_owned()), ..EventFilter::default() };
    assert!(filter.matches(&event(Some("w"), None, Some(holder(None, None, Some("m"))))));
    assert!(!filter.matches(&event(Some("w"), None, Some(holder(None, None, Some("m2"))))));
}

#[test]
fn a_prefix_covers_whole_segments_and_no_event_without_workspace() {
    for (prefix, workspace, matches) in [
        ("acme", Some("acme/api"), true),
        ("acme/", Some("acme/api"), true),
        ("acme/api", Some("acme/api"), true),
        ("acme/api", Some("acme/api-x"), false),
        ("acme/api", Some("acme"), false),
        ("acme", None, false),
    ] {
        let filter = EventFilter { prefix: Some(prefix.to_owned()), ..EventFilter::default() };
        assert_eq!(
            filter.matches(&event(workspace, None, None)),
            matches,
            "{prefix} {workspace:?}"
        );
    }
}

#[test]
fn types_select_by_what_happened() {
    let filter = EventFilter {
        types: Some(BTreeSet::from([EventType::ActivityChanged])),
        ..EventFilter::default()
    };
    let mut event = event(Some("w"), None, None);
    assert!(filter.matches(&event));
    for other in [
        What::ServerDrained { epoch: 1, lease_clock: LeaseInstant(0) },
        What::ClockStepped { by_ms: 1 },
        What::StallSeen { stalled_for: Span(1) },
        What::ServerStarted { version: String::new(), epoch: 1, lease_clock: LeaseInstant(0) },
    ] {
        event.what = other;
        assert!(!filter.matches(&event), "{:?}", event.what);
    }
    let nothing = EventFilter { types: Some(BTreeSet::new()), ..EventFilter::default() };
    assert!(!nothing.matches(&event), "only types that are never written were named");
}

#[test]
fn every_condition_must_hold() {
    let filter = EventFilter {
        prefix: Some("acme".to_owned()),
        types: Some(BTreeSet::from([EventType::ActivityChanged])),
        ..owned_by("a")
    };
    let ours = || Some(holder(Some("a"), None, None));
    assert!(filter.matches(&event(Some("acme/api"), ours(), None)));
    assert!(!filter.matches(&event(Some("other"), ours(), None)));
    assert!(!filter.matches(&event(Some("acme/api"), None, None)));
    let mut other = event(Some("acme/api"), ours(), None);
    other.what = What::StallSeen { stalled_for: Span(1) };
    other.why = Some(Arc::from("no need"));
    assert!(!filter.matches(&other));
}

#[test]
fn a_snapshot_takes_every_condition_but_the_types() {
    let filter = EventFilter {
        prefix: Some("acme".to_owned()),
        supervisor: Some("s".to_owned()),
        machine: Some("m".to_owned()),
        types: Some(BTreeSet::new()),
        ..owned_by("a")
    };
    let sessions = filter.sessions();
    assert_eq!(sessions.prefix.as_deref(), Some("acme"));
    assert_eq!(sessions.owner.as_deref(), Some("a"));
    assert_eq!(sessions.supervisor.as_deref(), Some("s"));
    assert_eq!(sessions.machine.as_deref(), Some("m"));
    assert_eq!((sessions.lifecycle, sessions.expiry_recorded), (None, None));
}

#[test]
fn an_event_about_a_machine_is_one_of_that_machine_and_of_no_holder() {
    let machine = MachineId::imported("m");
    let mut cordoned = event(None, None, None);
    let on =
        |machine: &str| EventFilter { machine: Some(machine.to_owned()), ..EventFilter::default() };
    for what in [
        What::MachineCordoned { machine: machine.clone() },
        What::MachineUncordoned { machine: machine.clone() },
    ] {
        cordoned.what = what;
        assert!(EventFilter::default().matches(&cordoned));
        assert!(on("m").matches(&cordoned));
        assert!(!on("n").matches(&cordoned));
        assert!(!owned_by("a").matches(&cordoned));
        assert!(!EventFilter { machine: Some("m".to_owned()), ..owned_by("a") }.matches(&cordoned));
        assert!(!EventFilter { prefix: Some("acme".to_owned()), ..on("m") }.matches(&cordoned));
    }
}
