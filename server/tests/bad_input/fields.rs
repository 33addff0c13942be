use tenure::v1;
use tenure::v1::start_session_request::Holder;
use tonic::Code;

use crate::rig::{Server, Told, bad_fields, labels, seconds, start};

fn with_holder(change: impl FnOnce(&mut v1::AutonomousHolder)) -> v1::StartSessionRequest {
    let mut request = start("acme/api", "worker-1");
    if let Some(Holder::Autonomous(holder)) = &mut request.holder {
        change(holder);
    }
    request
}

#[tokio::test]
async fn every_bad_field_is_told_at_once_and_nothing_is_stored() {
    let mut server = Server::start().await;
    let mut request = with_holder(|holder| {
        holder.actor_id = "work\u{202E}er".to_owned();
        holder.lease_ttl = Some(seconds(0));
        holder.owner_kind = 42;
    });
    request.mode = 17;
    request.request_id = "42".to_owned();
    let fields = bad_fields(server.lease.start_session(request).await);
    assert_eq!(
        fields,
        [
            "request_id",
            "autonomous.actor_id",
            "autonomous.lease_ttl",
            "autonomous.owner_kind",
            "mode"
        ]
    );
    assert!(server.is_free("acme/api").await);
}

#[tokio::test]
async fn an_empty_request_names_what_is_missing() {
    let mut server = Server::start().await;
    let lease = &mut server.lease;
    assert_eq!(
        bad_fields(lease.start_session(v1::StartSessionRequest::default()).await),
        ["workspace", "holder"]
    );
    assert_eq!(
        bad_fields(lease.heartbeat(v1::HeartbeatRequest::default()).await),
        ["workspace", "actor_id"]
    );
    let empty = v1::TakeOverSessionRequest::default();
    assert_eq!(
        bad_fields(lease.take_over_session(empty).await),
        ["workspace", "successor", "reason"]
    );
    let empty = v1::ForceTakeOverSessionRequest::default();
    assert_eq!(
        bad_fields(lease.force_take_over_session(empty).await),
        ["workspace", "expected_session_id", "successor", "reason"]
    );
    for fields in [
        bad_fields(lease.yield_session(v1::YieldSessionRequest::default()).await),
        bad_fields(lease.clear_session(v1::ClearSessionRequest::default()).await),
        bad_fields(lease.get_session(v1::GetSessionRequest::default()).await),
        bad_fields(lease.cancel_forced_takeover(v1::CancelForcedTakeoverRequest::default()).await),
    ] {
        assert_eq!(fields, ["workspace"]);
    }
    let empty = v1::BatchStartSessionsRequest::default();
    assert_eq!(bad_fields(lease.batch_start_sessions(empty).await), ["starts"]);
}

#[tokio::test]
async fn names_that_are_no_names_are_refused() {
    let mut server = Server::start().await;
    let long = "x".repeat(201);
    for workspace in ["", "/", "a//b", "/a", "a/", "..", "a/./b", "a b", "ä", "a\0b", "a\nb", &long]
    {
        let answer = server.lease.start_session(start(workspace, "worker-1")).await;
        assert_eq!(bad_fields(answer), ["workspace"], "{workspace:?}");
    }
    let long = "x".repeat(257);
    for actor in ["", "\u{0}", "\u{1b}[2J", "a\u{2066}b", "a\u{200F}b", &long] {
        let answer = server.lease.start_session(start("acme/api", actor)).await;
        assert_eq!(bad_fields(answer), ["autonomous.actor_id"], "{actor:?}");
    }
    assert!(server.is_free("acme/api").await);
}

