//! Limits and time-outs: what one client, and all of them together, may cost.

use std::io;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use tenure::v1;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenured::config::ListenAddress;
use tenured::drain::Cause;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, Server, Settings, soon, unix_client};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn beat() -> v1::HeartbeatRequest {
    v1::HeartbeatRequest::default()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// How long it takes until the server has closed the connection.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    // Closed or reset, both are an end.
    let _: io::Result<usize> = soon(stream.read_to_end(&mut rest)).await;
    start.elapsed()
}

#[tokio::test]
async fn a_silent_connection_is_cut() {
    let mut settings = Settings::default();
    settings.times.handshake = Duration::from_millis(300);
    let server = Server::start(settings).await;
    for first_bytes in [&b""[..], &PREFACE[..23]] {
        let mut stream = TcpStream::connect(server.tcp()).await.unwrap();
        stream.write_all(first_bytes).await.unwrap();
        let after = closed_after(&mut stream).await;
        assert!(after >= Duration::from_millis(250) && after < Duration::from_secs(5), "{after:?}");
    }
}

#[tokio::test]
async fn a_connection_that_stops_answering_pings_is_cut() {
    let mut settings = Settings::default();
    settings.times.keepalive_interval = Duration::from_millis(200);
    settings.times.keepalive_timeout = Duration::from_millis(200);
    let server = Server::start(settings).await;
    let mut stream = TcpStream::connect(server.tcp()).await.unwrap();
    // A preface and empty settings, and then nothing.
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let after = closed_after(&mut stream).await;
    assert!(after < Duration::from_secs(5), "{after:?}");
}

#[tokio::test]
async fn a_connection_without_calls_is_asked_to_go_and_one_with_a_call_is_not() {
    let mut settings = Settings::default();
    settings.times.idle = Duration::from_millis(300);
    settings.limits.connections = 2;
    let server = Server::start(settings).await;
    let mut watch = server.watch().await;
    let _idle = server.channel().await;
    // There is room for another one only once the idle one has gone.
    let after = soon(async {
        let start = Instant::now();
        while LeaseServiceClient::new(server.channel().await).heartbeat(beat()).await.is_err() {}
        start.elapsed()
    });
    assert!(after.await >= Duration::from_millis(200));
    assert!(timeout(Duration::from_millis(900), watch.message()).await.is_err());
}

#[tokio::test]
async fn an_old_connection_is_asked_to_go_and_cut_after_its_grace() {
    let mut settings = Settings::default();
    settings.times.age = Duration::from_millis(300);
    settings.times.age_grace = Duration::from_millis(300);
    let server = Server::start(settings).await;
    let mut stubborn = server.watch().await;
    let mut client = server.client().await;
    let requests = tokio_stream::pending::<v1::StreamHeartbeatsRequest>();
    let mut heeding = soon(client.stream_heartbeats(requests)).await.unwrap().into_inner();
    let start = Instant::now();
    assert!(soon(heeding.message()).await.unwrap().is_none(), "it is told, and ends");
    assert!(soon(stubborn.message()).await.is_err(), "it is cut");
    assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
    // The server itself goes on, and the client connects again.
    assert!(soon(client.heartbeat(beat())).await.is_ok());
}

#[tokio::test]
async fn a_connection_too_many_is_closed_at_once_until_another_one_goes() {
    let mut settings = Settings::default();
    settings.limits.connections = 2;
    let server = Server::start(settings).await;
    let first = server.watch().await;
    let _second = server.watch().await;
    let mut third = TcpStream::connect(server.tcp()).await.unwrap();
    assert!(closed_after(&mut third).await < Duration::from_secs(5));
    drop(first);
    soon(async {
        while LeaseServiceClient::new(server.channel().await).heartbeat(beat()).await.is_err() {}
    })
    .await;
}

#[tokio::test]
async fn a_stream_too_many_is_refused_until_another_one_ends() {
    let mut settings = Settings::default();
    settings.limits.streams = 2;
    let server = Server::start(settings).await;
    let first = server.watch().await;
    let _second = server.watch().await;
    let mut client = server.client().await;
    let refused = soon(client.watch_sessions(v1::WatchSessionsRequest::default())).await;
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(&status), "TOO_MANY_STREAMS");
    assert!(soon(client.heartbeat(beat())).await.is_ok(), "calls that do not stream go on");
    drop(first);
    soon(async {
        while client.watch_sessions(v1::WatchSessionsRequest::default()).await.is_err() {}
    })
    .await;
}

