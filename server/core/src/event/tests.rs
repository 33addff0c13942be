//! Each change and the event that it is. That the events together reproduce the state is a
//! property test.

use super::*;
use crate::command::{CancelTransfer, Command, Heartbeat};
use crate::ledger::EndCause;
use crate::testing::{
    NOW, Scene, actor, at, beat, clear, force, give_up, lease, machine, person, program,
    start_with, successor, take_over, transfer_due_at,
};

fn stamp() -> Stamp {
    Stamp {
        at: at(NOW).wall,
        principal: Principal::imported("caller"),
        actor: Some(actor("acting")),
        address: Some("192.0.2.7:4000".into()),
    }
}

fn events(scene: &Scene, command: impl Into<Command>) -> Vec<Event> {
    scene.events_of(&scene.done(command).changes)
}

fn facts(owner: &str, supervisor: Option<&str>, on: &str) -> Option<Facts> {
    let machine = Some(machine(on).id);
    let (owner, supervisor) = (Some(actor(owner)), supervisor.map(actor));
    Some(Facts { lifecycle: Lifecycle::Autonomous, owner, supervisor, machine })
}

fn only(mut events: Vec<Event>) -> Event {
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[test]
fn every_event_says_when_where_who_and_from_which_address() {
    let scene = Scene::with(program("a"));
    let event = only(events(&scene, start_with(lease("a"))));
    assert_eq!((event.at, event.key), (at(NOW).wall, Some(scene.workspace.key.clone())));
    assert_eq!((event.principal, event.actor), (stamp().principal, stamp().actor));
    assert_eq!(event.address, stamp().address);
}

#[test]
fn mint_is_session_started_with_facts_after_only() {
    let scene = Scene::unknown();
    let done = scene.done(start_with(lease("a")));
    let event = only(scene.events_of(&done.changes));
    let session = Box::new(done.session().clone());
    assert_eq!(event.what, What::SessionStarted { session, prior: None });
    assert_eq!(event.session_id, done.session().id);
    assert_eq!((event.revision, event.before), (done.workspace.tenure.revision, None));
    assert_eq!(event.after, Some(Facts { machine: None, ..facts("a", None, "m").unwrap() }));
}

#[test]
fn refresh_is_session_refreshed_with_facts_before_and_after() {
    let scene = Scene::with(program("a"));
    let request = lease("a");
    let request = crate::command::RequestedLease { supervisor: Some(actor("s")), ..request };
    let done = scene.done(start_with(request));
    let event = only(scene.events_of(&done.changes));
    assert_eq!(event.what, What::SessionRefreshed(Box::new(done.session().clone())));
    assert_eq!(event.session_id, scene.session().id);
    assert_eq!(event.before, facts("a", None, "old-machine"));
    assert_eq!(event.after, facts("a", Some("s"), "old-machine"));
}

#[test]
fn recorded_expiry_is_session_expired_with_its_instant_and_the_session_as_it_stands() {
    let mut session = program("a").expiring_at(NOW - 5);
    session.expiry_recorded = false;
    let scene = Scene::with(session);
    let (after, changes) = scene.settled();
    let event = only(scene.events_of(&changes));
    let session = Box::new(after.tenure.session.unwrap());
    assert!(session.expiry_recorded);
    assert_eq!(event.what, What::SessionExpired { session, expired_at: at(NOW - 5) });
    assert_eq!(event.session_id, scene.session().id);
    assert_eq!((event.revision, &event.before), (Some(Revision(48)), &event.after));
}

#[test]
fn end_is_session_ended_with_facts_before_only_and_its_reason() {
    let scene = Scene::with(program("a"));
    let done = scene.done(clear(Some("a")));
    let event = only(scene.events_of(&done.changes));
    let entry = Box::new(done.sealed()[0].clone());
    assert_eq!(event.what, What::SessionEnded { entry, transfer_completed: false });
    assert_eq!(
        (event.session_id, event.why.as_deref()),
        (scene.session().id.clone(), Some("done"))
    );
    assert_eq!(event.before, facts("a", None, "old-machine"));
    assert_eq!((event.after, event.revision), (None, Some(Revision(48))));
}

#[test]
fn handover_is_an_end_and_a_start_at_one_revision() {
    let scene = Scene::with(program("a").stale());
    let [ended, started] = &events(&scene, take_over(successor("b")))[..] else { panic!() };
    assert!(matches!(ended.what, What::SessionEnded { transfer_completed: false, .. }));
    let What::SessionStarted { prior: Some(prior), .. } = &started.what else { panic!() };
    assert_eq!((&prior.session_id, prior.cause), (&ended.session_id, EndCause::TakenOver));
    assert_eq!((ended.revision, started.revision), (Some(Revision(48)), Some(Revision(48))));
    assert_eq!((&ended.after, &started.before), (&None, &None));
    assert_eq!(ended.session_id.as_ref().unwrap().as_str(), "ses_stored");
    assert_eq!(started.session_id.as_ref().unwrap().as_str(), "ses_new");
    assert_eq!((ended.why.as_deref(), &started.why), (Some("it died"), &None));
}

#[test]
fn start_that_replaces_a_record_without_id_tells_how_that_ended() {
    let scene = Scene::with(person().without_id());
    let [_, started] = &events(&scene, start_with(lease("a")))[..] else { panic!() };
    let What::SessionStarted { prior: Some(prior), .. } = &started.what else { panic!() };
    assert_eq!((&prior.session_id, prior.cause), (&None, EndCause::Replaced));
}

#[test]
fn end_tells_whether_it_completed_the_pending_transfer() {
    let pending = || Scene::with(program("a")).pending(transfer_due_at(NOW + 1));
    let completed = |events: &[Event]| {
        let ended = events.iter().find_map(|event| match event.what {
            What::SessionEnded { transfer_completed, .. } => Some(transfer_completed),
            _ => None,
        });
        ended.unwrap()
    };
    assert!(completed(&events(&pending(), give_up(Some("a")))));
    assert!(completed(&events(&pending(), clear(Some("a")))));
    let due = pending().now(NOW + 1);
    assert!(completed(&due.events_of(&due.settled().1)));
    assert!(!completed(&events(&pending(), force(successor("b"), Span::ZERO))));
    assert!(!completed(&events(&Scene::with(program("a")), give_up(Some("a")))));
}

#[test]
fn scheduled_transfer_is_told_with_its_revision() {
    let scene = Scene::with(program("a"));
    let done = scene.done(force(successor("b"), Span(5_000)));
    let event = only(scene.events_of(&done.changes));
    let transfer = Box::new(done.workspace.tenure.transfer.clone().unwrap());
    assert_eq!(Some(transfer.revision), event.revision);
    assert_eq!(event.what, What::TransferScheduled { transfer });
    assert_eq!((event.why.as_deref(), event.revision), (Some("urgent"), Some(Revision(48))));
    assert_eq!((event.session_id, &event.before), (scene.session().id.clone(), &event.after));
}

#[test]
fn forced_takeover_again_tells_first_that_the_pending_transfer_was_replaced() {
    for grace in [Span(5_000), Span::ZERO] {
        let scene = Scene::with(program("a")).pending(transfer_due_at(NOW + 1));
        let events = events(&scene, force(successor("b"), grace));
        let transfer = Box::new(transfer_due_at(NOW + 1));
        assert_eq!(events[0].what, What::TransferCancelled { transfer, replaced: true });
        assert_eq!(events[0].why.as_deref(), Some("urgent"));
        assert_eq!(events[0].session_id, scene.session().id);
        assert!(events[1..].iter().all(|event| event.revision == events[0].revision));
        let then: Vec<_> = events[1..].iter().map(|event| &event.what).collect();
        match then[..] {
            [What::TransferScheduled { .. }] => assert_ne!(grace, Span::ZERO),
            [What::SessionEnded { .. }, What::SessionStarted { .. }] => {
                assert_eq!(grace, Span::ZERO);
            }
            _ => panic!("{then:?}"),
        }
    }
}

#[test]
fn cancelled_transfer_is_told_as_it_was() {
    let scene = Scene::with(person()).pending(transfer_due_at(NOW + 1));
    let cancel = CancelTransfer { reason: Some("too early".into()), ..Default::default() };
    let event = only(events(&scene, Command::CancelTransfer(cancel)));
    assert_eq!(event.why.as_deref(), Some("too early"));
    let transfer = Box::new(transfer_due_at(NOW + 1));
    assert_eq!(event.what, What::TransferCancelled { transfer, replaced: false });
    assert_eq!(event.session_id, scene.session().id);
    assert!(event.before.is_some() && event.before == event.after);
}

#[test]
fn imported_program_without_owner_is_not_taken_for_a_person() {
    let facts = Facts::of(&program("a").without_owner());
    assert_eq!((facts.lifecycle, facts.owner), (Lifecycle::Autonomous, None));
    assert_eq!(Facts::of(&person()).lifecycle, Lifecycle::Interactive);
}

#[test]
fn beats_are_not_events_and_activities_only_when_due() {
    let scene = Scene::with(program("a"));
    assert_eq!(events(&scene, beat("a")), []);
    let saying = Heartbeat { activity: Some("writing".into()), ..beat("a") };
    assert_eq!(events(&scene, saying.clone()), [], "the last one was logged 10 s ago");
    let later = Scene::with(program("a").expiring_at(NOW + 100_000)).now(NOW + 50_000);
    let event = only(events(&later, saying));
    let What::ActivityChanged(activity) = event.what else { panic!("{:?}", event.what) };
    assert_eq!((&*activity.text, activity.revision), ("writing", Revision(48)));
    assert_eq!(
        (event.session_id, event.revision),
        (later.session().id.clone(), Some(Revision(48)))
    );
}

#[test]
fn gates_and_escalations_that_a_transition_clears_are_told_of_the_session_that_goes() {
    let scene = Scene::with(program("a")).surrounded();
    let done = scene.done(clear(Some("a")));
    let events = scene.events_of(&done.changes);
    let [escalations, gates, ended] = &events[..] else { panic!("{events:?}") };
    let What::EscalationsCleared { ids } = &escalations.what else { panic!("{escalations:?}") };
    assert_eq!(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["esc_asks", "esc_waits"]);
    let revision = done.workspace.tenure.signals.gates_revision;
    assert_eq!(gates.what, What::GatesCleared { revision });
    for event in [escalations, gates] {
        assert_eq!(event.session_id, scene.session().id);
        assert_eq!((&event.before, &event.after), (&ended.before, &ended.before));
        assert_eq!(event.revision, scene.workspace.tenure.revision);
    }
}

#[test]
fn clearing_what_is_left_without_a_session_is_told_of_no_session() {
    let scene = Scene::free().surrounded();
    let events = scene.events_of(&scene.done(clear(None)).changes);
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.session_id.is_none() && event.before.is_none()));
}
