//! `tenure-reliability`: the long forms, one command each.

use std::io;

use clap::{Parser, Subcommand};
use tenure_reliability::history;
use tenure_reliability::fuzz;
use tenure_reliability::crash;
use tenure_reliability::model;
use tenure_reliability::simulation::campaign;

/// Tries to make tenure lose, lie or stand still, and says how to repeat it when it does.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill the server at random moments under load, and look for what is gone
    Crash(crash::Options),
    /// Send every method what no client should
    Fuzz(fuzz::Options),
    /// Check real concurrent histories for linearizability
    History(history::Options),
    /// Explore the models of the lease protocol, each to its end
    Model(model::Options),
    /// Simulate clients, network, clocks and a store around the real engine, by seeds
    Simulate(campaign::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_level(false)
        .with_env_filter("off,tenure_reliability=info,simulation=info")
        .without_time()
        .with_target(false)
        .init();
    match arguments.command {
        Command::Crash(options) => crash::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::History(options) => history::run(&options),
        Command::Model(options) => model::run(&options),
        Command::Simulate(options) => campaign::run(&options),
    }
}
