//! etcd of the machine, one node with its defaults, in a folder on the disk that ours is on.

pub mod keepalive;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use tonic::transport::Channel;

use super::{Program, READY_MAX, Server};
use crate::load;
use crate::process::{Process, free_address};
use crate::site::Site;
use api::lease_client::LeaseClient;

/// The messages and clients of the part of its API that is used.
pub mod api {
    #![expect(
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    tonic::include_proto!("etcdserverpb");
}

/// How often it is tried whether it serves.
const READY_POLL: Duration = Duration::from_millis(20);

/// How much its database may hold: what is written in a run never fills it.
const QUOTA_BYTES: &str = "8589934592";

/// How long the leases live: longer than any figure takes.
pub const LEASE_TTL_S: i64 = 600;

/// Leases that are being granted at a time.
const GRANTING_MAX: usize = 256;

/// Starts a node with an empty store, and waits until it answers.
///
/// # Errors
/// When it is not installed or does not come up in time, with the last that it said.
pub async fn start(site: &Site) -> anyhow::Result<Server> {
    let folder = site.folder()?;
    let (clients, peers) = (free_address()?, free_address()?);
    let (clients_url, peers_url) = (format!("http://{clients}"), format!("http://{peers}"));
    let mut command = site.command(Program::Etcd)?;
    command.arg("--data-dir").arg(folder.path().join("data"));
    command.args(["--listen-client-urls", &clients_url, "--advertise-client-urls", &clients_url]);
    command.args(["--listen-peer-urls", &peers_url, "--initial-advertise-peer-urls", &peers_url]);
    command.args(["--initial-cluster", &format!("default={peers_url}")]);
    command.args(["--quota-backend-bytes", QUOTA_BYTES, "--log-level", "error"]);
    command.current_dir(folder.path());
    let process = Process::spawn("etcd", command)?;
    let mut server = Server { process, address: clients, ends_well: false, _folder: Some(folder) };
    let ready = async {
        while !server.process.has_ended() {
            if put_one(clients).await.is_ok() {
                return true;
            }
            tokio::time::sleep(READY_POLL).await;
        }
        false
    };
    match tokio::time::timeout(READY_MAX, ready).await {
        Ok(true) => Ok(server),
        Ok(false) => Err(server.failure("ended before it served")),
        Err(_) => Err(server.failure("was not ready in time")),
    }
}

/// Writes a key, which only a node with a leader does.
async fn put_one(address: SocketAddr) -> anyhow::Result<()> {
    let mut kv = api::kv_client::KvClient::new(load::connect(address).await?);
    kv.put(api::PutRequest { key: b"ready".into(), ..Default::default() }).await?;
    Ok(())
}

/// Grants so many leases.
///
/// # Errors
/// When one is refused.
pub async fn grant(channels: &[Channel], count: usize) -> anyhow::Result<Vec<i64>> {
    let grants = (0..count).map(|turn| {
        let mut lease = LeaseClient::new(channels[turn % channels.len()].clone());
        async move { grant_one(&mut lease).await }
    });
    let mut granted = futures_util::stream::iter(grants).buffer_unordered(GRANTING_MAX);
    let mut ids = Vec::with_capacity(count);
    while let Some(id) = granted.next().await {
        ids.push(id?);
    }
    Ok(ids)
}

/// Grants one lease.
///
/// # Errors
/// When it is refused.
pub async fn grant_one(lease: &mut LeaseClient<Channel>) -> anyhow::Result<i64> {
    let request = api::LeaseGrantRequest { ttl: LEASE_TTL_S, id: 0 };
    let granted = lease.lease_grant(request).await.context("granting a lease")?.into_inner();
    ensure!(granted.error.is_empty() && granted.id != 0, "a lease was refused: {granted:?}");
    Ok(granted.id)
}
