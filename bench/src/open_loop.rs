//! Calls that are made when they are due, whether or not earlier ones have been answered, and
//! are timed from the instant at which they were due.
//!
//! Guarantees: nothing that the server or this program does slowly is left out of a latency.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::load::Times;
use crate::load::metronome::Metronome;

/// Most calls that are unanswered at a time; what is due meanwhile waits, and its time runs.
const IN_FLIGHT_MAX: usize = 64;

/// One call that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Timed<T> {
    /// What it was.
    pub what: T,
    /// From when it was due to its answer.
    pub latency: Duration,
}

/// Makes a call every `period` for the warm-up and the window, and answers how long those of the
/// window took. `make` is told the number of the call, from 0.
///
/// # Errors
/// When one fails.
pub async fn run<T, F>(
    period: Duration,
    times: Times,
    mut make: impl FnMut(u64) -> F,
) -> anyhow::Result<Vec<Timed<T>>>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let mut metronome = Metronome::new(period)?;
    let counted_from = metronome.last_due() + times.warm_up;
    let until = counted_from + times.window;
    let mut calls: JoinSet<anyhow::Result<(Instant, Timed<T>)>> = JoinSet::new();
    let mut timed = Vec::new();
    let mut number = 0;
    loop {
        let due = metronome.tick().await?;
        if due >= until {
            break;
        }
        while calls.len() >= IN_FLIGHT_MAX {
            let answered = calls.join_next().await.context("calls are in flight")?;
            keep(&mut timed, counted_from, answered??);
        }
        let call = make(number);
        number += 1;
        calls.spawn(async move {
            let what = call.await?;
            Ok((due, Timed { what, latency: due.elapsed() }))
        });
        while let Some(answered) = calls.try_join_next() {
            keep(&mut timed, counted_from, answered??);
        }
    }
    while let Some(answered) = calls.join_next().await {
        keep(&mut timed, counted_from, answered??);
    }
    Ok(timed)
}

fn keep<T>(timed: &mut Vec<Timed<T>>, from: Instant, (due, one): (Instant, Timed<T>)) {
    if due >= from {
        timed.push(one);
    }
}

/// The latencies of those that are `wanted`, ascending.
#[must_use]
pub fn sorted<T>(timed: &[Timed<T>], wanted: impl Fn(&T) -> bool) -> Vec<Duration> {
    let mut latencies: Vec<Duration> =
        timed.iter().filter(|one| wanted(&one.what)).map(|one| one.latency).collect();
    latencies.sort_unstable();
    latencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_slow_answer_delays_no_call_and_is_counted_whole() {
        let period = Duration::from_millis(10);
        let times = Times { warm_up: period * 5, window: period * 20 };
        let slow = Duration::from_millis(150);
        let calls = run(period, times, |number| async move {
            tokio::time::sleep(slow).await;
            Ok(number)
        });
        let timed = calls.await.unwrap();
        assert!((19..=21).contains(&timed.len()), "{}", timed.len());
        assert!(timed.iter().all(|one| one.latency >= slow));
        assert_eq!(sorted(&timed, |number| number % 2 == 0).len(), 10);
    }

    #[tokio::test]
    async fn a_failed_call_fails_the_run() {
        let times = Times { warm_up: Duration::ZERO, window: Duration::from_millis(50) };
        let failed = run(Duration::from_millis(5), times, |number| async move {
            anyhow::ensure!(number != 3, "the third");
            Ok(())
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "the third");
    }
}
