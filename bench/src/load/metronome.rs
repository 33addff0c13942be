//! Ticks at exact instants.
//!
//! tokio's own timers are a millisecond coarse, which is more than what is measured here takes.
//! The kernel's are not, and cost one system call a tick.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A timer that ticks every so often.
#[derive(Debug)]
pub struct Metronome {
    timer: AsyncFd<OwnedFd>,
    due: Instant,
    period: Duration,
}

impl Metronome {
    /// The first tick comes after one period.
    ///
    /// # Errors
    /// When the system gives no timer.
    pub fn new(period: Duration) -> anyhow::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).context("no timer")?;
        let every = Timespec::try_from(period).context("a period that a timer cannot have")?;
        let setting = Itimerspec { it_interval: every, it_value: every };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &setting).context("no timer")?;
        let due = Instant::now();
        #[expect(deprecated, reason = "unsound only for descriptors that others may close")]
        let timer = AsyncFd::new(timer)?;
        Ok(Metronome { timer, due, period })
    }

    /// When the last tick was due; before the first one, when the metronome began.
    #[must_use]
    pub fn last_due(&self) -> Instant {
        self.due
    }

    /// Waits for the next tick, and answers when it was due. After a delay the ticks that were
    /// missed follow at once, each with its own instant.
    ///
    /// # Errors
    /// When the timer fails.
    pub async fn tick(&mut self) -> anyhow::Result<Instant> {
        self.due += self.period;
        while Instant::now() < self.due {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0_u8; 8];
            match read(self.timer.get_ref(), &mut expirations) {
                Ok(_) => {}
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error).context("the timer failed"),
            }
        }
        Ok(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ticks_are_due_at_even_distances_whenever_they_are_taken() {
        let period = Duration::from_micros(300);
        let mut metronome = Metronome::new(period).unwrap();
        let first = metronome.tick().await.unwrap();
        tokio::time::sleep(period * 20).await;
        for turn in 1..30 {
            let due = metronome.tick().await.unwrap();
            assert_eq!(due, first + period * turn);
            assert!(Instant::now() >= due);
        }
    }
}
