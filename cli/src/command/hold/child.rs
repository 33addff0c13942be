//! The command that `hold` runs, as a process group.
//!
//! Guarantees: the command dies with `hold`, also when that is killed: the thread that starts
//! it lives until it has ended, and the system kills the command with that thread. After
//! [`Child::end`] nothing of its group is left, except what cannot be killed.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_current_process_group, kill_process,
    kill_process_group, test_kill_process_group, wait,
};
use tenure::LeaseHolder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::terminal::{Terminal, block_background_stop, has_job_control_above};
use crate::failure::Failure;
use crate::output::note;

/// The most events of the command that wait to be looked at.
const EVENTS_MAX: usize = 16;
/// How often is looked whether the group is empty.
const GROUP_POLL: Duration = Duration::from_millis(10);
/// How long the dead may take to vanish.
const REAP_WAIT: Duration = Duration::from_secs(2);
/// Added to the number of the signal that ended a command, as shells do.
const SIGNAL_CODE_BASE: i32 = 128;

/// What befell the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildEvent {
    /// It was stopped, as by Ctrl-Z.
    Stopped,
    /// It ended with this code; 128+N when signal N ended it.
    Ended(u8),
}

/// A running command.
#[derive(Debug)]
pub struct Child {
    group: Pid,
    events: mpsc::Receiver<ChildEvent>,
    has_ended: bool,
    terminal: Option<Terminal>,
}

impl Child {
    /// Starts a command under a lease, and gives it the terminal if it is ours to give.
    ///
    /// # Errors
    /// When no process can be started. A command that does not exist ends with 127 instead.
    pub async fn spawn(
        command: Vec<OsString>,
        lease: &LeaseHolder,
        terminal: Option<Terminal>,
    ) -> Result<Self, Failure> {
        let session = lease.session();
        let variables = [
            ("TENURE_WORKSPACE", session.workspace.clone()),
            ("TENURE_PROFILE", session.profile.clone()),
            ("TENURE_SESSION_ID", session.session_id.clone()),
            ("TENURE_FENCING_TOKEN", session.fencing_token.to_string()),
        ];
        let (events_in, events) = mpsc::channel(EVENTS_MAX);
        let (started_in, started) = oneshot::channel();
        let failed =
            |error: io::Error| Failure::general(format!("cannot run the command: {error}"));
        thread::Builder::new()
            .name("command".to_owned())
            .spawn(move || {
                block_background_stop();
                adopt_orphans();
                let begun = begin(&command, &variables, terminal);
                let group = begun.as_ref().ok().copied();
                let _ = started_in.send(begun);
                if let Some(group) = group {
                    wait_for(group, terminal, &events_in);
                }
            })
            .map_err(failed)?;
        let group =
            started.await.map_err(io::Error::other).and_then(|begun| begun).map_err(failed)?;
        Ok(Self { group, events, has_ended: false, terminal })
    }

    /// Waits for the next event. Cancelling loses none.
    pub async fn event(&mut self) -> ChildEvent {
        match self.events.recv().await {
            Some(event) => {
                self.has_ended |= matches!(event, ChildEvent::Ended(_));
                event
            }
            // The thread said how the command ended, which is final.
            None => std::future::pending().await,
        }
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        // A group that has gone needs no signal.
        let _ = kill_process_group(self.group, signal);
    }

    /// Stops `hold` as its command was stopped, so that the shell above has the terminal. Only
    /// on a terminal, or if the stop was passed on: who stops a command by itself may mean to.
    pub fn suspend_with(&self, passed_on: bool) {
        if !has_job_control_above() {
            // Nobody would ever continue us.
            if self.terminal.is_some() {
                self.resume();
            }
        } else if self.terminal.is_some() {
            let _ = kill_current_process_group(Signal::STOP);
        } else if passed_on {
            let _ = kill_process(getpid(), Signal::STOP);
        }
    }

