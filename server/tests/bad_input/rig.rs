//! A server in this process, on a port that the system chooses, with a store in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use tenure::v1;
use tenure::v1::admin_service_client::AdminServiceClient;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenured::config::{Config, ListenAddress, Surroundings};
use tenured::contract::Contract;
use tenured::drain::Drain;
use tenured::engine::{Engine, EngineOptions};
use tenured::grpc::{ServerInfo, Services};
use tenured::health::Health;
use tenured::listen;
use tenured::serve::{self, Serving};
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tenured::store::{Epoch, Store};
use tenured::time::wall_now;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::pb;

/// No call of these tests may take longer.
const CALL_MAX: Duration = Duration::from_secs(20);

pub struct Server {
    pub lease: LeaseServiceClient<Channel>,
    pub admin: AdminServiceClient<Channel>,
    pub engine: Engine,
    pub store: Arc<dyn Store>,
    pub epoch: Epoch,
    drain: Drain,
}

impl Server {
    pub async fn start() -> Self {
        let config = config();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let engine = Engine::start(Arc::clone(&store), EngineOptions::default()).await.unwrap();
        let drain = Drain::new(Duration::from_millis(100));
        let info = ServerInfo {
            version: "1.2.3".to_owned(),
            build: String::new(),
            started_at: wall_now(),
            started: Instant::now(),
            store_kind: v1::StoreKind::Memory,
            store_location: "memory".to_owned(),
            limits: config.limits,
            retention: config.retention,
        };
        let contract = Contract::read().unwrap();
        let mut routes = Routes::builder();
        let health = Health::add_to(&mut routes, &contract).await.unwrap();
        let epoch = engine.epoch();
        let services = Services {
            engine: engine.clone(),
            store: Arc::clone(&store),
            info: Arc::new(info),
            drain: drain.clone(),
            connections: TaskTracker::new(),
        };
        let connections = services.connections.clone();
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
        let lease = LeaseServiceClient::new(channel.clone());
        Self { lease, admin: AdminServiceClient::new(channel), engine, store, epoch, drain }
    }

    /// Starts a session that lives, to see that the server still serves.
    pub async fn start_session(&mut self, workspace: &str, actor: &str) -> v1::Session {
        let request = start(workspace, actor);
        self.lease.start_session(request).await.unwrap().into_inner().session.unwrap()
    }

    /// Whether nothing is stored for a workspace.
    pub async fn is_free(&mut self, workspace: &str) -> bool {
        let request =
            v1::GetSessionRequest { workspace: workspace.to_owned(), ..Default::default() };
        let refused = self.lease.get_session(request).await.err();
        refused.is_some_and(|status| Told::of(&status).reason == "NO_SESSION")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.cut();
    }
}

fn config() -> Config {
    let variables = [("TENURE_LISTEN", "127.0.0.1:0")];
    let surroundings = Surroundings {
        variables: variables.map(|(k, v)| (OsString::from(k), OsString::from(v))).into(),
        data_folder: Some(PathBuf::from("/nonexistent")),
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::load(&["tenured".into()], &surroundings).unwrap().1
}

/// A start of a program, with a lease of 30 s.
pub fn start(workspace: &str, actor: &str) -> v1::StartSessionRequest {
    start_for(workspace, actor, 30)
}

pub fn start_for(workspace: &str, actor: &str, ttl_secs: i64) -> v1::StartSessionRequest {
    let holder = v1::AutonomousHolder {
        actor_id: actor.to_owned(),
        lease_ttl: Some(seconds(ttl_secs)),
        ..v1::AutonomousHolder::default()
    };
    v1::StartSessionRequest {
        workspace: workspace.to_owned(),
        holder: Some(v1::start_session_request::Holder::Autonomous(holder)),
        ..v1::StartSessionRequest::default()
    }
}

pub fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// What a status tells a caller.
#[derive(Debug, Default)]
pub struct Told {
    pub code: Option<Code>,
    pub reason: String,
    pub fields: Vec<String>,
    pub refusal: v1::Refusal,
}

impl Told {
    pub fn of(status: &Status) -> Self {
        let mut told = Self { code: Some(status.code()), ..Self::default() };
        let details = pb::Status::decode(status.details()).unwrap().details;
        for any in details {
            let value = &*any.value;
            match any.type_url.rsplit('/').next().unwrap_or_default() {
                "google.rpc.ErrorInfo" => {
                    told.reason = pb::ErrorInfo::decode(value).unwrap().reason;
                }
                "google.rpc.BadRequest" => {
                    let bad = pb::BadRequest::decode(value).unwrap().field_violations;
                    told.fields = bad.into_iter().map(|violation| violation.field).collect();
                }
                "tenure.v1.Refusal" => told.refusal = v1::Refusal::decode(value).unwrap(),
                _ => {}
            }
        }
        told
    }
}

/// The fields that a call was refused for.
pub fn bad_fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let told = Told::of(&answer.unwrap_err());
    assert_eq!((told.code, &*told.reason), (Some(Code::InvalidArgument), "INVALID_ARGUMENT"));
    told.fields
}

/// Names of labels, none twice.
pub fn labels(count: usize) -> BTreeMap<String, String> {
    (0..count).map(|n| (format!("label-{n}"), "x".repeat(200))).collect()
}
