use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use tenure_core::name::{ActorId, InstanceId, MachineId, Principal, SessionId, WorkspaceName};
use tenure_core::reply::SessionView;
use tenure_core::session::{MachineRef, Session, Successor, Transfer};
use tonic_types::pb;

use super::*;
use crate::grpc::convert::samples;

struct Read {
    info: pb::ErrorInfo,
    refusal: v1::Refusal,
    kinds: HashMap<String, Vec<u8>>,
}

/// Reads a status as a client does.
fn read(status: &Status) -> Read {
    let sent = pb::Status::decode(status.details()).unwrap();
    assert_eq!((sent.code, &*sent.message), (status.code() as i32, status.message()));
    let kinds: HashMap<String, Vec<u8>> = sent
        .details
        .into_iter()
        .map(|any| (any.type_url.rsplit('/').next().unwrap().to_owned(), any.value))
        .collect();
    Read {
        info: pb::ErrorInfo::decode(&*kinds["google.rpc.ErrorInfo"]).unwrap(),
        refusal: v1::Refusal::decode(&*kinds["tenure.v1.Refusal"]).unwrap(),
        kinds,
    }
}

fn refusal(reason: Reason) -> Refusal {
    let clock = samples::clock_at(samples::NOW);
    Refusal {
        reason,
        key: samples::key(),
        message: "workspace acme/api is held".to_owned(),
        hint: Some("wait".to_owned()),
        standing: Some(Box::new(samples::view_at(&clock))),
        meant: None,
        verdict: None,
    }
}

fn retry_ms(read: &Read) -> Option<i64> {
    let retry = pb::RetryInfo::decode(&**read.kinds.get("google.rpc.RetryInfo")?).unwrap();
    let delay = retry.retry_delay.unwrap();
    Some(delay.seconds * 1_000 + i64::from(delay.nanos / 1_000_000))
}

#[test]
fn a_refusal_carries_reason_domain_detail_and_precondition() {
    let clock = samples::clock_at(samples::NOW);
    let status = Fault::refused(&refusal(Reason::NotHolder), &clock).into_status();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let read = read(&status);
    assert_eq!((&*read.info.reason, &*read.info.domain), ("NOT_HOLDER", "tenure"));
    assert_eq!(read.info.metadata["workspace"], "acme/api");
    assert_eq!(read.refusal.holder_actor_id, "worker-1");
    assert!(read.kinds.contains_key("google.rpc.PreconditionFailure"));
    assert_eq!(retry_ms(&read), None);
}

#[test]
fn a_suitor_is_told_to_come_back_when_the_lease_can_have_expired() {
    let clock = samples::clock_at(samples::NOW + 10_000);
    for reason in [Reason::LeaseHeld, Reason::LeaseNotStale] {
        let delays: Vec<i64> = (0..50)
            .filter_map(|_| retry_ms(&read(&Fault::refused(&refusal(reason), &clock).into())))
            .collect();
        assert_eq!(delays.len(), 50);
        assert!(delays.iter().all(|delay| (20_000..=22_000).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]), "scattered");
    }
}

#[test]
fn an_overloaded_server_says_when_to_come_back() {
    let clock = samples::clock_at(0);
    let status = Fault::failed(&Failure::Overloaded, &clock).into_status();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!((100..=500).contains(&retry_ms(&read(&status)).unwrap()));
}

#[test]
fn every_bad_field_is_listed() {
    let mut violations = Violations::one("workspace", "must not be empty");
    violations.add("holder", "must be given");
    let status = Fault::invalid(&violations).into_status();
    assert_eq!(status.code(), Code::InvalidArgument);
    let read = read(&status);
    let bad = pb::BadRequest::decode(&*read.kinds["google.rpc.BadRequest"]).unwrap();
    let fields: Vec<&str> = bad.field_violations.iter().map(|v| &*v.field).collect();
    assert_eq!(fields, ["workspace", "holder"]);
    assert_eq!(read.info.reason, "INVALID_ARGUMENT");
    assert_eq!(status.message(), "the request is malformed: workspace, holder");
}

#[test]
fn what_is_not_implemented_has_no_reason() {
    let status = Status::from(Fault::unimplemented("still to come"));
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "still to come");
    assert!(pb::Status::decode(status.details()).unwrap().details.is_empty());
}

#[test]
fn a_failing_store_does_not_tell_where_it_is() {
    let clock = samples::clock_at(0);
    let secret = || "/var/lib/tenure/tenure.db is locked".to_owned();
    for (error, code) in [
        (StoreError::Unavailable(secret()), Code::Unavailable),
        (StoreError::Unusable(secret()), Code::Unavailable),
        (StoreError::InUse(secret()), Code::Unavailable),
        (StoreError::Corrupt(secret()), Code::DataLoss),
    ] {
        let status = Fault::failed(&Failure::Store(error), &clock).into_status();
        assert_eq!(status.code(), code);
        assert!(!format!("{status:?}").contains("/var/lib"));
    }
}

