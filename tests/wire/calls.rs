//! Calls over several endpoints that fail.

use std::time::{Duration, Instant};

use tenure::{Error, Reason, StartRequest, v1};

use crate::fault_server::{CallFault, FaultServer, client, half_open, nobody, world};
use crate::proxy::Proxy;
use crate::world::refused;

fn start(workspace: &str) -> v1::StartSessionRequest {
    StartRequest::new(workspace, "actor", Duration::from_secs(30)).into()
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_request_id() {
    let server = FaultServer::spawn(&world());
    server.inner().call_faults.push_back(CallFault::LoseAnswer);
    let answer = client(&[&server.endpoint]).await.start(start("acme/api")).await.unwrap();
    assert!(answer.replayed);
    let ids = server.inner().request_ids.clone();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(server.faults.world().sessions.len(), 1);
}

#[tokio::test]
async fn the_request_id_of_the_caller_is_kept() {
    let server = FaultServer::spawn(&world());
    let request = v1::StartSessionRequest { request_id: "mine".into(), ..start("acme/api") };
    client(&[&server.endpoint]).await.start(request).await.unwrap();
    assert_eq!(server.inner().request_ids, ["mine"]);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_passed_over_from_then_on() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&nobody().await, &server.endpoint]).await;
    client.start(start("acme/api")).await.unwrap();
    let begun = Instant::now();
    client.start(start("acme/web")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_endpoint_that_drains_sends_the_call_to_the_next() {
    let world = world();
    let (draining, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    draining.inner().call_faults.push_back(CallFault::Refuse(Reason::Draining));
    let client = client(&[&draining.endpoint, &other.endpoint]).await;
    client.start(start("acme/api")).await.unwrap();
    assert_eq!(draining.inner().request_ids, other.inner().request_ids);
}

#[tokio::test]
async fn a_half_open_endpoint_costs_one_attempt() {
    let server = FaultServer::spawn(&world());
    let (silent, task) = half_open().await;
    let client = client(&[&silent, &server.endpoint]).await;
    client.start(start("acme/api")).await.unwrap();
    assert_eq!(server.inner().request_ids.len(), 1);
    task.abort();
}

#[tokio::test]
async fn a_frozen_connection_is_replaced_even_if_there_is_no_other_endpoint() {
    let server = FaultServer::spawn(&world());
    let proxy = Proxy::before(&server.endpoint).await;
    let client = client(&[&proxy.endpoint]).await;
    client.start(start("acme/api")).await.unwrap();
    proxy.freeze();
    let begun = Instant::now();
    client.start(start("acme/web")).await.unwrap();
    // One attempt timed out; the probes of the connection would have taken 15 s.
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_that_hangs_is_passed_over_and_the_call_is_done_once() {
    let world = world();
    let (hanging, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    hanging.inner().call_faults.push_back(CallFault::Hang);
    let client = client(&[&hanging.endpoint, &other.endpoint]).await;
    let answer = client.start(start("acme/api")).await.unwrap();
    assert!(!answer.replayed);
    assert_eq!(hanging.inner().request_ids, other.inner().request_ids);
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_call_is_replaced_by_the_next() {
    let world = world();
    let (mut dying, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    dying.inner().call_faults.push_back(CallFault::LoseAnswer);
    let mut options = tenure::ClientOptions::default();
    // So long that only the broken connection can tell.
    options.attempt_timeout = Duration::from_secs(60);
    options.call_timeout = Duration::from_secs(60);
    let endpoints = format!("{},{}", dying.endpoint, other.endpoint).parse().unwrap();
    let client = tenure::Client::connect_with(endpoints, options).await.unwrap();
    let call = tokio::spawn(async move { client.start(start("acme/api")).await });
    dying.until("the call arrives", |inner| !inner.request_ids.is_empty()).await;
    dying.kill();
    let answer = tokio::time::timeout(Duration::from_secs(20), call).await.unwrap().unwrap();
    assert!(answer.unwrap().session.is_some());
    assert_eq!(world.lock().unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_is_not_repeated() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    client.start(start("acme/api")).await.unwrap();
    let error = client.start(start("acme/api")).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::LeaseHeld));
    assert_eq!(error.refused().unwrap().refusal.holder_actor_id, "actor");
    assert_eq!(server.inner().request_ids.len(), 2);
}

#[tokio::test]
async fn a_service_that_is_away_is_unreachable_after_bounded_attempts() {
    let client = client(&[&nobody().await, &nobody().await]).await;
    let error = client.server_info(v1::GetServerInfoRequest {}).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { attempts: 5, .. }), "{error}");
}

#[tokio::test]
async fn a_service_that_never_answers_times_out() {
    let (silent, task) = half_open().await;
    let mut options = tenure::ClientOptions::default();
    options.attempt_timeout = Duration::from_millis(200);
    options.call_timeout = Duration::from_millis(700);
    let client = tenure::Client::connect_with(silent.parse().unwrap(), options).await.unwrap();
    let begun = Instant::now();
    let error = client.who_am_i(v1::WhoAmIRequest {}).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. } | Error::Unreachable { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    task.abort();
}

#[tokio::test]
async fn an_rpc_that_the_server_lacks_is_no_refusal_and_is_not_repeated() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let error = client.clear(v1::ClearSessionRequest::default()).await.unwrap_err();
    let unimplemented = tonic::Code::Unimplemented;
    assert!(matches!(&error, Error::Protocol { code, .. } if *code == unimplemented), "{error}");
}

#[tokio::test]
async fn a_unix_socket_is_an_endpoint_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = FaultServer::spawn_unix(&world(), &folder.path().join("tenure.sock"));
    client(&[&server.endpoint]).await.start(start("acme/api")).await.unwrap();
    assert_eq!(server.faults.world().sessions.len(), 1);
}

#[tokio::test]
async fn each_start_of_many_has_a_result_of_its_own() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let starts = ["acme/api", "acme/api", "acme/web"].map(start).to_vec();
    let results = client.start_many(starts).await.unwrap();
    assert!(results[0].is_ok() && results[2].is_ok());
    let refused = results[1].as_ref().unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::LeaseHeld));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_a_page_can_be_asked_for_again() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    for workspace in ["acme/a", "acme/b", "acme/c"] {
        client.start(start(workspace)).await.unwrap();
    }
    let mut pages = client.list_sessions(v1::ListSessionsRequest::default());
    let mut seen = Vec::new();
    server.inner().call_faults.push_back(CallFault::Refuse(Reason::Overloaded));
    assert_eq!(pages.next_page().await.unwrap_err().reason(), Some(Reason::Overloaded));
    while let Some(page) = pages.next_page().await.unwrap() {
        seen.extend(page.sessions.into_iter().map(|session| session.workspace));
    }
    assert_eq!(seen, ["acme/a", "acme/b", "acme/c"]);
    assert!(pages.next_page().await.unwrap().is_none());
}

