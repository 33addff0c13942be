//! The log: text or JSON on stderr, and panics in it.
//!
//! Guarantees: no colours unless stderr is a terminal and `NO_COLOR` is not set; a panic is one
//! event with its place, whatever the form.
//!
//! Fields have the same names everywhere: `workspace`, `session_id`, `actor`, `outcome`, `rpc`,
//! `peer`, `error`. Values that callers have sent are logged with `?`, which escapes them.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::config::{Log, LogFormat};

/// Dependencies that tell at `info` what is of no use to an operator; the configured filter wins.
const QUIET: &str = "rusqlite_migration=warn";

/// Starts logging for the process; at most once.
///
/// # Errors
/// If a log was started before.
pub fn start(log: &Log, no_color: bool) -> Result<(), TryInitError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIET},{}", log.filter));
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match log.format {
        LogFormat::Json => base.json().flatten_event(true).finish().try_init()?,
        LogFormat::Text => {
            let colors = !no_color && io::stderr().is_terminal();
            base.with_ansi(colors).finish().try_init()?;
        }
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        message = "panicked",
        error = ?payload(info.payload()),
        place,
        thread = thread.name().unwrap_or("unnamed"),
        backtrace = %Backtrace::capture(),
    );
}

fn payload(payload: &dyn Any) -> &str {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a value that is no text",
    }
}
