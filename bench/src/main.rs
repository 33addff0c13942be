//! `tenure-bench`: durable leases a second of a real `tenured`, against a bare echo, etcd and
//! Redis on the same machine in the same run.

mod callers;
mod chart;
mod contender;
mod figure;
mod heartbeats;
mod load;
mod machine;
mod measure;
mod open_loop;
mod peer;
mod population;
mod process;
mod report;
mod rounds;
mod sessions;
mod shapes;
mod site;
mod statistics;
mod watching;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::{Parser, Subcommand, ValueEnum as _};

use figure::Figure;
use machine::Machine;
use report::Report;
use rounds::{Interrupted, Pace};
use site::Site;

/// What a quick figure may take: 50 s, and a little of that to spare.
const QUICK_BUDGET: Duration = Duration::from_secs(44);

/// Measures tenured against a bare echo, etcd and Redis, and prints ratios.
///
/// Builds tenured, starts what it needs on loopback, and measures all of them in turn, several
/// times. etcd and Redis have to be installed (apt-get install etcd-server redis-server); a
/// figure is measured without those that are not, and is then not met.
#[derive(Debug, Parser)]
#[command(name = "tenure-bench", max_term_width = 100)]
struct Cli {
    /// Print one JSON line a figure on stdout, and the table on stderr.
    #[arg(long)]
    json: bool,
    /// Measure only this figure; may be repeated.
    #[arg(long, value_name = "FIGURE")]
    only: Vec<Figure>,
    /// Fewer and shorter repetitions: less than 50 s a figure, once its data is made.
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    command: Option<Other>,
}

/// What this program does besides.
#[derive(Debug, Subcommand)]
enum Other {
    /// Draw how cost grows with streams, sessions and beats a message, into docs/img.
    Chart(chart::Options),
    /// Look for the shape of a load that suits etcd and Redis best.
    Shapes,
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
        Some(Other::Echo { listen }) => rounds::runtime()?.block_on(peer::echo::serve(listen)),
        Some(Other::Chart(options)) => chart::run(&options),
        Some(Other::Shapes) => shapes::run(),
        None => measure(&cli),
    }
}

fn measure(cli: &Cli) -> anyhow::Result<()> {
    let site = Site::prepare()?;
    if cfg!(debug_assertions) {
        let text = "a build without optimisations: everything runs, and no figure means anything\n";
        std::io::stderr().write_all(text.as_bytes())?;
    }
    let figures = if cli.only.is_empty() { Figure::value_variants() } else { &cli.only };
    let mut failed = Vec::new();
    for &figure in figures {
        // One that fails leaves the others worth reading.
        if let Err(error) = measure_one(cli, figure, &site) {
            if error.chain().any(|cause| cause.is::<Interrupted>()) {
                return Err(error);
            }
            writeln!(std::io::stderr(), "\n{}: {error:#}", figure.plan().name)?;
            failed.push(figure.plan().name);
        }
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

fn measure_one(cli: &Cli, figure: Figure, site: &Site) -> anyhow::Result<()> {
    let began = Instant::now();
    // Each time anew: what a durable write costs changes with what else the disk does.
    let machine = Machine::probe(site.stores())?;
    ensure!(
        machine.is_durable(),
        "{} is on {}, which is not durable: there is nothing to measure",
        site.stores().display(),
        machine.filesystem
    );
    let rounds = rounds::run(figure, site, pace(cli.quick), began)?;
    let report = Report::of(figure.plan(), &rounds, machine);
    show(cli.json, &report::table(&report))?;
    if cli.json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
    }
    Ok(())
}

fn pace(quick: bool) -> Pace {
    let (seconds, millis) = (Duration::from_secs, Duration::from_millis);
    if quick {
        let budget = Some(QUICK_BUDGET);
        Pace { rounds: 3, warm_up: millis(500), window_max: seconds(4), budget }
    } else {
        Pace { rounds: 5, warm_up: seconds(2), window_max: seconds(6), budget: None }
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
            let name = figure.plan().name;
            let cli = Cli::try_parse_from(["tenure-bench", "--only", name]).unwrap();
            assert_eq!(cli.only, [*figure]);
        }
    }

    #[test]
    fn there_are_at_least_three_rounds() {
        assert!(pace(true).rounds >= 3 && pace(false).rounds >= 3);
    }
}
