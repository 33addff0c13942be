//! A closed loop of callers: each makes a call as soon as its last one is answered.
//!
//! Guarantees: a call counts when its answer has come and was what it had to be; the first that
//! was not fails the run. If what they work on runs out, counting ends at that instant.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::load::{Outcome, Times};
use crate::machine::CpuClock;

/// How long the calls may take that are in flight when counting ends.
const LAST_MAX: Duration = Duration::from_secs(20);

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// It was answered as it had to be.
    Done,
    /// There was nothing left to call for.
    NothingLeft,
}

/// Somebody who makes one call after another.
pub trait Caller: Send + 'static {
    /// Makes the next call.
    fn call(&mut self) -> impl Future<Output = anyhow::Result<Called>> + Send;
}

/// What the callers share.
#[derive(Debug, Default)]
struct Desk {
    done: AtomicU64,
    recording: AtomicBool,
    ended: AtomicBool,
    ran_out: Notify,
    latencies: Mutex<Vec<Duration>>,
}

/// Lets the callers go, and counts.
///
/// # Errors
/// When a call fails, or nothing was done at all.
pub async fn run<C: Caller>(callers: Vec<C>, pid: u32, times: Times) -> anyhow::Result<Outcome> {
    let desk = Arc::new(Desk::default());
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call_on(caller, Arc::clone(&desk)));
    }
    let failed = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        // All have run out of work, which has been told.
        std::future::pending::<anyhow::Result<Outcome>>().await
    };
    let mut outcome = tokio::select! {
        counted = count(&desk, pid, times) => counted?,
        failed = failed => return failed,
    };
    // Callers hand in their latencies when they end, which they do with their next answer.
    let ending = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(LAST_MAX, ending).await;
    ended.context("the last calls were not answered")??;
    outcome.latencies.append(&mut desk.latencies.lock().unwrap_or_else(PoisonError::into_inner));
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

async fn call_on<C: Caller>(mut caller: C, desk: Arc<Desk>) -> anyhow::Result<()> {
    let mut latencies = Vec::new();
    while !desk.ended.load(Ordering::Relaxed) {
        let from = Instant::now();
        if caller.call().await? == Called::NothingLeft {
            desk.ran_out.notify_one();
            break;
        }
        desk.done.fetch_add(1, Ordering::Relaxed);
        if desk.recording.load(Ordering::Relaxed) {
            latencies.push(from.elapsed());
        }
    }
    desk.latencies.lock().unwrap_or_else(PoisonError::into_inner).append(&mut latencies);
    Ok(())
}

async fn count(desk: &Desk, pid: u32, times: Times) -> anyhow::Result<Outcome> {
    let cpu = CpuClock::new(pid);
    tokio::time::sleep(times.warm_up).await;
    let (cpu_before, from) = (cpu.read()?, Instant::now());
    let done_before = desk.done.load(Ordering::Relaxed);
    desk.recording.store(true, Ordering::Relaxed);
    tokio::select! {
        () = tokio::time::sleep(times.window) => {}
        () = desk.ran_out.notified() => {}
    }
    let done = desk.done.load(Ordering::Relaxed) - done_before;
    let (window_s, cpu_after) = (from.elapsed().as_secs_f64(), cpu.read()?);
    desk.ended.store(true, Ordering::Relaxed);
    ensure!(done > 0, "not one call was answered in {window_s:.1} s");
    let beats_per_s = done as f64 / window_s;
    let (latencies, send_lags) = (Vec::new(), Vec::new());
    Ok(Outcome { beats_per_s, latencies, send_lags, window_s, cpu: cpu_after - cpu_before })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Arc<AtomicU64>);

    impl Caller for Fixed {
        async fn call(&mut self) -> anyhow::Result<Called> {
            let left =
                self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            tokio::time::sleep(Duration::from_millis(1)).await;
            match left {
                Ok(13) => anyhow::bail!("an unlucky call"),
                Ok(_) => Ok(Called::Done),
                Err(_) => Ok(Called::NothingLeft),
            }
        }
    }

    const TIMES: Times = Times { warm_up: Duration::ZERO, window: Duration::from_secs(60) };

    #[tokio::test]
    async fn counting_ends_when_there_is_nothing_left() {
        let left = Arc::new(AtomicU64::new(12));
        let from = Instant::now();
        let outcome = run(vec![Fixed(left.clone()), Fixed(left)], std::process::id(), TIMES).await;
        let outcome = outcome.unwrap();
        assert!(from.elapsed() < Duration::from_secs(30));
        assert!((outcome.beats_per_s * outcome.window_s).round() <= 12.0, "{outcome:?}");
    }

    #[tokio::test]
    async fn a_failed_call_fails_the_run() {
        let left = Arc::new(AtomicU64::new(200));
        let failed = run(vec![Fixed(left)], std::process::id(), TIMES).await.unwrap_err();
        assert_eq!(failed.to_string(), "an unlucky call");
    }
}
