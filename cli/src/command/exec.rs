//! `tenure __exec`: becomes a command that dies with the process that started it.
//!
//! The system kills a process when the *thread* that created it ends, if the process asked for
//! that. Only the process itself can ask, between fork and exec; this shim is that moment.
//! Guarantees: the command never runs when its parent has gone already.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::{Signal, getpgrp, getppid};

use crate::exit::Exit;
use crate::failure::Failure;

/// The exit code of shells for a command that is not found.
const NOT_FOUND: u8 = 127;
/// The exit code of shells for a command that cannot be run.
const NOT_RUNNABLE: u8 = 126;
/// How long the shim waits to be given the terminal; its parent does so at once.
const FOREGROUND_WAIT: Duration = Duration::from_secs(2);
const FOREGROUND_POLL: Duration = Duration::from_millis(1);

/// Becomes a command that dies with the process that started it.
#[derive(Debug, Args)]
pub struct Exec {
    /// Id of the process that started this one
    #[arg(long)]
    parent: i32,
    /// Wait to be given the terminal
    #[arg(long)]
    foreground: bool,
    /// The command
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<OsString>,
}

/// Becomes the command; returns only if that fails.
///
/// # Errors
/// With the exit codes of shells when the command cannot be run.
pub fn run(exec: Exec) -> Result<(), Failure> {
    // Nothing that it could ignore: nobody would be left to insist.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::general(format!("cannot tie the command to hold: {error}")))?;
    // The parent may have died before the line above; then nothing will kill us.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(exec.parent) {
        return Err(Failure::general("hold has ended, so the command is not run"));
    }
    if exec.foreground {
        await_foreground();
    }
    let mut words = exec.command.into_iter();
    let Some(program) = words.next() else { return Err(Failure::usage("a command is needed")) };
    let error = process::Command::new(&program).args(words).exec();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
    let text = format!("cannot run {}: {error}", program.to_string_lossy());
    Err(Failure::new(Exit::Child(code), text))
}

/// A command that reads the terminal before its group has it would be stopped.
fn await_foreground() {
    let begun = Instant::now();
    while rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group != getpgrp())
        && begun.elapsed() < FOREGROUND_WAIT
    {
        thread::sleep(FOREGROUND_POLL);
    }
}
