//! A server on a port of its own that fails as it is told to.
//!
//! Each has a runtime of its own, so that killing it cuts its connections as a crash does.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tenure::{Client, ClientOptions, Reason, v1};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};

use crate::service::Service;
use crate::world::World;

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What befalls the next unary call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// The call is done, and its answer is lost.
    LoseAnswer,
    /// Nothing is done and nothing is answered.
    Hang,
    /// The service says that it cannot serve.
    Refuse(Reason),
}

/// How heartbeat streams are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamMode {
    Answer,
    /// Each answer is sent twice.
    Twice,
    /// Beats are done, and nothing is answered.
    LoseAnswers,
    /// Nothing is done and nothing is answered.
    Hang,
    /// Answers are kept until they are released.
    Withhold,
}

pub type Responses = mpsc::Sender<Result<v1::StreamHeartbeatsResponse, tonic::Status>>;

pub struct Faults {
    pub world: Arc<Mutex<World>>,
    pub changed: Notify,
    inner: Mutex<Inner>,
}

pub struct Inner {
    pub call_faults: VecDeque<CallFault>,
    pub stream_mode: StreamMode,
    /// The request ids of the writes that arrived.
    pub request_ids: Vec<String>,
    pub messages: Vec<v1::StreamHeartbeatsRequest>,
    pub streams: Vec<OpenStream>,
    pub withheld: Vec<v1::StreamHeartbeatsResponse>,
    pub watches: Vec<v1::WatchSessionsRequest>,
    pub watch_scripts: VecDeque<Vec<Result<v1::WatchSessionsResponse, tonic::Status>>>,
    pub await_scripts: VecDeque<Vec<Result<v1::AwaitSessionResponse, tonic::Status>>>,
}

pub struct OpenStream {
    pub responses: Responses,
    /// Workspace and session behind each handle.
    pub handles: HashMap<u32, (String, String)>,
}

pub struct FaultServer {
    pub faults: Arc<Faults>,
    pub endpoint: String,
    runtime: Option<Runtime>,
}

impl FaultServer {
    pub fn spawn(world: &Arc<Mutex<World>>) -> Self {
        let runtime = runtime();
        let (address, listener) = runtime.block_on_elsewhere(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            (listener.local_addr().unwrap(), listener)
        });
        let faults = Faults::new(world);
        let service = v1::lease_service_server::LeaseServiceServer::new(Service(faults.clone()));
        runtime.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
        });
        Self { faults, endpoint: format!("http://{address}"), runtime: Some(runtime) }
    }

    pub fn spawn_unix(world: &Arc<Mutex<World>>, path: &Path) -> Self {
        let runtime = runtime();
        let guard = runtime.enter();
        let listener = UnixListener::bind(path).unwrap();
        drop(guard);
        let faults = Faults::new(world);
        let service = v1::lease_service_server::LeaseServiceServer::new(Service(faults.clone()));
        runtime.spawn(async move {
            let incoming = UnixListenerStream::new(listener);
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
        });
        let endpoint = format!("unix:{}", path.display());
        Self { faults, endpoint, runtime: Some(runtime) }
    }

    /// Ends the server at once, and cuts all its connections.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.faults.inner()
    }

    /// Waits until what happened on the server satisfies a condition.
    pub async fn until(&self, what: &str, condition: impl Fn(&Inner) -> bool) {
        let waiting = async {
            loop {
                let changed = self.faults.changed.notified();
                if condition(&self.inner()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// Pushes to the holder of a session, on the newest stream that has joined it.
    pub async fn push(&self, session_id: &str, kind: v1::push::Kind) {
        let (handle, responses) = {
            let inner = self.inner();
            let found = inner.streams.iter().rev().find_map(|stream| {
                let joined = |(_, (_, id)): &(&u32, &(String, String))| id == session_id;
                let (handle, _) = stream.handles.iter().find(joined)?;
                Some((*handle, stream.responses.clone()))
            });
            found.expect("the session has joined a stream")
        };
        let pushes = vec![v1::Push { handle, kind: Some(kind) }];
        let response = v1::StreamHeartbeatsResponse { pushes, ..Default::default() };
        responses.send(Ok(response)).await.unwrap();
    }

    /// Sends something on every open stream.
    pub async fn send_all(&self, response: Result<v1::StreamHeartbeatsResponse, tonic::Status>) {
        let open: Vec<_> =
            self.inner().streams.iter().map(|stream| stream.responses.clone()).collect();
        for responses in open {
            // Streams that have ended meanwhile do not matter.
            let _ = responses.send(response.clone()).await;
        }
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Faults {
    fn new(world: &Arc<Mutex<World>>) -> Arc<Self> {
        let inner = Inner {
            call_faults: VecDeque::new(),
            stream_mode: StreamMode::Answer,
            request_ids: Vec::new(),
            messages: Vec::new(),
            streams: Vec::new(),
            withheld: Vec::new(),
            watches: Vec::new(),
            watch_scripts: VecDeque::new(),
            await_scripts: VecDeque::new(),
        };
        let (world, changed) = (Arc::clone(world), Notify::new());
        Arc::new(Self { world, changed, inner: Mutex::new(inner) })
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl Inner {
    pub fn beats(&self) -> usize {
        self.messages.iter().map(|message| message.beats.len()).sum()
    }

    pub fn joins(&self) -> usize {
        self.messages.iter().map(|message| message.joins.len()).sum()
    }
}

pub fn world() -> Arc<Mutex<World>> {
    Arc::new(Mutex::new(World::new()))
}

/// A client with short bounds over these endpoints.
pub async fn client(endpoints: &[&str]) -> Client {
    let mut options = ClientOptions::default();
    options.attempt_timeout = Duration::from_millis(1_000);
    options.connect_timeout = Duration::from_millis(500);
    options.call_timeout = PATIENCE;
    Client::connect_with(endpoints.join(",").parse().unwrap(), options).await.unwrap()
}

/// An address at which nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An address that accepts connections and never says a word.
pub async fn half_open() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    (format!("http://{address}"), silent)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

trait BlockOnElsewhere {
    /// Runs on this runtime, also when called from another one.
    fn block_on_elsewhere<T: Send>(&self, work: impl Future<Output = T> + Send) -> T;
}

impl BlockOnElsewhere for Runtime {
    fn block_on_elsewhere<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        std::thread::scope(|scope| scope.spawn(|| self.block_on(work)).join().unwrap())
    }
}
