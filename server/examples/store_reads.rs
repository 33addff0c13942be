//! How long reads of many rows take in the SQLite store: a check of 1,000 fencing tokens, pages
//! of machines of which one holds half of all sessions, pages of the ledger, and its totals.
//!
//! `cargo run --release -p tenured --example store_reads -- [WORKSPACES] [ENDED] [ROUNDS]`
//!
//! The file lies in the current folder and is removed afterwards.

#![expect(clippy::print_stdout, reason = "it reports to whoever runs it")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tenure_core::context::Clock;
use tenure_core::fence::Fence;
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::machine::Sighting;
use tenure_core::name::{
    ActorId, Key, MachineId, Principal, ProfileName, SessionId, WorkspaceName,
};
use tenure_core::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, Lifecycle, MachineRef, Mode, OwnerKind,
    Renewal, Revision, Session,
};
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::usage::Usage;
use tenure_core::workspace::Tenure;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::store::{
    Batch, Epoch, Guard, LeaseRow, LedgerFilter, LedgerQuery, MachineFilter, PAGE_MAX, Reads,
    Store, Upkeep, Version, Write,
};

/// Tokens of one check.
const CHECKS: usize = 1_000;
/// Writes of one batch while the store is filled.
const BATCH: usize = 4_096;
/// Machines; one of them holds every second session.
const MACHINES: usize = 1_000;
/// Owners of the ended sessions.
const OWNERS: usize = 100;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| match arguments.next() {
        Some(text) => text.parse().context("every argument is a number"),
        None => Ok(default),
    };
    let (workspaces, ended, rounds) = (number(10_000)?, number(100_000)?, number(1_000)?);
    let folder = std::path::PathBuf::from(format!("store_reads.{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let result = measure(&folder, workspaces, ended, rounds).await;
    std::fs::remove_dir_all(&folder)?;
    result
}

async fn measure(
    folder: &Path,
    workspaces: usize,
    ended: usize,
    rounds: usize,
) -> anyhow::Result<()> {
    let store = SqliteStore::open(folder.join("tenure.db"), SqliteOptions::default())?;
    let epoch = store.acquire().await?.epoch;
    let mut writes: Vec<Write> = (0..workspaces).map(write).collect();
    for n in 0..ended {
        writes[n % workspaces].sealed.push(entry(n, workspaces));
    }
    while !writes.is_empty() {
        let rest = writes.split_off(writes.len().min(BATCH));
        store.commit(batch(epoch, std::mem::replace(&mut writes, rest))).await?;
    }
    println!("{workspaces} workspaces, {ended} ended sessions");
    fences(&store, workspaces, rounds).await?;
    machines(&store, rounds.div_ceil(10)).await?;
    let one = |filter| LedgerQuery { filter, limit: 1_000, ..LedgerQuery::default() };
    let owner = LedgerFilter { owner: Some("worker-7".to_owned()), ..LedgerFilter::default() };
    let prefix = LedgerFilter { prefix: Some("acme/7".to_owned()), ..LedgerFilter::default() };
    for (what, filter) in [("all", LedgerFilter::default()), ("owner", owner), ("prefix", prefix)] {
        let page = one(filter);
        pages(&store, &format!("page of 1,000, {what}"), &page, rounds.div_ceil(10)).await?;
        let totals = LedgerQuery { totals: true, ..page };
        pages(&store, &format!("the same with totals, {what}"), &totals, 5).await?;
    }
    store.close().await?;
    Ok(())
}

async fn fences(store: &SqliteStore, workspaces: usize, rounds: usize) -> anyhow::Result<()> {
    let clock = Clock { now: Moment::default(), boot_mark: LeaseInstant(0) };
    let mut rng = fastrand::Rng::with_seed(1);
    let mut took = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let keys: Vec<Key> = (0..CHECKS).map(|_| key(rng.usize(..workspaces))).collect();
        let before = Instant::now();
        let found = store.get_each(keys).await?;
        let current = found.iter().filter(|stored| {
            let tenure = stored.as_ref().map(|stored| &stored.tenure);
            Fence::check(tenure, FencingToken(1), &clock).current
        });
        anyhow::ensure!(current.count() == CHECKS, "every token is current");
        took.push(before.elapsed());
    }
    report(&format!("check of {CHECKS} tokens"), took);
    Ok(())
}

async fn machines(store: &SqliteStore, rounds: usize) -> anyhow::Result<()> {
    let holding = MachineFilter { holding: Some(true), ..MachineFilter::default() };
    for (what, filter) in [("all", MachineFilter::default()), ("holding", holding)] {
        let mut took = Vec::with_capacity(rounds);
        let mut found = 0;
        for _ in 0..rounds {
            let before = Instant::now();
            found = store.machines(filter.clone(), None, PAGE_MAX).await?.rows.len();
            took.push(before.elapsed());
        }
        report(&format!("page of {found} machines, {what}"), took);
    }
    let mut took = Vec::with_capacity(rounds);
    let mut held = 0;
    for _ in 0..rounds {
        let before = Instant::now();
        let found = store.machine(MachineId::imported("machine-0")).await?;
        took.push(before.elapsed());
        held = found.map_or(0, |found| found.held.live);
    }
    report(&format!("one machine that holds {held}"), took);
    Ok(())
}

