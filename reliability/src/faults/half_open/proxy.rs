//! A proxy whose connections can freeze: they stay open, and nothing passes any more.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// More connections than this are not accepted.
const CONNECTIONS_MAX: usize = 64;

/// What passes.
#[derive(Debug, Clone, Copy, Default)]
struct Passing {
    /// How often the proxy froze; connections of before the newest freeze are dead.
    freezes: u64,
    /// Set if no later connection passes either.
    nothing: bool,
}

/// The proxy.
pub(super) struct Proxy {
    address: SocketAddr,
    passing: watch::Sender<Passing>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands before a server.
    pub(super) async fn before(target: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the proxy has no port")?;
        let address = listener.local_addr()?;
        let passing = watch::Sender::default();
        let seen = passing.subscribe();
        let accepting = tokio::spawn(async move {
            // Those that are dropped end with this task.
            let mut connections = tokio::task::JoinSet::new();
            while connections.len() < CONNECTIONS_MAX {
                let Ok((inbound, _)) = listener.accept().await else { return };
                connections.spawn(pass(inbound, target, seen.clone()));
            }
            std::future::pending::<()>().await;
        });
        Ok(Self { address, passing, accepting })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Freezes the connections that are open now; later ones pass.
    pub(super) fn freeze(&self) {
        self.passing.send_modify(|passing| passing.freezes += 1);
    }

    /// From now on nothing passes, whoever connects.
    pub(super) fn swallow(&self) {
        self.passing.send_modify(|passing| {
            passing.freezes += 1;
            passing.nothing = true;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut inbound: TcpStream, target: SocketAddr, mut passing: watch::Receiver<Passing>) {
    if passing.borrow_and_update().nothing {
        return std::future::pending().await;
    }
    let Ok(mut outbound) = TcpStream::connect(target).await else { return };
    tokio::select! {
        // Either side has closed, in whatever way.
        _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound) => {}
        _ = passing.changed() => std::future::pending().await,
    }
}
