//! A disk without space: by a library that answers so, and by a real file system that is full.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tenure::{Error, Reason, v1};

use super::disk::Disk;
use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, is_same, until};
use crate::process::{Launch, Programs};

pub(super) const EXPECTED: &str = "writes answer STORE_UNAVAILABLE, reads go on, nobody is \
                                   charged; with room again it goes on by itself; nothing \
                                   acknowledged is lost, what was refused is done once";

/// The leases here; the disk is full for twice as long.
const TTL: Duration = Duration::from_secs(4);

/// The write-ahead log may have room left in its file: so many writes use it up.
const WRITES_UNTIL_REFUSED_MAX: usize = 20_000;

/// The size of the real file system, large enough for a database and its log.
const TMPFS: &str = "size=4m";

/// By a library that answers `ENOSPC`.
pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let (disk, launch) = Disk::under(&site)?;
    block_on(withstand(&launch, || disk.fill(), || disk.heal()))
}

/// By a `tmpfs` that is filled; needs the right to mount one.
pub(super) fn run_on_tmpfs(programs: &Programs) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let mounted = Mounted::tmpfs(folder.path())?;
    let launch = Launch::new(programs, &folder.path().join("tenure.db"))?;
    let filler = folder.path().join("filler");
    let told = block_on(withstand(&launch, || fill(&filler), || Ok(fs::remove_file(&filler)?)));
    drop(mounted);
    told
}

async fn withstand(
    launch: &Launch,
    fill: impl Fn() -> anyhow::Result<()>,
    heal: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let (mut server, _) = launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "worker").await?;
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        acknowledged.push(actor.start(&format!("disk/{n}"), TTL).await?);
    }
    fill()?;
    let full_since = Instant::now();
    let refused = until_refused(&actor, &mut acknowledged).await?;
    let mut reads = 0;
    while full_since.elapsed() < TTL * 2 {
        let session = actor.session("disk/0").await?;
        ensure!(!session.stale, "a holder was charged while the disk was full");
        reads += 1;
        match actor.beat(&acknowledged[0]).await {
            Err(error) if error.reason() == Some(Reason::StoreUnavailable) => {}
            other => bail!("a beat on a full disk: {other:?}"),
        }
    }
    heal()?;
    let again = until("writing again", PATIENCE, || async {
        Ok(actor.beat(&acknowledged[0]).await.is_ok())
    })
    .await?;
    let answer = actor.client.start(refused.clone()).await?;
    let started = answer.session.context("no session")?;
    ensure!(!answer.replayed && started.start_count == 1, "what was refused was done: {started:?}");
    acknowledged.push(started);
    server.kill()?;
    let (server, _) = launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "worker").await?;
    for session in &acknowledged {
        is_same(&actor.session(&session.workspace).await?, session)?;
    }
    Ok(format!(
        "full for {:.1?}: {reads} reads answered, as many beats STORE_UNAVAILABLE, no lease of \
         {TTL:?} charged; writing again {again:.0?} after there was room; {} acknowledged \
         sessions there after kill -9",
        full_since.elapsed() - again,
        acknowledged.len()
    ))
}

/// Starts until one is refused, which is answered.
async fn until_refused(
    actor: &Actor,
    acknowledged: &mut Vec<v1::Session>,
) -> anyhow::Result<v1::StartSessionRequest> {
    for n in 0..WRITES_UNTIL_REFUSED_MAX {
        let request = actor.start_request(&format!("disk/full/{n}"), TTL);
        match actor.client.start(request.clone()).await {
            Ok(answer) => acknowledged.extend(answer.session),
            Err(Error::Refused(refused)) if refused.reason == Reason::StoreUnavailable => {
                return Ok(request);
            }
            Err(error) => bail!("a start on a full disk: {error}"),
        }
    }
    bail!("{WRITES_UNTIL_REFUSED_MAX} starts were acknowledged on a full disk")
}

/// Takes all space that is left.
fn fill(filler: &Path) -> anyhow::Result<()> {
    let mut file = fs::File::create(filler)?;
    // Ever smaller pieces, to the last byte.
    for piece in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; piece]).is_ok() {}
    }
    Ok(())
}

/// A mounted file system; unmounted when this goes.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(folder: &Path) -> anyhow::Result<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", TMPFS, "tmpfs"])
            .arg(folder)
            .output()
            .context("mount cannot be run; install it: apt-get install mount")?;
        if !mounted.status.success() {
            bail!(
                "a tmpfs cannot be mounted: {}; run this as root, or only the others",
                String::from_utf8_lossy(&mounted.stderr).trim()
            );
        }
        Ok(Self(folder.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there keeps it until then.
        let _unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
