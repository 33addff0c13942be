use tenure_core::gate::{GateState, GatesRevision};
use tenure_core::ledger::Prior;
use tenure_core::name::{EscalationId, Principal, SessionId, WorkStreamName};
use tenure_core::time::Span;
use tenure_core::work_stream::{Best, Score};

use super::*;
use crate::grpc::convert::samples;

const STARTED: LeaseInstant = LeaseInstant(5_000);

fn show(what: What) -> v1::Event {
    let event = Event {
        at: samples::moment(samples::NOW).wall,
        key: Some(samples::key()),
        session_id: Some(SessionId::imported("ses_1")),
        revision: Some(Revision(9)),
        principal: Principal::imported("local"),
        actor: None,
        why: None,
        address: None,
        before: None,
        after: None,
        what,
    };
    shown(&Sequenced { sequence: 41, event }, &LogId("log".into()))
}

fn started(prior: Option<Prior>) -> What {
    What::SessionStarted { session: Box::new(samples::session()), prior }
}

fn expired(lease: u64) -> What {
    let session = Session { expiry_recorded: true, ..samples::session() };
    What::SessionExpired { session: Box::new(session), expired_at: samples::moment(lease) }
}

fn ended(transfer_completed: bool) -> What {
    What::SessionEnded { entry: Box::new(samples::ledger_entry()), transfer_completed }
}

fn cancelled(replaced: bool) -> What {
    What::TransferCancelled { transfer: Box::new(samples::transfer()), replaced }
}

fn best() -> Best {
    Best { score: Score(Score::ONE.0 / 8), stream: Some(WorkStreamName::imported("parsing")) }
}

fn gate_updated() -> What {
    let gate = Box::new(samples::gate("build", GateState::Passed));
    What::GateUpdated { gate, prior: GateState::Open, revision: GatesRevision(4) }
}

