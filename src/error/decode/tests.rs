use prost::Name;
use prost_types::Any;

use super::*;

fn any(type_url: impl Into<String>, message: &impl Message) -> Any {
    Any { type_url: type_url.into(), value: message.encode_to_vec() }
}

fn info(domain: &str, reason: &str) -> Any {
    let info = pb::ErrorInfo { domain: domain.into(), reason: reason.into(), ..Default::default() };
    any("type.googleapis.com/google.rpc.ErrorInfo", &info)
}

fn status(code: tonic::Code, details: Vec<Any>) -> tonic::Status {
    let inner = pb::Status { code: code as i32, message: "no".into(), details };
    tonic::Status::with_details(code, "no", inner.encode_to_vec().into())
}

#[test]
fn a_refusal_is_decoded_with_all_its_details() {
    let refusal = v1::Refusal {
        holder_actor_id: "other".into(),
        revision: Some(7),
        verdict: Some(v1::Verdict { successor_actor_id: "third".into(), ..Default::default() }),
        ..Default::default()
    };
    let retry = pb::RetryInfo { retry_delay: Some(prost_types::Duration { seconds: 2, nanos: 5 }) };
    let bad = pb::BadRequest {
        field_violations: vec![pb::bad_request::FieldViolation {
            field: "workspace".into(),
            description: "empty".into(),
            ..Default::default()
        }],
    };
    let status = status(
        tonic::Code::FailedPrecondition,
        vec![
            any(v1::Refusal::type_url(), &refusal),
            info("tenure", "LEASE_HELD"),
            any("type.googleapis.com/google.rpc.RetryInfo", &retry),
            any("type.googleapis.com/google.rpc.BadRequest", &bad),
        ],
    );
    let error = Error::from_status(&status, Duration::ZERO);
    let refused = error.refused().unwrap();
    assert_eq!(refused.reason, v1::ErrorReason::LeaseHeld);
    assert_eq!(refused.code, tonic::Code::FailedPrecondition);
    assert_eq!(refused.refusal, refusal);
    assert_eq!(refused.retry_after, Some(Duration::new(2, 5)));
    assert_eq!(refused.violations[0].field, "workspace");
    assert_eq!(error.to_string(), "LEASE_HELD: no");
}

#[test]
fn a_refusal_with_a_slash_before_its_name_is_known_by_its_last_segment() {
    let refusal = v1::Refusal { revision: Some(7), ..Default::default() };
    let url = format!("type.googleapis.com/{}", v1::Refusal::full_name());
    let status =
        status(tonic::Code::NotFound, vec![any(url, &refusal), info("tenure", "NO_SESSION")]);
    let error = Error::from_status(&status, Duration::ZERO);
    assert_eq!(error.refused().unwrap().refusal.revision, Some(7));
}

#[test]
fn an_unknown_reason_keeps_its_name() {
    let status = status(tonic::Code::Aborted, vec![info("tenure", "FROM_THE_FUTURE")]);
    let error = Error::from_status(&status, Duration::ZERO);
    assert_eq!(error.reason(), Some(v1::ErrorReason::Unspecified));
    assert_eq!(error.to_string(), "FROM_THE_FUTURE: no");
}

#[test]
fn a_status_of_another_domain_is_no_refusal() {
    let status = status(tonic::Code::Internal, vec![info("proxy", "LEASE_HELD")]);
    assert!(Error::from_status(&status, Duration::ZERO).refused().is_none());
}

#[test]
fn details_that_cannot_be_read_are_left_out() {
    let garbage = Any { type_url: v1::Refusal::type_url(), value: vec![0xff; 9] };
    let with = status(tonic::Code::NotFound, vec![info("tenure", "NO_SESSION"), garbage]);
    let error = Error::from_status(&with, Duration::ZERO);
    assert_eq!(error.reason(), Some(v1::ErrorReason::NoSession));
    let status = tonic::Status::with_details(tonic::Code::NotFound, "no", vec![0xff_u8; 9].into());
    assert!(matches!(Error::from_status(&status, Duration::ZERO), Error::Protocol { .. }));
}

#[test]
fn a_status_without_details_is_told_apart_by_its_code() {
    let decoded = |code| Error::from_status(&tonic::Status::new(code, "x"), Duration::ZERO);
    assert!(matches!(decoded(tonic::Code::Unavailable), Error::Unreachable { .. }));
    assert!(matches!(decoded(tonic::Code::Unknown), Error::Unreachable { .. }));
    assert!(matches!(decoded(tonic::Code::Cancelled), Error::Timeout { .. }));
    assert!(matches!(decoded(tonic::Code::DeadlineExceeded), Error::Timeout { .. }));
    assert!(matches!(
        decoded(tonic::Code::Unimplemented),
        Error::Protocol { code: tonic::Code::Unimplemented, .. }
    ));
    assert!(!decoded(tonic::Code::Unimplemented).may_be_repeated());
}

/// What a layer of the transport makes of the one below.
#[derive(Debug, thiserror::Error)]
#[error("some step")]
struct Step<E: StdError + 'static>(#[source] E);

fn met(code: tonic::Code, root: impl StdError + Send + Sync + 'static) -> Error {
    let mut status = tonic::Status::new(code, "at some step");
    status.set_source(std::sync::Arc::new(Step(Step(root))));
    Error::from_status(&status, Duration::ZERO)
}

#[test]
fn a_failure_of_the_transport_is_told_with_its_root() {
    let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    for code in [tonic::Code::Unavailable, tonic::Code::Cancelled, tonic::Code::Internal] {
        match met(code, refused()) {
            Error::Unreachable { message, .. } => {
                assert_eq!(message, format!("at some step: {}", refused()));
            }
            error => panic!("{code:?}: {error}"),
        }
    }
    assert_eq!(with_cause("bare", None), "bare");
}

#[test]
fn a_time_limit_of_the_transport_is_a_timeout() {
    let error = met(tonic::Code::Cancelled, tonic::TimeoutExpired(()));
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[test]
fn only_an_unavailable_service_is_asked_again() {
    let draining = status(tonic::Code::Unavailable, vec![info("tenure", "DRAINING")]);
    assert!(Error::from_status(&draining, Duration::ZERO).may_be_repeated());
    let held = status(tonic::Code::FailedPrecondition, vec![info("tenure", "LEASE_HELD")]);
    assert!(!Error::from_status(&held, Duration::ZERO).may_be_repeated());
}

#[test]
fn the_failure_of_an_item_is_a_refusal_too() {
    let failure = v1::Failure {
        code: tonic::Code::FailedPrecondition as u32,
        reason: v1::ErrorReason::LeaseHeld as i32,
        message: "held".into(),
        ..Default::default()
    };
    let error = Error::from(failure);
    assert_eq!(error.reason(), Some(v1::ErrorReason::LeaseHeld));
    assert_eq!(error.to_string(), "LEASE_HELD: held");
}
