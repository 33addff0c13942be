//! A proxy that cuts connections without warning, so that calls are sent whose answers never
//! come: some were carried out, some were not, and nobody can tell.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long a connection lives, in milliseconds.
const LIVES_MS: RangeInclusive<u64> = 5..=120;

/// Listens on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct CuttingProxy {
    /// Where it listens.
    pub address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl CuttingProxy {
    /// Before the server at `server`; `seed` decides how long connections live.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn before(server: SocketAddr, seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let chance = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let lives_ms = chance.lock().unwrap_or_else(PoisonError::into_inner).u64(LIVES_MS);
                connections.spawn(pass_on(client, server, Duration::from_millis(lives_ms)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, _tasks: tasks })
    }
}

async fn pass_on(mut client: TcpStream, server: SocketAddr, lives: Duration) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // Whether it ends by itself or is cut is all the same.
    let _ = tokio::time::timeout(lives, copy_bidirectional(&mut client, &mut server)).await;
}
