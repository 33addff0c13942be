//! The retention task, on a database and on time that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rusqlite::ffi;
use tenure_core::command::Command;
use tenure_core::event::What;
use tenure_core::machine::MachineCommand;
use tenure_core::name::{MachineId, SessionId};
use tenure_core::reply::Reply;
use tenure_core::session::MachineRef;
use tenure_core::time::WallTime;
use tenured::access::Caller;
use tenured::config::RetentionTimes;
use tenured::drain::{Cause, Drain};
use tenured::engine::machines::MachineOrder;
use tenured::engine::{Engine, EngineOptions, Request};
use tenured::retention::keep_bounded;
use tenured::store::sqlite::{Fault, FaultPlan, FaultPoint, SqliteOptions, SqliteStore};
use tenured::store::{MachineFilter, Store};
use tenured::time::{Reading, TimeSource};

use crate::world::{clear, force, start};

const DAY: Duration = Duration::from_secs(86_400);

const TIMES: RetentionTimes = RetentionTimes {
    event_age: DAY.saturating_mul(30),
    event_count: 1_000,
    important_event_age: DAY.saturating_mul(365),
    ledger_age: DAY.saturating_mul(90),
};

/// Real time: the database has no other.
const PATIENCE: Duration = Duration::from_secs(20);

/// Wall time, which stands still but for what the test adds to it. Tokio's own simulated time
/// runs ahead while the database works, and would expire everything.
#[derive(Debug)]
struct Wall(AtomicU64);

impl TimeSource for Wall {
    fn read(&self) -> Reading {
        Reading { wall: WallTime(self.0.load(Relaxed)), ..Reading::default() }
    }
}

struct Rig {
    store: Arc<dyn Store>,
    engine: Engine,
    wall: Arc<Wall>,
    /// Whether the database has no space.
    full: Arc<AtomicBool>,
    /// How often it has said so.
    refused: Arc<AtomicU32>,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let (full, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (is_full, refusals) = (Arc::clone(&full), Arc::clone(&refused));
        let faults = FaultPlan::new(move |point| {
            let fails = point == FaultPoint::Begun && is_full.load(Relaxed);
            fails.then(|| {
                refusals.fetch_add(1, Relaxed);
                Fault::Code(ffi::SQLITE_FULL)
            })
        });
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions { faults, ..SqliteOptions::default() };
        let store = SqliteStore::open(folder.path().join("tenure.db"), options).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let wall = Arc::new(Wall(AtomicU64::new(1_700_000_000_000)));
        let options = EngineOptions { time: wall.clone(), ..EngineOptions::default() };
        let engine = Engine::start(Arc::clone(&store), options).await.unwrap();
        Self { store, engine, wall, full, refused, _folder: folder }
    }

    async fn call(&self, request: Request) -> Reply {
        self.engine.execute(request).await.unwrap().reply
    }

    async fn started(&self, workspace: &str) -> SessionId {
        let Reply::Started(started) = self.call(start(workspace, "a", 600)).await else { panic!() };
        started.session.session.id.unwrap()
    }

    fn pass(&self, length: Duration) {
        self.wall.0.fetch_add(u64::try_from(length.as_millis()).unwrap(), Relaxed);
    }

    /// The events of workspaces that are kept.
    async fn kept(&self) -> Vec<String> {
        let page = self.store.events(None, 0, 1_000).await.unwrap();
        let of_workspaces =
            page.events.into_iter().filter_map(|it| Some((it.event.key?, it.event.what)));
        of_workspaces
            .map(|(key, what)| match what {
                What::SessionStarted { .. } => format!("{} started", key.workspace.as_str()),
                What::SessionEnded { entry, .. } => {
                    format!("{} {:?}", key.workspace.as_str(), entry.cause)
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    async fn keeps(&self, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            let kept = self.kept().await;
            if kept == expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{kept:?} instead of {expected:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_retention_task_forgets_what_is_old_and_outlives_errors_of_the_store() {
    let rig = Rig::new().await;
    let first = rig.started("old").await;
    rig.call(force("old", "b", first.clone(), 0)).await;
    rig.call(clear("old", "b")).await;
    rig.pass(31 * DAY);
    rig.started("young").await;
    let all = ["old started", "old ForceTakenOver", "old started", "old Cleared", "young started"];
    assert_eq!(rig.kept().await, all);

    rig.full.store(true, Relaxed);
    let drain = Drain::new(Duration::from_secs(1));
    let task = keep_bounded(Arc::clone(&rig.store), rig.engine.clone(), TIMES, drain.clone());
    let task = tokio::spawn(task);
    let begun = Instant::now();
    while rig.refused.load(Relaxed) < 3 {
        assert!(begun.elapsed() < PATIENCE, "it does not try again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.kept().await, all);
    rig.full.store(false, Relaxed);
    rig.keeps(&["old ForceTakenOver", "young started"]).await;
    assert!(rig.store.ledger_entry(first.clone()).await.unwrap().is_some());

    rig.pass(366 * DAY);
    rig.keeps(&[]).await;
    assert_eq!(rig.store.ledger_entry(first).await.unwrap(), None);
    drain.begin(Cause::Asked);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_forgotten_30_days_after_it_held_a_session_and_a_cordoned_one_never() {
    let rig = Rig::new().await;
    for name in ["gone", "here", "cordoned"] {
        rig.call(on(name, start(name, "a", 600))).await;
    }
    for name in ["gone", "cordoned"] {
        rig.call(clear(name, "a")).await;
    }
    let id = MachineId::imported("cordoned");
    let (caller, command) =
        (Arc::new(Caller::local(None)), MachineCommand::Cordon { reason: None });
    let order = MachineOrder { id, command, caller, known: None };
    rig.engine.order(order).await.unwrap();
    let drain = Drain::new(Duration::from_secs(1));
    let task = keep_bounded(Arc::clone(&rig.store), rig.engine.clone(), TIMES, drain.clone());
    let task = tokio::spawn(task);
    rig.pass(30 * DAY);
    rig.knows(&["cordoned", "gone", "here"]).await;
    rig.pass(Duration::from_millis(1));
    rig.knows(&["cordoned", "here"]).await;
    rig.pass(300 * DAY);
    tokio::time::sleep(Duration::from_secs(120)).await;
    rig.knows(&["cordoned", "here"]).await;
    drain.begin(Cause::Asked);
    task.await.unwrap();
}

fn on(machine: &str, mut request: Request) -> Request {
    if let Command::Start(start) = &mut request.command {
        let id = MachineId::imported(machine);
        start.machine = Some(MachineRef { id, host: machine.into(), labels: [].into() });
    }
    request
}

impl Rig {
    /// Waits until these machines, and no others, are known.
    async fn knows(&self, expected: &[&str]) {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_secs(61)).await;
            let page = self.store.machines(MachineFilter::default(), None, 100).await.unwrap();
            let known: Vec<_> = page.rows.iter().map(|row| row.machine.id.as_str()).collect();
            if known == expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{known:?} instead of {expected:?}");
        }
    }
}
