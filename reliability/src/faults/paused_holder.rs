//! A holder that is stopped past its lease, as by a debugger, a suspended machine or a long
//! garbage collection, and goes on as if nothing had happened.

mod resource;
mod role;

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tenure::{Supervisor, v1};

use super::site::{Actor, PATIENCE, START_MAX, Site, block_on, until};
use crate::process::Programs;
use resource::Resource;
pub use role::Role;

const WORKSPACE: &str = "paused/w";

const TTL: Duration = Duration::from_secs(3);

const REASON: &str = "the holder does not answer";

/// How often it is tried to stop the holder outside a write.
const STOPS_MAX: usize = 100;

/// How many writes the next holder makes before the first one goes on.
const WRITES_OF_THE_NEXT: usize = 20;

pub(super) fn run(programs: &Programs) -> anyhow::Result<String> {
    block_on(withstand(programs))
}

async fn withstand(programs: &Programs) -> anyhow::Result<String> {
    let site = Site::new(programs)?;
    let (server, _) = site.launch.start(START_MAX).await?;
    let resource = Resource::create(&site.path("resource.db"))?;
    let mut holder = HolderProcess::start(programs, &server.url(), &site)?;
    holder.wait_for("wrote", |line| line.starts_with("wrote "))?;
    let actor = Actor::of(&server, "next").await?;
    let paused = actor.session(WORKSPACE).await?;

    holder.stop_between_writes(&resource)?;
    let stopped = Instant::now();
    let stale = || async { Ok(actor.session(WORKSPACE).await?.stale) };
    until("the lease of a stopped holder expires", PATIENCE, stale).await?;
    let expired_after = stopped.elapsed();
    let next = take_over(&actor).await?;
    let supervisor = Supervisor::new(actor.client.clone());
    let next = supervisor.adopt(next).await?;
    for _ in 0..WRITES_OF_THE_NEXT {
        ensure!(next.is_held(), "the next holder lost it: {:?}", next.loss());
        ensure!(resource.write(next.fencing_token())?, "a write of the next holder was refused");
    }

    holder.signal(Signal::CONT)?;
    let mut look = holder.wait_for("a look", |line| line.starts_with("looked "))?;
    if look == "looked true" {
        // It may have looked before it was stopped, and come to telling it only now.
        look = holder.wait_for("a look", |line| line.starts_with("looked "))?;
    }
    ensure!(look == "looked false", "a holder that went on believes to hold");
    holder.wait_for("a refused write", |line| line == "refused")?;
    let fence = holder.wait_for("a fence check", |line| line.starts_with("fence "))?;
    ensure!(fence == "fence false", "its token counts as current: {fence}");
    let why = holder.wait_for("why", |line| line.starts_with("ended "))?;
    ensure!(why == format!("ended TakenOver next {REASON}"), "it learnt {why:?}");
    ensure!(resource.write(next.fencing_token())?, "a late write of the next holder was refused");
    ensure!(next.is_held(), "the next holder lost it: {:?}", next.loss());
    let (old, new) = (paused.fencing_token, next.fencing_token());
    ensure!(actor.fence(WORKSPACE, &[old, new]).await? == [false, true], "the fence is wrong");
    let refused = holder.refused;
    let writers: Vec<u64> = resource.writers()?;
    ensure!(writers == [old, new], "the resource was written to in the order {writers:?}");
    Ok(format!(
        "expired {expired_after:.1?} after the stop; on going on it was not held at the first \
         look, {refused} writes by its old token were refused, {} of the next holder accepted; \
         it learnt {why:?}",
        WRITES_OF_THE_NEXT + 1
    ))
}

async fn take_over(actor: &Actor) -> anyhow::Result<v1::Session> {
    let holder = v1::AutonomousHolder {
        actor_id: actor.id.clone(),
        lease_ttl: prost_types::Duration::try_from(Duration::from_secs(60)).ok(),
        ..Default::default()
    };
    let request = v1::TakeOverSessionRequest {
        workspace: WORKSPACE.to_owned(),
        successor: Some(v1::take_over_session_request::Successor::Autonomous(holder)),
        reason: REASON.to_owned(),
        ..Default::default()
    };
    actor.client.take_over(request).await?.session.context("no session")
}

/// The holder in its process. It is killed when this goes.
struct HolderProcess {
    child: Child,
    lines: mpsc::Receiver<String>,
    refused: usize,
    seen: HashSet<String>,
}

impl HolderProcess {
    fn start(programs: &Programs, url: &str, site: &Site) -> anyhow::Result<Self> {
        let mut child = Command::new(programs.own())
            .args(["play-holder", "--server", url, "--workspace", WORKSPACE])
            .args(["--ttl-ms", &TTL.as_millis().to_string(), "--resource"])
            .arg(site.path("resource.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the holder's process cannot be started")?;
        let stdout = child.stdout.take().context("the holder has no stdout")?;
        let (told, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The scenario may be over.
                let _unread = told.send(line);
            }
        });
        Ok(Self { child, lines, refused: 0, seen: HashSet::new() })
    }

    /// Reads on until a line is found.
    fn wait_for(&mut self, what: &str, found: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                bail!("the holder did not tell {what}; it told {:?}", self.seen);
            };
            self.refused += usize::from(line == "refused");
            // What it goes on telling is not kept again.
            self.seen.insert(line.clone());
            if found(&line) {
                return Ok(line);
            }
        }
    }

    /// Stops it while it does not have the resource locked: nobody else could write then.
    fn stop_between_writes(&mut self, resource: &Resource) -> anyhow::Result<()> {
        for _ in 0..STOPS_MAX {
            self.signal(Signal::STOP)?;
            std::thread::sleep(Duration::from_millis(5));
            if resource.is_free()? {
                return Ok(());
            }
            self.signal(Signal::CONT)?;
            std::thread::sleep(Duration::from_millis(7));
        }
        bail!("the holder was in the middle of a write {STOPS_MAX} times")
    }

    /// Sends a signal; when it is to go on, what it told before is not looked at any more.
    fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        if signal == Signal::CONT {
            while self.lines.try_recv().is_ok() {}
        }
        kill_process(Pid::from_child(&self.child), signal).context("the holder has ended")
    }
}

impl Drop for HolderProcess {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
