//! A server in this process, and clients of it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tenure::v1;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenured::config::{Config, ConnectionTimes, Limits, ListenAddress, Surroundings};
use tenured::contract::Contract;
use tenured::drain::Drain;
use tenured::health::Health;
use tenured::listen;
use tenured::serve::{self, Ended, Serving};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::stub::Stub;

/// Longer than anything here takes; a test that waits for this has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How a server under test differs from the defaults.
pub struct Settings {
    pub limits: Limits,
    pub times: ConnectionTimes,
    pub drain: Duration,
    pub listen: ListenAddress,
}

impl Default for Settings {
    fn default() -> Self {
        let surroundings = Surroundings {
            variables: [].into(),
            data_folder: Some("/nowhere".into()),
            read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        let (_, config) = Config::load(&["tenured".into()], &surroundings).unwrap();
        Self {
            limits: config.limits,
            times: config.connection,
            drain: config.drain_deadline,
            listen: ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()),
        }
    }
}

/// A running server.
pub struct Server {
    pub address: ListenAddress,
    pub drain: Drain,
    /// Each permit is a `GetSession` that has begun.
    pub entered: Arc<Semaphore>,
    /// Each permit lets one `GetSession` end.
    pub release: Arc<Semaphore>,
    task: JoinHandle<Ended>,
}

impl Server {
    pub async fn start(settings: Settings) -> Self {
        let contract = Contract::read().unwrap();
        let drain = Drain::new(settings.drain);
        let (entered, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let message_bytes_max = usize::try_from(settings.limits.message_bytes).unwrap();
        let mut routes = Routes::builder();
        routes.add_service(Stub {
            entered: entered.clone(),
            release: release.clone(),
            message_bytes_max,
        });
        let health = Health::add_to(&mut routes, &contract).await.unwrap();
        let listeners = listen::bind(&[settings.listen]).await.unwrap();
        let address = listeners[0].address().clone();
        let task = tokio::spawn(serve::serve(Serving {
            listeners,
            routes: routes.routes(),
            contract,
            health,
            drain: drain.clone(),
            limits: settings.limits,
            times: settings.times,
            connections: TaskTracker::new(),
        }));
        Self { address, drain, entered, release, task }
    }

    pub fn tcp(&self) -> SocketAddr {
        match &self.address {
            ListenAddress::Tcp(address) => *address,
            ListenAddress::Unix(path) => panic!("it listens on {path:?}"),
        }
    }

    /// A connection of its own for each call of this.
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.tcp())).unwrap();
        soon(endpoint.connect()).await.unwrap()
    }

    pub async fn client(&self) -> LeaseServiceClient<Channel> {
        LeaseServiceClient::new(self.channel().await)
    }

    /// A `GetSession` that is in its handler, on a connection of its own.
    pub async fn call_in_flight(&self) -> JoinHandle<Result<(), Status>> {
        let mut client = self.client().await;
        let call = tokio::spawn(async move {
            client.get_session(v1::GetSessionRequest::default()).await.map(|_| ())
        });
        soon(self.entered.acquire()).await.unwrap().forget();
        call
    }

    /// An open `WatchSessions`, which does not end by itself.
    pub async fn watch(&self) -> Streaming<v1::WatchSessionsResponse> {
        let request = v1::WatchSessionsRequest::default();
        let mut client = self.client().await;
        let mut stream = soon(client.watch_sessions(request)).await.unwrap().into_inner();
        soon(stream.message()).await.unwrap().unwrap();
        stream
    }

    /// Waits until the server has ended.
    pub async fn ended(self) -> Ended {
        soon(self.task).await.unwrap()
    }
}

/// A client over a Unix socket.
pub async fn unix_client(path: &Path) -> LeaseServiceClient<Channel> {
    let path = path.to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
    });
    let endpoint = Endpoint::from_static("http://unix");
    LeaseServiceClient::new(soon(endpoint.connect_with_connector(connector)).await.unwrap())
}

/// Waits for what must happen soon.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have happened by now")
}
