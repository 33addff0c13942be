//! Makes a history: servers, clients and what comes between them.
//!
//! Guarantees: between two rounds nothing is under way, so a call whose answer was lost has
//! taken effect in its round, or never.
//!
//! Must not know: what the answers should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use tenured::engine::Engine;
use tenured::store::Store;
use tokio::task::JoinSet;

use super::Plan;
use super::board::Board;
use super::clients::{Client, Shared};
use super::cutting::CuttingProxy;
use super::record::{Call, Recorder};
use super::turned_clock::{self, TurnedClock};
use crate::in_process::{Server, Setting, channel_to};

/// After so many calls all clients leave and come again. A call without answer can take effect
/// until then, and no longer.
const CALLS_A_ROUND: usize = 100;

/// How often a server is found idle in a row before it is believed.
const IDLE_IN_A_ROW: usize = 5;

/// A server that takes longer than this to work off what clients have left behind hangs.
const QUIET_MAX: Duration = Duration::from_secs(30);

/// Of the clients, every so manieth goes through a proxy that cuts connections.
const CUT_EVERY: usize = 3;

/// Makes one run, on servers of its own on `stores`.
///
/// # Errors
/// What keeps the run from being one.
pub fn history(plan: &Plan, stores: Vec<Arc<dyn Store>>) -> anyhow::Result<Vec<Call>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let calls = runtime.block_on(record(plan, stores));
    runtime.shutdown_timeout(Duration::from_secs(5));
    calls
}

/// Makes the calls of `plan` to servers on `stores`, one server for each, and takes them down.
/// Clients are shared out among the servers.
async fn record(plan: &Plan, stores: Vec<Arc<dyn Store>>) -> anyhow::Result<Vec<Call>> {
    let clock = Arc::new(TurnedClock::default());
    let mut servers = Vec::new();
    for store in stores {
        let setting = Setting { time: clock.clone(), ..Setting::default() };
        servers.push(Server::start(store, setting).await?);
    }
    let engines: Vec<Engine> = servers.iter().map(|server| server.engine.clone()).collect();
    let turning = tokio::spawn(Arc::clone(&clock).turn(engines));
    let names = (0..plan.workspaces).map(|n| format!("acme/{n}")).collect();
    let shared = Arc::new(Shared {
        board: Board::new(names),
        recorder: Recorder::new(Arc::clone(&clock)),
        clock,
        left: AtomicUsize::new(0),
        losses: plan.losses,
        plain: plan.plain,
    });
    let rounds = plan.calls.div_ceil(CALLS_A_ROUND);
    for number in 0..rounds {
        shared.left.store(CALLS_A_ROUND, Ordering::SeqCst);
        round(plan, number, &servers, &shared).await?;
        quiet(&servers).await?;
        shared.recorder.settle();
    }
    turning.abort();
    Ok(shared.recorder.take())
}

/// Makes the calls of one round, on connections of its own.
async fn round(
    plan: &Plan,
    number: usize,
    servers: &[Server],
    shared: &Arc<Shared>,
) -> anyhow::Result<()> {
    let mut chance = fastrand::Rng::with_seed(plan.seed ^ (number as u64).rotate_right(16));
    let mut proxies = Vec::new();
    for server in servers {
        proxies.push(CuttingProxy::before(server.address, chance.u64(..)).await?);
    }
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let at = number % servers.len();
        let cut = plan.losses && number % CUT_EVERY == 0;
        let client = Client {
            number,
            channel: if cut { channel_to(proxies[at].address)? } else { servers[at].channel()? },
            cut,
            second: servers[at].channel()?,
            chance: chance.fork(),
            shared: Arc::clone(shared),
        };
        clients.spawn(client.work());
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client")??;
    }
    Ok(())
}

/// Waits until nothing that was sent to `servers` can take effect any more: nobody is connected,
/// no call is under way, and whatever was queued has been carried out.
async fn quiet(servers: &[Server]) -> anyhow::Result<()> {
    let idle = async {
        let mut in_a_row = 0;
        while in_a_row < IDLE_IN_A_ROW {
            tokio::time::sleep(Duration::from_millis(1)).await;
            in_a_row = if servers.iter().all(Server::is_idle) { in_a_row + 1 } else { 0 };
            for server in servers {
                turned_clock::look_in(&server.engine).await;
            }
        }
    };
    let waited = tokio::time::timeout(QUIET_MAX, idle).await;
    waited.context("the server still works on calls of clients that have gone")
}
