//! Very many who wait for one workspace on one connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tenure::v1;
use tenure::v1::admin_service_client::AdminServiceClient;
use tenure::v1::await_session_response::Update;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::harness::World;
use crate::serving::{ARGUMENTS, connect_to, start};

const WAITERS: usize = 10_000;
/// So many get their turn, one after another.
const TURNS: usize = 500;
const WORKSPACE: &str = "acme/api";
/// Far longer than all of it takes.
const ALL_MAX: Duration = Duration::from_secs(120);

type Wait = Streaming<v1::AwaitSessionResponse>;

/// What a waiter is granted in the end, and how many places it was told before. It reads all the
/// while, or so many messages that nobody has read would be taken for an attack.
type Granted = JoinHandle<(v1::Session, usize)>;

/// Waits as an actor of its own, and answers once it stands in the queue, with its place.
async fn stand(mut lease: LeaseServiceClient<Channel>, n: usize) -> (u32, Granted) {
    let mut start = start(WORKSPACE);
    let Some(v1::start_session_request::Holder::Autonomous(holder)) = &mut start.holder else {
        panic!("a program")
    };
    holder.actor_id = format!("waiter-{n}");
    let request = v1::AwaitSessionRequest { start: Some(start), ..Default::default() };
    let mut wait = lease.await_session(request).await.unwrap().into_inner();
    match wait.message().await.unwrap().unwrap().update.unwrap() {
        Update::Position(place) => (place.position, tokio::spawn(granted(wait))),
        other => panic!("{other:?}"),
    }
}

/// The grant, and how many messages came before it.
async fn granted(mut wait: Wait) -> (v1::Session, usize) {
    for places in 0.. {
        match wait.message().await.unwrap().unwrap().update.unwrap() {
            Update::Position(_) => {}
            Update::Grant(grant) => {
                let Some(v1::grant::Outcome::Started(started)) = grant.outcome else { panic!() };
                return (started.session.unwrap(), places);
            }
        }
    }
    unreachable!("a wait ends");
}

async fn give_up(lease: &mut LeaseServiceClient<Channel>, session: v1::Session) {
    let request = v1::YieldSessionRequest {
        workspace: WORKSPACE.to_owned(),
        actor_id: session.actor_id,
        expected_session_id: Some(session.session_id),
        ..Default::default()
    };
    lease.yield_session(request).await.unwrap();
}

/// A connection with room for many small messages that nobody has read yet, as our own client
/// has it: HTTP/2 takes them for an attack otherwise.
async fn roomy(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.initial_connection_window_size(16 << 20).connect().await.unwrap()
}

async fn waiters(beside: &Channel) -> u64 {
    let mut admin = AdminServiceClient::new(beside.clone());
    let info = admin.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    info.counts.unwrap().waiters
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wait_for_one_workspace_and_are_served_in_order() {
    let world = World::new();
    let limits = [
        "--limits-streams-per-connection=10000",
        "--limits-streams=10000",
        "--limits-waiters-per-workspace=10000",
    ];
    let mut server = world.start(&[&ARGUMENTS[..], &limits[..]].concat());
    let address = server.tcp_address();
    let everything = async {
        let beside = connect_to(address).await;
        let mut lease = LeaseServiceClient::new(beside.clone());
        let held = lease.start_session(start(WORKSPACE)).await.unwrap().into_inner();
        let mut holder = held.session.unwrap();

        let one = roomy(address).await;
        let queue = LeaseServiceClient::new(one.clone());
        let coming: JoinSet<_> = (0..WAITERS).map(|n| stand(queue.clone(), n)).collect();
        let mut waits = coming.join_all().await;
        waits.sort_unstable_by_key(|(place, _)| *place);
        assert!(waits.iter().map(|(place, _)| *place as usize).eq(1..=WAITERS), "a place for each");
        assert_eq!(waiters(&beside).await, WAITERS as u64);

        let (began, mut told) = (Instant::now(), 0);
        for (_, wait) in waits.iter_mut().take(TURNS) {
            give_up(&mut lease, holder).await;
            let (session, places) = wait.await.unwrap();
            holder = session;
            told += places;
        }
        let took = began.elapsed();
        eprintln!("{TURNS} turns of {WAITERS} waiters took {took:?}, {told} places were told");
        // No herd: only those at the front, and the rest about once a second.
        let seconds = took.as_secs() as usize + 1;
        assert!(told <= TURNS * (10 + seconds), "{told} places in {took:?}");

        // The connection goes, and all who waited on it with it.
        waits.iter().for_each(|(_, wait)| wait.abort());
        drop((queue, one));
        while waiters(&beside).await > 0 {
            sleep(Duration::from_millis(50)).await;
        }
        let request =
            v1::ListWaitersRequest { workspace: WORKSPACE.to_owned(), ..Default::default() };
        assert!(lease.list_waiters(request).await.unwrap().into_inner().waiters.is_empty());
    };
    timeout(ALL_MAX, everything).await.expect("everything in time");
}
