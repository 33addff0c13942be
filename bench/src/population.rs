//! A database with a million stored sessions, made once and kept in the folder of the build.
//!
//! It is made by the very engine and store of the server, in this process and without a wire, so
//! that it is what a server would have left. It is made anew whenever `tenured` was built anew,
//! and after a run that failed with it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::{ListSessionsRequest, SessionFilter};
use tenure_core::command::{Command, Expected, RequestedHolder, RequestedLease, Start};
use tenure_core::name::{ActorId, Key, ProfileName, WorkspaceName};
use tenure_core::session::AutonomousKind;
use tenure_core::time::Span;
use tenured::access::Caller;
use tenured::engine::{Engine, EngineOptions, Request};
use tenured::store::Upkeep as _;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};

use crate::load::connect;
use crate::peer::tenured::Options;
use crate::peer::{Program, Server, tenured as ours};
use crate::sessions::Held;
use crate::site::Site;

/// Stored sessions. A build without optimisations measures nothing; there it is only tried
/// whether everything works.
pub const SESSIONS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

/// Workspaces whose names begin alike.
const OF_AN_ORGANISATION: usize = 1_000;

/// Names begin with one of so many prefixes.
pub const ORGANISATIONS: usize = SESSIONS / OF_AN_ORGANISATION;

/// One session of so many is stale. They are spread evenly over the names.
const STALE_EVERY: usize = 100;

/// Leases that stay live: the longest that are granted.
const LIVE_TTL: Span = Span::from_secs(86_400);

/// Leases that are to expire at once: the shortest that are granted.
const STALE_TTL: Span = Span::from_secs(1);

/// Starts that are under way at a time.
const STARTING_MAX: usize = 8_192;

/// How long it may take until every expiry is recorded.
const STALE_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether they are.
const STALE_POLL: Duration = Duration::from_millis(20);

/// What a server says when it has gone through all that is stored.
const SETTLED: &str = "every stored lease has its timer";

/// How long that may take.
const SETTLED_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to close such a store.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Sessions that one stream may join: all of them on 16.
const JOINS_MAX: &str = "65536";

/// The most that a page of a list holds.
const PAGE_MAX: usize = 1_000;

/// The database, in good order.
#[derive(Debug)]
pub struct Population {
    database: PathBuf,
    stamp: PathBuf,
    stamped: String,
}

/// The prefix of the names of one organisation.
#[must_use]
pub fn organisation(place: usize) -> String {
    format!("organisation-{place:03}")
}

impl Population {
    /// Makes it, unless it is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn make(site: &Site) -> anyhow::Result<Self> {
        let folder = site.stores().join(format!("population-{SESSIONS}"));
        let (database, stamp) = (folder.join("tenure.db"), folder.join("made-for"));
        let stamped = build_of(&site.path(Program::Tenured)?)?;
        let population = Population { database, stamp, stamped };
        if fs::read_to_string(&population.stamp).is_ok_and(|of| of == population.stamped) {
            return Ok(population);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let began = Instant::now();
        fill(&population.database).await.context("making the stored sessions")?;
        fs::write(&population.stamp, &population.stamped)?;
        let took_s = began.elapsed().as_secs_f64();
        let place = folder.display();
        writeln!(std::io::stderr(), "made {SESSIONS} sessions in {took_s:.0} s, kept in {place}")?;
        Ok(population)
    }

    /// Starts a server on it. Until it is taken back it counts as spoilt.
    ///
    /// # Errors
    /// When the server does not come up.
    pub async fn serve(&self, site: &Site) -> anyhow::Result<Server> {
        fs::remove_file(&self.stamp)?;
        let store = Some(self.database.clone());
        let arguments = vec!["--limits-joins-per-stream", JOINS_MAX];
        ours::start_with(site, &Options { store, arguments }).await
    }

