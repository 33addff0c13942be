//! A server that answers by a script: each test says what it is asked and what it answers.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assert_cmd::Command;
use prost::Message;
use tenure::v1::history_service_server::{HistoryService, HistoryServiceServer};
use tenure::v1::lease_service_server::{LeaseService, LeaseServiceServer};
use tenure::v1::machine_service_server::{MachineService, MachineServiceServer};
use tenure::v1::workspace_service_server::{WorkspaceService, WorkspaceServiceServer};
use tenure::v1::{self, ErrorReason};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, Streaming};

/// The longest that any command of a test may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Asked = Arc<Mutex<Vec<(&'static str, Vec<u8>)>>>;
type Handler = dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync;
type Streamer<Q, A> = dyn Fn(Q) -> Answers<A> + Send + Sync;

/// What a server answers, by the name of the RPC. What is not scripted is unimplemented.
#[derive(Default)]
pub struct Script {
    unary: HashMap<&'static str, Box<Handler>>,
    watch: Option<Box<Streamer<v1::WatchSessionsRequest, v1::WatchSessionsResponse>>>,
    heartbeats:
        Option<Box<Streamer<Streaming<v1::StreamHeartbeatsRequest>, v1::StreamHeartbeatsResponse>>>,
    asked: Asked,
}

impl Script {
    /// Answers an RPC of one request and one response.
    pub fn on<Q: Message + Default, A: Message>(
        mut self,
        rpc: &'static str,
        answer: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::clone(&self.asked);
        let handler = move |request: &[u8]| {
            asked.lock().unwrap().push((rpc, request.to_vec()));
            answer(Q::decode(request).unwrap()).map(|answer| answer.encode_to_vec())
        };
        self.unary.insert(rpc, Box::new(handler));
        self
    }

