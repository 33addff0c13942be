//! Many seeds, on as many threads as there are processors.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Mutant, Outcome, Totals, simulate};

/// How often the progress of a long form is told.
const PROGRESS_EVERY: u64 = 500;

/// The long form.
#[derive(Debug, Args)]
pub struct Options {
    /// How many seeds to run
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone, and print all that happens
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Plant a fault, which has to be found
    #[arg(long, value_enum, default_value_t)]
    mutant: Mutant,
}

/// A seed that came to a violation.
#[derive(Debug, Clone)]
pub struct Found {
    /// The seed, which repeats it.
    pub seed: u64,
    /// What was violated, and what happened before.
    pub violation: String,
}

/// Runs the long form.
///
/// # Errors
/// The first violation, with the command that repeats it.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(seed) = options.seed {
        let outcome = simulate(seed, options.mutant, true)?;
        return report(outcome.verdict.map_err(|violation| Found { seed, violation }), options);
    }
    let began = Instant::now();
    let runs = campaign(options.from, options.seeds, options.mutant, |done| {
        if std::io::stderr().is_terminal() || done % (20 * PROGRESS_EVERY) == 0 {
            let each_ms = began.elapsed().as_secs_f64() * 1e3 / done as f64;
            tracing::info!("{done} of {} seeds, {each_ms:.1} ms each", options.seeds);
        }
    });
    report(runs?, options)
}

fn report(outcome: Result<Totals, Found>, options: &Options) -> anyhow::Result<()> {
    match outcome {
        Ok(totals) => {
            tracing::info!("nothing was violated; what was met:\n{totals}");
            Ok(())
        }
        Err(Found { seed, violation }) => {
            let planted = match options.mutant {
                Mutant::None => String::new(),
                mutant => format!(" --mutant {}", name(mutant)),
            };
            let again = format!("tenure-reliability simulate --seed {seed}{planted}");
            bail!("seed {seed}: {violation}\nrepeat it: {again}")
        }
    }
}

/// The name of a planted fault on the command line.
#[must_use]
pub fn name(mutant: Mutant) -> String {
    let value = clap::ValueEnum::to_possible_value(&mutant);
    value.map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Runs `seeds` seeds from `from` on; ends at the first violation.
///
/// # Errors
/// If a runtime cannot be built; inside, the violation.
pub fn campaign(
    from: u64,
    seeds: u64,
    mutant: Mutant,
    progress: impl Fn(u64) + Sync,
) -> anyhow::Result<Result<Totals, Found>> {
    let (next, done) = (AtomicU64::new(from), AtomicU64::new(0));
    let (totals, found) = (Mutex::new(Totals::default()), Mutex::new(None::<Found>));
    let work = || -> anyhow::Result<()> {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= from + seeds || lock(&found).is_some() {
                return Ok(());
            }
            let Outcome { verdict, .. } =
                simulate(seed, mutant, false).context("cannot make a runtime")?;
            match verdict {
                Ok(run) => *lock(&totals) += &run,
                Err(violation) => {
                    lock(&found).get_or_insert(Found { seed, violation });
                }
            }
            let done = done.fetch_add(1, Relaxed) + 1;
            if done % PROGRESS_EVERY == 0 {
                progress(done);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| -> anyhow::Result<()> {
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in working {
            match thread.join() {
                Ok(ended) => ended?,
                Err(_) => bail!("a run has panicked; what it said is above"),
            }
        }
        Ok(())
    })?;
    let found = lock(&found).take();
    Ok(match found {
        Some(found) => Err(found),
        None => Ok(lock(&totals).clone()),
    })
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
