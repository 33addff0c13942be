//! A program that was started to be measured: what it says is read, and it is ended.
//!
//! Guarantees: it is ended by its own process id, also when a run fails or is interrupted; it
//! never waits for us to read what it says; the settings of other installations do not reach it.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// How often a program that is ending is looked at.
const STOP_POLL: Duration = Duration::from_millis(5);

/// How many of its last lines are shown when a program fails.
const LAST_LINES_MAX: usize = 20;

/// Variables of these families configure the programs that are measured.
const SETTINGS: [&[u8]; 3] = [b"TENURE_", b"ETCD_", b"ETCDCTL_"];

/// A program that runs.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    addresses: Receiver<SocketAddr>,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &'static str, mut command: Command) -> anyhow::Result<Self> {
        for (variable, _) in env::vars_os().filter(|(variable, _)| is_setting(variable)) {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {program:?}"))?;
        let last_lines = Arc::default();
        let (found, addresses) = channel();
        if let Some(stdout) = child.stdout.take() {
            follow(stdout, Arc::clone(&last_lines), found.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            follow(stderr, Arc::clone(&last_lines), found);
        }
        Ok(Process { name, child, last_lines, addresses })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first loopback address that it says it listens on.
    ///
    /// # Errors
    /// When it does not say one in time.
    pub fn address(&self, wait_max: Duration) -> anyhow::Result<SocketAddr> {
        let said = self.addresses.recv_timeout(wait_max);
        said.map_err(|_| self.failure("did not say where it listens"))
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether this is among the last that it said.
    #[must_use]
    pub fn has_said(&self, text: &str) -> bool {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().any(|line| line.contains(text))
    }

    /// What failed, with the last that the program said.
    #[must_use]
    pub fn failure(&self, what: &str) -> anyhow::Error {
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<&str> = lines.iter().map(String::as_str).collect();
        let said = if said.is_empty() { "nothing".to_owned() } else { said.join("\n  ") };
        anyhow::anyhow!("{} {what}; the last that it said:\n  {said}", self.name)
    }

    /// Asks it to end and waits for that; whether it ended in time and without an error.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn stop(mut self, wait_max: Duration) -> anyhow::Result<bool> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + wait_max;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            thread::sleep(STOP_POLL);
        }
        Ok(false)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A loopback address that was free a moment ago.
///
/// # Errors
/// When no port is free.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(probe.local_addr()?)
}

fn is_setting(variable: &OsStr) -> bool {
    SETTINGS.iter().any(|family| variable.as_encoded_bytes().starts_with(family))
}

/// Keeps reading what a program says, so that it never waits for us, and finds its address.
fn follow(
    said: impl Read + Send + 'static,
    last: Arc<Mutex<VecDeque<String>>>,
    found: Sender<SocketAddr>,
) {
    thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line) {
                // Nobody waits any more if the program was given up.
                let _late = found.send(address);
            }
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES_MAX {
                last.pop_front();
            }
            last.push_back(line);
        }
    });
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
    fn only_settings_of_what_is_measured_are_kept_from_it() {
        assert!(is_setting("TENURE_STORE".as_ref()));
        assert!(is_setting("ETCD_NAME".as_ref()));
        assert!(!is_setting("RUST_LOG".as_ref()));
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out of luck >&2; exit 3"]);
        let process = Process::spawn("sh", command).unwrap();
        let failed = process.address(Duration::from_secs(20)).unwrap_err();
        assert!(failed.to_string().contains("out of luck"), "{failed}");
    }

    #[test]
    fn a_program_is_gone_when_it_is_dropped() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let process = Process::spawn("sleep", command).unwrap();
        let pid = Pid::from_child(&process.child);
        drop(process);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }
}