/// On which machine the session of a workspace runs.
fn machine(n: usize) -> MachineRef {
    let number = if n.is_multiple_of(2) { 0 } else { n / 2 % MACHINES };
    let id = MachineId::imported(&format!("machine-{number}"));
    MachineRef { id, host: Arc::from("build.example"), labels: [].into() }
}

async fn pages(
    store: &SqliteStore,
    what: &str,
    query: &LedgerQuery,
    rounds: usize,
) -> anyhow::Result<()> {
    let mut took = Vec::with_capacity(rounds);
    let mut entries = 0;
    for _ in 0..rounds {
        let before = Instant::now();
        entries = store.ledger(query.clone()).await?.entries.len();
        took.push(before.elapsed());
    }
    report(&format!("{what} ({entries} entries)"), took);
    Ok(())
}

fn report(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let percentile = |p: usize| took[(took.len() - 1) * p / 100];
    let (p50, p99) = (percentile(50), percentile(99));
    println!("  {what:<42} p50 {p50:>9.1?}  p99 {p99:>9.1?}  of {}", took.len());
}

fn key(n: usize) -> Key {
    let workspace = WorkspaceName::imported(&format!("acme/{}/{n}", n % 10));
    Key { workspace, profile: ProfileName::default() }
}

fn write(n: usize) -> Write {
    let renewal = Renewal { last_heartbeat_at: WallTime(0), expires_at: LeaseInstant(60_000) };
    let session = Session {
        id: Some(SessionId::imported(&format!("ses_01J0000000000000000{n:07}"))),
        holder: Holder::Autonomous(Autonomous {
            actor: Some(ActorId::imported(&format!("worker-{}", n % OWNERS))),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: Some(ActorId::imported("supervisor")),
            instance: None,
            ttl: Some(Span::from_secs(60)),
            renewal: Some(renewal),
        }),
        mode: Mode::Implement,
        token: FencingToken(1),
        started_at: Moment::default(),
        last_started_at: Moment::default(),
        start_count: 1,
        principal: Principal::imported("local"),
        machine: Some(machine(n)),
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    };
    let revision = Revision(1);
    let tenure = Tenure { revision: Some(revision), session: Some(session), ..Tenure::default() };
    Write {
        key: key(n),
        guard: Guard::Absent,
        lease: Some(LeaseRow {
            version: Version(1),
            revision,
            last_heartbeat_at: Some(renewal.last_heartbeat_at),
            expires_at: Some(renewal.expires_at),
            beats: 0,
        }),
        tenure: Some(Arc::new(tenure)),
        around: None,
        deleted: None,
        origin: None,
        sealed: Vec::new(),
        events: Vec::new(),
        outcomes: Vec::new(),
        sightings: vec![Sighting {
            machine: machine(n),
            stated: true,
            seen_at: Some(WallTime(1)),
            at: WallTime(1),
        }],
    }
}

fn entry(n: usize, workspaces: usize) -> LedgerEntry {
    LedgerEntry {
        session_id: Some(SessionId::imported(&format!("ses_01H0000000000000000{n:07}"))),
        key: key(n % workspaces),
        lifecycle: Lifecycle::Autonomous,
        owner_kind: OwnerKind::RuntimeWorker,
        actor: Some(ActorId::imported(&format!("worker-{}", n % OWNERS))),
        supervisor: Some(ActorId::imported("supervisor")),
        mode: Mode::Implement,
        principal: Principal::imported("local"),
        machine: None,
        token: FencingToken(1),
        started_at: WallTime(n as u64),
        ended_at: WallTime(n as u64 + 60_000),
        cause: EndCause::Yielded,
        ended_by: Principal::imported("local"),
        ended_by_actor: None,
        why: Some(Arc::from("the work is done")),
        successor: None,
        revision: Revision(2),
        start_count: 1,
        beats: 3,
        last_activity: None,
        instance: None,
        last_heartbeat_at: Some(WallTime(n as u64)),
        lease_ttl: Some(Span::from_secs(60)),
        usage: Some(Usage { input_tokens: 100, ..Usage::default() }),
        focus: Some(Arc::from("the third step")),
    }
}

fn batch(epoch: Epoch, writes: Vec<Write>) -> Batch {
    Batch {
        epoch,
        lease_now: LeaseInstant(1),
        writes,
        renewals: Vec::new(),
        service_events: Vec::new(),
        machines: Vec::new(),
    }
}
