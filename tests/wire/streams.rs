//! Many leases on one stream, and moving between streams.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tenure::{LeaseHolder, LossKind, Reason, StartRequest, Supervisor, v1};

use crate::fault_server::{FaultServer, PATIENCE, client, world};
use crate::holding::{TTL, hold, start};
use crate::world::refused;

#[tokio::test]
async fn two_leases_share_a_stream_and_not_their_fate() {
    let server = FaultServer::spawn(&world());
    let supervisor = Supervisor::new(client(&[&server.endpoint]).await);
    let one = supervisor.hold(start("acme/api")).await.unwrap();
    let other = supervisor.hold(start("acme/web")).await.unwrap();
    server.until("both joined", |inner| inner.joins() == 2).await;
    assert_eq!(server.inner().streams.len(), 1);
    let push = v1::push::Kind::Lost(v1::Lost::default());
    server.push(one.session_id(), push).await;
    let loss = tokio::time::timeout(PATIENCE, one.lost()).await.unwrap();
    assert_eq!(loss.kind, LossKind::Ended);
    server.inner().messages.clear();
    server.until("beats of the other", |inner| inner.beats() >= 3).await;
    assert!(other.is_held());
}

#[tokio::test]
async fn a_thousand_leases_on_one_stream_beat_in_few_messages() {
    const LEASES: usize = 1_000;
    let server = FaultServer::spawn(&world());
    // A long lease that is renewed often: the count of messages is what is tested.
    server.faults.world().renew_after = Some(Duration::from_secs(2));
    let supervisor = Supervisor::new(client(&[&server.endpoint]).await);
    let starting = stream::iter(0..LEASES).map(|index| {
        let start = StartRequest::new(format!("acme/{index}"), "actor", Duration::from_secs(120));
        supervisor.hold(start)
    });
    let leases: Vec<LeaseHolder> = starting.buffer_unordered(64).try_collect().await.unwrap();
    server.until("all joined", |inner| inner.joins() == LEASES).await;
    // One round brings the leases into step, whenever each was started.
    server.until("a round", |inner| inner.beats() >= LEASES).await;
    let (beats, messages) = {
        let inner = server.inner();
        (inner.beats(), inner.messages.len())
    };
    server.until("two more", |inner| inner.beats() >= beats + 2 * LEASES).await;
    let more = server.inner().messages.len() - messages;
    assert!(more <= 40, "{more} messages for two rounds");
    assert_eq!(server.inner().streams.len(), 1);
    assert!(leases.iter().all(LeaseHolder::is_held));
}

#[tokio::test]
async fn a_draining_server_is_left_for_another_before_it_goes() {
    let world = world();
    let (draining, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let client = client(&[&draining.endpoint, &other.endpoint]).await;
    let lease = hold(&client).await;
    draining.until("the join", |inner| inner.joins() == 1).await;
    let reconnect_after = Some(prost_types::Duration { seconds: 0, nanos: 100_000_000 });
    let kind = v1::push::Kind::Draining(v1::Draining { reconnect_after });
    let pushes = vec![v1::Push { handle: 0, kind: Some(kind) }];
    draining.send_all(Ok(v1::StreamHeartbeatsResponse { pushes, ..Default::default() })).await;
    other
        .until("a join and beats elsewhere", |inner| inner.joins() == 1 && inner.beats() >= 2)
        .await;
    assert!(lease.is_held());
}

#[tokio::test]
async fn all_leases_of_a_stream_survive_the_death_of_a_server() {
    let world = world();
    let (mut dying, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let supervisor = Supervisor::new(client(&[&dying.endpoint, &other.endpoint]).await);
    let mut leases = Vec::new();
    for index in 0..50 {
        let start = StartRequest::new(format!("acme/{index}"), "actor", 2 * TTL);
        leases.push(supervisor.hold(start).await.unwrap());
    }
    dying.until("all joined", |inner| inner.joins() == 50).await;
    dying.kill();
    other.until("all joined again", |inner| inner.joins() == 50).await;
    other.until("all beat", |inner| inner.beats() >= 100).await;
    assert!(leases.iter().all(LeaseHolder::is_held));
    assert_eq!(other.inner().streams.len(), 1);
}

#[tokio::test]
async fn a_server_that_ends_its_streams_to_drain_is_left_for_as_long_as_it_asked() {
    let world = world();
    let (draining, other) = (FaultServer::spawn(&world), FaultServer::spawn(&world));
    let client = client(&[&draining.endpoint, &other.endpoint]).await;
    let start = StartRequest::new("acme/api", "actor", Duration::from_secs(120));
    let lease = LeaseHolder::start(client, start).await.unwrap();
    draining.until("the join", |inner| inner.joins() == 1).await;
    let told = Instant::now();
    let kind = v1::push::Kind::Draining(v1::Draining {
        reconnect_after: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
    });
    let pushes = vec![v1::Push { handle: 0, kind: Some(kind) }];
    let push = v1::StreamHeartbeatsResponse { pushes, ..Default::default() };
    draining.send_all(Ok(push)).await;
    draining.send_all(Err(refused(Reason::Draining, &v1::Refusal::default()))).await;
    other.until("a join elsewhere", |inner| inner.joins() == 1).await;
    assert!(told.elapsed() >= Duration::from_secs(1), "all would come back at once");
    assert!(lease.is_held());
}
