//! Ours and theirs turn by turn: the way in which every figure is measured.
//!
//! Guarantees: every round measures each contender once, one after the other, who is first
//! changing from one round to the next, so that a slow minute of the machine favours nobody;
//! within a round all have the same time. A contender whose program is not installed is left out
//! and named. A round that is interrupted ends all that it started.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::contender::Contender;
use crate::figure::{Figure, Plan, Stage};
use crate::load::Times;
use crate::measure::Sample;
use crate::site::Site;

/// Worker threads of the load generator, and of the echo; a real server has as many.
pub const WORKERS: usize = 2;

/// Most time that one turn of one contender may take.
pub const TURN_MAX: Duration = Duration::from_secs(300);

/// Most time that making what all turns need may take.
const PREPARE_MAX: Duration = Duration::from_secs(1_200);

/// Most time that the tasks of a turn may take to end.
const WIND_UP_MAX: Duration = Duration::from_secs(2);

/// The shortest time that says anything about a rate.
const WINDOW_MIN: Duration = Duration::from_millis(800);

/// How much time a series takes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often each contender is measured.
    pub rounds: u32,
    /// Load before each count.
    pub warm_up: Duration,
    /// The longest count.
    pub window_max: Duration,
    /// What a figure may take altogether; as long as it takes if absent.
    pub budget: Option<Duration>,
}

/// What one contender did in one round.
#[derive(Debug)]
pub struct Turn {
    /// Who.
    pub contender: Contender,
    /// What came of it.
    pub sample: Sample,
}

/// This program was told to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What became of all rounds.
#[derive(Debug, Default)]
pub struct Rounds {
    /// The turns, each round's together.
    pub turns: Vec<Turn>,
    /// Who could not be measured, and why.
    pub missing: Vec<(Contender, String)>,
}

/// Measures a figure, which began at `began`.
///
/// # Errors
/// When a server fails, or anything about a turn cannot be trusted.
pub fn run(figure: Figure, site: &Site, pace: Pace, began: Instant) -> anyhow::Result<Rounds> {
    let plan = figure.plan();
    let prepared = on_a_new_runtime(PREPARE_MAX, figure.prepare(site));
    prepared.with_context(|| format!("preparing {}", plan.name))?;
    let mut rounds = Rounds::default();
    let mut here = Vec::new();
    for &contender in plan.contenders {
        match contender.program().map_or(Ok(()), |program| site.path(program).map(drop)) {
            Ok(()) => here.push(contender),
            Err(error) => rounds.missing.push((contender, error.to_string())),
        }
    }
    let mut set_up = Duration::from_secs_f64(plan.set_up_s * here.len() as f64);
    for round in 0..pace.rounds {
        let left = pace.budget.map(|budget| budget.saturating_sub(began.elapsed()));
        let times = pace.times(left, pace.rounds - round, here.len(), set_up);
        let stage = Stage { site, times };
        let from = Instant::now();
        let turns = here.len().max(1);
        here.rotate_left(usize::from(round > 0) % turns);
        for &contender in &here {
            let sample = on_a_new_runtime(TURN_MAX, figure.turn(contender, &stage));
            let sample = sample.with_context(|| failed(plan, contender))?;
            rounds.turns.push(Turn { contender, sample });
        }
        let load = (times.warm_up + times.window) * u32::try_from(turns)?;
        set_up = from.elapsed().saturating_sub(load);
    }
    Ok(rounds)
}

fn failed(plan: &Plan, contender: Contender) -> String {
    format!("{} failed with {}", plan.name, contender.name())
}

impl Pace {
    /// The times of the next round, if `left` is left for so many rounds of so many turns, and
    /// all that a round does besides takes `set_up`.
    fn times(&self, left: Option<Duration>, rounds: u32, turns: usize, set_up: Duration) -> Times {
        let turns = u32::try_from(turns.max(1)).unwrap_or(u32::MAX);
        let window = left.map_or(self.window_max, |left| {
            let each = (left / rounds.max(1)).saturating_sub(set_up) / turns;
            each.saturating_sub(self.warm_up).clamp(WINDOW_MIN, self.window_max)
        });
        Times { warm_up: self.warm_up, window }
    }
}

/// Runs something on a runtime that nothing else has used, until it ends, takes longer than
/// `time_max` or is interrupted.
///
/// # Errors
/// Its own, or that it was ended.
pub fn on_a_new_runtime<T>(
    time_max: Duration,
    what: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = tokio::time::timeout(time_max, what) => match outcome {
                Ok(outcome) => outcome,
                Err(_) => bail!("it took longer than {} s", time_max.as_secs()),
            },
            ended = told_to_end() => {
                ended?;
                Err(Interrupted.into())
            }
        }
    });
    runtime.shutdown_timeout(WIND_UP_MAX);
    outcome
}

/// Waits until this program is told to end, so that it ends what it has started.
async fn told_to_end() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// The runtime of the load generator and of the echo.
///
/// # Errors
/// When threads cannot be started.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        rounds: 3,
        warm_up: Duration::from_millis(500),
        window_max: Duration::from_secs(4),
        budget: None,
    };

    #[test]
    fn what_is_left_is_shared_by_all_turns_that_are_left() {
        let left = Some(Duration::from_secs(30));
        let times = PACE.times(left, 2, 3, Duration::from_secs(6));
        // 15 s a round, 6 of them to set up, 3 for each turn.
        assert_eq!(times.window, Duration::from_millis(2_500));
    }

    #[test]
    fn a_window_is_neither_too_short_to_tell_nor_longer_than_asked_for() {
        let window = |left| PACE.times(left, 1, 2, Duration::from_secs(3)).window;
        assert_eq!(window(Some(Duration::ZERO)), WINDOW_MIN);
        assert_eq!(window(Some(Duration::from_secs(600))), PACE.window_max);
        assert_eq!(window(None), PACE.window_max);
    }
}