/// A refusal in which everything that a caller can name is as long as it may be.
fn hostile() -> Refusal {
    let id = || "\u{1F980}".repeat(256);
    let session_id = || SessionId::imported(&"s".repeat(256));
    let machine = MachineRef {
        id: MachineId::imported(&id()),
        host: Arc::from(id()),
        labels: (0..32).map(|n| (format!("{n}{}", "k".repeat(60)), id())).collect(),
    };
    let transfer = Transfer {
        successor: Successor::Autonomous {
            actor: ActorId::imported(&id()),
            ttl: Span(1),
            supervisor: Some(ActorId::imported(&id())),
            instance: Some(InstanceId::imported(&id())),
        },
        successor_session_id: session_id(),
        reason: Arc::from("\u{1F980}".repeat(500)),
        principal: Principal::imported(&id()),
        machine: Some(machine),
        ..samples::transfer()
    };
    let mut key = samples::key();
    key.workspace = WorkspaceName::parse(&"w".repeat(200)).unwrap();
    let mut session = Session { id: Some(session_id()), ..samples::session() };
    if let tenure_core::session::Holder::Autonomous(held) = &mut session.holder {
        held.actor = Some(ActorId::imported(&id()));
    }
    let mut entry = samples::ledger_entry();
    entry.session_id = Some(session_id());
    entry.actor = Some(ActorId::imported(&id()));
    entry.ended_by = Principal::imported(&id());
    entry.ended_by_actor = Some(ActorId::imported(&id()));
    entry.why = Some(Arc::from("\u{1F980}".repeat(500)));
    let clock = samples::clock_at(samples::NOW);
    let revision = tenure_core::session::Revision(u64::MAX);
    let view = SessionView::new(key.clone(), revision, session, Some(transfer), &clock);
    Refusal {
        key,
        message: "\u{1F980}".repeat(1_000),
        hint: Some("h".repeat(1_000)),
        standing: Some(Box::new(view)),
        verdict: Some(Box::new(entry)),
        ..refusal(Reason::LeaseHeld)
    }
}

#[test]
fn message_and_details_stay_under_4_kib_however_long_the_ids() {
    let clock = samples::clock_at(samples::NOW);
    let status = Fault::refused(&hostile(), &clock).into_status();
    let headers: http::Response<()> = status.clone().into_http();
    let travelling: usize = headers.headers().iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
    assert!(travelling < 4_096, "{travelling}");
    let read = read(&status);
    assert_eq!(read.info.reason, "LEASE_HELD");
    assert_eq!(read.refusal.session_id.len(), 256);
    assert!(retry_ms(&read).is_some());
}

#[test]
fn what_is_least_useful_goes_first() {
    let clock = samples::clock_at(samples::NOW);
    let mut long_labels = hostile();
    long_labels.message = "held".to_owned();
    long_labels.hint = Some("wait".to_owned());
    long_labels.verdict = None;
    let view = long_labels.standing.as_mut().unwrap();
    view.session = samples::session();
    let transfer = view.transfer.as_mut().unwrap();
    transfer.successor = samples::transfer().successor;
    transfer.reason = Arc::from("night shift");
    transfer.principal = Principal::imported("ops");
    let read = read(&Fault::refused(&long_labels, &clock).into_status());
    let pending = read.refusal.pending_transfer.unwrap();
    assert_eq!(pending.reason, "night shift");
    assert_eq!(pending.successor.unwrap().machine, None, "the labels were what was too long");
    assert_eq!(read.refusal.hint, "wait");
}

#[test]
fn the_results_of_batches_and_streams_are_as_small() {
    let clock = samples::clock_at(samples::NOW);
    let fault = Fault::refused(&hostile(), &clock);
    let failure = fault.clone().into_failure();
    assert!(failure.encoded_len() < 4_096);
    assert_eq!(failure.code, Code::FailedPrecondition as u32);
    assert_eq!(failure.reason(), v1::ErrorReason::LeaseHeld);
    assert_eq!(failure.refusal.as_ref().map(|refusal| refusal.reason), Some(failure.reason));
    let refused = fault.into_beat_refused(3, 9);
    assert_eq!((refused.handle, refused.message_id), (3, 9));
    assert!(refused.encoded_len() < 4_096);
}

#[test]
fn more_violations_than_fit_are_cut_from_the_end() {
    let mut violations = Violations::default();
    for _ in 0..60 {
        violations.add("autonomous.supervisor_id", "x".repeat(150));
    }
    let status = Fault::invalid(&violations).into_status();
    assert!(fit::travelling_bytes(status.message(), status.details()) < STATUS_MAX_BYTES);
    let bad = pb::BadRequest::decode(&*read(&status).kinds["google.rpc.BadRequest"]).unwrap();
    assert!(!bad.field_violations.is_empty());
}
