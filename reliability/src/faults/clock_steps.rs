//! A wall clock that is stepped under the running server, by libfaketime.
//!
//! Only wall time is faked: the monotonic clocks of a machine do not step. (The server reads
//! those without the C library, so that libfaketime could not reach them anyway.)

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tenure::{StartRequest, Supervisor, v1};
use tokio::task::JoinSet;

use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, until};
use crate::process::Programs;

/// Where Debian and others put it.
const LIBRARIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

/// Where the wall clock stands against the true time, one after the other: it steps by +1 h,
/// -1 h, +1 day, -1 day, -1 h, +1 h, -1 day, +1 day.
const OFFSETS_S: &[i64] = &[HOUR_S, 0, DAY_S, 0, -HOUR_S, 0, -DAY_S, 0];

const HELD_TTL: Duration = Duration::from_secs(9);

/// A lease that nobody renews: it lives as long as it was granted, and not much longer.
const LEFT_TTL: Duration = Duration::from_secs(4);

/// By how much it may be late here: the machine may be busy. A step is at least an hour.
const LATE_MAX: Duration = Duration::from_secs(30);

/// How exact a logged step has to be.
const STEP_TOLERANCE_S: u64 = 2;

/// Between two steps.
const STEP_EVERY: Duration = Duration::from_millis(800);

pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs))
}

async fn withstand(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let clock = Clock { file: site.path("clock") };
    clock.set(0)?;
    let launch = site
        .launch
        .clone()
        .variable("LD_PRELOAD", library()?)
        .variable("FAKETIME_TIMESTAMP_FILE", &clock.file)
        .variable("FAKETIME_NO_CACHE", "1")
        .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let (server, _) = launch.start(START_MAX).await?;
    let actor = Actor::of(&server, "left").await?;
    let supervisor = Supervisor::new(actor.client.clone());
    let mut holders = Vec::new();
    for n in 0..20 {
        let request = StartRequest::new(format!("clock/held/{n}"), "holder", HELD_TTL);
        holders.push(supervisor.hold(request).await?);
    }
    let mut left = JoinSet::new();
    for (steps, offset) in OFFSETS_S.iter().enumerate() {
        left.spawn(lifetime(actor.clone(), format!("clock/left/{steps}")));
        tokio::time::sleep(STEP_EVERY).await;
        clock.set(*offset)?;
        until("CLOCK_STEPPED", PATIENCE, || async {
            Ok(actor.events(&[v1::EventType::ClockStepped]).await?.len() > steps)
        })
        .await?;
        for holder in &holders {
            ensure!(holder.is_held(), "lost after a step: {:?}", holder.loss());
        }
    }
    let mut lived = Vec::new();
    while let Some(lifetime) = left.join_next().await {
        lived.push(lifetime??);
    }
    let stepped = actor.events(&[v1::EventType::ClockStepped]).await?;
    check_steps(&stepped)?;
    let expired = actor.events(&[v1::EventType::SessionExpired]).await?;
    ensure!(
        expired.iter().all(|event| event.workspace.starts_with("clock/left/")),
        "held sessions expired: {expired:?}"
    );
    for holder in &holders {
        ensure!(holder.is_held(), "lost in the end: {:?}", holder.loss());
    }
    let (shortest, longest) = (lived.iter().min(), lived.iter().max());
    Ok(format!(
        "{} steps logged; {} holders kept their leases of {HELD_TTL:?}; {} leases of \
         {LEFT_TTL:?} that nobody renewed were seen to live {:.1?} to {:.1?}",
        stepped.len(),
        holders.len(),
        lived.len(),
        shortest.copied().unwrap_or_default(),
        longest.copied().unwrap_or_default()
    ))
}

/// How long a lease lives that nobody renews, as seen by whoever asked for it.
async fn lifetime(actor: Actor, workspace: String) -> anyhow::Result<Duration> {
    let sent = Instant::now();
    actor.start(&workspace, LEFT_TTL).await?;
    let answered = Instant::now();
    let stale = || async { Ok(actor.session(&workspace).await?.stale) };
    until("a lease that nobody renews expires", LEFT_TTL + LATE_MAX, stale).await?;
    ensure!(sent.elapsed() >= LEFT_TTL, "{workspace} expired {:?} after its start", sent.elapsed());
    Ok(answered.elapsed())
}

/// Each step is logged with its size.
fn check_steps(stepped: &[v1::Event]) -> anyhow::Result<()> {
    let mut before_s = 0;
    ensure!(stepped.len() == OFFSETS_S.len(), "{} steps were logged", stepped.len());
    for (event, offset_s) in stepped.iter().zip(OFFSETS_S) {
        let Some(v1::event::Payload::ClockStepped(logged)) = &event.payload else {
            bail!("{event:?} says nothing of the step");
        };
        let logged_s = logged.step.as_ref().map(|step| step.seconds).unwrap_or_default();
        let step_s = offset_s - before_s;
        before_s = *offset_s;
        ensure!(
            logged_s.abs_diff(step_s) <= STEP_TOLERANCE_S,
            "a step by {step_s} s was logged as {logged_s} s"
        );
    }
    Ok(())
}

/// What the server takes for the wall clock.
struct Clock {
    file: PathBuf,
}

impl Clock {
    fn set(&self, offset_s: i64) -> anyhow::Result<()> {
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset_s:+}\n"))?;
        fs::rename(&next, &self.file)?;
        Ok(())
    }
}

fn library() -> anyhow::Result<&'static Path> {
    let found = LIBRARIES.iter().map(Path::new).find(|path| path.is_file());
    found.context("libfaketime is missing; install it: apt-get install faketime")
}
