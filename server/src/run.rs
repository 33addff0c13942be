//! The server's life as a whole: bind, open, serve, drain, close.
//!
//! Guarantees: a server that cannot listen leaves no store behind; nobody is answered before
//! the store is open, nor after it is closed; a store that fails for good ends the process with
//! an error.
//!
//! Must not know: how a call is answered.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure::v1;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::config::{Config, ListenAddress, StoreAddress};
use crate::contract::Contract;
use crate::drain::Drain;
use crate::engine::{Engine, EngineOptions};
use crate::grpc::{ServerInfo, Services};
use crate::health::Health;
use crate::listen::{self, ListenError, Listener};
use crate::retention;
use crate::serve::{self, Serving};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Store, StoreError};
use crate::time::wall_now;
use crate::{descriptors, signals, supervisor};

/// Only the server's own user may look into the folder of the default store.
const FOLDER_MODE: u32 = 0o700;

/// How long closing may take after the drain: what is queued is still committed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the server could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder of the default store.
    #[error(
        "cannot make the folder {folder:?} for the store; make it, or name another with --store"
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store, when it was opened.
    #[error("cannot open the store {store:?}")]
    Open {
        /// Which.
        store: String,
        /// Why.
        source: StoreError,
    },
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What was compiled in, or what the system did not give.
    #[error("cannot start")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store, while serving.
    #[error("the store failed while serving, verify it before serving again: {0}")]
    StoreFailed(String),
}

/// Runs the server until it has drained.
///
/// # Errors
/// A [`RunError`] if it could not start, or could not go on.
pub async fn run(config: &Config) -> Result<(), RunError> {
    descriptors::make_room(config.limits.connections);
    let drain = Drain::new(config.drain_deadline);
    signals::listen(drain.clone()).map_err(|error| RunError::Start(error.into()))?;

    // Whoever connects already waits until the store is open.
    let listeners = listen::bind(&config.listen).await?;
    let store = open(&config.store).await?;
    let outcome = with_store(config, listeners, store.clone(), drain.clone()).await;
    if tokio::time::timeout(CLOSE_TIMEOUT, store.close()).await.is_err() {
        tracing::warn!("the store takes long to close");
    }
    outcome?;
    match drain.failure() {
        Some(error) => Err(RunError::StoreFailed(error)),
        None => Ok(()),
    }
}

/// How the engine is to work.
#[must_use]
pub fn engine_options(config: &Config) -> EngineOptions {
    EngineOptions {
        lease_bounds: config.lease,
        work_stream_half_life: config.work_stream_half_life,
        registration_required: config.registration_required,
        waiters_max: usize::try_from(config.limits.waiters_per_workspace).unwrap_or(usize::MAX),
        cache_bytes: usize::try_from(config.cache_bytes).unwrap_or(usize::MAX),
        ..EngineOptions::default()
    }
}

async fn with_store(
    config: &Config,
    listeners: Vec<Listener>,
    store: Arc<dyn Store>,
    drain: Drain,
) -> Result<(), RunError> {
    let engine = Engine::start(store.clone(), engine_options(config))
        .await
        .map_err(|source| RunError::Open { store: config.store.to_string(), source })?;
    watch_the_engine(&engine, &drain);
    tokio::spawn(retention::keep_bounded(
        store.clone(),
        engine.clone(),
        config.retention,
        drain.clone(),
    ));

    let services = Services {
        engine: engine.clone(),
        store,
        info: Arc::new(info(config)),
        drain: drain.clone(),
        connections: TaskTracker::new(),
    };
    let outcome = serve_until_drained(config, listeners, services, &drain).await;
    if tokio::time::timeout(CLOSE_TIMEOUT, engine.stop()).await.is_err() {
        tracing::warn!("the engine takes long to stop");
    }
    outcome
}

async fn serve_until_drained(
    config: &Config,
    listeners: Vec<Listener>,
    services: Services,
    drain: &Drain,
) -> Result<(), RunError> {
    let contract = Contract::read().map_err(|error| RunError::Start(error.into()))?;
    let connections = services.connections.clone();
    let mut routes = Routes::builder();
    services.add_to(&mut routes);
    let health = Health::add_to(&mut routes, &contract)
        .await
        .map_err(|error| RunError::Start(error.into()))?;
    announce(config, &listeners);
    let supervision = supervisor::supervise(drain.clone());
    let ended = serve::serve(Serving {
        listeners,
        routes: routes.routes(),
        contract,
        health,
        drain: drain.clone(),
        limits: config.limits,
        times: config.connection,
        connections,
    });
    let (ended, ()) = tokio::join!(ended, supervision);
    if ended.connections_cut == 0 {
        tracing::info!("drained");
    } else {
        tracing::warn!(connections = ended.connections_cut, "drained, connections were cut");
    }
    Ok(())
}

