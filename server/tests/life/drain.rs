//! Draining: what ends by itself, what is ended, and by when.

use std::time::Duration;

use tenure::v1;
use tenured::drain::Cause;
use tenured::serve::Ended;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::harness::{Server, Settings, soon};

const NONE_CUT: Ended = Ended { connections_cut: 0 };

/// Far less than the deadline, far more than a drain takes that waits for nobody.
const PROMPT: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_server_without_calls_drains_at_once() {
    let server = Server::start(Settings::default()).await;
    let _client = server.client().await;
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    assert_eq!(server.ended().await, NONE_CUT);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_call_in_flight_finishes() {
    let server = Server::start(Settings::default()).await;
    let call = server.call_in_flight().await;
    server.drain.begin(Cause::Asked);
    // The server stops accepting, and waits for the call.
    soon(async { while TcpStream::connect(server.tcp()).await.is_ok() {} }).await;
    assert!(!call.is_finished());
    server.release.add_permits(1);
    assert!(soon(call).await.unwrap().is_ok());
    assert_eq!(server.ended().await, NONE_CUT);
}

#[tokio::test]
async fn a_call_that_does_not_finish_is_cut_at_the_deadline() {
    let drain = Duration::from_millis(300);
    let server = Server::start(Settings { drain, ..Settings::default() }).await;
    let call = server.call_in_flight().await;
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    assert_eq!(server.ended().await, Ended { connections_cut: 1 });
    assert!(start.elapsed() >= drain && start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn a_second_signal_cuts_what_is_left_at_once() {
    let server = Server::start(Settings::default()).await;
    let call = server.call_in_flight().await;
    let start = Instant::now();
    server.drain.begin(Cause::Signal("SIGTERM"));
    server.drain.cut();
    assert_eq!(server.ended().await, Ended { connections_cut: 1 });
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn a_stream_that_heeds_the_notice_ends_by_itself() {
    let server = Server::start(Settings::default()).await;
    let mut client = server.client().await;
    let requests = tokio_stream::pending::<v1::StreamHeartbeatsRequest>();
    let stream = soon(client.stream_heartbeats(requests)).await.unwrap();
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    assert!(soon(stream.into_inner().message()).await.unwrap().is_none());
    assert_eq!(server.ended().await, NONE_CUT);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stream_that_ignores_the_notice_is_ended_as_draining_before_the_deadline() {
    let drain = Duration::from_secs(2);
    let server = Server::start(Settings { drain, ..Settings::default() }).await;
    let mut stream = server.watch().await;
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    let status = soon(stream.message()).await.unwrap_err();
    assert!(start.elapsed() >= drain / 2, "{:?}", start.elapsed());
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DRAINING");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
    assert_eq!(server.ended().await, NONE_CUT);
    assert!(start.elapsed() < drain, "{:?}", start.elapsed());
}

#[tokio::test]
async fn whoever_watches_the_health_sees_it_change_and_does_not_hold_the_drain_up() {
    let server = Server::start(Settings::default()).await;
    let mut health = HealthClient::new(server.channel().await);
    for service in ["", "tenure.v1.LeaseService", "tenure.v1.AdminService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut watch = soon(health.watch(request)).await.unwrap().into_inner();
        let seen = soon(watch.message()).await.unwrap().unwrap().status();
        assert_eq!(seen, ServingStatus::Serving, "{service:?}");
    }
    let request = HealthCheckRequest { service: "tenure.v1.WorkspaceService".to_owned() };
    let mut watch = soon(health.watch(request)).await.unwrap().into_inner();
    soon(watch.message()).await.unwrap().unwrap();
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    let seen = soon(watch.message()).await.unwrap().unwrap().status();
    assert_eq!(seen, ServingStatus::NotServing);
    assert_eq!(soon(watch.message()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.ended().await, NONE_CUT);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_connection_that_has_not_said_a_word_does_not_hold_the_drain_up() {
    let server = Server::start(Settings::default()).await;
    let _silent = TcpStream::connect(server.tcp()).await.unwrap();
    // Accepted in order: once this one is served, the silent one is connected.
    let _client = server.client().await;
    let start = Instant::now();
    server.drain.begin(Cause::Asked);
    assert_eq!(server.ended().await, NONE_CUT);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}
