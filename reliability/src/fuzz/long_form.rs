//! `tenure-reliability fuzz`: for as long as asked for, with progress.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tenured::store::memory::{MemoryOptions, MemoryStore};

use super::cases::Case;
use super::{Tried, Until, count_panics, fuzz, try_one};
use crate::in_process::{Server, Setting};

/// After how many calls the progress is told.
const PROGRESS_EVERY_CALLS: u64 = 16_000;

/// What to try.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// For how long.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Decides every message. By chance if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Sends the cases of this file again, one a line, to a new server, and nothing else.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// Tries.
///
/// # Errors
/// What was wrong, with the way to repeat it.
#[expect(clippy::print_stdout, reason = "progress is what the command is asked for")]
pub fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(file) = &options.replay {
        return replay(file);
    }
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    println!("fuzzing for {} s from seed {seed}", options.seconds);
    let until = Until::Passed(Duration::from_secs(options.seconds));
    let tried = fuzz(seed, until, |tried: &Tried| {
        if tried.calls.is_multiple_of(PROGRESS_EVERY_CALLS) {
            println!("{tried:?}");
        }
    })?;
    println!("{tried:?}");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answers are what the command is asked for")]
fn replay(file: &Path) -> anyhow::Result<()> {
    count_panics();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file:?}"))?;
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    runtime.block_on(async {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let server = Server::start(store, Setting::default()).await?;
        let channel = server.channel()?;
        for line in text.lines() {
            let case = Case::read(line)?;
            let (readable, heard) = try_one(&channel, &case).await?;
            println!("{} (readable: {readable}): {heard:?}", case.method.path);
        }
        Ok(())
    })
}
