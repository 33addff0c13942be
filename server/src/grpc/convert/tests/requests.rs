use tenure::v1::force_take_over_session_request::Successor as Forced;
use tenure::v1::start_session_request::Holder;
use tenure::v1::take_over_session_request::Successor;
use tenure_core::command::{Command, RequestedHolder, RequestedSuccessor};
use tenure_core::session::{AutonomousKind, Mode, Revision};
use tenure_core::time::Span;

use super::super::{beat, ending, forced, start as starts, takeover};
use super::*;

const TOO_LONG: usize = 501;

#[test]
fn a_start_needs_a_workspace_and_a_holder() {
    let empty = v1::StartSessionRequest::default();
    assert_eq!(refused(starts::parse(empty, &bounds())), ["workspace", "holder"]);
}

#[test]
fn a_program_needs_an_actor_and_a_lease() {
    let nobody = start(Some(Holder::Autonomous(v1::AutonomousHolder::default())));
    assert_eq!(
        refused(starts::parse(nobody, &bounds())),
        ["autonomous.actor_id", "autonomous.lease_ttl"]
    );
}

#[test]
fn a_start_with_everything_wrong_names_every_field() {
    let holder = v1::AutonomousHolder {
        actor_id: "a\u{7}".to_owned(),
        lease_ttl: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
        owner_kind: 77,
        supervisor_id: Some(String::new()),
        instance_id: Some("\u{202E}".to_owned()),
    };
    let request = v1::StartSessionRequest {
        workspace: "../etc".to_owned(),
        profile: "a/b".to_owned(),
        request_id: "1".to_owned(),
        expected_session_id: Some("s".repeat(257)),
        expected_revision: None,
        mode: -4,
        supersede: true,
        machine: Some(v1::MachineRef { host: "box".to_owned(), ..Default::default() }),
        holder: Some(Holder::Autonomous(holder)),
    };
    assert_eq!(
        refused(starts::parse(request, &bounds())),
        [
            "request_id",
            "workspace",
            "profile",
            "expected_session_id",
            "autonomous.actor_id",
            "autonomous.lease_ttl",
            "autonomous.owner_kind",
            "autonomous.supervisor_id",
            "autonomous.instance_id",
            "mode",
            "machine.machine_id",
        ]
    );
}

#[test]
fn a_start_is_taken_over_field_by_field() {
    let holder = v1::AutonomousHolder {
        owner_kind: v1::OwnerKind::RuntimeSupervisor.into(),
        supervisor_id: Some("boss".to_owned()),
        instance_id: Some("i-1".to_owned()),
        ..program("worker-1", 30)
    };
    let request = v1::StartSessionRequest {
        mode: v1::Mode::Research.into(),
        supersede: true,
        expected_revision: Some(4),
        ..start(Some(Holder::Autonomous(holder)))
    };
    let parsed = starts::parse(request, &bounds()).unwrap();
    let Command::Start(start) = parsed.command else { panic!("a start") };
    assert_eq!(parsed.key.profile.as_str(), "main");
    assert_eq!((start.mode, start.supersede), (Some(Mode::Research), true));
    assert_eq!(start.expected.revision, Some(Revision(4)));
    let RequestedHolder::Autonomous(lease) = start.holder else { panic!("a program") };
    assert_eq!((lease.actor.as_str(), lease.ttl), ("worker-1", Span::from_secs(30)));
    assert_eq!(lease.kind, AutonomousKind::RuntimeSupervisor);
    assert_eq!(lease.supervisor.as_ref().map(|id| id.as_str()), Some("boss"));
    assert_eq!(lease.instance.as_ref().map(|id| id.as_str()), Some("i-1"));
    assert!(parsed.once.is_none());
}

#[test]
fn a_batch_has_1_to_1000_starts() {
    let batch = |n| starts::batch(v1::BatchStartSessionsRequest { starts: vec![start(None); n] });
    for refused in [0, 1_001] {
        let violations = batch(refused).unwrap_err();
        assert_eq!(violations.iter().next().map(|violation| violation.field), Some("starts"));
    }
    assert_eq!(batch(1_000).map(|starts| starts.len()), Ok(1_000));
}

#[test]
fn a_heartbeat_needs_an_actor_and_no_empty_session_id() {
    let request = v1::HeartbeatRequest {
        workspace: "acme/api".to_owned(),
        session_id: Some(String::new()),
        activity: Some("x".repeat(281)),
        ..v1::HeartbeatRequest::default()
    };
    assert_eq!(refused(beat::parse(&request)), ["actor_id", "session_id", "activity"]);
}

