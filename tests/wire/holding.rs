//! Keeping a lease through whatever can be got over.

use std::time::Duration;

use tenure::holder::SupervisorOptions;
use tenure::{Client, LeaseHolder, Reason, StartRequest, Supervisor, v1};

use crate::fault_server::{CallFault, FaultServer, StreamMode, client, half_open, world};
use crate::proxy::Proxy;

/// Renewed each second, stopped after two: as short as a busy machine allows.
pub const TTL: Duration = Duration::from_secs(3);

pub fn start(workspace: &str) -> StartRequest {
    StartRequest::new(workspace, "actor", TTL)
}

/// A holder whose reconnects are jittered alike in every run.
pub async fn hold(client: &Client) -> LeaseHolder {
    let mut options = SupervisorOptions::default();
    options.jitter_seed = Some(7);
    Supervisor::with_options(client.clone(), options).hold(start("acme/api")).await.unwrap()
}

#[tokio::test]
async fn a_lease_is_held_beyond_its_ttl() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    assert_eq!(lease.fencing_token(), 1);
    assert_eq!(lease.session_id(), "ses_1");
    assert!(!lease.session().instance_id.is_empty(), "a holder names its instance");
    server.until("four beats", |inner| inner.beats() >= 4).await;
    assert!(lease.is_held());
    assert!(lease.revision() > 1);
    assert_eq!(server.inner().streams.len(), 1);
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_held_by_the_same_session() {
    let server = FaultServer::spawn(&world());
    server.inner().call_faults.push_back(CallFault::LoseAnswer);
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    assert!(lease.started().unwrap().replayed);
    assert_eq!(lease.session_id(), "ses_1");
    server.until("a beat", |inner| inner.beats() >= 1).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn a_lease_survives_the_death_of_a_server() {
    let world = world();
    let (mut dying, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let client = client(&[&dying.endpoint, &other.endpoint]).await;
    let lease = hold(&client).await;
    dying.until("a beat", |inner| inner.beats() >= 1).await;
    dying.kill();
    other.until("three beats elsewhere", |inner| inner.beats() >= 3).await;
    assert!(lease.is_held());
    assert_eq!(other.inner().joins(), 1);
    assert_eq!(world.lock().unwrap().sessions["acme/api"].session.session_id, "ses_1");
}

#[tokio::test]
async fn a_lease_survives_a_server_that_stops_answering() {
    let world = world();
    let (silent, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let client = client(&[&silent.endpoint, &other.endpoint]).await;
    let lease = hold(&client).await;
    silent.until("the join", |inner| inner.joins() == 1).await;
    silent.inner().stream_mode = StreamMode::Hang;
    other.until("three beats elsewhere", |inner| inner.beats() >= 3).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn a_lease_survives_answers_that_were_lost() {
    let world = world();
    let (losing, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    losing.inner().stream_mode = StreamMode::LoseAnswers;
    let client = client(&[&losing.endpoint, &other.endpoint]).await;
    let lease = hold(&client).await;
    other.until("three beats elsewhere", |inner| inner.beats() >= 3).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn a_half_open_endpoint_does_not_cost_the_lease() {
    let world = world();
    let server = FaultServer::spawn(&world);
    let (silent, task) = half_open().await;
    // The start goes to the server; after its refusal the half-open endpoint comes first.
    let client = client(&[&server.endpoint, &silent]).await;
    let lease = hold(&client).await;
    server.until("a beat", |inner| inner.beats() >= 1).await;
    server.send_all(Err(crate::world::refused(Reason::Draining, &v1::Refusal::default()))).await;
    server.until("beats after both", |inner| inner.joins() >= 2 && inner.beats() >= 3).await;
    assert!(lease.is_held());
    task.abort();
}

#[tokio::test]
async fn a_frozen_connection_does_not_cost_the_lease_even_if_there_is_no_other_endpoint() {
    let server = FaultServer::spawn(&world());
    let proxy = Proxy::before(&server.endpoint).await;
    let client = client(&[&proxy.endpoint]).await;
    let lease = hold(&client).await;
    server.until("a beat", |inner| inner.beats() >= 1).await;
    proxy.freeze();
    server.until("beats on another stream", |inner| inner.joins() == 2 && inner.beats() >= 4).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn duplicated_answers_change_nothing() {
    let server = FaultServer::spawn(&world());
    server.inner().stream_mode = StreamMode::Twice;
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("four beats", |inner| inner.beats() >= 4).await;
    assert!(lease.is_held());
    let inner = server.inner();
    assert_eq!((inner.joins(), inner.streams.len()), (1, 1));
}

#[tokio::test]
async fn a_lag_of_the_stream_is_cured_by_another_one() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("the join", |inner| inner.joins() == 1).await;
    let lagged = crate::world::refused(Reason::StreamLagged, &v1::Refusal::default());
    server.send_all(Err(lagged)).await;
    server.until("another join", |inner| inner.joins() == 2).await;
    server.until("a beat on it", |inner| inner.beats() >= 1).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn a_release_yields_exactly_its_session_and_ends_the_beats() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.until("a beat", |inner| inner.beats() >= 1).await;
    server.inner().call_faults.push_back(CallFault::LoseAnswer);
    let answer = lease.release().await.unwrap();
    assert_eq!(answer.ended_session_id, "ses_1");
    assert!(answer.replayed, "the lost answer was asked for again");
    assert!(server.faults.world().sessions.is_empty());
}

#[tokio::test]
async fn a_superseded_holder_cannot_release_its_successors_session() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let lease = hold(&client).await;
    server.faults.world().end("acme/api", v1::EndCause::Superseded);
    let successor = hold(&client).await;
    let error = lease.release().await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::SessionMismatch));
    let current = server.faults.world().sessions["acme/api"].session.session_id.clone();
    assert_eq!(current, successor.session_id());
}

#[tokio::test]
async fn an_adopted_session_is_claimed_by_a_beat_and_then_held() {
    let server = FaultServer::spawn(&world());
    let client = client(&[&server.endpoint]).await;
    let answer = client.start(start("acme/api").into()).await.unwrap();
    let supervisor = Supervisor::new(client);
    let lease = supervisor.adopt(answer.session.unwrap()).await.unwrap();
    assert!(lease.revision() > lease.fencing_token(), "the claim was a beat");
    server.until("two beats on the stream", |inner| inner.beats() >= 2).await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn an_activity_goes_out_soon_and_again_if_its_beat_was_lost() {
    let world = world();
    let (losing, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    world.lock().unwrap().renew_after = Some(Duration::from_secs(1));
    let client = client(&[&losing.endpoint, &other.endpoint]).await;
    let start = StartRequest::new("acme/api", "actor", Duration::from_secs(60));
    let lease = LeaseHolder::start(client, start).await.unwrap();
    losing.until("the join", |inner| inner.joins() == 1).await;
    losing.inner().stream_mode = StreamMode::Hang;
    lease.set_activity(" running tests ").unwrap();
    let carries = |inner: &crate::fault_server::Inner| {
        let mut beats = inner.messages.iter().flat_map(|message| &message.beats);
        beats.any(|beat| beat.activity.as_deref() == Some("running tests"))
    };
    losing.until("the activity", carries).await;
    other.until("the activity again", carries).await;
    assert!(lease.is_held());
}
