//! How a server is started: on which database and port, through what, and with which settings.

use std::env;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::last_lines::LastLines;
use super::{Programs, Server, port};

/// A server that can be started again and again, always on the same database and port.
#[derive(Debug, Clone)]
pub struct Launch {
    program: PathBuf,
    database: PathBuf,
    address: SocketAddr,
    wrapper: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    settings: Vec<OsString>,
}

impl Launch {
    /// On a database file, which the server makes if it is missing, and a free loopback port.
    ///
    /// # Errors
    /// When no port is free.
    pub fn new(programs: &Programs, database: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            program: programs.tenured().to_owned(),
            database: database.to_owned(),
            address: port::free()?,
            wrapper: Vec::new(),
            variables: Vec::new(),
            settings: Vec::new(),
        })
    }

    /// Starts it through another program, which is given the server's command line behind its
    /// own arguments and has to `exec` it, so that signals reach the server.
    #[must_use]
    pub fn through<W: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = W>) -> Self {
        self.wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Sets a variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets one of its settings, such as `--lease-ttl-max` to `1h`.
    #[must_use]
    pub fn setting(mut self, flag: &str, value: &str) -> Self {
        self.settings.extend([flag.into(), value.into()]);
        self
    }

    /// Its database file.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Where it will listen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, and does not wait for anything.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self) -> anyhow::Result<Server> {
        let mut command = self.command();
        let spawned = Instant::now();
        let mut child =
            command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let said = LastLines::follow(child.stderr.take());
        Ok(Server { child, address: self.address, spawned, said })
    }

    /// Starts it, and waits until it serves; how long that took.
    ///
    /// # Errors
    /// When it cannot be started, or does not serve within the time.
    pub async fn start(&self, within: Duration) -> anyhow::Result<(Server, Duration)> {
        let mut server = self.spawn()?;
        let took = server.serving(within).await?;
        Ok((server, took))
    }

    fn command(&self) -> Command {
        let mut words = self.wrapper.iter().map(OsString::as_os_str);
        let mut command = match words.next() {
            Some(wrapper) => {
                let mut command = Command::new(wrapper);
                command.args(words).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        let store = format!("sqlite:{}", self.database.display());
        command.args(["--listen", &self.address.to_string(), "--store", &store]);
        command.args(&self.settings);
        // What is configured for somebody else's server is not for this one.
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TENURE_") {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}
