//! Serving: accepts connections, serves calls on them, and ends it all in good order.
//!
//! Guarantees: what one connection, and all of them together, may cost is bounded from the
//! accept on; once a drain begins nothing new is accepted, streams and clients are told, calls
//! in flight may finish, and `serve` returns by the drain's deadline.
//!
//! Must not know: what the calls do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::config::{ConnectionTimes, Limits};
use crate::contract::Contract;
use crate::drain::Drain;
use crate::health::Health;
use crate::listen::Listener;

mod accept;
mod call;
mod call_body;
mod connection;
mod guarded_io;

/// How long tasks of connections that were cut have to notice it.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// What is served, and how.
#[derive(Debug)]
pub struct Serving {
    /// Where connections come from.
    pub listeners: Vec<Listener>,
    /// What answers calls.
    pub routes: Routes,
    /// What the contract says about the routes.
    pub contract: Contract,
    /// Set when serving begins, and unset when the drain does.
    pub health: Health,
    /// Says when to end.
    pub drain: Drain,
    /// How much callers may ask for.
    pub limits: Limits,
    /// How long connections live.
    pub times: ConnectionTimes,
    /// Tracks the tasks of open connections, for whoever wants to count them.
    pub connections: TaskTracker,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that had not ended by themselves.
    pub connections_cut: usize,
}

/// What every connection shares.
#[derive(Debug)]
pub(crate) struct Shared {
    routes: Routes,
    contract: Contract,
    drain: Drain,
    limits: Limits,
    times: ConnectionTimes,
    /// One permit for each open stream.
    streams: Arc<Semaphore>,
    /// Cancelled when what is left must end.
    cut: CancellationToken,
    /// The connections' tasks.
    connections: TaskTracker,
    /// The calls' tasks.
    calls: TaskTracker,
}

/// Serves until the drain has ended.
pub async fn serve(serving: Serving) -> Ended {
    let Serving { listeners, routes, contract, health, drain, limits, times, connections } =
        serving;
    let shared = Arc::new(Shared {
        routes: routes.prepare(),
        contract,
        drain: drain.clone(),
        limits,
        times,
        streams: Arc::new(Semaphore::new(permits(limits.streams))),
        cut: CancellationToken::new(),
        connections,
        calls: TaskTracker::new(),
    });
    let room = Arc::new(Semaphore::new(permits(limits.connections)));
    let accepting = TaskTracker::new();
    for listener in listeners {
        accepting.spawn(accept::accept(listener, shared.clone(), room.clone()));
    }
    accepting.close();
    health.set(true).await;

    drain.begun().await;
    health.set(false).await;
    // The listeners go with their tasks: no new connections, and no socket files.
    accepting.wait().await;
    shared.end().await
}

impl Shared {
    /// Waits for connections to end, and cuts those that have not when the drain's time is up.
    async fn end(&self) -> Ended {
        self.connections.close();
        self.calls.close();
        let mut connections_cut = 0;
        tokio::select! {
            biased;
            () = self.connections.wait() => {}
            () = self.drain.ended() => {
                connections_cut = self.connections.len();
                self.cut.cancel();
            }
        }
        let rest = async {
            self.connections.wait().await;
            self.calls.wait().await;
        };
        if tokio::time::timeout(CUT_GRACE, rest).await.is_err() {
            tracing::warn!(calls = self.calls.len(), "calls go on after their connections");
        }
        Ended { connections_cut }
    }
}

fn permits(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}
