//! How many heartbeats a second the SQLite store makes durable, by the size of the batch.
//!
//! `cargo run --release -p tenured --example store_batch -- [ROWS] [SECONDS] [CHECKPOINT_PAGES]`
//!
//! Only commits are timed, one after another as the engine sends them. The file lies in the
//! current folder and is removed afterwards.

#![expect(clippy::print_stdout, reason = "it reports to whoever runs it")]

use std::time::{Duration, Instant};

use anyhow::Context;
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenure_core::session::Revision;
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::store::{
    Batch, Epoch, Guard, LeaseRow, LeaseWrite, Outcome, RowId, Store, Upkeep, Version, Write,
};

const BATCH_SIZES: [usize; 7] = [1, 16, 64, 256, 1_024, 4_096, 10_000];

/// A workspace as the engine would remember it.
struct Row {
    row: RowId,
    version: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next() {
        Some(text) => text.parse().context("every argument is a number"),
        None => Ok(default),
    };
    let rows = usize::try_from(number(10_000)?)?;
    let seconds = number(3)?;
    let mut options = SqliteOptions::default();
    options.checkpoint_pages = u32::try_from(number(options.checkpoint_pages.into())?)?;
    let folder = std::path::PathBuf::from(format!("store_batch.{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let result = measure(&folder, options, rows, Duration::from_secs(seconds)).await;
    std::fs::remove_dir_all(&folder)?;
    result
}

async fn measure(
    folder: &std::path::Path,
    options: SqliteOptions,
    rows: usize,
    time: Duration,
) -> anyhow::Result<()> {
    let store = SqliteStore::open(folder.join("tenure.db"), options)?;
    let epoch = store.acquire().await?.epoch;
    for contiguous in [true, false] {
        let prefix = if contiguous { "contiguous" } else { "random" };
        let mut stored = create(&store, epoch, rows, prefix).await?;
        if !contiguous {
            fastrand::Rng::with_seed(1).shuffle(&mut stored);
        }
        println!("{rows} rows, {prefix}:");
        for size in BATCH_SIZES.into_iter().filter(|size| *size <= rows) {
            beat(&store, epoch, &mut stored, size, time).await?;
        }
    }
    store.close().await?;
    Ok(())
}

async fn create(
    store: &SqliteStore,
    epoch: Epoch,
    rows: usize,
    prefix: &str,
) -> anyhow::Result<Vec<Row>> {
    let mut stored = Vec::with_capacity(rows);
    let names: Vec<Key> = (0..rows)
        .map(|n| Key {
            workspace: WorkspaceName::imported(&format!("{prefix}/{n}")),
            profile: ProfileName::default(),
        })
        .collect();
    for keys in names.chunks(4_096) {
        let writes = keys.iter().map(|key| write(key, Guard::Absent, 1)).collect();
        let committed = store.commit(batch(epoch, writes)).await?;
        for outcome in committed.outcomes {
            let Outcome::Applied { row: Some(row), .. } = outcome else {
                anyhow::bail!("a first write was not applied");
            };
            stored.push(Row { row, version: 1 });
        }
    }
    Ok(stored)
}

async fn beat(
    store: &SqliteStore,
    epoch: Epoch,
    stored: &mut [Row],
    size: usize,
    time: Duration,
) -> anyhow::Result<()> {
    let mut latencies = Vec::new();
    let mut spent = Duration::ZERO;
    let mut at = 0;
    while spent < time {
        if at + size > stored.len() {
            at = 0;
        }
        let renewals = stored[at..at + size]
            .iter_mut()
            .map(|row| {
                row.version += 1;
                let expected = Version(row.version - 1);
                LeaseWrite { row: row.row, expected, lease: lease(row.version) }
            })
            .collect();
        at += size;
        let batch = Batch { renewals, ..batch(epoch, Vec::new()) };
        let before = Instant::now();
        let committed = store.commit(batch).await?;
        let took = before.elapsed();
        anyhow::ensure!(committed.conflicting_renewals.is_empty(), "a beat was not applied");
        latencies.push(took);
        spent += took;
    }
    latencies.sort_unstable();
    let per_second = (latencies.len() * size) as f64 / spent.as_secs_f64();
    let percentile = |p: usize| latencies[(latencies.len() - 1) * p / 1_000];
    println!(
        "  batches of {size:>6}: {per_second:>10.0} rows/s   p50 {:>9.1?} p99 {:>9.1?} p99.9 {:>9.1?}",
        percentile(500),
        percentile(990),
        percentile(999),
    );
    Ok(())
}

fn lease(version: u64) -> LeaseRow {
    LeaseRow {
        version: Version(version),
        revision: Revision(version),
        last_heartbeat_at: Some(WallTime(1_700_000_000_000 + version)),
        expires_at: Some(LeaseInstant(30_000 + version)),
        beats: version,
    }
}

fn write(key: &Key, guard: Guard, version: u64) -> Write {
    Write {
        key: key.clone(),
        guard,
        lease: Some(lease(version)),
        tenure: None,
        around: None,
        deleted: None,
        origin: None,
        sealed: Vec::new(),
        events: Vec::new(),
        outcomes: Vec::new(),
        sightings: Vec::new(),
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
