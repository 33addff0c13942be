//! Sends what no client should: every method of the contract gets random, mutated and misframed
//! messages through the wire, and the reader of legacy files gets random and mutated files.
//!
//! Guarantees: every call is answered in time, with a status that the contract has; nothing
//! panics; a session that was there before is unharmed, and is served, after each batch; memory
//! stays within [`GROWTH_MAX_BYTES`]. The seed decides every message, but for the order in which the
//! entries of maps are encoded; a failure leaves its cases in a file from which they can be sent
//! again, byte by byte.
//!
//! Must not know: what any method does, but that one of them drains the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use fastrand::Rng;
use tenured::store::Store;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tokio::task::JoinSet;

use self::cases::{Case, Method};
use self::known_good::KnownGood;
use self::wire::Heard;
use crate::in_process::{Server, Setting};

pub mod cases;
pub mod judging;
pub mod known_good;
pub mod legacy;
pub mod messages;
pub mod mutation;
pub mod wire;

mod long_form;

pub use long_form::{Options, run};

/// By how much the resident memory of the process, server and client together, may grow after
/// the first batch.
pub const GROWTH_MAX_BYTES: u64 = 256 << 20;

/// How many calls are made before all is looked at.
const BATCH: u64 = 320;
/// How many of them are under way together.
const AT_ONCE: usize = 16;
/// How many legacy files are read for each batch.
const FILES_A_BATCH: u64 = 400;
/// The method that ends the server; it is called between batches, now and then.
const DRAIN: &str = "/tenure.v1.AdminService/Drain";
/// Between how many batches.
const DRAIN_EVERY: u64 = 4;

static PANICS: AtomicU64 = AtomicU64::new(0);

/// When enough has been tried.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so many batches.
    Batches(u64),
    /// When so long has passed.
    Passed(Duration),
}

/// What was tried.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tried {
    /// Calls through the wire.
    pub calls: u64,
    /// Calls that were answered with success.
    pub done: u64,
    /// Calls with a body that the method could read.
    pub readable: u64,
    /// Streams that went on until the client left.
    pub went_on: u64,
    /// How often the server was drained and started again.
    pub drained: u64,
    /// Legacy files.
    pub files: u64,
    /// Those that were files all the same.
    pub good_files: u64,
    /// By how much the memory has grown by now, in bytes.
    pub growth_bytes: u64,
    /// By how much it had grown at most, after any batch.
    pub growth_max_bytes: u64,
}

/// Counts panics of all threads from now on.
pub fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(panic);
        }));
    });
}

/// Tries until it is enough; `progress` is told after each batch.
///
/// # Errors
/// What was wrong, with the way to repeat it.
pub fn fuzz(seed: u64, until: Until, progress: impl Fn(&Tried)) -> anyhow::Result<Tried> {
    count_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let tried =
        runtime.block_on(async { Fuzzing::begin(seed).await?.go_on(until, progress).await });
    runtime.shutdown_timeout(Duration::from_secs(5));
    tried
}

/// A run.
struct Fuzzing {
    seed: u64,
    methods: Vec<Method>,
    files: Vec<Vec<u8>>,
    store: Arc<dyn Store>,
    server: Server,
    good: KnownGood,
    tried: Tried,
    resident_bytes: Option<u64>,
    panics: u64,
    _folder: tempfile::TempDir,
}

