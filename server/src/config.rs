//! The configuration: read from flags, variables and a file, and parsed into types before
//! anything is bound.
//!
//! Guarantees: a [`Config`] that exists is usable as a whole, every bound checked; all that is
//! wrong is reported at once, each with the setting, where its value came from and what would
//! be accepted. Arguments, variables and files are parameters, so that tests can replace them.
//!
//! Must not know: sockets, the store's format, how limits are enforced.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenure_core::context::LeaseBounds;
use tenure_core::time::Span;

mod address;
mod error;
mod read;
mod settings;
mod show;
mod source;
mod value;

#[cfg(test)]
mod tests;

pub use address::{ListenAddress, StoreAddress};
pub use error::{LoadError, Origin, SettingError, SettingErrors};
pub use settings::FILE_VARIABLE;
pub use show::Effective;

/// What the server is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    Serve,
    /// Print the effective configuration and end.
    CheckConfig,
}

/// Everything outside the arguments that a configuration depends on.
pub struct Surroundings<'a> {
    /// The environment.
    pub variables: BTreeMap<OsString, OsString>,
    /// Where the user's programs keep their data; absent if there is no home.
    pub data_folder: Option<PathBuf>,
    /// Reads a text file.
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// How the server is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen; at least one address.
    pub listen: Vec<ListenAddress>,
    /// What keeps the state.
    pub store: StoreAddress,
    /// The bounds of a requested lease.
    pub lease: LeaseBounds,
    /// Whether workspaces must be registered before anything else.
    pub registration_required: bool,
    /// In how much lease-clock time the score of a work stream halves.
    pub work_stream_half_life: Span,
    /// How much callers may ask for.
    pub limits: Limits,
    /// How long connections live.
    pub connection: ConnectionTimes,
    /// How long a drain may take.
    pub drain_deadline: Duration,
    /// How long history is kept.
    pub retention: RetentionTimes,
    /// How much memory the engine's cache may use, in bytes.
    pub cache_bytes: u64,
    /// What is logged, and how.
    pub log: Log,
    /// Every setting as it came out, for people.
    pub effective: Effective,
}

/// How much callers may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, of all listeners together.
    pub connections: u32,
    /// Concurrent calls of one connection, unary ones included.
    pub streams_per_connection: u32,
    /// Open streams at a time, of all connections together.
    pub streams: u32,
    /// Size of a received message, in bytes.
    pub message_bytes: u32,
    /// The largest message with files to import that is received.
    pub import_message_bytes: u32,
    /// How long a call may take until it is answered; for streams, until they begin.
    pub request_time: Duration,
    /// Sessions joined on one heartbeat stream.
    pub joins_per_stream: u32,
    /// Open watches at a time.
    pub watches: u32,
    /// Waiters for one workspace.
    pub waiters_per_workspace: u32,
}

/// How long connections live, and when a silent one is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTimes {
    /// From the accept to the end of the client's HTTP/2 preface.
    pub handshake: Duration,
    /// Without a call, until the client is asked to go.
    pub idle: Duration,
    /// Since the accept, until the client is asked to go.
    pub age: Duration,
    /// From being asked to go until the connection is cut.
    pub age_grace: Duration,
    /// Between two HTTP/2 pings.
    pub keepalive_interval: Duration,
    /// For the answer to a ping, and for a peer to read anything of what is sent to it.
    pub keepalive_timeout: Duration,
}

/// How long history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionTimes {
    /// Ordinary events, by age.
    pub event_age: Duration,
    /// Ordinary events, by count.
    pub event_count: u64,
    /// Forced takeovers and transfers.
    pub important_event_age: Duration,
    /// Ledger entries.
    pub ledger_age: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Directives as `RUST_LOG` knows them.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads what `arguments` (the program's name first) and the surroundings say.
    ///
    /// # Errors
    /// [`LoadError::Usage`] for flags that do not exist, and for `--help`;
    /// [`LoadError::Settings`] with everything else that is wrong, all at once.
    pub fn load(
        arguments: &[OsString],
        surroundings: &Surroundings<'_>,
    ) -> Result<(Action, Self), LoadError> {
        let flags = source::Flags::parse(arguments)?;
        let action = flags.action;
        let gathered = source::gather(&flags, surroundings);
        let config = read::config(gathered, surroundings.data_folder.as_deref())?;
        Ok((action, config))
    }
}
