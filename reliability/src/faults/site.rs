//! Where a scenario plays: a folder with a database, and who acts there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tenure::{Client, ClientOptions, Error, v1};

use crate::process::{Launch, Programs, Server};

/// How long a server may take to serve here: scenarios are about faults, not about speed.
pub(super) const START_MAX: Duration = Duration::from_secs(60);

/// How long is waited for what a busy machine may delay.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How often is looked for it.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A folder that goes with this.
#[derive(Debug)]
pub(super) struct Site {
    folder: TempDir,
    pub launch: Launch,
}

impl Site {
    pub(super) fn new(programs: &Programs) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("there is no folder for the database")?;
        let launch = Launch::new(programs, &folder.path().join("tenure.db"))?;
        Ok(Self { folder, launch })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a scenario's calls.
pub(super) fn block_on<T>(what: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Runtime::new().context("the runtime cannot be started")?.block_on(what)
}

/// Waits until something holds; how long that took.
pub(super) async fn until<F, Fut>(
    what: &str,
    within: Duration,
    holds: F,
) -> anyhow::Result<Duration>
where
    F: Fn() -> Fut,
    Fut: Future<Output = anyhow::Result<bool>>,
{
    let begun = Instant::now();
    while !holds().await? {
        ensure!(begun.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(begun.elapsed())
}

/// Somebody who calls, each call attempted once.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub client: Client,
    pub id: String,
}

impl Actor {
    pub(super) async fn of(server: &Server, id: &str) -> anyhow::Result<Self> {
        let mut options = ClientOptions::default();
        options.attempts_max = 1;
        options.attempt_timeout = Duration::from_secs(20);
        options.call_timeout = Duration::from_secs(20);
        Ok(Self { client: server.client(options).await?, id: id.to_owned() })
    }

    pub(super) fn start_request(&self, workspace: &str, ttl: Duration) -> v1::StartSessionRequest {
        let holder = v1::AutonomousHolder {
            actor_id: self.id.clone(),
            lease_ttl: prost_types::Duration::try_from(ttl).ok(),
            ..Default::default()
        };
        v1::StartSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(),
            holder: Some(v1::start_session_request::Holder::Autonomous(holder)),
            ..Default::default()
        }
    }

    pub(super) async fn start(
        &self,
        workspace: &str,
        ttl: Duration,
    ) -> anyhow::Result<v1::Session> {
        let answer = self.client.start(self.start_request(workspace, ttl)).await?;
        answer.session.context("a start was answered without a session")
    }

    pub(super) async fn beat(&self, session: &v1::Session) -> Result<v1::HeartbeatResponse, Error> {
        let request = v1::HeartbeatRequest {
            workspace: session.workspace.clone(),
            actor_id: self.id.clone(),
            session_id: Some(session.session_id.clone()),
            ..Default::default()
        };
        self.client.heartbeat(request).await
    }

    pub(super) async fn session(&self, workspace: &str) -> anyhow::Result<v1::Session> {
        let request =
            v1::GetSessionRequest { workspace: workspace.to_owned(), ..Default::default() };
        let answer = self.client.get_session(request).await?;
        answer.session.context("a session was answered without a session")
    }

    /// Whether these tokens are current, in their order.
    pub(super) async fn fence(&self, workspace: &str, tokens: &[u64]) -> anyhow::Result<Vec<bool>> {
        let checks = tokens.iter().map(|&fencing_token| v1::FenceCheck {
            workspace: workspace.to_owned(),
            fencing_token,
            ..Default::default()
        });
        let request = v1::CheckFenceRequest { checks: checks.collect() };
        let results = self.client.check_fence(request).await?.results;
        Ok(results.iter().map(|result| result.current).collect())
    }

    /// All events of these types.
    pub(super) async fn events(&self, types: &[v1::EventType]) -> anyhow::Result<Vec<v1::Event>> {
        let types = types.iter().map(|&kind| kind as i32).collect();
        let filter = Some(v1::EventFilter { types, ..Default::default() });
        let request = v1::ListEventsRequest { filter, page_size: 1_000, ..Default::default() };
        let mut pages = self.client.list_events(request);
        let mut events = Vec::new();
        while let Some(page) = pages.next_page().await? {
            events.extend(page.events);
        }
        Ok(events)
    }
}

/// An id of a request that is going to be repeated.
pub(super) fn request_id() -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..1 << 48)
    )
}

/// The session is the one that was acknowledged.
pub(super) fn is_same(stored: &v1::Session, acknowledged: &v1::Session) -> anyhow::Result<()> {
    let of = |it: &v1::Session| (it.session_id.clone(), it.fencing_token, it.actor_id.clone());
    if of(stored) != of(acknowledged) || stored.revision < acknowledged.revision {
        bail!("{acknowledged:?} was acknowledged, and {stored:?} is stored");
    }
    Ok(())
}