#[test]
fn a_heartbeat_carries_what_it_tells_of_the_work() {
    let plain = v1::HeartbeatRequest {
        workspace: "acme/api".to_owned(),
        actor_id: "worker-1".to_owned(),
        ..v1::HeartbeatRequest::default()
    };
    let report = |request: &v1::HeartbeatRequest| match beat::parse(request).unwrap().command {
        Command::Heartbeat(beat) => beat.report,
        other => panic!("{other:?}"),
    };
    assert_eq!(report(&plain), None);
    let loaded = v1::HeartbeatRequest { checkpoint: Some(vec![1]), ..plain.clone() };
    assert!(report(&loaded).is_some_and(|report| report.checkpoint.is_some()));
    let bad = v1::HeartbeatRequest { work_stream: Some(String::new()), ..plain };
    assert_eq!(refused(beat::parse(&bad)), ["work_stream"]);
}

#[test]
fn a_takeover_needs_a_successor_and_a_reason_and_inherits_the_rest() {
    let empty = v1::TakeOverSessionRequest {
        workspace: "acme/api".to_owned(),
        ..v1::TakeOverSessionRequest::default()
    };
    assert_eq!(refused(takeover::parse(empty.clone(), &bounds())), ["successor", "reason"]);
    let holder = v1::AutonomousHolder { lease_ttl: None, ..program("worker-2", 0) };
    let request = v1::TakeOverSessionRequest {
        successor: Some(Successor::Autonomous(holder)),
        reason: "it was silent".to_owned(),
        ..empty
    };
    let Command::TakeOver(take) = takeover::parse(request, &bounds()).unwrap().command else {
        panic!("a takeover")
    };
    let RequestedSuccessor::Autonomous { ttl, supervisor, .. } = take.successor else {
        panic!("a program")
    };
    assert_eq!((ttl, supervisor), (None, None));
}

#[test]
fn a_forced_takeover_says_which_session_it_means() {
    let request = v1::ForceTakeOverSessionRequest {
        workspace: "acme/api".to_owned(),
        successor: Some(Forced::Interactive(v1::InteractiveHolder {})),
        reason: "r".repeat(TOO_LONG),
        grace: Some(prost_types::Duration { seconds: 601, nanos: 0 }),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    assert_eq!(
        refused(forced::parse(request.clone(), &bounds())),
        ["expected_session_id", "reason", "grace"]
    );
    let by_revision = v1::ForceTakeOverSessionRequest {
        expected_revision: Some(3),
        reason: "stuck".to_owned(),
        grace: None,
        ..request
    };
    let Command::ForceTakeOver(force) = forced::parse(by_revision, &bounds()).unwrap().command
    else {
        panic!("a forced takeover")
    };
    assert_eq!((force.grace, force.dry_run), (Span::ZERO, false));
}

#[test]
fn the_outcome_of_a_dry_run_is_not_kept() {
    let request = |dry_run| v1::ForceTakeOverSessionRequest {
        workspace: "acme/api".to_owned(),
        request_id: "0190a6f4-7b2c-7def-8123-456789abcdef".to_owned(),
        expected_revision: Some(3),
        successor: Some(Forced::Interactive(v1::InteractiveHolder {})),
        reason: "stuck".to_owned(),
        dry_run,
        ..v1::ForceTakeOverSessionRequest::default()
    };
    let once = |dry_run| forced::parse(request(dry_run), &bounds()).unwrap().once;
    assert!(once(false).is_some());
    assert!(once(true).is_none());
}

#[test]
fn yield_and_clear_take_an_empty_actor_as_none() {
    let give_up = v1::YieldSessionRequest {
        workspace: "acme/api".to_owned(),
        reason: "lunch".to_owned(),
        ..v1::YieldSessionRequest::default()
    };
    let Command::Yield(parsed) = ending::parse_yield(give_up).unwrap().command else {
        panic!("a yield")
    };
    assert_eq!((parsed.actor, parsed.reason.as_deref()), (None, Some("lunch")));
    let clear = v1::ClearSessionRequest {
        workspace: "acme/api".to_owned(),
        reason: "done".to_owned(),
        ..v1::ClearSessionRequest::default()
    };
    let Command::Clear(parsed) = ending::parse_clear(clear.clone()).unwrap().command else {
        panic!("a clear")
    };
    assert_eq!((parsed.actor, parsed.reason.as_deref()), (None, Some("done")));
    let hostile = v1::ClearSessionRequest {
        actor_id: "\u{1b}[31m".to_owned(),
        reason: "r".repeat(TOO_LONG),
        ..clear
    };
    assert_eq!(refused(ending::parse_clear(hostile)), ["actor_id", "reason"]);
}