#[tokio::test]
async fn a_lease_outside_the_bounds_is_refused_never_clamped() {
    let mut server = Server::start().await;
    for ttl in [
        seconds(0),
        seconds(-1),
        seconds(86_401),
        seconds(i64::MAX),
        seconds(i64::MIN),
        prost_types::Duration { seconds: 0, nanos: 999_999_999 },
        prost_types::Duration { seconds: 5, nanos: i32::MAX },
        prost_types::Duration { seconds: 5, nanos: -1 },
    ] {
        let request = with_holder(|holder| holder.lease_ttl = Some(ttl));
        let answer = server.lease.start_session(request).await;
        assert_eq!(bad_fields(answer), ["autonomous.lease_ttl"], "{ttl:?}");
    }
    let request = with_holder(|holder| holder.lease_ttl = None);
    assert_eq!(bad_fields(server.lease.start_session(request).await), ["autonomous.lease_ttl"]);
    assert!(server.is_free("acme/api").await);
}

#[tokio::test]
async fn a_machine_with_too_many_labels_is_refused() {
    let mut server = Server::start().await;
    let mut request = start("acme/api", "worker-1");
    let machine =
        v1::MachineRef { machine_id: "m-1".to_owned(), host: "h".repeat(256), labels: labels(33) };
    request.machine = Some(machine);
    let fields = bad_fields(server.lease.start_session(request).await);
    assert_eq!(fields, ["machine.host", "machine.labels"]);
}

#[tokio::test]
async fn a_beat_that_carries_too_much_does_not_renew() {
    let mut server = Server::start().await;
    let session = server.start_session("acme/api", "worker-1").await;
    let beat = v1::HeartbeatRequest {
        workspace: "acme/api".to_owned(),
        actor_id: "worker-1".to_owned(),
        checkpoint: Some(vec![0; 65_537]),
        ..v1::HeartbeatRequest::default()
    };
    assert_eq!(bad_fields(server.lease.heartbeat(beat.clone()).await), ["checkpoint"]);
    let plain = v1::HeartbeatRequest { checkpoint: None, ..beat };
    let renewed = server.lease.heartbeat(plain).await.unwrap().into_inner();
    assert_eq!(renewed.revision, session.revision + 1, "the refused beat changed nothing");
}

#[tokio::test]
async fn hostile_texts_are_escaped_in_what_others_are_told() {
    let mut server = Server::start().await;
    let hostile = "\u{5d0}\u{5d1}'; rm -rf / # \"%s\" <actor>";
    server.start_session("acme/api", hostile).await;
    let refused = server.lease.start_session(start("acme/api", "worker-2")).await.unwrap_err();
    let told = Told::of(&refused);
    assert_eq!(told.reason, "LEASE_HELD");
    assert_eq!(told.refusal.holder_actor_id, hostile, "typed detail is verbatim");
    assert!(refused.message().contains("\\\"%s\\\""), "{}", refused.message());
    assert!(!told.refusal.hint.contains("rm -rf"), "advice has placeholders only");
}

#[tokio::test]
async fn an_item_of_a_batch_is_refused_alone() {
    let mut server = Server::start().await;
    let bad = v1::StartSessionRequest { mode: 99, ..start("acme/b", "worker-1") };
    let starts = vec![start("acme/a", "worker-1"), bad, start("acme/a", "worker-2")];
    let request = v1::BatchStartSessionsRequest { starts };
    let results = server.lease.batch_start_sessions(request).await.unwrap().into_inner().results;
    let reasons: Vec<_> = results
        .into_iter()
        .map(|result| match result.result.unwrap() {
            v1::batch_start_result::Result::Started(_) => None,
            v1::batch_start_result::Result::Failed(failure) => Some((
                failure.reason(),
                failure.violations.iter().map(|violation| violation.field.clone()).collect(),
            )),
        })
        .collect();
    assert_eq!(
        reasons,
        [
            None,
            Some((v1::ErrorReason::InvalidArgument, vec!["mode".to_owned()])),
            Some((v1::ErrorReason::LeaseHeld, vec![]))
        ],
        "decided in order, each on its own"
    );
    assert!(server.is_free("acme/b").await);
}

#[tokio::test]
async fn what_is_still_to_come_says_so() {
    let mut server = Server::start().await;
    let refused = server.admin.verify_store(v1::VerifyStoreRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().contains("VerifyStore"));
}