/// What the server tells of itself.
fn info(config: &Config) -> ServerInfo {
    let StoreAddress::Sqlite { .. } = &config.store;
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        started_at: wall_now(),
        started: Instant::now(),
        store_kind: v1::StoreKind::Sqlite,
        store_location: config.store.to_string(),
        limits: config.limits,
        retention: config.retention,
    }
}

/// Says where the server listens and where it keeps its state.
fn announce(config: &Config, listeners: &[Listener]) {
    for listener in listeners {
        match listener.address() {
            ListenAddress::Tcp(address) => tracing::info!(%address, "listening"),
            ListenAddress::Unix(path) => tracing::info!(address = ?path, "listening"),
        }
    }
    let StoreAddress::Sqlite { path, .. } = &config.store;
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, store = "sqlite", ?path, "serving");
}

async fn open(store: &StoreAddress) -> Result<Arc<dyn Store>, RunError> {
    let StoreAddress::Sqlite { path, in_data_folder } = store;
    if let (true, Some(folder)) = (in_data_folder, path.parent()) {
        make_folder(folder)?;
    }
    let (path, name) = (path.clone(), store.to_string());
    let opened =
        tokio::task::spawn_blocking(move || SqliteStore::open(path, SqliteOptions::default()));
    match opened.await {
        Ok(Ok(store)) => Ok(Arc::new(store)),
        Ok(Err(source)) => Err(RunError::Open { store: name, source }),
        Err(error) => Err(RunError::Start(error.into())),
    }
}

fn make_folder(folder: &Path) -> Result<(), RunError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(|source| RunError::Folder { folder: folder.to_owned(), source })
}

/// Ends the server when the engine does, and lets the event log know of a drain.
fn watch_the_engine(engine: &Engine, drain: &Drain) {
    let mut failed = engine.failed();
    let failing = drain.clone();
    tokio::spawn(async move {
        let error = match failed.wait_for(Option::is_some).await {
            Ok(error) => error.as_ref().map(ToString::to_string),
            // The engine has gone without an error: it was stopped.
            Err(_) => None,
        };
        if let Some(error) = error {
            failing.fail(error);
        }
    });
    let (engine, drain) = (engine.clone(), drain.clone());
    tokio::spawn(async move {
        drain.begun().await;
        if drain.failure().is_none() {
            engine.note_drain();
        }
    });
}

#[cfg(test)]
mod tests {
    use tenure::v1::lease_service_client::LeaseServiceClient;
    use tokio::time::timeout;

    use super::*;
    use crate::config::Surroundings;
    use crate::store::memory::{Fate, MemoryOptions, MemoryStore};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn config(listen: &str) -> Config {
        let surroundings = Surroundings {
            variables: [].into(),
            data_folder: Some("/nowhere".into()),
            read_file: &|_| Err(io::ErrorKind::NotFound.into()),
        };
        let arguments = ["tenured".into(), format!("--listen={listen}").into()];
        Config::load(&arguments, &surroundings).unwrap().1
    }

    #[tokio::test]
    async fn a_store_that_fails_for_good_ends_the_server_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.sock");
        let config = config(&format!("unix:{}", path.display()));
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let drain = Drain::new(config.drain_deadline);
        let running = tokio::spawn({
            let (store, drain) = (store.clone(), drain.clone());
            async move {
                let listeners = listen::bind(&config.listen).await.unwrap();
                with_store(&config, listeners, store, drain).await
            }
        });
        let mut client = timeout(PATIENCE, async {
            loop {
                if let Ok(client) =
                    LeaseServiceClient::connect(format!("unix:{}", path.display())).await
                {
                    return client;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        store.script(Fate::Fail);
        let request = v1::StartSessionRequest {
            workspace: "acme/api".to_owned(),
            holder: Some(v1::start_session_request::Holder::Interactive(
                v1::InteractiveHolder::default(),
            )),
            ..v1::StartSessionRequest::default()
        };
        assert!(timeout(PATIENCE, client.start_session(request)).await.unwrap().is_err());
        timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
        let failure = drain.failure().unwrap();
        assert!(failure.contains("store"), "{failure}");
    }
}