    /// Lets a stopped command go on, with the terminal if that is ours to give.
    pub fn resume(&self) {
        if let Some(terminal) = self.terminal {
            terminal.give_to(self.group);
        }
        self.signal(Signal::CONT);
    }

    /// Ends whatever is left of the group: SIGTERM, and SIGKILL after `kill_after`. Returns as
    /// soon as nothing is left.
    pub async fn end(&mut self, kill_after: Duration) {
        if self.is_gone() {
            return;
        }
        let kill_at = Instant::now() + kill_after;
        if !kill_after.is_zero() {
            self.signal(Signal::TERM);
            // What is stopped would not hear it.
            self.signal(Signal::CONT);
        }
        while !self.is_gone() {
            if Instant::now() >= kill_at + REAP_WAIT {
                note("tenure: some processes of the command cannot be ended");
                return;
            }
            if Instant::now() >= kill_at {
                self.signal(Signal::KILL);
            }
            let poll = GROUP_POLL.min(kill_at.saturating_duration_since(Instant::now()));
            let poll = poll.max(Duration::from_millis(1));
            if self.has_ended {
                tokio::time::sleep(poll).await;
            } else {
                let _ = tokio::time::timeout(poll, self.event()).await;
            }
        }
    }

    /// Whether nothing is left of the group. Its number cannot be another's as long as
    /// something is, and is not given out again soon after.
    fn is_gone(&self) -> bool {
        if !self.has_ended {
            return false;
        }
        test_kill_process_group(self.group).is_err_and(|error| error == rustix::io::Errno::SRCH)
    }
}

/// The exit code for a command that a signal ended.
#[must_use]
pub fn code_of_signal(signal: i32) -> u8 {
    u8::try_from(SIGNAL_CODE_BASE + signal).unwrap_or(u8::MAX)
}

/// Starts the command behind the shim that ties it to this thread.
fn begin(
    command: &[OsString],
    variables: &[(&str, String)],
    terminal: Option<Terminal>,
) -> io::Result<Pid> {
    let mut shim = Command::new(own_program()?);
    shim.arg0("tenure").arg("__exec").arg("--parent").arg(getpid().as_raw_nonzero().to_string());
    if terminal.is_some_and(Terminal::is_ours) {
        shim.arg("--foreground");
    }
    shim.arg("--").args(command).process_group(0);
    shim.envs(variables.iter().map(|(name, value)| (name, value)));
    let started = shim.spawn()?;
    let group = Pid::from_child(&started);
    if let Some(terminal) = terminal {
        terminal.give_to(group);
    }
    Ok(group)
}

/// This very program, also after it was replaced on disk.
fn own_program() -> io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// Makes this process the parent of what its command orphans. Else the dead of the group would
/// stay in it wherever the first process of the system buries nobody, as in many containers,
/// and the group would never be seen to be empty.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Buries whatever ends below this process, and says what befalls the command.
fn wait_for(group: Pid, terminal: Option<Terminal>, events: &mpsc::Sender<ChildEvent>) {
    let mut has_ended = false;
    loop {
        match wait(WaitOptions::UNTRACED) {
            Ok(Some((process, status))) if process == group => {
                if let Some(terminal) = terminal {
                    terminal.take_back_from(group);
                }
                let event = event_of(status);
                has_ended |= matches!(event, ChildEvent::Ended(_));
                // Who does not listen any more is about to end the process.
                let _ = events.blocking_send(event);
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // Nobody is left.
            Err(_) => break,
        }
    }
    if !has_ended {
        let _ = events.blocking_send(ChildEvent::Ended(u8::MAX));
    }
}

fn event_of(status: WaitStatus) -> ChildEvent {
    if status.stopped() {
        return ChildEvent::Stopped;
    }
    let code = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (None, Some(signal)) => code_of_signal(signal),
        (None, None) => u8::MAX,
    };
    ChildEvent::Ended(code)
}
