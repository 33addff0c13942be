use prost::Message;
use tenure::v1;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::rig::{Server, Told, labels, start};

const FIVE_MIB: usize = 5 << 20;

#[tokio::test]
async fn a_message_of_5_mib_is_too_large_and_the_connection_goes_on() {
    let mut server = Server::start().await;
    let refused =
        server.lease.start_session(start("acme/api", &"x".repeat(FIVE_MIB))).await.unwrap_err();
    let told = Told::of(&refused);
    assert_eq!((told.code, &*told.reason), (Some(Code::ResourceExhausted), "MESSAGE_TOO_LARGE"));
    server.start_session("acme/api", "worker-1").await;
}

#[tokio::test]
async fn a_message_of_5_mib_ends_a_heartbeat_stream_in_the_same_words() {
    let mut server = Server::start().await;
    let join = v1::Join {
        handle: 1,
        workspace: "acme/api".to_owned(),
        session_id: "s".repeat(FIVE_MIB),
        ..v1::Join::default()
    };
    let message = v1::StreamHeartbeatsRequest {
        message_id: 1,
        joins: vec![join],
        ..v1::StreamHeartbeatsRequest::default()
    };
    let outbound = tokio_stream::once(message).chain(tokio_stream::pending());
    let mut inbound = server.lease.stream_heartbeats(outbound).await.unwrap().into_inner();
    let refused = inbound.message().await.unwrap_err();
    let told = Told::of(&refused);
    assert_eq!((told.code, &*told.reason), (Some(Code::ResourceExhausted), "MESSAGE_TOO_LARGE"));
}

#[tokio::test]
async fn the_longest_ids_still_reach_those_who_are_refused() {
    let mut server = Server::start().await;
    let longest = |c: &str| c.repeat(256);
    let workspace = "w".repeat(200);
    let machine =
        v1::MachineRef { machine_id: longest("m"), host: "h".repeat(255), labels: labels(32) };
    let request = v1::StartSessionRequest {
        machine: Some(machine.clone()),
        ..start(&workspace, &longest("\u{1F980}"))
    };
    let session = server.lease.start_session(request).await.unwrap().into_inner().session.unwrap();
    let successor = v1::AutonomousHolder {
        actor_id: longest("\u{1F99E}"),
        instance_id: Some(longest("\u{1F99E}")),
        supervisor_id: Some(longest("\u{1F99E}")),
        ..v1::AutonomousHolder::default()
    };
    let force = v1::ForceTakeOverSessionRequest {
        workspace: workspace.clone(),
        expected_session_id: Some(session.session_id),
        successor: Some(v1::force_take_over_session_request::Successor::Autonomous(successor)),
        reason: "\u{1F99E}".repeat(500),
        grace: Some(crate::rig::seconds(60)),
        machine: Some(machine),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    server.lease.force_take_over_session(force).await.unwrap();
    let refused = server.lease.start_session(start(&workspace, "worker-2")).await.unwrap_err();
    assert!(refused.message().len() + refused.details().len() < 4_096);
    let told = Told::of(&refused);
    assert_eq!((told.code, &*told.reason), (Some(Code::FailedPrecondition), "LEASE_HELD"));
    assert!(told.refusal.encoded_len() > 0);
}

#[tokio::test]
async fn admin_calls_tell_what_holds() {
    let mut server = Server::start().await;
    server.start_session("acme/api", "worker-1").await;
    let info =
        server.admin.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((&*info.version, info.serving_state()), ("1.2.3", v1::ServingState::Serving));
    let limits = info.limits.unwrap();
    assert_eq!(limits.message_bytes_max, 1 << 20);
    assert_eq!(limits.lease_ttl_min.map(|ttl| ttl.seconds), Some(1));
    let counts = info.counts.unwrap();
    assert_eq!((counts.workspaces, counts.live_sessions, counts.stale_sessions), (1, 1, 0));
    let me = server.admin.who_am_i(v1::WhoAmIRequest {}).await.unwrap().into_inner();
    assert_eq!(me.principal, "local");
    assert!(me.address.starts_with("127.0.0.1:"));
    assert!(me.roles.contains(&v1::Role::Admin.into()));
}
