//! The peer that everything is measured against: a bare tonic server that answers each heartbeat
//! message at once, with a response of the shape and size of a real one.
//!
//! Guarantees: nothing but the transport and the codec costs anything here. It keeps no state,
//! reads no clock and takes no lock; its connection window, codec and runtime are those of a real
//! server.
//!
//! Must not know: leases, stores, how it is measured.

use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use tenure::v1::lease_service_server::{LeaseService, LeaseServiceServer};
use tenure::v1::{self, Joined, LeaseTiming, Renewal, Renewed};
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::{Program, READY_MAX, Server, tenured};
use crate::load::CONNECTION_WINDOW_BYTES;
use crate::process::Process;
use crate::site::Site;

/// Starts this program once more, as the echo.
///
/// # Errors
/// When it does not come up in time, with the last that it said.
pub async fn start(site: &Site) -> anyhow::Result<Server> {
    let mut command = site.command(Program::Echo)?;
    command.args(["__echo", "--listen", "127.0.0.1:0"]);
    let process = Process::spawn("the echo", command)?;
    let address = process.address(READY_MAX)?;
    let server = Server { process, address, ends_well: false, _folder: None };
    tenured::serving(&server).await?;
    Ok(server)
}

/// Serves on `listen` until the process is ended, and prints the bound address on stderr, as a
/// real server does.
///
/// # Errors
/// When the address cannot be bound, or the transport fails.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.context("cannot bind the echo")?;
    writeln!(std::io::stderr(), "listening on {}", listener.local_addr()?)?;
    serve_on(listener).await
}

/// Serves on a bound socket until it is dropped.
///
/// # Errors
/// When the transport fails.
pub async fn serve_on(listener: TcpListener) -> anyhow::Result<()> {
    let (_health, health_service) = tonic_health::server::health_reporter();
    tonic::transport::Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(LeaseServiceServer::new(Echo::default()))
        .add_service(health_service)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

/// The service: what does not change between answers, made once.
#[derive(Debug, Clone)]
struct Echo {
    timing: LeaseTiming,
    at: prost_types::Timestamp,
}

impl Default for Echo {
    fn default() -> Self {
        // Fractions of a second as a real server answers them, so that the encoded sizes agree.
        let at = prost_types::Timestamp { seconds: 1_790_000_000, nanos: 123_000_000 };
        let after = |ms| prost_types::Duration::try_from(Duration::from_millis(ms)).ok();
        let timing = LeaseTiming {
            expires_in: after(599_999),
            renew_after: after(199_873),
            stop_work_after: after(399_999),
            lease_expires_at: Some(prost_types::Timestamp { seconds: at.seconds + 600, ..at }),
        };
        Echo { timing, at }
    }
}

/// The response stream: one response for each request, made when it is polled for.
struct Answers {
    requests: Streaming<v1::StreamHeartbeatsRequest>,
    echo: Echo,
}

impl Stream for Answers {
    type Item = Result<v1::StreamHeartbeatsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.requests).poll_next(cx);
        polled.map(|next| next.map(|request| request.map(|request| self.echo.answer(request))))
    }
}

impl Echo {
    fn answer(&self, request: v1::StreamHeartbeatsRequest) -> v1::StreamHeartbeatsResponse {
        let message_id = request.message_id;
        let joined = request.joins.into_iter().map(|join| self.joined(message_id, join)).collect();
        // The message id stands in for the revision: it rises for every handle.
        let renewal = |beat: v1::Beat| Renewal {
            handle: beat.handle,
            revision: message_id,
            ..Renewal::default()
        };
        let renewals: Vec<Renewal> = request.beats.into_iter().map(renewal).collect();
        let mut renewed = Vec::new();
        if !renewals.is_empty() {
            renewed.push(Renewed {
                message_id,
                timing: Some(self.timing),
                last_heartbeat_at: Some(self.at),
                renewals,
            });
        }
        v1::StreamHeartbeatsResponse { joined, renewed, ..Default::default() }
    }

    fn joined(&self, message_id: u64, join: v1::Join) -> Joined {
        Joined {
            handle: join.handle,
            message_id,
            session_id: join.session_id,
            actor_id: join.actor_id,
            fencing_token: 1,
            revision: message_id,
            timing: Some(self.timing),
            ..Joined::default()
        }
    }
}

/// Implements the service with the one RPC that echoes; the others are not there.
macro_rules! echo_service {
    ($($rpc:ident($request:ident) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl LeaseService for Echo {
            type StreamHeartbeatsStream = Answers;
            type AwaitSessionStream = tokio_stream::Empty<Result<v1::AwaitSessionResponse, Status>>;
            type WatchSessionsStream =
                tokio_stream::Empty<Result<v1::WatchSessionsResponse, Status>>;

            async fn stream_heartbeats(
                &self,
                request: Request<Streaming<v1::StreamHeartbeatsRequest>>,
            ) -> Result<Response<Answers>, Status> {
                let requests = request.into_inner();
                Ok(Response::new(Answers { requests, echo: self.clone() }))
            }

            $(async fn $rpc(
                &self,
                _request: Request<v1::$request>,
            ) -> Result<Response<$response>, Status> {
                Err(Status::unimplemented("the echo answers heartbeat streams only"))
            })*
        }
    };
}

echo_service! {
    start_session(StartSessionRequest) -> v1::StartSessionResponse;
    batch_start_sessions(BatchStartSessionsRequest) -> v1::BatchStartSessionsResponse;
    await_session(AwaitSessionRequest) -> Self::AwaitSessionStream;
    list_waiters(ListWaitersRequest) -> v1::ListWaitersResponse;
    heartbeat(HeartbeatRequest) -> v1::HeartbeatResponse;
    take_over_session(TakeOverSessionRequest) -> v1::TakeOverSessionResponse;
    force_take_over_session(ForceTakeOverSessionRequest) -> v1::ForceTakeOverSessionResponse;
    cancel_forced_takeover(CancelForcedTakeoverRequest) -> v1::CancelForcedTakeoverResponse;
    yield_session(YieldSessionRequest) -> v1::YieldSessionResponse;
    clear_session(ClearSessionRequest) -> v1::ClearSessionResponse;
    get_session(GetSessionRequest) -> v1::GetSessionResponse;
    list_sessions(ListSessionsRequest) -> v1::ListSessionsResponse;
    watch_sessions(WatchSessionsRequest) -> Self::WatchSessionsStream;
    check_fence(CheckFenceRequest) -> v1::CheckFenceResponse;
}