#[tokio::test]
async fn one_connection_has_only_so_many_calls_at_a_time() {
    let mut settings = Settings::default();
    settings.limits.streams_per_connection = 1;
    let server = Server::start(settings).await;
    let mut client = server.client().await;
    // Until the server's settings have come, a client may still try.
    assert!(soon(client.heartbeat(beat())).await.is_ok());
    let open = soon(client.watch_sessions(v1::WatchSessionsRequest::default())).await.unwrap();
    let mut held_back = client.clone();
    let second = held_back.heartbeat(beat());
    assert!(timeout(Duration::from_millis(300), second).await.is_err());
    drop(open);
    assert!(soon(client.heartbeat(beat())).await.is_ok());
}

#[tokio::test]
async fn the_servers_time_limit_answers_deadline_exceeded() {
    let mut settings = Settings::default();
    settings.limits.request_time = Duration::from_millis(200);
    let server = Server::start(settings).await;
    let status = soon(server.call_in_flight().await).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(status.message(), "the call took longer than 200ms");
    let mut watch = server.watch().await;
    assert!(timeout(Duration::from_millis(500), watch.message()).await.is_err(), "streams go on");
}

#[tokio::test]
async fn the_clients_deadline_is_kept_by_the_server() {
    let server = Server::start(Settings::default()).await;
    let stream = TcpStream::connect(server.tcp()).await.unwrap();
    // Not with a client of gRPC, which would watch the deadline itself.
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = soon(handshake).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://localhost/tenure.v1.LeaseService/GetSession")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "150m")
        .body("\0\0\0\0\0".to_owned())
        .unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(status.message(), "the call took longer than 150ms");
}

#[tokio::test]
async fn a_message_over_the_limit_answers_message_too_large() {
    let mut settings = Settings::default();
    settings.limits.message_bytes = 1_024;
    let server = Server::start(settings).await;
    let mut client = server.client().await;
    let large = "x".repeat(2_000);
    let request = v1::HeartbeatRequest { workspace: large.clone(), ..beat() };
    let unary = soon(client.heartbeat(request)).await.unwrap_err();
    let messages = [v1::StreamHeartbeatsRequest {
        joins: vec![v1::Join { workspace: large, ..v1::Join::default() }],
        ..v1::StreamHeartbeatsRequest::default()
    }];
    let stream = soon(client.stream_heartbeats(tokio_stream::iter(messages))).await.unwrap();
    let streaming = soon(stream.into_inner().message()).await.unwrap_err();
    for status in [unary, streaming] {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
        assert!(status.message().contains("1024"), "{status:?}");
    }
    assert!(soon(client.heartbeat(beat())).await.is_ok());
}

#[tokio::test]
async fn a_peer_that_asks_and_never_reads_is_cut() {
    let mut settings = Settings::default();
    settings.times.keepalive_timeout = Duration::from_secs(1);
    let server = Server::start(settings).await;
    let mut stream = TcpStream::connect(server.tcp()).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    // Calls of a method that does not exist: each is answered, and then reset because its
    // request has not ended.
    let flood = async {
        let mut stream_id = 1;
        while stream.write_all(&headers(stream_id)).await.is_ok() {
            stream_id += 2;
        }
    };
    soon(flood).await;
    assert!(soon(server.client().await.heartbeat(beat())).await.is_ok());
    server.drain.begin(Cause::Asked);
    assert_eq!(server.ended().await.connections_cut, 0);
}

const FRAME_BYTES: usize = 9 + 3;

/// A HEADERS frame: POST, http, path `/`, without the end of the stream.
fn headers(stream_id: u32) -> [u8; FRAME_BYTES] {
    let id = stream_id.to_be_bytes();
    // Three bytes, HEADERS, END_HEADERS; method, scheme, path.
    [0, 0, 3, 1, 0x4, id[0], id[1], id[2], id[3], 0x83, 0x86, 0x84]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_with_unread_messages_live_on_one_connection() {
    const STREAMS: usize = 10_000;
    let server = Server::start(Settings::default()).await;
    let client = server.client().await;
    let mut open = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let (sender, messages) = tokio::sync::mpsc::channel(2);
        // Before the stream opens, so that it is there while nobody has read it yet.
        sender.try_send(v1::StreamHeartbeatsRequest::default()).unwrap();
        let mut client = client.clone();
        let stream = tokio::spawn(async move {
            let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
            client.stream_heartbeats(messages).await.map(tonic::Response::into_inner)
        });
        open.push((sender, stream));
    }
    for (_sender, stream) in &mut open {
        let mut stream = timeout(PATIENCE * 3, stream).await.unwrap().unwrap().unwrap();
        assert!(soon(stream.message()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn calls_come_in_over_a_unix_socket_and_its_file_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.sock");
    let listen = ListenAddress::Unix(path.clone());
    let server = Server::start(Settings { listen, ..Settings::default() }).await;
    let mut client: LeaseServiceClient<Channel> = unix_client(&path).await;
    assert!(soon(client.heartbeat(beat())).await.is_ok());
    server.drain.begin(Cause::Asked);
    server.ended().await;
    assert!(!path.exists());
}
