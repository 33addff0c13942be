//! The crash loop: `kill -9` at random moments under full load, and a look at what is left.
//!
//! Many clients start, beat, refresh, supersede, take over, yield, clear, delete, and write what
//! surrounds a session. The server is killed under them, also while it starts and in its first
//! milliseconds, and started again on the same database. After each round every client repeats
//! what was not answered, with the same `request_id`, until it is; then, with nobody writing,
//! all that was acknowledged is looked for in the event log and in the state.
//!
//! Guarantees: every choice of the harness comes from one printed seed. The interleaving of real
//! processes does not, so the same seed makes the same plan, not the same run.
//!
//! Must not know: how the server keeps what it keeps; only the check of the file reads it.

mod book;
mod campaign;
mod client;
mod file;
mod judge;
mod moments;
mod operations;
mod replay;
mod streams;
mod verify;
mod watcher;

use std::time::Duration;

use crate::process::Programs;
use crate::progress::say;

pub use campaign::{Report, campaign};
pub(crate) use file::with_suffix;

/// How soon a server has to serve again, from its start on. Held to in release builds.
pub const SERVING_MAX: Duration = Duration::from_secs(2);

/// The same for a debug build, which is many times slower, on a machine that does much else.
pub const SERVING_MAX_DEBUG: Duration = Duration::from_secs(20);

/// What to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How often the server is killed.
    #[arg(long, default_value_t = 1_000)]
    pub kills: usize,

    /// Where chance begins; another one each time by default.
    #[arg(long)]
    pub seed: Option<u64>,

    /// How many clients write at a time.
    #[arg(long, default_value_t = 32)]
    pub clients: usize,

    /// The file is checked after one in so many rounds, and at the end.
    #[arg(long, default_value_t = 5)]
    pub check_file_every: usize,
}

/// Runs the long form, and prints what happened.
///
/// # Errors
/// When anything acknowledged was lost or done twice, or the loop itself cannot go on.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let programs = Programs::find()?;
    let report = runtime.block_on(campaign(&programs, options, |line| {
        // Whoever stopped reading does not want to know.
        let _unread = say(line);
    }))?;
    say(&report.to_string())?;
    report.verdict()
}
