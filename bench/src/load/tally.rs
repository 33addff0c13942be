//! What the lanes of a run share: counters, recorded latencies, and the alarm.
//!
//! Guarantees: lanes of different connections write to different cache lines; the alarm keeps
//! the first breach, and ends the wait of whoever measures.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::dialogue::Breach;

/// What all lanes of a run share.
#[derive(Debug, Default)]
pub struct Run {
    /// Raised by the first breach.
    pub alarm: Alarm,
    window: OnceLock<(Instant, Instant)>,
    stopped: AtomicBool,
}

impl Run {
    /// From now on the latencies of messages are kept that were to be sent between these instants,
    /// whenever they are answered.
    pub fn record(&self, from: Instant, until: Instant) {
        // Once a run; another window would be ignored.
        let _first = self.window.set((from, until));
    }

    fn is_recorded(&self, to_be_sent_at: Option<Instant>) -> bool {
        let (Some((from, until)), Some(at)) = (self.window.get(), to_be_sent_at) else {
            return false;
        };
        *from <= at && at < *until
    }

    /// Ends every lane the next time that it is polled.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the run is over.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// The first thing that went wrong.
#[derive(Debug, Default)]
pub struct Alarm {
    breach: OnceLock<Breach>,
    raised: Notify,
}

impl Alarm {
    /// Reports a breach; only the first is kept.
    pub fn raise(&self, breach: Breach) {
        if self.breach.set(breach).is_ok() {
            self.raised.notify_one();
        }
    }

    /// Waits for so long.
    ///
    /// # Errors
    /// As soon as there is a breach, also one from before.
    pub async fn quiet_for(&self, time: Duration) -> Result<(), Breach> {
        tokio::select! {
            () = self.raised.notified() => {}
            () = tokio::time::sleep(time) => {}
        }
        self.breach.get().map_or(Ok(()), |breach| Err(breach.clone()))
    }
}

/// What the lanes of one connection share.
#[derive(Debug)]
#[repr(align(128))]
pub struct Tally {
    run: Arc<Run>,
    acknowledged: AtomicU64,
    timed: Mutex<Timed>,
}

/// What was timed, in no order.
#[derive(Debug, Default)]
pub struct Timed {
    /// From when a message was to be sent to its last answer.
    pub latencies: Vec<Duration>,
    /// From when a message was to be sent until it was.
    pub send_lags: Vec<Duration>,
}

impl Tally {
    /// Begins at nothing.
    pub fn new(run: Arc<Run>) -> Self {
        Tally { run, acknowledged: AtomicU64::new(0), timed: Mutex::default() }
    }

    /// The run that this is part of.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Counts acknowledged beats.
    pub fn count(&self, beats: u64) {
        self.acknowledged.fetch_add(beats, Ordering::Relaxed);
    }

    /// Keeps how long a message took that is answered now, if it was to be sent in the window.
    pub fn took(&self, latency: Duration) {
        if self.run.is_recorded(Instant::now().checked_sub(latency)) {
            self.lock().latencies.push(latency);
        }
    }

    /// Keeps how late a message is sent that is sent now, if it was to be sent in the window.
    pub fn sent_late_by(&self, lag: Duration) {
        if self.run.is_recorded(Instant::now().checked_sub(lag)) {
            self.lock().send_lags.push(lag);
        }
    }

    /// Beats acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Takes what was timed.
    pub fn take_timed(&self) -> Timed {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Timed> {
        self.timed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