fn event(sequence: u64) -> Result<v1::WatchSessionsResponse, tonic::Status> {
    let event = v1::Event { log_id: "log".into(), sequence, ..Default::default() };
    let update = v1::watch_sessions_response::Update::Event(Box::new(event));
    Ok(v1::WatchSessionsResponse { update: Some(update) })
}

#[tokio::test]
async fn a_watch_goes_on_after_the_last_event_whatever_cut_it() {
    let server = FaultServer::spawn(&world());
    let lagged = Err(refused(Reason::WatchLagged, &v1::Refusal::default()));
    let draining = Err(refused(Reason::Draining, &v1::Refusal::default()));
    server.inner().watch_scripts.extend([
        vec![event(1), event(2), lagged],
        vec![event(3), draining],
        vec![event(4)],
    ]);
    let client = client(&[&server.endpoint]).await;
    let mut watch = client.watch(v1::WatchSessionsRequest::default());
    let mut seen = Vec::new();
    while seen.len() < 4 {
        if let Some(v1::watch_sessions_response::Update::Event(event)) =
            watch.message().await.unwrap().update
        {
            seen.push(event.sequence);
        }
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    let from: Vec<_> = server
        .inner()
        .watches
        .iter()
        .map(|request| request.from.as_ref().map(|cursor| cursor.sequence))
        .collect();
    assert_eq!(from, [None, Some(2), Some(3)]);
}

#[tokio::test]
async fn a_watch_whose_log_was_compacted_says_so() {
    let server = FaultServer::spawn(&world());
    let compacted = Err(refused(Reason::SequenceCompacted, &v1::Refusal::default()));
    server.inner().watch_scripts.push_back(vec![compacted]);
    let mut watch = client(&[&server.endpoint]).await.watch(v1::WatchSessionsRequest::default());
    let error = watch.message().await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::SequenceCompacted));
}

#[tokio::test]
async fn a_wait_whose_grant_was_lost_asks_again_with_the_same_request_id() {
    use v1::await_session_response::Update;
    let server = FaultServer::spawn(&world());
    let position = v1::AwaitSessionResponse { update: Some(Update::Position(Box::default())) };
    let grant = v1::AwaitSessionResponse { update: Some(Update::Grant(Box::default())) };
    server.inner().await_scripts.extend([vec![Ok(position)], vec![Ok(grant)]]);
    let request = v1::AwaitSessionRequest { start: Some(start("acme/api")), ..Default::default() };
    let mut waiting = client(&[&server.endpoint]).await.await_session(request);
    let position = waiting.message().await.unwrap().unwrap();
    assert!(matches!(position.update, Some(Update::Position(_))));
    let grant = waiting.message().await.unwrap().unwrap();
    assert!(matches!(grant.update, Some(Update::Grant(_))));
    assert_eq!(waiting.message().await.unwrap(), None);
    let ids = server.inner().request_ids.clone();
    assert_eq!(ids.len(), 2);
    assert!(!ids[0].is_empty());
    assert_eq!(ids[0], ids[1]);
}
