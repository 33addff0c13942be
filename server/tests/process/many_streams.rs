//! Very many heartbeat streams on one connection, each with a session that lives by it.
//!
//! Their first messages are there before the streams are open, so that the server has thousands
//! of small frames before it that nobody has read yet: a connection that took these for an
//! attack would be cut.

use std::time::Duration;

use tenure::v1;
use tenure::v1::admin_service_client::AdminServiceClient;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::harness::World;
use crate::serving::{ARGUMENTS, connect_to, start};

const STREAMS: usize = 10_000;
/// As many as one call may start.
const STARTS_PER_CALL: usize = 1_000;
/// Far longer than all of it takes.
const ALL_MAX: Duration = Duration::from_secs(60);

/// An open stream with one session, joined under handle 1.
struct Holding {
    messages: mpsc::Sender<v1::StreamHeartbeatsRequest>,
    answers: Streaming<v1::StreamHeartbeatsResponse>,
}

impl Holding {
    /// Joins and beats in the first message, and waits for both results.
    async fn open(
        mut lease: LeaseServiceClient<Channel>,
        session: v1::Session,
    ) -> Result<Self, Status> {
        let join = v1::Join {
            handle: 1,
            workspace: session.workspace,
            session_id: session.session_id.clone(),
            actor_id: session.actor_id,
            ..v1::Join::default()
        };
        let first = v1::StreamHeartbeatsRequest { joins: vec![join], ..beat(1) };
        let (messages, requests) = mpsc::channel(1);
        messages.try_send(first).unwrap();
        let answers = lease.stream_heartbeats(ReceiverStream::new(requests)).await?;
        let mut holding = Self { messages, answers: answers.into_inner() };
        let mut joined = Vec::new();
        while !holding.renewed(1, &mut joined).await? {}
        assert_eq!(joined, [session.session_id]);
        Ok(holding)
    }

    /// Beats once more, and waits for the result.
    async fn beat_again(mut self) -> Result<Self, Status> {
        self.messages.send(beat(2)).await.unwrap();
        let mut joined = Vec::new();
        while !self.renewed(2, &mut joined).await? {}
        assert_eq!(joined, [""; 0]);
        Ok(self)
    }

    /// Whether the next message says that the beat of that message has renewed the lease.
    async fn renewed(&mut self, message_id: u64, joined: &mut Vec<String>) -> Result<bool, Status> {
        let answer = self.answers.message().await?.unwrap();
        assert!(answer.refused.is_empty() && answer.pushes.is_empty(), "{answer:?}");
        joined.extend(answer.joined.into_iter().map(|joined| joined.session_id));
        Ok(answer.renewed.iter().any(|renewed| renewed.message_id == message_id))
    }
}

fn beat(message_id: u64) -> v1::StreamHeartbeatsRequest {
    let beats = vec![v1::Beat { handle: 1, ..v1::Beat::default() }];
    v1::StreamHeartbeatsRequest { message_id, beats, ..v1::StreamHeartbeatsRequest::default() }
}

async fn start_all(lease: &mut LeaseServiceClient<Channel>) -> Vec<v1::Session> {
    let mut sessions = Vec::with_capacity(STREAMS);
    for call in 0..STREAMS / STARTS_PER_CALL {
        let starts = (0..STARTS_PER_CALL).map(|n| start(&format!("w/{call}/{n}"))).collect();
        let request = v1::BatchStartSessionsRequest { starts };
        for item in lease.batch_start_sessions(request).await.unwrap().into_inner().results {
            let Some(v1::batch_start_result::Result::Started(started)) = item.result else {
                panic!("{item:?}")
            };
            sessions.push(started.session.unwrap());
        }
    }
    sessions
}

/// What the server has stored of all sessions.
async fn list_all(lease: &mut LeaseServiceClient<Channel>) -> Vec<v1::Session> {
    let mut sessions = Vec::new();
    let mut request = v1::ListSessionsRequest { page_size: 1_000, ..Default::default() };
    loop {
        let page = lease.list_sessions(request.clone()).await.unwrap().into_inner();
        sessions.extend(page.sessions);
        if page.next_page_token.is_empty() {
            return sessions;
        }
        request.page_token = page.next_page_token;
    }
}

/// All of them, or why the first one failed.
async fn all(holdings: JoinSet<Result<Holding, Status>>) -> Vec<Holding> {
    holdings.join_all().await.into_iter().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_with_a_session_each_live_on_one_connection() {
    let world = World::new();
    let limits = ["--limits-streams-per-connection=10000", "--limits-streams=10000"];
    let arguments = [&ARGUMENTS[..], &limits[..]].concat();
    let mut server = world.start(&arguments);
    let address = server.tcp_address();
    let everything = async {
        let beside = connect_to(address).await;
        let mut lease = LeaseServiceClient::new(beside.clone());
        let sessions = start_all(&mut lease).await;

        let one = LeaseServiceClient::new(connect_to(address).await);
        let opening = sessions.into_iter().map(|session| Holding::open(one.clone(), session));
        let holdings = all(opening.collect()).await;
        // Each has joined now, and is open while the others beat.
        let holdings = all(holdings.into_iter().map(Holding::beat_again).collect()).await;
        assert_eq!(holdings.len(), STREAMS);

        let mut admin = AdminServiceClient::new(beside);
        let info = admin.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
        let counts = info.counts.unwrap();
        assert_eq!((counts.heartbeat_streams, counts.connections), (STREAMS as u64, 2));
        let stored = list_all(&mut lease).await;
        assert_eq!(stored.len(), STREAMS);
        assert!(stored.iter().all(|session| session.beats == 2 && !session.stale));
        drop(holdings);
    };
    timeout(ALL_MAX, everything).await.unwrap();
}