#[test]
fn every_kind_of_event_has_the_payload_of_its_type() {
    let transfer = Box::new(samples::transfer());
    let cases = [
        (started(None), v1::EventType::SessionStarted),
        (What::SessionRefreshed(Box::new(samples::session())), v1::EventType::SessionRefreshed),
        (expired(5), v1::EventType::SessionExpired),
        (ended(false), v1::EventType::SessionEnded),
        (What::TransferScheduled { transfer }, v1::EventType::TransferScheduled),
        (cancelled(false), v1::EventType::TransferCancelled),
        (What::ActivityChanged(Box::new(samples::activity())), v1::EventType::ActivityChanged),
        (What::SessionStalled(Box::new(best())), v1::EventType::SessionStalled),
        (What::SessionResumed(Box::new(best())), v1::EventType::SessionResumed),
        (What::EscalationRaised(Box::new(samples::escalation())), v1::EventType::EscalationRaised),
        (
            What::EscalationResolved(Box::new(samples::escalation())),
            v1::EventType::EscalationResolved,
        ),
        (What::EscalationsCleared { ids: Box::default() }, v1::EventType::EscalationsCleared),
        (What::GatesSet(Box::new(samples::gates())), v1::EventType::GatesSet),
        (gate_updated(), v1::EventType::GateUpdated),
        (What::GatesCleared { revision: GatesRevision(4) }, v1::EventType::GatesCleared),
        (What::HandoffPut(samples::handoff().into()), v1::EventType::HandoffPut),
        (What::StateImported(Box::new(samples::brought_in())), v1::EventType::StateImported),
        (What::MachineCordoned { machine: samples::machine().id }, v1::EventType::MachineCordoned),
        (
            What::MachineUncordoned { machine: samples::machine().id },
            v1::EventType::MachineUncordoned,
        ),
        (
            What::ServerStarted { version: "1".to_owned(), epoch: 2, lease_clock: STARTED },
            v1::EventType::ServerStarted,
        ),
        (What::ServerDrained { epoch: 2, lease_clock: STARTED }, v1::EventType::ServerDrained),
        (What::ClockStepped { by_ms: -1_500 }, v1::EventType::ClockStepped),
        (What::StallSeen { stalled_for: Span(1_500) }, v1::EventType::StallSeen),
    ];
    for (what, expected) in cases {
        let event = show(what);
        assert_eq!((event.sequence, &*event.log_id), (41, "log"));
        assert_eq!(event.r#type(), expected);
        let payload = format!("{:?}", event.payload);
        let name = expected.as_str_name().trim_start_matches("EVENT_TYPE_").replace('_', "");
        assert!(payload.to_uppercase().contains(&format!("SOME({name}(")), "{payload}");
    }
}

#[test]
fn a_start_is_shown_as_it_was() {
    let Some(Payload::SessionStarted(started)) = show(started(None)).payload else { panic!() };
    let session = started.session.unwrap();
    assert!(!session.stale);
    let expiry = samples::moment(samples::NOW + 30_000).wall;
    assert_eq!(session.lease_expires_at, Some(timestamp(expiry)));
}

#[test]
fn a_start_names_the_session_that_it_followed_and_how_that_ended() {
    let shown = |prior| {
        let Some(Payload::SessionStarted(started)) = show(started(prior)).payload else { panic!() };
        (started.prior_session_id.clone(), started.prior_cause())
    };
    assert_eq!(shown(None), (String::new(), v1::EndCause::Unspecified));
    let prior = |session_id| Some(Prior { session_id, cause: EndCause::Superseded });
    let named = shown(prior(Some(SessionId::imported("ses_0"))));
    assert_eq!(named, ("ses_0".to_owned(), v1::EndCause::Superseded));
    assert_eq!(shown(prior(None)), (String::new(), v1::EndCause::Superseded));
}

#[test]
fn an_expiry_shows_the_stale_session_and_the_instant_that_was_recorded() {
    // Later than the stored expiry: there was a boot grace, of which the session knows nothing.
    let lease = samples::NOW + 45_000;
    let Some(Payload::SessionExpired(shown)) = show(expired(lease)).payload else { panic!() };
    let recorded = Some(timestamp(samples::moment(lease).wall));
    assert_eq!(shown.expired_at, recorded);
    let session = shown.session.unwrap();
    assert_eq!((&*session.session_id, session.revision, session.stale), ("ses_1", 9, true));
    assert_eq!(session.lease_expires_at, recorded);
}

#[test]
fn an_end_tells_whether_it_completed_a_transfer() {
    for completed in [true, false] {
        let Some(Payload::SessionEnded(shown)) = show(ended(completed)).payload else { panic!() };
        assert_eq!(shown.transfer_completed, completed);
    }
}

#[test]
fn a_transfer_is_shown_as_it_was_ordered() {
    let transfer = Box::new(samples::transfer());
    let scheduled = show(What::TransferScheduled { transfer });
    let Some(Payload::TransferScheduled(scheduled)) = scheduled.payload else { panic!() };
    let shown = scheduled.transfer.unwrap();
    assert!(!shown.due);
    assert_eq!((&*shown.session_id, shown.revision), ("ses_1", 9));
    assert_eq!(shown.deadline, Some(timestamp(samples::moment(samples::NOW + 30_000).wall)));
    for replaced in [true, false] {
        let event = show(cancelled(replaced));
        let Some(Payload::TransferCancelled(cancelled)) = event.payload else { panic!() };
        assert_eq!((cancelled.transfer.as_ref(), cancelled.replaced), (Some(&shown), replaced));
    }
}

#[test]
fn a_server_tells_its_epoch_and_the_lease_clock() {
    let lease_clock = Some(Duration { seconds: 5, nanos: 0 });
    let began = What::ServerStarted { version: "1".to_owned(), epoch: 2, lease_clock: STARTED };
    let Some(Payload::ServerStarted(began)) = show(began).payload else { panic!() };
    assert_eq!((&*began.version, began.epoch, began.lease_clock), ("1", 2, lease_clock));
    let drained = show(What::ServerDrained { epoch: 2, lease_clock: STARTED });
    let Some(Payload::ServerDrained(drained)) = drained.payload else { panic!() };
    assert_eq!((drained.epoch, drained.lease_clock), (2, lease_clock));
}

#[test]
fn what_surrounds_a_session_is_shown_with_the_state_that_the_event_set() {
    let payload = |what| show(what).payload.unwrap();
    let Payload::SessionStalled(stalled) = payload(What::SessionStalled(Box::new(best()))) else {
        panic!()
    };
    assert_eq!((stalled.best_score, &*stalled.work_stream), (0.125, "parsing"));
    let ids = Box::new([EscalationId::imported("esc_1")]);
    let Payload::EscalationsCleared(cleared) = payload(What::EscalationsCleared { ids }) else {
        panic!()
    };
    assert_eq!(cleared.escalation_ids, ["esc_1"]);
    let Payload::GateUpdated(updated) = payload(gate_updated()) else { panic!() };
    assert_eq!((updated.prior_state(), updated.gates_revision), (v1::GateState::Open, 4));
    assert_eq!(updated.gate.unwrap().state(), v1::GateState::Passed);
}
