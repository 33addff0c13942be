//! A server in this process, on a port that the system chooses, with a store in a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use tempfile::TempDir;
use tenure::v1;
use tenure::v1::history_service_client::HistoryServiceClient;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::machine_service_client::MachineServiceClient;
use tenure::v1::workspace_service_client::WorkspaceServiceClient;
use tenured::config::{Config, ListenAddress, Surroundings};
use tenured::contract::Contract;
use tenured::drain::{Cause, Drain};
use tenured::engine::Engine;
use tenured::grpc::{ServerInfo, Services};
use tenured::health::Health;
use tenured::listen;
use tenured::run::engine_options;
use tenured::serve::{self, Serving};
use tenured::store::Store;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::time::wall_now;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};
use tonic_types::pb;

/// No call of these tests may take longer.
pub const CALL_MAX: Duration = Duration::from_secs(20);
/// The workspace that most tests are about.
pub const WORKSPACE: &str = "acme/api";
/// Whoever works there first.
pub const WORKER: &str = "worker-1";

pub struct Server {
    pub lease: LeaseServiceClient<Channel>,
    pub workspace: WorkspaceServiceClient<Channel>,
    pub history: HistoryServiceClient<Channel>,
    pub machine: MachineServiceClient<Channel>,
    drain: Drain,
    _folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with these variables in its environment.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let config = config(variables);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenure.db");
        let open = || SqliteStore::open(path, SqliteOptions::default());
        let store: Arc<dyn Store> = Arc::new(tokio::task::block_in_place(open).unwrap());
        let engine = Engine::start(Arc::clone(&store), engine_options(&config)).await.unwrap();
        let drain = Drain::new(Duration::from_millis(100));
        let info = ServerInfo {
            version: "1.2.3".to_owned(),
            build: String::new(),
            started_at: wall_now(),
            started: Instant::now(),
            store_kind: v1::StoreKind::Sqlite,
            store_location: String::new(),
            limits: config.limits,
            retention: config.retention,
        };
        let contract = Contract::read().unwrap();
        let mut routes = Routes::builder();
        let health = Health::add_to(&mut routes, &contract).await.unwrap();
        let connections = TaskTracker::new();
        let services = Services {
            engine,
            store,
            info: Arc::new(info),
            drain: drain.clone(),
            connections: connections.clone(),
        };
        services.add_to(&mut routes);
        let listeners = listen::bind(&config.listen).await.unwrap();
        let ListenAddress::Tcp(address) = listeners[0].address().clone() else { panic!("TCP") };
        tokio::spawn(serve::serve(Serving {
            listeners,
            routes: routes.routes(),
            contract,
            health,
            drain: drain.clone(),
            limits: config.limits,
            times: config.connection,
            connections,
        }));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.timeout(CALL_MAX).connect().await.unwrap();
        Self {
            lease: LeaseServiceClient::new(channel.clone()),
            workspace: WorkspaceServiceClient::new(channel.clone()),
            history: HistoryServiceClient::new(channel.clone()),
            machine: MachineServiceClient::new(channel),
            drain,
            _folder: folder,
        }
    }

    /// Starts a session of [`WORKER`] in [`WORKSPACE`], with a lease of 30 s.
    pub async fn held(&mut self) -> v1::Session {
        let answer = self.lease.start_session(start(WORKER, 30)).await.unwrap();
        answer.into_inner().session.unwrap()
    }

    /// A heartbeat of [`WORKER`] that tells what `change` puts in.
    pub async fn beat(
        &mut self,
        change: impl FnOnce(&mut v1::HeartbeatRequest),
    ) -> Result<v1::HeartbeatResponse, Status> {
        let mut request = v1::HeartbeatRequest {
            workspace: WORKSPACE.to_owned(),
            actor_id: WORKER.to_owned(),
            ..v1::HeartbeatRequest::default()
        };
        change(&mut request);
        self.lease.heartbeat(request).await.map(Response::into_inner)
    }

    /// The whole of [`WORKSPACE`].
    pub async fn projection(&mut self) -> v1::Projection {
        self.projection_for(v1::GetProjectionRequest::default()).await
    }

    /// The same, with what `request` says beside the workspace.
    pub async fn projection_for(&mut self, request: v1::GetProjectionRequest) -> v1::Projection {
        let request = v1::GetProjectionRequest { workspace: WORKSPACE.to_owned(), ..request };
        let answer = self.workspace.get_projection(request).await.unwrap();
        answer.into_inner().projection.unwrap()
    }

    pub fn begin_to_drain(&self) {
        self.drain.begin(Cause::Asked);
    }

    /// Clears [`WORKSPACE`] as [`WORKER`].
    pub async fn clear(&mut self) {
        let request = v1::ClearSessionRequest {
            workspace: WORKSPACE.to_owned(),
            actor_id: WORKER.to_owned(),
            ..v1::ClearSessionRequest::default()
        };
        assert!(self.lease.clear_session(request).await.unwrap().into_inner().cleared);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.cut();
    }
}

fn config(variables: &[(&str, &str)]) -> Config {
    let variables = [&[("TENURE_LISTEN", "127.0.0.1:0")], variables].concat();
    let surroundings = Surroundings {
        variables: variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        data_folder: Some(PathBuf::from("/nonexistent")),
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::load(&["tenured".into()], &surroundings).unwrap().1
}

/// A start of a program in [`WORKSPACE`].
pub fn start(actor: &str, lease_secs: i64) -> v1::StartSessionRequest {
    let holder = v1::AutonomousHolder {
        actor_id: actor.to_owned(),
        lease_ttl: Some(prost_types::Duration { seconds: lease_secs, nanos: 0 }),
        ..v1::AutonomousHolder::default()
    };
    v1::StartSessionRequest {
        workspace: WORKSPACE.to_owned(),
        holder: Some(v1::start_session_request::Holder::Autonomous(holder)),
        ..v1::StartSessionRequest::default()
    }
}

/// The code and the reason of a refusal.
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let details = pb::Status::decode(status.details()).unwrap().details;
    let info = details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo")).unwrap();
    (status.code(), pb::ErrorInfo::decode(&*info.value).unwrap().reason)
}

/// The paths of the fields that a call was refused for.
pub fn bad_fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = pb::Status::decode(status.details()).unwrap().details;
    let bad = details.iter().find(|any| any.type_url.ends_with("google.rpc.BadRequest")).unwrap();
    let bad = pb::BadRequest::decode(&*bad.value).unwrap().field_violations;
    bad.into_iter().map(|violation| violation.field).collect()
}
