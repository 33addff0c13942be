//! The loop: load, kill, start, look.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fastrand::Rng;
use tenure::{Client, ClientOptions, Supervisor};
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use super::book::{Book, Tally};
use super::client::{Ground, Party};
use super::moments::Moments;
use super::verify::Verifier;
use super::{Options, SERVING_MAX, SERVING_MAX_DEBUG, file};
use crate::process::{Launch, Programs, Server};

/// So many clients share a heartbeat stream.
const CLIENTS_A_STREAM: usize = 4;

/// A start that takes longer than this has failed.
const START_MAX: Duration = Duration::from_secs(60);

/// One attempt of a call; a killed server is noticed at once, a lost answer after this.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);

/// A line is told after so many kills.
const TELL_EVERY: usize = 50;

/// What happened.
#[derive(Debug)]
pub struct Report {
    /// Where chance began.
    pub seed: u64,
    /// Kills under load, during a start, and in the first moment after one.
    pub kills: [usize; 3],
    /// How long each start took that was waited for, in order of time.
    pub starts: Vec<Duration>,
    /// How often the file was checked.
    pub files_checked: usize,
    /// Events in the log.
    pub events: u64,
    /// Broken promises; the harness keeps the first few.
    pub broken: Vec<String>,
    /// How many more there were.
    pub broken_more: usize,
    /// How long all took.
    pub took: Duration,
    tally: Tally,
}

impl Report {
    /// How long starts took: half of them at most so long, and the longest.
    #[must_use]
    pub fn serving(&self) -> (Duration, Duration) {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let median = starts.get(starts.len() / 2).copied().unwrap_or_default();
        (median, starts.last().copied().unwrap_or_default())
    }

    /// Fails if a promise was broken.
    ///
    /// # Errors
    /// With the seed, and the first promises that were broken.
    pub fn verdict(&self) -> anyhow::Result<()> {
        let (_, worst) = self.serving();
        let limit = if cfg!(debug_assertions) { SERVING_MAX_DEBUG } else { SERVING_MAX };
        let late = (worst > limit)
            .then(|| format!("a start took {worst:?}, and it has to serve within {limit:?}"));
        let broken: Vec<_> = self.broken.iter().cloned().chain(late).collect();
        if broken.is_empty() {
            return Ok(());
        }
        bail!(
            "seed {}: {} promises broken:\n  {}",
            self.seed,
            broken.len() + self.broken_more,
            broken.join("\n  ")
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, worst) = self.serving();
        let ([load, boot, hasty], tally) = (self.kills, &self.tally);
        writeln!(
            f,
            "{} kills in {:.0?} (seed {}): {load} under load, {boot} during a start, {hasty} in \
             its first moment",
            load + boot + hasty,
            self.took,
            self.seed
        )?;
        writeln!(
            f,
            "acknowledged: {} writes ({} starts, {} takeovers), {} beats; attempts \
             without answer: {} writes ({} were repeated and had been done before), {} beats; \
             refused: {}",
            tally.acknowledged,
            tally.starts,
            tally.takeovers,
            tally.beats,
            tally.in_doubt,
            tally.replayed,
            tally.beats_in_doubt,
            tally.refused
        )?;
        writeln!(
            f,
            "{} events read twice, by list and by one watch; {} checks of the file",
            self.events, self.files_checked
        )?;
        write!(
            f,
            "serving again, from its start on: median {median:.0?}, worst {worst:.0?} of {}; \
             broken promises: {}",
            self.starts.len(),
            self.broken.len() + self.broken_more
        )
    }
}

/// Runs the loop, and tells now and then how it goes.
///
/// # Errors
/// When the loop itself cannot go on; broken promises are in the report.
pub async fn campaign(
    programs: &Programs,
    options: &Options,
    tell: impl Fn(&str),
) -> anyhow::Result<Report> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    tell(&format!("crash loop: {} kills, seed {seed}", options.kills));
    let folder = tempfile::tempdir().context("there is no folder for the database")?;
    let launch = Launch::new(programs, &folder.path().join("tenure.db"))?;
    let mut run =
        Run::start(launch, options, seed).await.with_context(|| format!("seed {seed}"))?;
    let begun = Instant::now();
    let mut told = 0;
    while run.kills.iter().sum::<usize>() < options.kills
        && run.ground.book.all_broken().0.is_empty()
    {
        run.round(options).await.with_context(|| format!("seed {seed}"))?;
        let kills = run.kills.iter().sum::<usize>();
        if kills / TELL_EVERY > told {
            told = kills / TELL_EVERY;
            let tally = run.ground.book.tally();
            tell(&format!(
                "{kills} kills, {} writes and {} beats acknowledged, {} attempts without answer, {:.0?}",
                tally.acknowledged,
                tally.beats,
                tally.in_doubt + tally.beats_in_doubt,
                begun.elapsed()
            ));
        }
    }
    run.finish(begun).with_context(|| format!("seed {seed}"))
}

