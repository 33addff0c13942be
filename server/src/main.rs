//! `tenured`, the server: parses, starts the log, and runs.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use etcetera::BaseStrategy;
use tenured::config::{Action, Config, LoadError, LogFormat, Surroundings};
use tenured::{logging, run};

/// The exit code for a configuration that is refused.
const USAGE: u8 = 2;

/// How long threads that block may take to end, once everything else has.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    let surroundings = Surroundings {
        variables: env::vars_os().collect(),
        data_folder: data_folder(),
        read_file: &|path: &Path| std::fs::read_to_string(path),
    };
    match Config::load(&arguments, &surroundings) {
        Ok((Action::CheckConfig, config)) => print(&config),
        Ok((Action::Serve, config)) => serve(&config),
        Err(LoadError::Usage(error)) => {
            // Help, asked for, is no error. There is nowhere to report that printing failed.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
        Err(LoadError::Settings(errors)) => {
            complain(&errors.to_string());
            ExitCode::from(USAGE)
        }
    }
}

fn print(config: &Config) -> ExitCode {
    match write!(io::stdout(), "{}", config.effective) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(config: &Config) -> ExitCode {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if let Err(error) = logging::start(&config.log, no_color) {
        complain(&format!("the log cannot be started: {error}"));
        return ExitCode::FAILURE;
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match config.log.format {
                LogFormat::Text => complain(&format!("{error:#}")),
                // Whoever reads JSON reads nothing else.
                LogFormat::Json => tracing::error!(error = format!("{error:#}"), "cannot go on"),
            }
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("tenured")
        .build()
        .context("the runtime cannot be started")?;
    let outcome = runtime.block_on(run::run(config));
    // Reads that hang on a bad disk must not keep the process.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    Ok(outcome?)
}

/// Says on stderr why the server cannot go on, whatever is logged.
fn complain(message: &str) {
    // There is nowhere to report that stderr is closed.
    let _ = writeln!(io::stderr(), "tenured: {message}");
}

fn data_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|strategy| strategy.data_dir())
}
