//! A server in this process, on a port that the system chooses, and a watch's reader.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use tempfile::TempDir;
use tenure::v1;
use tenure::v1::history_service_client::HistoryServiceClient;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::start_session_request::Holder;
use tenure::v1::watch_sessions_response::Update;
use tenured::config::{Config, ListenAddress, Surroundings};
use tenured::contract::Contract;
use tenured::drain::Drain;
use tenured::engine::{Engine, EngineOptions};
use tenured::grpc::{ServerInfo, Services};
use tenured::health::Health;
use tenured::listen;
use tenured::serve::{self, Serving};
use tenured::store::Store;
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::time::wall_now;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_types::pb;

/// Nothing that these tests wait for may take longer.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// How many watches the servers of these tests allow.
pub const WATCHES_MAX: u32 = 8;

pub struct Server {
    pub lease: LeaseServiceClient<Channel>,
    pub history: HistoryServiceClient<Channel>,
    pub store: Arc<dyn Store>,
    pub drain: Drain,
    address: std::net::SocketAddr,
    _folder: Option<TempDir>,
}

impl Server {
    /// On a store in a file.
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenure.db");
        let open = || SqliteStore::open(path, SqliteOptions::default());
        let store = tokio::task::block_in_place(open).unwrap();
        Self::start(Arc::new(store), Some(folder)).await
    }

    /// On a store in memory, as unkind as `options` say.
    pub async fn on_memory(options: MemoryOptions) -> Self {
        Self::start(Arc::new(MemoryStore::new(options)), None).await
    }

    async fn start(store: Arc<dyn Store>, folder: Option<TempDir>) -> Self {
        let config = config();
        let engine = Engine::start(Arc::clone(&store), EngineOptions::default()).await.unwrap();
        let drain = Drain::new(Duration::from_secs(5));
        let info = ServerInfo {
            version: "1.2.3".to_owned(),
            build: String::new(),
            started_at: wall_now(),
            started: Instant::now(),
            store_kind: v1::StoreKind::Unspecified,
            store_location: String::new(),
            limits: config.limits,
            retention: config.retention,
        };
        let contract = Contract::read().unwrap();
        let mut routes = Routes::builder();
        let health = Health::add_to(&mut routes, &contract).await.unwrap();
        let (info, drained) = (Arc::new(info), drain.clone());
        let connections = TaskTracker::new();
        let services = Services {
            engine,
            store: Arc::clone(&store),
            info,
            drain: drained,
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
        let channel = connect(address).await;
        let lease = LeaseServiceClient::new(channel.clone());
        let history = HistoryServiceClient::new(channel);
        Self { lease, history, store, drain, address, _folder: folder }
    }

    /// A program starts a session, or refreshes its own. The session's id.
    pub async fn start_session(&self, workspace: &str, actor: &str) -> String {
        let answer = self.lease.clone().start_session(start(workspace, actor)).await;
        answer.unwrap().into_inner().session.unwrap().session_id
    }

    /// A program starts a session with a lease of so many seconds.
    pub async fn start_for(&self, workspace: &str, actor: &str, seconds: i64) -> v1::Session {
        let mut request = start(workspace, actor);
        if let Some(Holder::Autonomous(holder)) = &mut request.holder {
            holder.lease_ttl = Some(prost_types::Duration { seconds, nanos: 0 });
        }
        self.lease.clone().start_session(request).await.unwrap().into_inner().session.unwrap()
    }

    /// Waits until a lease has run out, and that was recorded.
    pub async fn expired(&self, workspace: &str) {
        let request =
            v1::GetSessionRequest { workspace: workspace.to_owned(), ..Default::default() };
        let expired = async {
            loop {
                let found = self.lease.clone().get_session(request.clone()).await.unwrap();
                if found.into_inner().session.unwrap().stale {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(WAIT_MAX, expired).await.expect("in time");
    }

    /// The owner gives its session up.
    pub async fn give_up(&self, workspace: &str, actor: &str) {
        let request = v1::YieldSessionRequest {
            workspace: workspace.to_owned(),
            actor_id: actor.to_owned(),
            ..v1::YieldSessionRequest::default()
        };
        self.lease.clone().yield_session(request).await.unwrap();
    }

    /// Opens a watch on a connection of its own.
    pub async fn watch(&self, request: v1::WatchSessionsRequest) -> Result<Reader, Status> {
        let mut lease = LeaseServiceClient::new(connect(self.address).await);
        let stream = lease.watch_sessions(request).await?.into_inner();
        Ok(Reader { stream })
    }

    /// Opens a watch that must succeed. Its cursor, and the watch.
    pub async fn watch_from(&self, request: v1::WatchSessionsRequest) -> (v1::Cursor, Reader) {
        let mut reader = self.watch(request).await.unwrap();
        let Update::Progress(progress) = reader.next().await else { panic!("the cursor first") };
        (progress.cursor.unwrap(), reader)
    }

    /// Where the log stands.
    pub async fn newest(&self) -> v1::Cursor {
        self.watch_from(v1::WatchSessionsRequest::default()).await.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.cut();
    }
}

async fn connect(address: std::net::SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

fn config() -> Config {
    let watches = WATCHES_MAX.to_string();
    let variables = [("TENURE_LISTEN", "127.0.0.1:0"), ("TENURE_LIMITS_WATCHES", &watches)];
    let surroundings = Surroundings {
        variables: variables.map(|(k, v)| (OsString::from(k), OsString::from(v))).into(),
        data_folder: Some(PathBuf::from("/nonexistent")),
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::load(&["tenured".into()], &surroundings).unwrap().1
}

/// A start of a program, with a lease that outlives the test.
pub fn start(workspace: &str, actor: &str) -> v1::StartSessionRequest {
    let holder = v1::AutonomousHolder {
        actor_id: actor.to_owned(),
        lease_ttl: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..v1::AutonomousHolder::default()
    };
    v1::StartSessionRequest {
        workspace: workspace.to_owned(),
        holder: Some(Holder::Autonomous(holder)),
        ..v1::StartSessionRequest::default()
    }
}

pub fn after(cursor: v1::Cursor) -> v1::WatchSessionsRequest {
    v1::WatchSessionsRequest { from: Some(cursor), ..v1::WatchSessionsRequest::default() }
}

/// The client's end of a watch.
pub struct Reader {
    stream: Streaming<v1::WatchSessionsResponse>,
}

impl Reader {
    pub async fn try_next(&mut self) -> Result<Update, Status> {
        let message = timeout(WAIT_MAX, self.stream.message()).await.expect("in time")?;
        Ok(message.expect("a watch ends with a status").update.expect("it says something"))
    }

    pub async fn next(&mut self) -> Update {
        self.try_next().await.expect("the watch goes on")
    }

    /// The next event; progress in between is passed over.
    pub async fn event(&mut self) -> v1::Event {
        loop {
            match self.next().await {
                Update::Event(event) => return *event,
                Update::Progress(_) => {}
                Update::SnapshotPage(_) => panic!("no snapshot here"),
            }
        }
    }

    /// The status that the watch ends with.
    pub async fn end(mut self) -> Status {
        loop {
            if let Err(status) = self.try_next().await {
                return status;
            }
        }
    }
}

/// What a reader knows of the sessions: workspace to session id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub sessions: BTreeMap<String, String>,
    pub through: u64,
}

impl Known {
    pub fn take(&mut self, update: Update) {
        match update {
            Update::Progress(progress) => {
                let at = progress.cursor.unwrap().sequence;
                assert!(at >= self.through, "progress goes back");
                self.through = at;
            }
            Update::SnapshotPage(page) => {
                let known = page.sessions.into_iter().map(|s| (s.workspace, s.session_id));
                self.sessions.extend(known);
            }
            Update::Event(event) => {
                assert!(event.sequence > self.through, "sequences strictly rise");
                self.through = event.sequence;
                match event.r#type() {
                    v1::EventType::SessionStarted | v1::EventType::SessionRefreshed => {
                        self.sessions.insert(event.workspace, event.session_id);
                    }
                    v1::EventType::SessionEnded => {
                        let ended = self.sessions.remove(&event.workspace);
                        assert_eq!(ended, Some(event.session_id), "the end of what was known");
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The code and the reason of a status, and its typed detail.
pub fn told(status: &Status) -> (Code, String, v1::Refusal) {
    let (mut reason, mut refusal) = (String::new(), v1::Refusal::default());
    for any in pb::Status::decode(status.details()).unwrap().details {
        match any.type_url.rsplit('/').next().unwrap_or_default() {
            "google.rpc.ErrorInfo" => reason = pb::ErrorInfo::decode(&*any.value).unwrap().reason,
            "tenure.v1.Refusal" => refusal = v1::Refusal::decode(&*any.value).unwrap(),
            _ => {}
        }
    }
    (status.code(), reason, refusal)
}