struct Run {
    seed: u64,
    rng: Rng,
    launch: Launch,
    server: Server,
    ground: Arc<Ground>,
    verifier: Verifier,
    workspaces: Vec<String>,
    /// Clients go on until this goes.
    _clients: JoinSet<()>,
    kills: [usize; 3],
    starts: Vec<Duration>,
    rounds: usize,
    files_checked: usize,
}

impl Run {
    async fn start(launch: Launch, options: &Options, seed: u64) -> anyhow::Result<Self> {
        let (server, took) = launch.start(START_MAX).await?;
        let ground = Arc::new(Ground { book: Book::default(), quiet: RwLock::default() });
        let verifier =
            Verifier::start(server.client(ClientOptions::default()).await?, Arc::clone(&ground))
                .await?;
        let mut clients = JoinSet::new();
        let mut supervisor = Supervisor::new(client(&server).await?);
        for number in 0..options.clients {
            if number % CLIENTS_A_STREAM == 0 {
                supervisor = Supervisor::new(client(&server).await?);
            }
            let own = client(&server).await?;
            let party = Party::new(number, own, supervisor.clone(), Arc::clone(&ground), seed);
            clients.spawn(party.go_on());
        }
        Ok(Self {
            seed,
            rng: Rng::with_seed(seed),
            launch,
            server,
            ground,
            verifier,
            workspaces: Party::workspaces(options.clients),
            _clients: clients,
            kills: [0; 3],
            starts: vec![took],
            rounds: 0,
            files_checked: 0,
        })
    }

    async fn round(&mut self, options: &Options) -> anyhow::Result<()> {
        let recent = self.starts.last().copied().unwrap_or_default();
        let moments = Moments::choose(&mut self.rng, recent);
        tokio::time::sleep(moments.burst).await;
        self.server.kill()?;
        self.kills[0] += 1;
        self.rounds += 1;
        if self.rounds.is_multiple_of(options.check_file_every.max(1)) {
            self.check_file()?;
        }
        for &after in &moments.boots {
            self.server = self.launch.spawn()?;
            tokio::time::sleep(after).await;
            self.server.kill()?;
            self.kills[1] += 1;
        }
        for &after in &moments.hasty {
            self.serve().await?;
            tokio::time::sleep(after).await;
            self.server.kill()?;
            self.kills[2] += 1;
        }
        self.serve().await?;
        // The clients come to the end of what they are at, and wait.
        let ground = Arc::clone(&self.ground);
        let _nobody_writes = ground.quiet.write().await;
        self.verifier.look(&self.workspaces).await
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let (server, took) = self.launch.start(START_MAX).await?;
        self.server = server;
        self.starts.push(took);
        Ok(())
    }

    fn check_file(&mut self) -> anyhow::Result<()> {
        self.files_checked += 1;
        let database: &Path = self.launch.database();
        if let Err(error) = file::check(database, self.verifier.read_through()) {
            self.ground.book.broken(format!("the file after a kill: {error:#}"));
        }
        Ok(())
    }

    fn finish(mut self, begun: Instant) -> anyhow::Result<Report> {
        self.server.kill()?;
        self.check_file()?;
        let (broken, broken_more) = self.ground.book.all_broken();
        Ok(Report {
            seed: self.seed,
            kills: self.kills,
            starts: self.starts,
            files_checked: self.files_checked,
            events: self.verifier.events,
            broken,
            broken_more,
            took: begun.elapsed(),
            tally: self.ground.book.tally(),
        })
    }
}

/// A client that attempts each call once, so that it knows of every attempt.
async fn client(server: &Server) -> anyhow::Result<Client> {
    let mut options = ClientOptions::default();
    options.attempts_max = 1;
    options.attempt_timeout = ATTEMPT_MAX;
    server.client(options).await
}
