//! A page of the database that does not hold what was written to it any more.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fastrand::Rng;
use rusqlite::Connection;

use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, is_same};
use crate::crash::with_suffix;
use crate::process::{Launch, Programs};

const TTL: Duration = Duration::from_secs(3_600);

const SESSIONS: usize = 60;

/// Damaged copies that servers are started on.
const COPIES: usize = 12;

/// What a server says that refuses its store.
const REFUSALS: &[&str] = &["the store is damaged", "is not a database"];

pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs))
}

async fn withstand(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let (mut server, _) = site.launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "worker").await?;
    let mut sessions = Vec::new();
    for n in 0..SESSIONS {
        sessions.push(actor.start(&format!("damaged/{n}"), TTL).await?);
    }
    server.kill()?;
    let database = site.launch.database();
    // All of the log is brought into the file, so that the file is what counts.
    let folded = site.path("folded.db");
    fs::copy(database, &folded)?;
    fs::copy(with_suffix(database, "-wal"), with_suffix(&folded, "-wal"))?;
    let page_bytes = fold(&folded)?;
    let whole = fs::read(&folded)?;
    let pages = whole.len() / page_bytes;
    let mut rng = Rng::with_seed(7);
    let (mut refused, mut served) = (0, 0);
    for n in 0..COPIES {
        let mut damaged = whole.clone();
        let page = rng.usize(0..pages);
        rng.fill(&mut damaged[page * page_bytes..(page + 1) * page_bytes]);
        let copy = site.path(&format!("copy-{n}.db"));
        fs::write(&copy, damaged)?;
        let launch = Launch::new(programs, &copy)?;
        let mut server = launch.spawn()?;
        if server.serving(START_MAX).await.is_ok() {
            // A page that holds nothing may hold anything.
            let actor = Actor::of(&server, "worker").await?;
            for session in &sessions {
                let stored = actor.session(&session.workspace).await;
                is_same(&stored.with_context(|| format!("page {page}"))?, session)?;
            }
            served += 1;
            continue;
        }
        let status = server.ended(PATIENCE)?.context("it neither serves nor ends")?;
        let said = server.said().join("\n");
        ensure!(!status.success(), "page {page}: it ended with {status}");
        if !REFUSALS.iter().any(|refusal| said.contains(refusal)) {
            bail!("page {page}: it does not say that its store is damaged: {said}");
        }
        refused += 1;
    }
    ensure!(refused > 0, "no damage was met");
    Ok(format!(
        "{COPIES} files with one page of {pages} overwritten: {refused} servers refused to start \
         and said why; {served} served with all {SESSIONS} sessions, the page having held nothing"
    ))
}

/// Brings the log into the file; the size of a page.
fn fold(database: &Path) -> anyhow::Result<usize> {
    let connection = Connection::open(database)?;
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    ensure!(busy == 0, "the log could not be folded");
    let bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(usize::try_from(bytes)?)
}