    /// Answers a watch.
    pub fn on_watch<S>(
        mut self,
        answer: impl Fn(v1::WatchSessionsRequest) -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: Stream<Item = Result<v1::WatchSessionsResponse, Status>> + Send + 'static,
    {
        self.watch = Some(Box::new(move |request| Box::pin(answer(request))));
        self
    }

    /// Answers a stream of heartbeats.
    pub fn on_heartbeats<S>(
        mut self,
        answer: impl Fn(Streaming<v1::StreamHeartbeatsRequest>) -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: Stream<Item = Result<v1::StreamHeartbeatsResponse, Status>> + Send + 'static,
    {
        self.heartbeats = Some(Box::new(move |requests| Box::pin(answer(requests))));
        self
    }

    /// Serves the script on a port of its own.
    pub fn serve(self) -> Server {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::clone(&self.asked);
        let incoming = TcpListenerStream::new(listener);
        let script = Arc::new(self);
        let serving = tonic::transport::Server::builder()
            .add_service(LeaseServiceServer::from_arc(Arc::clone(&script)))
            .add_service(WorkspaceServiceServer::from_arc(Arc::clone(&script)))
            .add_service(MachineServiceServer::from_arc(Arc::clone(&script)))
            .add_service(HistoryServiceServer::from_arc(script));
        runtime.spawn(serving.serve_with_incoming(incoming));
        Server { url, asked, _runtime: runtime }
    }

    fn unary<Q: Message, A: Message + Default>(
        &self,
        rpc: &'static str,
        request: &Request<Q>,
    ) -> Result<Response<A>, Status> {
        let handler = self.unary.get(rpc).ok_or_else(|| Status::unimplemented(rpc))?;
        let answer = handler(&request.get_ref().encode_to_vec())?;
        Ok(Response::new(A::decode(answer.as_slice()).unwrap()))
    }
}

/// A server that runs until it is dropped.
pub struct Server {
    /// Its address.
    pub url: String,
    asked: Asked,
    _runtime: Runtime,
}

impl Server {
    /// `tenure` with these words, talking to this server.
    pub fn tenure(&self, words: &[&str]) -> Command {
        let mut command = tenure(words);
        command.env("TENURE_SERVER", &self.url);
        command
    }

    /// The requests of an RPC so far.
    pub fn asked<Q: Message + Default>(&self, rpc: &str) -> Vec<Q> {
        let asked = self.asked.lock().unwrap();
        let of_rpc = asked.iter().filter(|(name, _)| *name == rpc);
        of_rpc.map(|(_, request)| Q::decode(request.as_slice()).unwrap()).collect()
    }
}

/// `tenure` with these words, in an environment of its own.
pub fn tenure(words: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tenure"));
    command.env_remove("TENURE_SERVER").env_remove("TENURE_CONTEXT");
    command.env("TENURE_CONTEXTS", "/nonexistent/contexts.toml").env("TZ", "UTC");
    command.args(words).timeout(COMMAND_TIMEOUT);
    command
}

/// A status as the service builds it for a refusal.
pub fn refusal(code: Code, reason: ErrorReason, message: &str, hint: &str) -> Status {
    use tonic_types::pb;
    let any = |name: &str, value: Vec<u8>| prost_types::Any {
        type_url: format!("type.googleapis.com/{name}"),
        value,
    };
    let name = reason.as_str_name().strip_prefix("ERROR_REASON_").unwrap().to_owned();
    let info = pb::ErrorInfo { reason: name, domain: "tenure".to_owned(), ..Default::default() };
    let refusal =
        v1::Refusal { reason: reason.into(), hint: hint.to_owned(), ..v1::Refusal::default() };
    let status = pb::Status {
        code: code.into(),
        message: message.to_owned(),
        details: vec![
            any("google.rpc.ErrorInfo", info.encode_to_vec()),
            any("tenure.v1.Refusal", refusal.encode_to_vec()),
        ],
    };
    Status::with_details(code, message, status.encode_to_vec().into())
}

/// A live session of a program.
pub fn session(workspace: &str, actor: &str) -> v1::Session {
    let now = jiff::Timestamp::now().as_second();
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    v1::Session {
        workspace: workspace.to_owned(),
        profile: "main".to_owned(),
        session_id: "ses_01".to_owned(),
        lifecycle: v1::Lifecycle::Autonomous.into(),
        owner_kind: v1::OwnerKind::RuntimeWorker.into(),
        actor_id: actor.to_owned(),
        mode: v1::Mode::General.into(),
        revision: 9,
        fencing_token: 7,
        started_at: at(now - 3_700),
        last_started_at: at(now - 3_700),
        start_count: 1,
        last_heartbeat_at: at(now - 3),
        lease_ttl: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
        lease_expires_at: at(now + 28),
        ..v1::Session::default()
    }
}

/// The whole of a workspace that a session holds.
pub fn projection(session: v1::Session) -> v1::Projection {
    v1::Projection {
        workspace: session.workspace.clone(),
        profile: session.profile.clone(),
        status: v1::WorkspaceStatus::Active.into(),
        revision: session.revision,
        session: Some(session),
        ..v1::Projection::default()
    }
}

/// The answer that is `projection`.
pub fn projected(projection: v1::Projection) -> v1::GetProjectionResponse {
    v1::GetProjectionResponse { projection: Some(projection) }
}

macro_rules! workspace_service {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl WorkspaceService for Script {
            $(
                async fn $name(
                    &self,
                    request: Request<v1::$request>,
                ) -> Result<Response<v1::$response>, Status> {
                    self.unary(stringify!($name), &request)
                }
            )*
        }
    };
}

workspace_service! {
    get_projection(GetProjectionRequest) -> GetProjectionResponse;
    register_workspace(RegisterWorkspaceRequest) -> RegisterWorkspaceResponse;
    list_workspaces(ListWorkspacesRequest) -> ListWorkspacesResponse;
    delete_workspace(DeleteWorkspaceRequest) -> DeleteWorkspaceResponse;
    put_handoff(PutHandoffRequest) -> PutHandoffResponse;
    put_gates(PutGatesRequest) -> PutGatesResponse;
    update_gate(UpdateGateRequest) -> UpdateGateResponse;
    raise_escalation(RaiseEscalationRequest) -> RaiseEscalationResponse;
    resolve_escalation(ResolveEscalationRequest) -> ResolveEscalationResponse;
    list_escalations(ListEscalationsRequest) -> ListEscalationsResponse;
    import_legacy_state(ImportLegacyStateRequest) -> ImportLegacyStateResponse;
}

macro_rules! lease_service {
    ($($name:ident($request:ident) -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl LeaseService for Script {
            $(
                async fn $name(
                    &self,
                    request: Request<v1::$request>,
                ) -> Result<Response<v1::$response>, Status> {
                    self.unary(stringify!($name), &request)
                }
            )*

            type AwaitSessionStream = Answers<v1::AwaitSessionResponse>;
            async fn await_session(
                &self,
                _: Request<v1::AwaitSessionRequest>,
            ) -> Result<Response<Self::AwaitSessionStream>, Status> {
                Err(Status::unimplemented("await_session"))
            }

            type StreamHeartbeatsStream = Answers<v1::StreamHeartbeatsResponse>;
            async fn stream_heartbeats(
                &self,
                request: Request<Streaming<v1::StreamHeartbeatsRequest>>,
            ) -> Result<Response<Self::StreamHeartbeatsStream>, Status> {
                let answer = self.heartbeats.as_ref();
                let answer = answer.ok_or_else(|| Status::unimplemented("stream_heartbeats"))?;
                Ok(Response::new(answer(request.into_inner())))
            }

            type WatchSessionsStream = Answers<v1::WatchSessionsResponse>;
            async fn watch_sessions(
                &self,
                request: Request<v1::WatchSessionsRequest>,
            ) -> Result<Response<Self::WatchSessionsStream>, Status> {
                let encoded = request.get_ref().encode_to_vec();
                self.asked.lock().unwrap().push(("watch_sessions", encoded));
                let answer = self.watch.as_ref();
                let answer = answer.ok_or_else(|| Status::unimplemented("watch_sessions"))?;
                Ok(Response::new(answer(request.into_inner())))
            }
        }
    };
}

lease_service! {
    start_session(StartSessionRequest) -> StartSessionResponse;
    batch_start_sessions(BatchStartSessionsRequest) -> BatchStartSessionsResponse;
    list_waiters(ListWaitersRequest) -> ListWaitersResponse;
    heartbeat(HeartbeatRequest) -> HeartbeatResponse;
    take_over_session(TakeOverSessionRequest) -> TakeOverSessionResponse;
    force_take_over_session(ForceTakeOverSessionRequest) -> ForceTakeOverSessionResponse;
    cancel_forced_takeover(CancelForcedTakeoverRequest) -> CancelForcedTakeoverResponse;
    yield_session(YieldSessionRequest) -> YieldSessionResponse;
    clear_session(ClearSessionRequest) -> ClearSessionResponse;
    get_session(GetSessionRequest) -> GetSessionResponse;
    list_sessions(ListSessionsRequest) -> ListSessionsResponse;
    check_fence(CheckFenceRequest) -> CheckFenceResponse;
}

#[tonic::async_trait]
impl HistoryService for Script {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        self.unary("list_events", &request)
    }

    async fn list_ledger(
        &self,
        request: Request<v1::ListLedgerRequest>,
    ) -> Result<Response<v1::ListLedgerResponse>, Status> {
        self.unary("list_ledger", &request)
    }

    async fn get_ledger_entry(
        &self,
        request: Request<v1::GetLedgerEntryRequest>,
    ) -> Result<Response<v1::GetLedgerEntryResponse>, Status> {
        self.unary("get_ledger_entry", &request)
    }
}

#[tonic::async_trait]
impl MachineService for Script {
    async fn list_machines(
        &self,
        request: Request<v1::ListMachinesRequest>,
    ) -> Result<Response<v1::ListMachinesResponse>, Status> {
        self.unary("list_machines", &request)
    }

    async fn cordon_machine(
        &self,
        request: Request<v1::CordonMachineRequest>,
    ) -> Result<Response<v1::CordonMachineResponse>, Status> {
        self.unary("cordon_machine", &request)
    }

    async fn uncordon_machine(
        &self,
        request: Request<v1::UncordonMachineRequest>,
    ) -> Result<Response<v1::UncordonMachineResponse>, Status> {
        self.unary("uncordon_machine", &request)
    }

    async fn forget_machine(
        &self,
        request: Request<v1::ForgetMachineRequest>,
    ) -> Result<Response<v1::ForgetMachineResponse>, Status> {
        self.unary("forget_machine", &request)
    }
}
