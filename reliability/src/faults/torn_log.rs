//! A write-ahead log that a crash has torn, or that was damaged since.
//!
//! `kill -9` alone tears nothing: what was written is in the page cache. So a copy of what the
//! killed server left is cut or overwritten at random, as a disk that lost power might have
//! left it, and a server is started on that.

mod wal;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use tenure::{Reason, v1};

use super::site::{Actor, START_MAX, Site, block_on, is_same};
use crate::crash::with_suffix;
use crate::process::{Launch, Programs};
use wal::Wal;

/// Damaged copies that servers are started on.
const COPIES: usize = 12;

/// Writes that are synced for certain, and writes that come after them.
const SYNCED: usize = 60;
const AFTER: usize = 60;

const TTL: Duration = Duration::from_secs(3_600);

/// What a killed server left, and what it had acknowledged, in order.
struct Remains {
    site: Site,
    sessions: Vec<v1::Session>,
    /// How far the log reached when the first [`SYNCED`] were acknowledged, in bytes.
    synced_through: u64,
    wal: Wal,
}

/// Damages what was written after the part that is known to be synced.
pub(super) fn run_beyond(programs: &Programs) -> anyhow::Result<String> {
    let mut rng = Rng::with_seed(7);
    block_on(async {
        let remains = remains(programs).await?;
        let mut kept = Vec::new();
        for n in 0..COPIES {
            // First of all right behind it.
            let beyond = rng.u64(remains.synced_through..remains.wal.valid_through);
            let at = if n == 0 { remains.synced_through } else { beyond };
            let damage = if n % 2 == 0 { Damage::CutAt(at) } else { Damage::OverwrittenFrom(at) };
            let prefix = remains.start_on(programs, n, damage, &mut rng).await?;
            ensure!(
                prefix >= SYNCED,
                "{damage:?}: only {prefix} of {SYNCED} synced sessions are there"
            );
            kept.push(prefix - SYNCED);
        }
        kept.sort_unstable();
        Ok(format!(
            "{COPIES} logs cut or overwritten behind the synced part: all {SYNCED} synced sessions \
             there in each; of the {AFTER} after them a prefix of {kept:?}"
        ))
    })
}

/// Damages a byte of what had been synced.
pub(super) fn run_before(programs: &Programs) -> anyhow::Result<String> {
    let mut rng = Rng::with_seed(7);
    block_on(async {
        let remains = remains(programs).await?;
        let mut kept = Vec::new();
        for n in 0..COPIES {
            let at = rng.u64(wal::HEADER_BYTES..remains.synced_through);
            kept.push(remains.start_on(programs, n, Damage::FlippedAt(at), &mut rng).await?);
        }
        kept.sort_unstable();
        ensure!(kept.iter().any(|prefix| *prefix < SYNCED), "no damage was met: {kept:?}");
        Ok(format!(
            "{COPIES} logs with one damaged byte in the synced part: each server served, with a \
             prefix of {kept:?} of {} acknowledged sessions and no gap; the loss is not noticed",
            SYNCED + AFTER
        ))
    })
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    CutAt(u64),
    OverwrittenFrom(u64),
    FlippedAt(u64),
}

/// Has a server acknowledge sessions one after another, and kills it.
async fn remains(programs: &Programs) -> anyhow::Result<Remains> {
    let site = Site::new(programs)?;
    let (mut server, _) = site.launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "worker").await?;
    let log = with_suffix(site.launch.database(), "-wal");
    let mut sessions = Vec::new();
    let mut synced = None;
    for n in 0..SYNCED + AFTER {
        if n == SYNCED {
            synced = Some(Wal::read(&log)?);
        }
        sessions.push(actor.start(&format!("torn/{n}"), TTL).await?);
    }
    server.kill()?;
    let (synced, wal) = (synced.context("nothing was synced")?, Wal::read(&log)?);
    ensure!(synced.salts == wal.salts, "the log was begun anew meanwhile");
    ensure!(synced.valid_through < wal.valid_through, "the log did not grow");
    Ok(Remains { site, sessions, synced_through: synced.valid_through, wal })
}

impl Remains {
    /// Starts a server on a damaged copy; how many of the sessions it has, which are the first
    /// ones, whole, and none after them.
    async fn start_on(
        &self,
        programs: &Programs,
        n: usize,
        damage: Damage,
        rng: &mut Rng,
    ) -> anyhow::Result<usize> {
        let copy = self.copy(n, damage, rng)?;
        let launch = Launch::new(programs, &copy)?;
        let (server, _) = launch.start(START_MAX).await.with_context(|| format!("{damage:?}"))?;
        let actor = Actor::of(&server, "worker").await?;
        let mut prefix = 0;
        for (at, session) in self.sessions.iter().enumerate() {
            let request = v1::GetSessionRequest {
                workspace: session.workspace.clone(),
                ..Default::default()
            };
            match actor.client.get_session(request).await {
                Ok(answer) => {
                    ensure!(at == prefix, "{damage:?}: session {at} is there, {prefix} is not");
                    is_same(&answer.session.unwrap_or_default(), session)?;
                    prefix += 1;
                }
                Err(error) if error.reason() == Some(Reason::NoSession) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // It goes on as a server does: what it holds is renewed, what is gone is started.
        actor.beat(&self.sessions[0]).await?;
        actor.start("torn/after", TTL).await?;
        Ok(prefix)
    }

    fn copy(&self, n: usize, damage: Damage, rng: &mut Rng) -> anyhow::Result<PathBuf> {
        let database: &Path = self.site.launch.database();
        let copy = self.site.path(&format!("copy-{n}.db"));
        fs::copy(database, &copy)?;
        let mut log = fs::read(with_suffix(database, "-wal"))?;
        match damage {
            Damage::CutAt(at) => log.truncate(usize::try_from(at)?),
            Damage::OverwrittenFrom(at) => rng.fill(&mut log[usize::try_from(at)?..]),
            Damage::FlippedAt(at) => log[usize::try_from(at)?] ^= 1 << rng.u32(0..8),
        }
        fs::write(with_suffix(&copy, "-wal"), log)?;
        Ok(copy)
    }
}
