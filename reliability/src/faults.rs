//! Faults of the machine: what the operating system, the disk, the clock and the network do to
//! a lease service, one scenario each.
//!
//! Guarantees: a scenario that cannot be carried out fails and says what it needs; none is
//! skipped. Each ends what it started.

mod clock_steps;
mod damaged_file;
mod disk;
mod failed_sync;
mod full_disk;
mod half_open;
mod paused_holder;
mod reconnects;
mod site;
mod stalled_store;
mod torn_log;

use anyhow::{Context as _, bail};
use comfy_table::{ContentArrangement, Table, presets};

use crate::process::Programs;
use crate::progress::say;

pub use paused_holder::Role;

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// By which it is asked for.
    pub name: &'static str,
    /// What happens to the machine.
    pub fault: &'static str,
    /// What has to be seen then.
    pub expected: &'static str,
    /// Carries it out, and says what was seen; an error when that was not what is expected.
    run: fn(&Programs) -> anyhow::Result<String>,
}

/// All of them, in the order in which they are carried out.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "paused_holder",
        fault: "SIGSTOP of a holder past its TTL, then SIGCONT",
        expected: "not held at its first look, fence check false, writes refused, the next \
                   holder's go on, it learns by whom",
        run: paused_holder::run,
    },
    Scenario {
        name: "clock_steps",
        fault: "the server's wall clock steps by 1 h and by 1 day, both ways",
        expected: "no lease lost, none lives longer, each step logged as CLOCK_STEPPED",
        run: clock_steps::run,
    },
    Scenario {
        name: "full_disk",
        fault: "writes answer ENOSPC for twice a TTL",
        expected: full_disk::EXPECTED,
        run: full_disk::run,
    },
    Scenario {
        name: "full_tmpfs",
        fault: "a real file system of 4 MiB is full for twice a TTL",
        expected: full_disk::EXPECTED,
        run: full_disk::run_on_tmpfs,
    },
    Scenario {
        name: "failed_sync",
        fault: "fsync answers EIO",
        expected: "nothing more is acknowledged, the server ends with its reason; after a \
                   restart all acknowledged is there and the call in doubt is done once",
        run: failed_sync::run,
    },
    Scenario {
        name: "torn_log",
        fault: "kill -9, then the tail of the write-ahead log is cut or overwritten",
        expected: "all that was synced is there; of what came after, a prefix",
        run: torn_log::run_beyond,
    },
    Scenario {
        name: "damaged_log",
        fault: "bytes of the log that had been synced are damaged",
        expected: "serves an earlier state without a gap (documented: nothing can tell it)",
        run: torn_log::run_before,
    },
    Scenario {
        name: "damaged_file",
        fault: "kill -9, then one page of the database is overwritten",
        expected: "refuses to start and says that the store is damaged, or has all",
        run: damaged_file::run,
    },
    Scenario {
        name: "stalled_store",
        fault: "an fsync takes 5 s",
        expected: stalled_store::EXPECTED,
        run: stalled_store::run,
    },
    Scenario {
        name: "paused_server",
        fault: "SIGSTOP of the server for 5 s",
        expected: stalled_store::EXPECTED,
        run: stalled_store::run_paused,
    },
    Scenario {
        name: "reconnects",
        fault: "10,000 clients on 1,000 connections reconnect at once after kill -9",
        expected: "all joined again within their TTL, none lost, memory bounded",
        run: reconnects::run,
    },
    Scenario {
        name: "fewer_reconnects",
        fault: "1,000 clients on 100 connections reconnect at once after kill -9",
        expected: "all joined again within their TTL, none lost, memory bounded",
        run: reconnects::run_fewer,
    },
    Scenario {
        name: "half_open",
        fault: "a connection stays open and nothing passes any more",
        expected: "the holder beats on another in time; when none passes it stops by its \
                   deadline; the server cuts the dead one",
        run: half_open::run,
    },
];

/// What to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Only this one, by its name; all by default.
    #[arg(long)]
    pub only: Option<String>,
}

/// Carries out one scenario, and says what was seen.
///
/// # Errors
/// When it is unknown, cannot be carried out, or something else was seen than is expected.
pub fn carry_out(name: &str) -> anyhow::Result<String> {
    let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.name == name) else {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        bail!("{name:?} is no scenario; they are {}", names.join(", "));
    };
    (scenario.run)(&Programs::find()?).with_context(|| format!("{name}: {}", scenario.fault))
}

/// Runs the long form, and prints a table of what happened.
///
/// # Errors
/// When any scenario fails.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let names: Vec<&str> = match &options.only {
        Some(only) => vec![only],
        None => SCENARIOS.iter().map(|scenario| scenario.name).collect(),
    };
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["scenario", "fault", "expected", "what happened"]);
    let mut failed = Vec::new();
    for name in names {
        say(&format!("{name} ..."))?;
        let happened = carry_out(name).unwrap_or_else(|error| {
            failed.push(name);
            format!("FAILED: {error:#}")
        });
        say(&format!("{name}: {happened}"))?;
        if let Some(it) = SCENARIOS.iter().find(|scenario| scenario.name == name) {
            table.add_row([it.name, it.fault, it.expected, &happened]);
        }
    }
    say(&table.to_string())?;
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}
