//! The real server in this process, on a loopback port that the system chooses, over whatever
//! store and clock the harness puts in.
//!
//! Guarantees: everything between the socket and the store is the product's own code, with its
//! default settings but for what [`Setting`] says; dropping a server ends it.
//!
//! Must not know: what is tried on it.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tenure::v1;
use tenured::config::{Config, ListenAddress, Surroundings};
use tenured::contract::Contract;
use tenured::drain::Drain;
use tenured::engine::{Engine, EngineOptions};
use tenured::grpc::{ServerInfo, Services};
use tenured::health::Health;
use tenured::serve::{self, Serving};
use tenured::store::Store;
use tenured::time::{SystemTimeSource, TimeSource, wall_now};
use tenured::{listen, run};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};

mod under_way;

use self::under_way::UnderWay;

/// How long a drain may take, should a call of the harness ask for one.
const DRAIN_DEADLINE: Duration = Duration::from_secs(2);

/// How a server differs from one that was started without any setting.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Environment variables as `tenured` reads them.
    pub variables: Vec<(&'static str, String)>,
    /// Where the present comes from.
    pub time: Arc<dyn TimeSource>,
}

impl Default for Setting {
    fn default() -> Self {
        Self { variables: Vec::new(), time: Arc::new(SystemTimeSource) }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What decides in it.
    pub engine: Engine,
    connections: TaskTracker,
    under_way: UnderWay,
    drain: Drain,
}

impl Server {
    /// Serves `store`.
    ///
    /// # Errors
    /// If the store cannot be acquired, or no port can be had.
    pub async fn start(store: Arc<dyn Store>, setting: Setting) -> anyhow::Result<Self> {
        let config = config(&setting.variables)?;
        let options = EngineOptions { time: setting.time, ..run::engine_options(&config) };
        let engine =
            Engine::start(Arc::clone(&store), options).await.context("cannot acquire the store")?;
        let drain = Drain::new(DRAIN_DEADLINE);
        let connections = TaskTracker::new();
        let contract = Contract::read().context("the compiled descriptors")?;
        let mut routes = Routes::builder();
        let health = Health::add_to(&mut routes, &contract).await.context("the health service")?;
        let services = Services {
            engine: engine.clone(),
            store,
            info: Arc::new(info(&config)),
            drain: drain.clone(),
            connections: connections.clone(),
        };
        services.add_to(&mut routes);
        let listeners = listen::bind(&config.listen).await.context("no loopback port to be had")?;
        let Some(ListenAddress::Tcp(address)) = listeners.first().map(|l| l.address().clone())
        else {
            bail!("the server does not listen on TCP");
        };
        let under_way = UnderWay::default();
        let counted = routes.routes().into_axum_router().layer(under_way.clone());
        tokio::spawn(serve::serve(Serving {
            listeners,
            routes: counted.into(),
            contract,
            health,
            drain: drain.clone(),
            limits: config.limits,
            times: config.connection,
            connections: connections.clone(),
        }));
        Ok(Self { address, engine, connections, under_way, drain })
    }

    /// Whether nobody is connected and no call is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connections.is_empty() && self.under_way.calls() == 0
    }

    /// A connection that is made when it is first used, and again whenever it was cut.
    ///
    /// # Errors
    /// Never, as long as addresses can be written down.
    pub fn channel(&self) -> anyhow::Result<Channel> {
        channel_to(self.address)
    }
}

/// See [`Server::channel`]; to a proxy before a server, for instance.
///
/// # Errors
/// Never, as long as addresses can be written down.
pub fn channel_to(address: SocketAddr) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.connect_lazy())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.cut();
    }
}

fn config(variables: &[(&'static str, String)]) -> anyhow::Result<Config> {
    let given = variables.iter().map(|(name, value)| (OsString::from(name), value.into()));
    let listen = (OsString::from("TENURE_LISTEN"), OsString::from("127.0.0.1:0"));
    let surroundings = Surroundings {
        variables: given.chain([listen]).collect(),
        data_folder: Some(PathBuf::from("/nonexistent")),
        read_file: &|_| Err(io::ErrorKind::NotFound.into()),
    };
    let (_, config) =
        Config::load(&["tenured".into()], &surroundings).context("the settings of the harness")?;
    Ok(config)
}

fn info(config: &Config) -> ServerInfo {
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: String::new(),
        started_at: wall_now(),
        started: Instant::now(),
        store_kind: v1::StoreKind::Unspecified,
        store_location: String::new(),
        limits: config.limits,
        retention: config.retention,
    }
}
