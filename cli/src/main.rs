//! `tenure`, the command line of the lease service: parses, runs one command, and ends with
//! the exit code that the contract names.

mod arguments;
mod command;
mod confirm;
mod connection;
mod contexts;
mod escape;
mod exit;
mod failure;
mod input;
mod interrupt;
mod machine;
mod output;
mod servers;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command, Global};
use crate::failure::Failure;

/// One command has little to do at once.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    match run(command, &global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = failure.to_string();
            if !told.is_empty() {
                // Nobody is left to tell when standard error is closed too.
                let _ = writeln!(std::io::stderr(), "{told}");
            }
            ExitCode::from(failure.exit().code())
        }
    }
}

fn run(command: Command, global: &Global) -> Result<(), Failure> {
    // The shim replaces this process, and must do so before there are other threads.
    if let Command::Exec(exec) = command {
        return command::exec::run(exec);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::general(format!("cannot start: {error}")))?;
    let result = runtime.block_on(dispatch(command, global));
    // What still blocks must not hold the end up.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command, global: &Global) -> Result<(), Failure> {
    match command {
        Command::Start(start) => command::start::run(start, global).await,
        Command::Hold(hold) => command::hold::run(hold, global).await,
        Command::Heartbeat(heartbeat) => command::heartbeat::run(heartbeat, global).await,
        Command::Takeover(takeover) => command::takeover::run(takeover, global).await,
        Command::CancelTakeover(cancel) => command::cancel_takeover::run(cancel, global).await,
        Command::Yield(given_up) => command::r#yield::run(given_up, global).await,
        Command::Clear(clear) => command::clear::run(clear, global).await,
        Command::Status(status) => command::status::run(status, global).await,
        Command::List(list) => command::list::run(list, global).await,
        Command::Waiters(waiters) => command::waiters::run(waiters, global).await,
        Command::Workspace(workspace) => command::workspace::run(workspace, global).await,
        Command::Watch(watch) => command::watch::run(watch, global).await,
        Command::Escalation(escalation) => command::escalation::run(escalation, global).await,
        Command::Gate(gate) => command::gate::run(gate, global).await,
        Command::Handoff(handoff) => command::handoff::run(handoff, global).await,
        Command::Checkpoint(checkpoint) => command::checkpoint::run(checkpoint, global).await,
        Command::History(history) => command::history::run(history, global).await,
        Command::Ledger(ledger) => command::ledger::run(ledger, global).await,
        Command::Machine(machine) => command::machine::run(machine, global).await,
        Command::Fence(fence) => command::fence::run(fence, global).await,
        Command::Import(import) => command::import::run(import, global).await,
        Command::Admin(admin) => command::admin::run(admin, global).await,
        Command::Context(context) => command::context::run(context, global),
        Command::Completion(completion) => command::completion::run(&completion, global),
        Command::Version(_) => command::version::run(global),
        Command::Exec(exec) => command::exec::run(exec),
    }
}
