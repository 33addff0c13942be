//! The services, as clients meet them in the whole server.

use std::net::SocketAddr;
use std::time::Instant;

use rustix::process::Signal;
use tenure::v1;
use tenure::v1::admin_service_client::AdminServiceClient;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, Running, World};

pub const ARGUMENTS: [&str; 2] = ["--listen=127.0.0.1:0", "--store=sqlite:t.db"];

pub async fn connect(server: &mut Running) -> Channel {
    connect_to(server.tcp_address()).await
}

pub async fn connect_to(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

pub fn start(workspace: &str) -> v1::StartSessionRequest {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    v1::StartSessionRequest {
        workspace: workspace.to_owned(),
        holder: Some(v1::start_session_request::Holder::Autonomous(v1::AutonomousHolder {
            actor_id: "ada".to_owned(),
            lease_ttl: seconds(60),
            ..v1::AutonomousHolder::default()
        })),
        ..v1::StartSessionRequest::default()
    }
}

pub fn get(workspace: &str) -> v1::GetSessionRequest {
    v1::GetSessionRequest { workspace: workspace.to_owned(), ..v1::GetSessionRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_server() {
    let world = World::new();
    let mut server = world.start(&ARGUMENTS);
    let mut lease = LeaseServiceClient::new(connect(&mut server).await);
    let started = lease.start_session(start("acme/api")).await.unwrap().into_inner();
    let started = started.session.unwrap();
    server.signal(Signal::TERM);
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");

    std::fs::remove_file(world.path("notify")).unwrap();
    let mut server = world.start(&ARGUMENTS);
    let mut lease = LeaseServiceClient::new(connect(&mut server).await);
    let found = lease.get_session(get("acme/api")).await.unwrap().into_inner().session.unwrap();
    assert_eq!(found.session_id, started.session_id);
    assert_eq!(found.fencing_token, started.fencing_token);
    assert!(!found.stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_tells_and_ends_the_streams_and_then_the_process() {
    let world = World::new();
    let mut server = world.start(&ARGUMENTS);
    let channel = connect(&mut server).await;
    let mut lease = LeaseServiceClient::new(channel.clone());
    let session = lease.start_session(start("acme/api")).await.unwrap().into_inner().session;
    let (_sender, requests) = mpsc::channel(1);
    let requests = ReceiverStream::new(requests);
    let mut beats = lease.stream_heartbeats(requests).await.unwrap().into_inner();
    let request = v1::WatchSessionsRequest::default();
    let mut watch = lease.watch_sessions(request).await.unwrap().into_inner();

    let began = Instant::now();
    let answer = AdminServiceClient::new(channel).drain(v1::DrainRequest {}).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!((answer.heartbeat_streams, answer.watches, answer.live_sessions), (1, 1, 1));
    assert!(answer.deadline.is_some() && session.is_some());

    let told = timeout(PATIENCE, beats.message()).await.unwrap().unwrap().unwrap();
    let draining = told.pushes.iter().find_map(|push| match &push.kind {
        Some(v1::push::Kind::Draining(draining)) => Some(draining),
        _ => None,
    });
    assert!(draining.unwrap().reconnect_after.is_some());
    let end = timeout(PATIENCE, beats.message()).await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(end.get_error_details().error_info().unwrap().reason, "DRAINING");
    let end = async {
        loop {
            if let Err(status) = watch.message().await {
                return status;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, end).await.unwrap().code(), Code::Unavailable);

    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("draining cause=Asked") && log.contains(" drained\n"), "{log}");
    assert!(began.elapsed().as_secs() < 5, "nobody had to be cut: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_its_limits_as_they_were_configured() {
    let world = World::new();
    let mut server = world.start(&[&ARGUMENTS[..], &["--limits-connections=77"]].concat());
    let mut admin = AdminServiceClient::new(connect(&mut server).await);
    let info = admin.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.limits.unwrap().connections_max, 77);
    assert_eq!(info.serving_state(), v1::ServingState::Serving);
    assert_eq!(info.counts.unwrap().connections, 1, "the one that asks");
    assert!(info.store_location.ends_with("t.db"), "{}", info.store_location);
}
