//! `tenure-bench`: durable beats a second of a real `tenured`, against a bare echo on the same
//! machine in the same run.

mod echo;
mod figure;
mod load;
mod machine;
mod report;
mod server;
mod sessions;
mod statistics;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use clap::{Parser, Subcommand, ValueEnum as _};

use figure::Figure;
use load::Times;
use machine::Machine;
use report::Report;
use server::Site;

/// Repetitions of each contender.
const RUNS: usize = 5;

/// Repetitions of a quick run.
const QUICK_RUNS: usize = 3;

/// Measures tenured against a bare echo, and prints ratios.
///
/// Each repetition measures both, one after the other. Build the server first:
/// cargo build --release -p tenured
#[derive(Debug, Parser)]
#[command(name = "tenure-bench")]
struct Cli {
    /// Print one JSON line a figure on stdout, and the table on stderr.
    #[arg(long)]
    json: bool,
    /// Measure only this figure; may be repeated.
    #[arg(long, value_name = "FIGURE")]
    only: Vec<Figure>,
    /// Fewer and shorter repetitions: less than 50 s a figure.
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    command: Option<Peer>,
}

/// What this program is when it measures itself.
#[derive(Debug, Subcommand)]
enum Peer {
    /// The bare echo.
    #[command(name = "__echo", hide = true)]
    Echo {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Peer::Echo { listen }) => figure::runtime()?.block_on(echo::serve(listen)),
        None => measure(&cli),
    }
}

fn measure(cli: &Cli) -> anyhow::Result<()> {
    let site = Site::find()?;
    let (runs, times) = plan(cli.quick);
    let figures = if cli.only.is_empty() { Figure::value_variants() } else { &cli.only };
    for figure in figures {
        // Each time anew: what a durable write costs changes with what else the disk does.
        let machine = Machine::probe(site.stores())?;
        ensure!(
            machine.is_durable(),
            "{} is on {}, which is not durable: there is nothing to measure",
            site.stores().display(),
            machine.filesystem
        );
        let turns = figure.measure(&site, times, runs)?;
        let report = Report::of(*figure, &turns, machine);
        show(cli.json, &report::table(&report))?;
        if cli.json {
            writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
        }
    }
    Ok(())
}

fn plan(quick: bool) -> (usize, Times) {
    let seconds = Duration::from_secs;
    if quick {
        (QUICK_RUNS, Times { warm_up: seconds(1), window: seconds(4) })
    } else {
        (RUNS, Times { warm_up: seconds(2), window: seconds(6) })
    }
}

/// What is for people: on stdout, unless that is for scripts.
fn show(json: bool, text: &str) -> std::io::Result<()> {
    if json {
        std::io::stderr().write_all(text.as_bytes())
    } else {
        std::io::stdout().write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_asked_for_by_the_names_that_reports_use() {
        for figure in Figure::value_variants() {
            let cli = Cli::try_parse_from(["tenure-bench", "--only", figure.name()]).unwrap();
            assert_eq!(cli.only, [*figure]);
        }
    }

    #[test]
    fn every_figure_deals_its_sessions_out_evenly() {
        for figure in Figure::value_variants() {
            let shape = figure.shape();
            assert_eq!(shape.streams % shape.connections, 0, "{}", figure.name());
            assert_eq!(shape.sessions % shape.streams, 0, "{}", figure.name());
            if let load::Pace::Closed { in_flight } = shape.pace {
                let per_stream = shape.sessions / shape.streams;
                assert!(shape.beats * in_flight <= per_stream, "{}", figure.name());
            }
        }
    }

    #[test]
    fn there_are_at_least_three_repetitions() {
        assert!(plan(true).0 >= 3 && plan(false).0 >= 3);
    }
}
