//! The lease protocol, checked to its end: every order in which clients, network, clocks,
//! operators and crashes can come together, within small bounds.
//!
//! The server of the model *is* the core: `settle`, `decide`, `evolve` and `replay` on a real
//! workspace, with the clock that the engine would give them. Only the client's rules are retold
//! here, after `src/holder`. What each rule of the model promises is said at [`rule::Rule`], what may
//! happen at [`action::Action`].
//!
//! Time goes in ticks of the server's lease clock. Nothing is ever due: a beat, a message, a
//! look at the clock or a process that runs again may each come at any tick or never, so that a
//! slow network and a paused holder are in every model.
//!
//! Guarantees: an exploration ends by itself, visits every state that can be reached within its
//! bounds, and finds the same each time. A violation comes with a shortest way to it.

pub mod action;
pub mod checking;
pub mod client;
pub mod config;
pub mod configs;
pub mod history;
pub mod mutant;
pub mod names;
pub mod rule;
pub mod server;
pub mod state;
pub mod step;
pub mod tally;
pub mod telling;

mod rows;

use std::io::Write;

use anyhow::{Context as _, bail};

use checking::{Found, explore};
use config::Config;
use configs::Bounds;
use mutant::Mutant;
use tally::Row;

/// Explores the models of the lease protocol.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only this model; see the list that is printed without it.
    #[arg(long, value_name = "NAME")]
    config: Option<String>,
    /// How large the models are.
    #[arg(long, value_enum, default_value = "large")]
    bounds: Bounds,
    /// Plant a bug, and see what it breaks.
    #[arg(long, value_enum)]
    mutant: Option<Mutant>,
}

/// Explores, prints what was found, and fails if a promise is broken.
///
/// # Errors
/// If there is no such model, or a promise is broken.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let mut configs = configs::all(options.bounds);
    if let Some(name) = &options.config {
        let names: Vec<_> = configs.iter().map(|config| config.name).collect();
        configs.retain(|config| config.name == name);
        if configs.is_empty() {
            bail!("there is no model {name:?}; the models are: {}", names.join(", "));
        }
    }
    let mut out = std::io::stdout().lock();
    let mut broken = 0;
    for config in configs {
        let config = Config { mutant: options.mutant, ..config };
        writeln!(out, "{}: {}", config.name, config.about).context("cannot print")?;
        out.flush().context("cannot print")?;
        let found = explore(config);
        broken += found.broken.len();
        print(&mut out, &found).context("cannot print")?;
        if !found.complete {
            bail!("{} is too large to be explored to its end: make it smaller", found.name);
        }
    }
    if broken > 0 {
        bail!("{broken} promises are broken; the ways there are printed above");
    }
    Ok(())
}

fn print(out: &mut impl Write, found: &Found) -> std::io::Result<()> {
    let Found { states, steps, depth, took, .. } = found;
    let took = took.as_secs_f64();
    writeln!(out, "  {states} states, {steps} steps, depth {depth}, {took:.1} s")?;
    let rows = Row::ALL.iter().map(|row| (row, found.times(*row))).filter(|(_, times)| *times > 0);
    let rows: Vec<_> = rows.map(|(row, times)| format!("{row:?} {times}")).collect();
    writeln!(out, "  reached: {}", rows.join(", "))?;
    for violation in &found.broken {
        writeln!(out, "  BROKEN: {}", violation.rule)?;
        for (number, step) in violation.steps.iter().enumerate() {
            writeln!(out, "    {:>3}. {step}", number + 1)?;
        }
    }
    Ok(())
}
