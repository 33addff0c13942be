//! The command line, parsed into types. What each command takes stands beside that command.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::command;
use crate::output::time::parse_positive_duration;
use crate::output::{Format, Output};

const AFTER_HELP: &str = "\
Exit codes: 0 done · 1 failure · 2 usage · 3 not found · 4 held by another · 5 lost or stale ·
6 conflict · 7 not permitted · 8 unreachable, unavailable, timed out or overloaded.
`hold` exits with the code of its command, and with 5 when it lost the lease.
`fence check` exits with 5 when the token is not current.";

/// Leases for workspaces: who works where.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, after_help = AFTER_HELP, propagate_version = false)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Server to ask, http://HOST:PORT or unix:PATH; repeat it, or separate by commas, for
    /// several [env: TENURE_SERVER] [default: the context's, else http://127.0.0.1:7420]
    #[arg(long, global = true, value_name = "URL", value_delimiter = ',')]
    pub server: Vec<String>,
    /// Named context to use, see `tenure context` [env: TENURE_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// How to show the answer
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// How long to wait for an answer; streams may go on for longer
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = parse_positive_duration)]
    pub timeout: Duration,
    /// No colours, also on a terminal [env: NO_COLOR]
    #[arg(long, global = true)]
    pub no_color: bool,
}

impl Global {
    /// Where and how to show answers.
    #[must_use]
    pub fn output(&self) -> Output {
        Output::new(self.output, self.no_color)
    }
}

/// The workspace that a command is about.
#[derive(Debug, Clone, Args)]
pub struct Workspace {
    /// Path-like name of the workspace, such as acme/api
    #[arg(value_name = "WORKSPACE")]
    pub workspace: String,
    /// Which of the workspace's independent tenures is meant
    #[arg(long, value_name = "PROFILE", default_value = "main")]
    pub profile: String,
}

impl Workspace {
    /// The workspace with its profile, as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        crate::output::session::place(&self.workspace, &self.profile)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take a workspace, as a person or for a program
    Start(command::start::Start),
    /// Run a command for as long as its lease on a workspace holds
    Hold(command::hold::Hold),
    /// Renew a lease once, and say what is being done
    Heartbeat(command::heartbeat::Heartbeat),
    /// Take over a stale session, or with --force any session
    Takeover(command::takeover::Takeover),
    /// Remove the forced takeover that waits for its grace
    CancelTakeover(command::cancel_takeover::CancelTakeover),
    /// Give a session up; the state of the work stays
    Yield(command::r#yield::Yield),
    /// Remove a session with its activity, gates, escalations and checkpoint
    Clear(command::clear::Clear),
    /// Show who has a workspace, and how the work stands
    Status(command::status::Status),
    /// List the stored sessions
    List(command::list::List),
    /// Show who waits for a workspace
    Waiters(command::waiters::Waiters),
    /// Show events as they happen
    Watch(command::watch::Watch),
    /// Ask, list and answer questions that somebody else must answer
    Escalation(command::escalation::Escalation),
    /// Set and show the steps on the way of the work
    Gate(command::gate::Gate),
    /// Show and replace what one tenure leaves to the next
    Handoff(command::handoff::Handoff),
    /// Show the state by which a successor can resume the work
    Checkpoint(command::checkpoint::Checkpoint),
    /// Show what happened to a workspace
    History(command::history::History),
    /// Show how sessions ended, and what they came to
    Ledger(command::ledger::Ledger),
    /// Show where holders run, and bar machines from new sessions
    Machine(command::machine::MachineCommand),
    /// List, register and delete workspaces
    Workspace(command::workspace::WorkspaceCommand),
    /// Check fencing tokens
    Fence(command::fence::Fence),
    /// Bring in what older installations left
    Import(command::import::Import),
    /// Run the service: information, identity, drain
    Admin(command::admin::Admin),
    /// Name servers, and choose among them
    Context(command::context::Context),
    /// Print the completion script for a shell
    Completion(command::completion::Completion),
    /// Print the version
    Version(command::version::Version),
    /// Become a command that dies with the process that started it
    #[command(name = "__exec", hide = true)]
    Exec(command::exec::Exec),
}

#[cfg(test)]
mod tests;
