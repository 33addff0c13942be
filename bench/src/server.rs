//! The servers that are measured: each a process of its own, started for one turn and ended
//! after it.
//!
//! Guarantees: a server is ready when it is handed out (its health says so), always begins with
//! an empty store, and is ended by its own process id, also when a run fails.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::load;
use crate::sessions::{self, Held};

/// How long a server may take until it serves.
const READY_MAX: Duration = Duration::from_secs(15);

/// How long a server may take to end in good order.
const STOP_MAX: Duration = Duration::from_secs(3);

/// How often a server that is ending is looked at.
const STOP_POLL: Duration = Duration::from_millis(10);

/// How many of its last lines are shown when a server fails.
const LAST_LINES_MAX: usize = 20;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// `tenured` with a SQLite store.
    Ours,
    /// The bare echo.
    Echo,
}

impl Contender {
    /// Ours first, then its peers.
    pub const ALL: [Contender; 2] = [Contender::Ours, Contender::Echo];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Contender::Ours => "ours",
            Contender::Echo => "echo",
        }
    }
}

/// Where the programs and the stores are.
#[derive(Debug)]
pub struct Site {
    bench: PathBuf,
    tenured: PathBuf,
    stores: PathBuf,
}

impl Site {
    /// Looks beside this program for `tenured`, and puts stores in the folder above, which is
    /// that of the build.
    ///
    /// # Errors
    /// When `tenured` was not built.
    pub fn find() -> anyhow::Result<Self> {
        let bench = env::current_exe().context("cannot tell where this program is")?;
        let programs = bench.parent().context("this program is in no folder")?;
        let tenured = programs.join("tenured");
        if !tenured.is_file() {
            bail!("{} is missing; build it: cargo build --release -p tenured", tenured.display());
        }
        let stores = programs.parent().unwrap_or(programs).to_owned();
        Ok(Site { tenured, stores, bench })
    }

    /// The folder that the folders of stores are made in.
    #[must_use]
    pub fn stores(&self) -> &Path {
        &self.stores
    }

    fn command(&self, contender: Contender, folder: &Path) -> Command {
        let mut command = match contender {
            Contender::Ours => Command::new(&self.tenured),
            Contender::Echo => Command::new(&self.bench),
        };
        match contender {
            Contender::Ours => {
                let store = format!("sqlite:{}", folder.join("tenure.db").display());
                command.args(["--listen", "127.0.0.1:0", "--store", &store]);
            }
            Contender::Echo => {
                command.args(["__echo", "--listen", "127.0.0.1:0"]);
            }
        }
        // What is configured for somebody else's server is not for this one.
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.current_dir(folder);
        command
    }
}

fn is_setting(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"TENURE_")
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    contender: Contender,
    child: Child,
    address: SocketAddr,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    _folder: TempDir,
}

impl Server {
    /// Starts a server on a free port with an empty store, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up in time, with the last that it said.
    pub async fn start(site: &Site, contender: Contender) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tenure-bench-").tempdir_in(site.stores())?;
        let mut command = site.command(contender, folder.path());
        let program = command.get_program().to_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {program:?}"))?;
        let last_lines = Arc::default();
        let stderr = child.stderr.take();
        let address_in = stderr.map(|stderr| follow(stderr, Arc::clone(&last_lines)));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { contender, child, address, last_lines, _folder: folder };
        let said = address_in.and_then(|said| said.recv_timeout(READY_MAX).ok());
        let Some(address) = said else {
            return Err(server.failure("did not say where it listens"));
        };
        server.address = address;
        match tokio::time::timeout(READY_MAX, serving(address)).await {
            Ok(Ok(())) => Ok(server),
            Ok(Err(error)) => Err(error.context(server.failure("does not serve"))),
            Err(_) => Err(server.failure("was not ready in time")),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// So many sessions to beat for.
    ///
    /// # Errors
    /// When a start fails.
    pub async fn sessions(&self, count: usize) -> anyhow::Result<Vec<Held>> {
        match self.contender {
            Contender::Ours => sessions::start(self.address, count).await,
            Contender::Echo => Ok(sessions::made_up(count)),
        }
    }

    /// What failed, with the last that the server said.
    #[must_use]
    pub fn failure(&self, what: &str) -> anyhow::Error {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<&str> = lines.iter().map(String::as_str).collect();
        let said = if said.is_empty() { "nothing".to_owned() } else { said.join("\n  ") };
        anyhow::anyhow!("{} {what}; the last that it said:\n  {said}", self.contender.name())
    }

    /// Ends it in good order, or by force if that takes too long; whether it ended by itself.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(mut self) -> anyhow::Result<bool> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(self.contender == Contender::Echo || ExitStatus::success(&status));
            }
            thread::sleep(STOP_POLL);
        }
        Ok(false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Keeps reading what a server says, so that it never waits for us, and finds its address.
fn follow(stderr: ChildStderr, last: Arc<Mutex<VecDeque<String>>>) -> mpsc::Receiver<SocketAddr> {
    let (found, address) = mpsc::channel();
    thread::spawn(move || {
        let mut found = Some(found);
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line)
                && let Some(found) = found.take()
            {
                // Nobody waits any more if the server was given up.
                let _late = found.send(address);
            }
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES_MAX {
                last.pop_front();
            }
            last.push_back(line);
        }
    });
    address
}

/// The first loopback address with a port of its own in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let host = "127.0.0.1:";
    line.match_indices(host).find_map(|(at, _)| {
        let behind = &line[at + host.len()..];
        let end = behind.find(|char: char| !char.is_ascii_digit()).unwrap_or(behind.len());
        let port: u16 = behind[..end].parse().ok().filter(|&port| port != 0)?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// Waits until the health of the whole server is good.
async fn serving(address: SocketAddr) -> anyhow::Result<()> {
    let mut health = HealthClient::new(load::connect(address).await?);
    let whole = HealthCheckRequest { service: String::new() };
    let mut states = health.watch(whole).await?.into_inner();
    while let Some(state) = states.message().await? {
        if state.status() == ServingStatus::Serving {
            return Ok(());
        }
    }
    bail!("the health of the server ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_address_is_found_in_what_a_server_says() {
        let port = |line| address_in(line).map(|address| address.port());
        assert_eq!(port("listening on 127.0.0.1:4711"), Some(4711));
        assert_eq!(port("INFO serving address=http://127.0.0.1:4711/ store=x"), Some(4711));
        assert_eq!(port("asked for 127.0.0.1:0, bound 127.0.0.1:80"), Some(80));
        assert_eq!(port("asked for 127.0.0.1:0"), None);
        assert_eq!(port("127.0.0.1:99999"), None);
        assert_eq!(port("started"), None);
    }

    #[test]
    fn only_settings_of_tenure_are_kept_from_a_server() {
        assert!(is_setting("TENURE_STORE".as_ref()));
        assert!(!is_setting("RUST_LOG".as_ref()));
    }
}
