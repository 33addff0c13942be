//! The part that is played in a process of its own: a worker with a real holder, which tells
//! line by line what it sees and does.
//!
//! It writes whether it holds or not: so does a worker that is stopped between its look and its
//! write, and it is for the resource to refuse that.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tenure::{Client, LeaseHolder, StartRequest, v1};

use super::resource::Resource;
use crate::progress::say;

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(20);

/// It ends by itself after this, should nobody end it.
const LIFE_MAX: Duration = Duration::from_secs(180);

/// How the part is played.
#[derive(Debug, Clone, clap::Args)]
pub struct Role {
    /// The server.
    #[arg(long)]
    server: String,
    /// What it works on.
    #[arg(long)]
    workspace: String,
    /// Its lease.
    #[arg(long)]
    ttl_ms: u64,
    /// What it writes to.
    #[arg(long)]
    resource: PathBuf,
}

impl Role {
    /// Plays it until the process is killed, or its life is over.
    ///
    /// # Errors
    /// When it cannot go on.
    pub fn play(&self) -> anyhow::Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.work())
    }

    async fn work(&self) -> anyhow::Result<()> {
        let resource = Resource::open(&self.resource)?;
        let client = Client::connect(self.server.parse()?).await?;
        let ttl = Duration::from_millis(self.ttl_ms);
        let start = StartRequest::new(&self.workspace, "paused", ttl);
        let holder = LeaseHolder::start(client.clone(), start).await?;
        let token = holder.fencing_token();
        let begun = Instant::now();
        let mut told = false;
        while begun.elapsed() < LIFE_MAX {
            let held = holder.is_held();
            say(&format!("looked {held}"))?;
            let written = resource.write(token)?;
            say(&if written { format!("wrote {token}") } else { "refused".to_owned() })?;
            if !held && !told {
                self.tell_why(&client, &holder).await?;
                told = true;
            }
            tokio::time::sleep(WRITE_EVERY).await;
        }
        Ok(())
    }

    /// What a worker does that has lost its lease: it asks how.
    async fn tell_why(&self, client: &Client, holder: &LeaseHolder) -> anyhow::Result<()> {
        say(&format!("lost {:?}", holder.lost().await.kind))?;
        let check = v1::FenceCheck {
            workspace: self.workspace.clone(),
            fencing_token: holder.fencing_token(),
            ..Default::default()
        };
        let fence = client.check_fence(v1::CheckFenceRequest { checks: vec![check] }).await?;
        let current = fence.results.first().is_some_and(|result| result.current);
        say(&format!("fence {current}"))?;
        let session_id = holder.session_id().to_owned();
        let answer = client.ledger_entry(v1::GetLedgerEntryRequest { session_id }).await?;
        let entry = answer.entry.context("the ledger does not know the session")?;
        let verdict = entry.verdict.context("the ledger has no verdict")?;
        let by = &verdict.successor_actor_id;
        say(&format!("ended {:?} {by} {}", verdict.cause(), verdict.reason))?;
        Ok(())
    }
}
