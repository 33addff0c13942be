//! Ours: `tenured` with a SQLite store, at `synchronous=FULL`.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Program, READY_MAX, Server};
use crate::load;
use crate::process::Process;
use crate::site::Site;

/// What a server is started with.
#[derive(Debug, Default)]
pub struct Options {
    /// The database; a new one in a folder of its own if absent.
    pub store: Option<PathBuf>,
    /// Further arguments.
    pub arguments: Vec<&'static str>,
}

/// Starts a server on a free port with an empty store, and waits until it is ready.
///
/// # Errors
/// When it does not come up in time, with the last that it said.
pub async fn start(site: &Site) -> anyhow::Result<Server> {
    start_with(site, &Options::default()).await
}

/// The same, with options.
///
/// # Errors
/// When it does not come up in time, with the last that it said.
pub async fn start_with(site: &Site, options: &Options) -> anyhow::Result<Server> {
    let folder = if options.store.is_none() { Some(site.folder()?) } else { None };
    let new = folder.as_ref().map(|folder| folder.path().join("tenure.db"));
    let store = options.store.clone().or(new).context("a server has a store")?;
    let mut command = site.command(Program::Tenured)?;
    command.args(["--listen", "127.0.0.1:0", "--store", &format!("sqlite:{}", store.display())]);
    command.args(&options.arguments);
    if let Some(folder) = store.parent() {
        command.current_dir(folder);
    }
    let process = Process::spawn("tenured", command)?;
    let address = process.address(READY_MAX)?;
    let server = Server { process, address, ends_well: true, _folder: folder };
    serving(&server).await?;
    Ok(server)
}

/// Waits until the health of the whole server is good.
///
/// # Errors
/// When that takes too long, with the last that the server said.
pub async fn serving(server: &Server) -> anyhow::Result<()> {
    let health = async {
        let mut health = HealthClient::new(load::connect(server.address()).await?);
        let whole = HealthCheckRequest { service: String::new() };
        let mut states = health.watch(whole).await?.into_inner();
        while let Some(state) = states.message().await? {
            if state.status() == ServingStatus::Serving {
                return Ok(());
            }
        }
        bail!("its health ended")
    };
    match tokio::time::timeout(READY_MAX, health).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.context(server.failure("does not serve"))),
        Err(_) => Err(server.failure("was not ready in time")),
    }
}
