//! Deterministic simulation: the real engine and the real rules, on simulated time, an unkind
//! store and an unkind network, with clients that hold, wait, force, ask and watch.
//!
//! Guarantees: one seed decides everything, so that a run is repeated exactly by its seed; the
//! witness checks what is promised at every batch that becomes durable and at every
//! answer that a client receives.
//!
//! What is real: `tenure-core` and `tenured`'s engine, outboxes, waits and watchers, as they are
//! built. What is simulated: clocks, ids, the store (in memory, with conflicts, failures, lost
//! answers and delays), the network, the processes. What is left out: SQLite, tonic and the
//! client library, which other parts of this crate drive as real processes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::{LocalBoxFuture, join_all};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::client::{Client, Place};
use self::network::Network;
use self::plan::Plan;
use self::server::Server;
use self::witness::Seen;

pub mod campaign;
pub mod client;
mod machine;
mod mutant;
mod network;
mod pipe;
pub mod plan;
mod server;
mod streams;
mod totals;
mod trace;
mod witness;

pub use self::mutant::Mutant;
pub use self::totals::Totals;

/// Long after the storm everybody has come to an end.
const END_MAX: Duration = Duration::from_secs(900);
/// So long after everybody has left, what they left behind has run out.
const RUN_OUT: Duration = Duration::from_secs(10);

/// What came of one run.
#[derive(Debug)]
pub struct Outcome {
    /// What happened, or the first violation with what happened before it.
    pub verdict: Result<Totals, String>,
    /// Equal for equal runs, and hardly ever for others.
    pub digest: u64,
}

/// Runs one seed.
///
/// # Errors
/// If the runtime that it needs cannot be built.
pub fn simulate(seed: u64, mutant: Mutant, verbose: bool) -> std::io::Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let local = LocalSet::new();
    Ok(local.block_on(&runtime, story(seed, mutant, verbose)))
}

async fn story(seed: u64, mutant: Mutant, verbose: bool) -> Outcome {
    let mut plan = Plan::of(seed);
    if mutant == Mutant::ServerClockRaces {
        plan.server_rate_permille *= 2;
    }
    let mut rng = Rng::with_seed(seed ^ 0x5eed);
    let seen = Seen::new(&plan, mutant, verbose);
    seen.note(&format!("{plan:?}"));
    let server = Server::new(&plan, Arc::clone(&seen));
    let network = Network::new(server, plan.weather, rng.fork());
    let place = Rc::new(Place {
        network: Rc::clone(&network),
        seen: Arc::clone(&seen),
        workspaces: plan.workspaces.clone(),
        storm_ends: Instant::now() + plan.storm,
        pauses: plan.mishaps.pauses,
        mutant,
    });
    let (lives, storm_ends) = (Rc::clone(&place), place.storm_ends);
    let (mishaps, fate) = (plan.mishaps, rng.fork());
    spawn_local(async move { lives.network.server.live(mishaps, storm_ends, fate).await });
    spawn_local(async move {
        sleep_until(storm_ends).await;
        network.calm_down();
    });
    let mut violated = seen.violated();
    tokio::select! {
        biased;
        // An error would mean that the witness is gone, which it is not.
        _ = violated.wait_for(|violated| *violated) => {}
        () = all_end_well(&plan, &place, rng) => {}
    }
    let mut witness = seen.witness();
    let digest = witness.digest();
    Outcome { verdict: witness.verdict(), digest }
}

async fn all_end_well(plan: &Plan, place: &Rc<Place>, mut rng: Rng) {
    let clients = cast(plan, place, &mut rng);
    let sweeper = Client::new("sweeper".to_owned(), place, rng.fork());
    spawn_local(sweeper.sweep());
    if timeout(plan.storm + END_MAX, join_all(clients)).await.is_err() {
        return place.seen.witness().violate("somebody is stuck");
    }
    sleep(RUN_OUT).await;
    let Some(running) = place.network.server.running() else {
        return place.seen.witness().violate("no server runs in the end");
    };
    for key in &place.workspaces {
        let waiting = running.engine.waiters(key.clone(), 0, 10).await;
        if waiting.is_ok_and(|page| !page.waiters.is_empty()) {
            place.seen.witness().violate("somebody is in a queue who has gone");
        }
    }
    let mut witness = place.seen.witness();
    witness.check_end();
    witness.count_run();
}

/// Everybody who takes part, in an order that the seed alone decides.
fn cast(plan: &Plan, place: &Rc<Place>, rng: &mut Rng) -> Vec<LocalBoxFuture<'static, ()>> {
    let mut clients: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
    let mut client = |name: String| Client::new(name, place, rng.fork());
    for n in 0..plan.holders {
        // Two processes of each actor.
        let name = format!("holder-{}{}", n / 2, if n % 2 == 0 { 'a' } else { 'b' });
        clients.push(Box::pin(client(name).hold_on()));
    }
    for n in 0..plan.waiters {
        clients.push(Box::pin(client(format!("waiter-{n}")).wait_in_line()));
    }
    for n in 0..plan.operators {
        clients.push(Box::pin(client(format!("operator-{n}")).order_about()));
    }
    for n in 0..plan.watchers {
        clients.push(Box::pin(client(format!("watcher-{n}")).watch()));
    }
    clients
}
