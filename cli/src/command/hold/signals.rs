//! The signals that `hold` passes on to its command.
//!
//! Guarantees: a signal that was ignored when `hold` began, as under `nohup`, stays ignored.

use std::fs;
use std::future::poll_fn;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::failure::Failure;

/// What is passed on. SIGSTOP cannot be, and SIGTTIN and SIGTTOU are between a process and its
/// own terminal.
const PASSED_ON: [Signal; 9] = [
    Signal::INT,
    Signal::TERM,
    Signal::HUP,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
    Signal::TSTP,
    Signal::CONT,
];

/// The signals that came and were not looked at yet.
#[derive(Debug)]
pub struct Signals {
    all: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Begins to listen; from then on these signals no longer do what they do by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Self, Failure> {
        let ignored = ignored_signals();
        let all = PASSED_ON
            .into_iter()
            .filter(|signal| ignored >> (signal.as_raw() - 1) & 1 == 0)
            .map(|signal| Ok((signal, unix::signal(SignalKind::from_raw(signal.as_raw()))?)))
            .collect::<std::io::Result<_>>()
            .map_err(|error| Failure::general(format!("cannot await signals: {error}")))?;
        Ok(Self { all })
    }

    /// Waits for the next one. Cancelling loses none.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.all {
                if let Poll::Ready(Some(())) = stream.poll_recv(context) {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for the next one that asks to end; others until then are lost.
    pub async fn ending(&mut self) -> Signal {
        loop {
            let signal = self.next().await;
            if matches!(signal, Signal::INT | Signal::TERM | Signal::HUP | Signal::QUIT) {
                return signal;
            }
        }
    }
}

/// The signals that this process ignores, bit N-1 for signal N; none where that is not told.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_ignored(&status)
}

fn parse_ignored(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::parse_ignored;

    #[test]
    fn the_mask_of_ignored_signals_is_read_from_the_status_of_the_process() {
        let status = "Name:\ttenure\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(parse_ignored(status), 0x1001, "SIGHUP and SIGPIPE");
        assert_eq!(parse_ignored("Name:\tx\n"), 0);
    }
}