impl Fuzzing {
    async fn begin(seed: u64) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for a store")?;
        let path = folder.path().join("tenure.db");
        let store = SqliteStore::open(path, SqliteOptions::default()).context("no store")?;
        let store: Arc<dyn Store> = Arc::new(store);
        let server = Server::start(Arc::clone(&store), Setting::default()).await?;
        let good = KnownGood::start(&server).await?;
        Ok(Self {
            seed,
            methods: cases::methods()?,
            files: legacy::files(),
            store,
            server,
            good,
            tried: Tried::default(),
            resident_bytes: None,
            panics: PANICS.load(Ordering::SeqCst),
            _folder: folder,
        })
    }

    async fn go_on(mut self, until: Until, progress: impl Fn(&Tried)) -> anyhow::Result<Tried> {
        let begun = Instant::now();
        for batch in 0.. {
            let enough = match until {
                Until::Batches(batches) => batch >= batches,
                Until::Passed(length) => begun.elapsed() >= length,
            };
            if enough {
                break;
            }
            let cases = self.cases(batch).await?;
            let sent = self.send(&cases).await;
            let looked = match sent {
                Ok(()) => self.look_at_all(batch).await,
                wrong => wrong,
            };
            looked.map_err(|wrong| leave(self.seed, batch, &cases, &wrong))?;
            if batch % DRAIN_EVERY == DRAIN_EVERY - 1 {
                self.drain(batch).await?;
            }
            progress(&self.tried);
        }
        Ok(self.tried)
    }

    /// The cases of a batch; every method has its turn.
    async fn cases(&mut self, batch: u64) -> anyhow::Result<Vec<Case>> {
        let session_ids = self.good.others(&self.server).await?;
        let methods: Vec<&Method> = self.methods.iter().filter(|m| m.path != DRAIN).collect();
        let case = |at: u64| {
            let number = batch * BATCH + at;
            let method = methods[usize::try_from(number).unwrap_or_default() % methods.len()];
            let mut chance = Rng::with_seed(self.seed ^ number.rotate_right(20));
            Case::new(number, method, &mut chance, &session_ids, &self.files)
        };
        Ok((0..BATCH).map(case).collect())
    }

    async fn send(&mut self, cases: &[Case]) -> anyhow::Result<()> {
        let channel = self.server.channel()?;
        let mut under_way = JoinSet::new();
        let mut left = cases.iter().cloned();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(case) = left.next()
            {
                let channel = channel.clone();
                under_way.spawn(async move { try_one(&channel, &case).await });
            }
            let Some(heard) = under_way.join_next().await else { return Ok(()) };
            let (readable, heard) = heard.context("a call")??;
            self.tried.calls += 1;
            self.tried.readable += u64::from(readable);
            match heard {
                Heard::GoesOn => self.tried.went_on += 1,
                Heard::Ended(status) => {
                    self.tried.done += u64::from(status.code() == tonic::Code::Ok);
                }
            }
        }
    }

    /// Nothing panicked, what was there is unharmed, memory is bounded; and files are read.
    async fn look_at_all(&mut self, batch: u64) -> anyhow::Result<()> {
        let mut chance = Rng::with_seed(self.seed ^ batch.rotate_right(40));
        self.tried.good_files += legacy::read_many(&mut chance, FILES_A_BATCH)?;
        self.tried.files += FILES_A_BATCH;
        let panics = PANICS.load(Ordering::SeqCst) - self.panics;
        ensure!(panics == 0, "{panics} panics; the first is told above");
        self.good.is_unharmed(&self.server).await?;
        let resident_bytes = resident_bytes()?;
        let first = *self.resident_bytes.get_or_insert(resident_bytes);
        let growth_bytes = resident_bytes.saturating_sub(first);
        self.tried.growth_bytes = growth_bytes;
        self.tried.growth_max_bytes = self.tried.growth_max_bytes.max(growth_bytes);
        ensure!(growth_bytes <= GROWTH_MAX_BYTES, "the memory has grown by {growth_bytes} bytes");
        Ok(())
    }

    /// Tries the one method that ends the server, and serves anew if it did.
    async fn drain(&mut self, batch: u64) -> anyhow::Result<()> {
        let method = self.methods.iter().find(|m| m.path == DRAIN).context("no method drains")?;
        let mut chance = Rng::with_seed(self.seed ^ batch.rotate_right(30));
        // Whoever leaves before the answer does not learn that the server drains.
        let case = Case { stays_open: false, ..Case::new(batch, method, &mut chance, &[], &[]) };
        let channel = self.server.channel()?;
        let sent = try_one(&channel, &case).await;
        let (_, heard) = sent.map_err(|wrong| leave(self.seed, batch, &[case], &wrong))?;
        if let Heard::Ended(status) = heard
            && status.code() == tonic::Code::Ok
        {
            self.tried.drained += 1;
            self.server.engine.stop().await;
            self.server = Server::start(Arc::clone(&self.store), Setting::default()).await?;
            self.good.is_unharmed(&self.server).await?;
        }
        Ok(())
    }
}

/// Sends one case; whether the method could read it, and what was heard.
///
/// # Errors
/// If what was heard is wrong.
pub async fn try_one(
    channel: &tonic::transport::Channel,
    case: &Case,
) -> anyhow::Result<(bool, Heard)> {
    let Case { number, method, body, stays_open, intact } = case;
    let heard = wire::call(channel, &method.path, body.clone(), *stays_open).await;
    let heard = heard.with_context(|| format!("case {number}, {}", method.path))?;
    let told = matches!(&heard, Heard::Ended(status) if judging::says_unreadable(status));
    let readable = *intact || !told && judging::is_readable(&method.input, body, method.streams);
    if let Heard::Ended(status) = &heard
        && let Some(wrong) = judging::wrong(status, readable)
    {
        bail!("case {number}, {} (readable: {readable}): {wrong}: {status:?}", method.path);
    }
    Ok((readable, heard))
}

/// Writes the cases down that something was wrong with, and says how to send them again.
fn leave(seed: u64, batch: u64, cases: &[Case], wrong: &anyhow::Error) -> anyhow::Error {
    let named = |case: &&Case| format!("{wrong:#}").contains(&format!("case {},", case.number));
    let only: Vec<String> = cases.iter().filter(named).map(Case::written).collect();
    let all = || cases.iter().map(Case::written).collect();
    let lines: Vec<String> = if only.is_empty() { all() } else { only };
    let file: PathBuf = std::env::temp_dir().join(format!("fuzz-{seed}-{batch}.txt"));
    let text = lines.join("\n");
    let written = std::fs::write(&file, &text);
    let shown = if text.len() < 2_000 { text.as_str() } else { "see the file" };
    anyhow::anyhow!(
        "seed {seed}, batch {batch}: {wrong:#}\n{shown}\nsend it again (written: {written:?}): \
         cargo run --release -p tenure-reliability -- fuzz --replay {}",
        file.display()
    )
}

/// How much memory of the process is resident.
fn resident_bytes() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("no /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kib.parse::<u64>().context("VmRSS is no number")? * 1_024)
}
