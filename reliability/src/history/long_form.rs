//! `tenure-reliability history`: as many runs as asked for, with progress.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Broken, Plan, StoreKind, check, evidence, lines, run_one};

/// What to check.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How many runs, each on a server of its own.
    #[arg(long, default_value_t = 20)]
    runs: u64,
    /// How many calls a run makes.
    #[arg(long, default_value_t = 4_000)]
    calls: usize,
    /// The seed of the first run; the others follow. By chance if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// What keeps the state; both, turn by turn, if not given.
    #[arg(long, value_enum)]
    store: Option<StoreKind>,
    /// Checks the history in this file again, and makes no runs.
    #[arg(long, value_name = "FILE")]
    again: Option<PathBuf>,
    /// Where to leave the evidence of a failure.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    evidence: PathBuf,
}

/// Makes the runs.
///
/// # Errors
/// The evidence, if a history is not linearizable.
#[expect(clippy::print_stdout, reason = "progress is what the command is asked for")]
pub fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(file) = &options.again {
        return again(file, &options.evidence);
    }
    let first = options.seed.unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    println!("{} runs of {} calls from seed {first}", options.runs, options.calls);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..options.runs {
        let seed = first.wrapping_add(number);
        let by_turns = [StoreKind::Sqlite, StoreKind::Memory][usize::from(number % 2 == 1)];
        let kind = options.store.unwrap_or(by_turns);
        let (calls, seen) = run_one(&Plan::new(seed, options.calls), kind)
            .with_context(|| format!("seed {seed} on {kind:?}"))?;
        refute(&seen.broken, seed, &options.evidence)?;
        let lost = seen.counts.get("lost").copied().unwrap_or_default();
        println!(
            "{}/{}: seed {seed} on {kind:?}: {} calls in order, {lost} of them lost",
            number + 1,
            options.runs,
            calls.len()
        );
        for (what, count) in seen.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    for (what, count) in counts {
        println!("{count:>9}  {what}");
    }
    Ok(())
}

/// Fails with the evidence, if there is any.
fn refute(broken: &[Broken], seed: u64, folder: &Path) -> anyhow::Result<()> {
    if broken.is_empty() {
        return Ok(());
    }
    let told = broken.iter().map(|broken| evidence::leave(broken, seed, folder));
    let told: Vec<_> = told.collect::<anyhow::Result<_>>()?;
    bail!("{}", told.join("\n"));
}

#[expect(clippy::print_stdout, reason = "the verdict is what the command is asked for")]
fn again(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file:?}"))?;
    let calls = lines::read(&text)?;
    refute(&check(&calls, 1)?.broken, 0, folder)?;
    println!("{} calls in order", calls.len());
    Ok(())
}
