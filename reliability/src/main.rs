//! `tenure-reliability`: the long forms, one command each.

use std::io;

use clap::{Parser, Subcommand};
use tenure_reliability::simulation::campaign;
use tenure_reliability::{crash, faults, fuzz, history, model};

/// Tries to make tenure lose, lie or stand still, and says how to repeat it when it does.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate clients, network, clocks and a store around the real engine, by seeds
    Simulate(campaign::Options),
    /// Check real concurrent histories for linearizability
    History(history::Options),
    /// Kill the server at random moments under load, and look for what is gone
    Crash(crash::Options),
    /// Explore the models of the lease protocol, each to its end
    Model(model::Options),
    /// Have the machine fail, one fault after another, and print what happened
    Faults(faults::Options),
    /// Send every method what no client should
    Fuzz(fuzz::Options),
    /// Play a holder for a scenario
    #[command(hide = true)]
    PlayHolder(faults::Role),
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
        Command::Simulate(options) => campaign::run(&options),
        Command::History(options) => history::run(&options),
        Command::Crash(options) => crash::run(&options),
        Command::Model(options) => model::run(&options),
        Command::Faults(options) => faults::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::PlayHolder(role) => role.play(),
    }
}
