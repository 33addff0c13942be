//! The server: a real engine on a store in memory, killed and started again.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tenured::engine::{Engine, EngineOptions};
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::machine::{Gate, Gated, Machine};
use super::plan::{Mishaps, Plan};
use super::witness::Seen;

/// How long to wait before a server that could not start, or had to end, is started again.
const RESTART_AFTER: Duration = Duration::from_millis(20);

/// A server process that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// The way in.
    pub engine: Engine,
    /// What its reads are answered from.
    pub store: Arc<MemoryStore>,
    /// Set when the process is gone, and all connections with it.
    pub gone: CancellationToken,
    is_of_the_storm: bool,
    gate: Arc<Gate>,
    work: AbortHandle,
}

/// The one server, with its machine and its disk.
#[derive(Debug)]
pub struct Server {
    disk: MemoryStore,
    machine: Arc<Machine>,
    options: EngineOptions,
    unkindness: MemoryOptions,
    has_kind_store: bool,
    seen: Arc<Seen>,
    running: RefCell<Option<Running>>,
    boots: Cell<u64>,
}

impl Server {
    /// A server that has not been started, on an empty disk.
    #[must_use]
    pub fn new(plan: &Plan, seen: Arc<Seen>) -> Self {
        let disk = MemoryStore::new(MemoryOptions { seed: plan.seed, ..MemoryOptions::default() });
        disk.observe(seen.clone());
        let machine = Machine::new(plan.server_rate_permille);
        let options = EngineOptions {
            batching: plan.batching,
            time: machine.clone(),
            ids: machine.clone(),
            ..EngineOptions::default()
        };
        Self {
            disk,
            machine,
            options,
            unkindness: plan.store,
            has_kind_store: plan.has_kind_store(),
            seen,
            running: RefCell::default(),
            boots: Cell::new(0),
        }
    }

    /// The process that runs, if one does.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        self.running.borrow().clone().filter(|running| !running.gone.is_cancelled())
    }

    /// What is on the disk, without delay and without fault.
    #[must_use]
    pub fn disk(&self) -> &MemoryStore {
        &self.disk
    }

    /// Keeps the server running, as an init system would; with mishaps until `storm_ends`.
    pub async fn live(&self, mishaps: Mishaps, storm_ends: Instant, mut rng: Rng) {
        loop {
            let Some(running) = self.boot(storm_ends).await else {
                sleep(RESTART_AFTER).await;
                continue;
            };
            self.running.replace(Some(running.clone()));
            tokio::select! {
                biased;
                () = running.gone.cancelled() => {}
                () = self.meets(mishaps, storm_ends, &running, &mut rng) => {
                    if rng.u8(..4) == 0 {
                        // It is cut off and goes on alone, until its successor fences it.
                        self.seen.happened("the server is cut off", |totals| &mut totals.usurped);
                    } else {
                        self.seen.happened("the server is killed", |totals| &mut totals.crashes);
                        running.work.abort();
                    }
                    running.gone.cancel();
                    sleep(Duration::from_millis(rng.u64(0..2_000))).await;
                }
            }
            sleep(RESTART_AFTER).await;
        }
    }

    async fn boot(&self, storm_ends: Instant) -> Option<Running> {
        self.boots.set(self.boots.get() + 1);
        self.machine.set_asleep(false);
        // A store that is kind already need not be changed for another one.
        let is_of_the_storm = Instant::now() < storm_ends && !self.has_kind_store;
        let kind =
            MemoryOptions { delay_max: self.unkindness.delay_max, ..MemoryOptions::default() };
        let options = if is_of_the_storm { self.unkindness } else { kind };
        let seed = self.unkindness.seed ^ self.boots.get();
        let options = MemoryOptions { seed, ..options };
        let store = Arc::new(self.disk.another(options));
        let (engine, work) = Engine::boot(store.clone(), self.options.clone()).await.ok()?;
        self.seen.note("the server is up");
        let (gate, gone) = (Arc::new(Gate::default()), CancellationToken::new());
        let ended = gone.clone().drop_guard();
        let gated = Gated::new(work, Arc::clone(&gate));
        // Whether the work ends or is killed, the guard goes with it.
        let work = tokio::spawn(async move {
            gated.await;
            drop(ended);
        });
        Some(Running { engine, store, gone, is_of_the_storm, gate, work: work.abort_handle() })
    }

    /// What befalls a running server; ends when it is to be killed.
    async fn meets(&self, mishaps: Mishaps, storm_ends: Instant, running: &Running, rng: &mut Rng) {
        loop {
            sleep(Duration::from_millis(rng.u64(100..4_000))).await;
            if Instant::now() >= storm_ends {
                if !running.is_of_the_storm {
                    pending::<()>().await;
                }
                // What is under way is carried out; the next one has a kind store.
                running.engine.stop().await;
                running.gone.cancelled().await;
            }
            let length = Duration::from_millis(rng.u64(10..5_000));
            match rng.u8(..5) {
                0 | 1 if mishaps.crashes => return,
                2 if mishaps.stalls => {
                    self.seen.happened("the server stands still", |totals| &mut totals.stalls);
                    running.gate.close_for(length);
                }
                3 if mishaps.suspends => {
                    self.seen.happened("the machine sleeps", |totals| &mut totals.suspends);
                    self.machine.set_asleep(true);
                    running.gate.close_for(length);
                    sleep(length).await;
                    self.machine.set_asleep(false);
                }
                4 if mishaps.steps => {
                    let day_ms = 86_400_000;
                    self.seen.happened("the wall clock is set", |totals| &mut totals.steps);
                    self.machine.step(rng.i64(-day_ms..day_ms));
                }
                _ => {}
            }
        }
    }
}
