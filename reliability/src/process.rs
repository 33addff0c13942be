//! A real `tenured` in a process of its own, on a database file and a fixed loopback port, so
//! that it can be killed, stopped and started again while its clients go on.
//!
//! Guarantees: a server is ended by its own process id, at the latest when its handle goes; what
//! it says is read to the end and the last of it kept, so that it never waits for its log.
//!
//! Must not know: what is done to the server, and what it has to withstand.

mod last_lines;
mod launch;
mod port;
mod programs;
mod serving;

use std::net::SocketAddr;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tenure::{Client, ClientOptions};

pub use launch::Launch;
pub use programs::Programs;

use last_lines::LastLines;

/// How often a process that is to end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server's process. It is killed when this goes.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    spawned: Instant,
    said: LastLines,
}

impl Server {
    /// Its process id; that of the wrapper, if it was started through one that does not `exec`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client with connections of its own.
    ///
    /// # Errors
    /// When the address is none that a client takes.
    pub async fn client(&self, options: ClientOptions) -> anyhow::Result<Client> {
        Ok(Client::connect_with(self.url().parse()?, options).await?)
    }

    /// Waits until its health says that it serves; how long that took since it was spawned.
    ///
    /// # Errors
    /// When it does not within the time, or ends before, with the last that it said.
    pub async fn serving(&mut self, within: Duration) -> anyhow::Result<Duration> {
        let deadline = self.spawned + within;
        while Instant::now() < deadline {
            if serving::serves(self.address, deadline).await {
                return Ok(self.spawned.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                self.said.read_to_end();
                return Err(self.failure(&format!("ended before it served, with {status}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(self.failure(&format!("did not serve within {within:?}")))
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        // An error means that it has ended already.
        let _ended = self.child.kill();
        self.child.wait().context("the server cannot be waited for")?;
        Ok(())
    }

    /// Stops it where it stands, with SIGSTOP.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on, with SIGCONT.
    ///
    /// # Errors
    /// When it has ended.
    pub fn go_on(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end in good order, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or ends with a failure.
    pub fn end(mut self, within: Duration) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        match self.ended(within)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failure(&format!("ended with {status}"))),
            None => Err(self.failure(&format!("did not end within {within:?}"))),
        }
    }

    /// Waits until it has ended by itself; absent when it has not within the time.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn ended(&mut self, within: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.said.read_to_end();
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The last lines that it said on stderr, oldest first.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said.lines()
    }

    /// Memory that it has resident, in bytes.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let Some(kib) = line.and_then(|line| line.trim().strip_suffix(" kB")) else {
            bail!("{path} does not tell VmRSS");
        };
        Ok(kib.trim().parse::<u64>().context("VmRSS is no number")? << 10)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("{signal:?} cannot be sent to the server"))
    }

    /// What failed, with the last that the server said.
    #[must_use]
    pub fn failure(&self, what: &str) -> anyhow::Error {
        let said = self.said();
        let said = if said.is_empty() { "nothing".to_owned() } else { said.join("\n  ") };
        anyhow::anyhow!("the server {what}; the last that it said:\n  {said}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