    /// Waits until a server is done with what it does after its start besides serving.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn settled(server: &Server) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLED_MAX;
        while !server.has_said(SETTLED) {
            ensure!(Instant::now() < deadline, server.failure("still sets its timers"));
            tokio::time::sleep(STALE_POLL).await;
        }
        Ok(())
    }

    /// Ends the server; the population may be used again.
    ///
    /// # Errors
    /// When the server did not end in good order.
    pub fn take_back(self, server: Server) -> anyhow::Result<()> {
        server.stop_within(STOP_MAX)?;
        fs::write(&self.stamp, &self.stamped).context("keeping the population")
    }

    /// So many of its live sessions.
    ///
    /// # Errors
    /// When the server refuses to list them.
    pub async fn live(server: &Server, count: usize) -> anyhow::Result<Vec<Held>> {
        let mut client = LeaseServiceClient::new(connect(server.address()).await?);
        client = client.max_decoding_message_size(16 << 20);
        let filter = SessionFilter { stale: Some(false), ..SessionFilter::default() };
        let mut request = ListSessionsRequest {
            page_size: i32::try_from(PAGE_MAX.min(count))?,
            filter: Some(filter),
            ..ListSessionsRequest::default()
        };
        let mut held = Vec::with_capacity(count);
        while held.len() < count {
            let page = client.list_sessions(request.clone()).await?.into_inner();
            ensure!(!page.sessions.is_empty(), "only {} sessions are live", held.len());
            held.extend(page.sessions.into_iter().map(|session| Held {
                workspace: session.workspace,
                session_id: session.session_id,
                actor_id: session.actor_id,
            }));
            request.page_token = page.next_page_token;
        }
        held.truncate(count);
        Ok(held)
    }
}

/// What tells one build of a program from another.
fn build_of(program: &Path) -> anyhow::Result<String> {
    let data = fs::metadata(program).with_context(|| format!("no {}", program.display()))?;
    let at = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} bytes, built at {} ns", data.len(), at.as_nanos()))
}

async fn fill(database: &Path) -> anyhow::Result<()> {
    let store = Arc::new(SqliteStore::open(database, SqliteOptions::default())?);
    let engine = Engine::start(store.clone(), EngineOptions::default()).await?;
    let before = engine.newest_sequence();
    let is_stale = |index: &usize| index.is_multiple_of(STALE_EVERY);
    let stale = (0..SESSIONS).filter(is_stale);
    let live = (0..SESSIONS).filter(|index| !is_stale(index));
    let caller = Arc::new(Caller::local(Some("127.0.0.1:7420".into())));
    let starts = stale.map(|index| (index, STALE_TTL)).chain(live.map(|index| (index, LIVE_TTL)));
    let starts = starts.map(|(index, ttl)| engine.execute(start(index, ttl, &caller)));
    let mut answers = futures_util::stream::iter(starts).buffer_unordered(STARTING_MAX);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    // One event that the engine started, one for each start, and one for each expiry.
    let events = (1 + SESSIONS + SESSIONS / STALE_EVERY) as u64;
    let deadline = Instant::now() + STALE_MAX;
    while engine.newest_sequence() < before + events {
        ensure!(Instant::now() < deadline, "not every lease expired that had to");
        tokio::time::sleep(STALE_POLL).await;
    }
    engine.stop().await;
    store.close().await?;
    Ok(())
}

fn start(index: usize, ttl: Span, caller: &Arc<Caller>) -> Request {
    let organisation = organisation(index / OF_AN_ORGANISATION);
    let lease = RequestedLease {
        actor: ActorId::imported(&format!("worker-{index:07}")),
        ttl,
        kind: AutonomousKind::RuntimeWorker,
        supervisor: None,
        instance: None,
    };
    let start = Start {
        holder: RequestedHolder::Autonomous(lease),
        mode: None,
        supersede: false,
        machine: None,
        expected: Expected::default(),
    };
    let key = Key {
        workspace: WorkspaceName::imported(&format!("{organisation}/workspace-{index:07}")),
        profile: ProfileName::default(),
    };
    Request { key, command: Command::Start(start), caller: Arc::clone(caller), once: None }
}
