//! Who has the terminal: the command while it runs, and `hold` when it is stopped or has ended.

use std::io::{self, IsTerminal as _};

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{Pid, getpgrp, getsid};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// The terminal at standard input.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    own_group: Pid,
}

impl Terminal {
    /// The terminal at standard input, if there is one.
    #[must_use]
    pub fn of_stdin() -> Option<Self> {
        io::stdin().is_terminal().then(|| Self { own_group: getpgrp() })
    }

    /// Whether it is ours to give: a job in the background has no say.
    #[must_use]
    pub fn is_ours(self) -> bool {
        tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == self.own_group)
    }

    /// Gives the terminal to a group, if it is ours to give.
    pub fn give_to(self, group: Pid) {
        // In the foreground, setting the terminal's group never stops the caller.
        if self.is_ours() {
            let _ = tcsetpgrp(io::stdin(), group);
        }
    }

    /// Takes the terminal back from a group, if that still has it.
    pub fn take_back_from(self, group: Pid) {
        if tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == group) {
            let _ = tcsetpgrp(io::stdin(), self.own_group);
        }
    }
}

/// Lets the calling thread take the terminal back from the background: unless it blocks
/// SIGTTOU, the system stops whoever tries.
pub fn block_background_stop() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTTOU);
    // Without it the terminal is simply not taken back.
    let _ = set.thread_block();
}

/// Whether a shell that can continue a stopped job may be above this process.
#[must_use]
pub fn has_job_control_above() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
