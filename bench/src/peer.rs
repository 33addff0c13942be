//! The programs that are measured: each a process of its own, started for one turn and ended
//! after it.
//!
//! Guarantees: a server is ready when it is handed out; it is in a folder of its own on the disk
//! that the build is on, listens on loopback only, and is ended by its own process id, also when
//! a run fails.

pub mod echo;
pub mod etcd;
pub mod redis;
pub mod tenured;

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Process;

/// How long a server may take until it serves.
pub const READY_MAX: Duration = Duration::from_secs(30);

/// How long a server with a small store may take to end in good order.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A program that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Ours.
    Tenured,
    /// This program itself.
    Echo,
    /// etcd of the machine.
    Etcd,
    /// Redis of the machine.
    Redis,
}

impl Program {
    /// The name of its file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Program::Tenured => "tenured",
            Program::Echo => "tenure-bench",
            Program::Etcd => "etcd",
            Program::Redis => "redis-server",
        }
    }

    /// The command that installs it.
    #[must_use]
    pub fn how_to_install(self) -> &'static str {
        match self {
            Program::Tenured | Program::Echo => "cargo build --release",
            Program::Etcd => "apt-get install etcd-server",
            Program::Redis => "apt-get install redis-server",
        }
    }
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: SocketAddr,
    /// Whether its end tells whether it was well.
    ends_well: bool,
    _folder: Option<TempDir>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Whether this is among the last that it said.
    #[must_use]
    pub fn has_said(&self, text: &str) -> bool {
        self.process.has_said(text)
    }

    /// What failed, with the last that the server said.
    #[must_use]
    pub fn failure(&self, what: &str) -> anyhow::Error {
        self.process.failure(what)
    }

    /// Ends it in good order, or by force if that takes too long.
    ///
    /// # Errors
    /// When it did not end in good order, though it is one that should.
    pub fn stop(self) -> anyhow::Result<()> {
        self.stop_within(STOP_MAX)
    }

    /// The same, with more patience: a large store takes long to close.
    ///
    /// # Errors
    /// When it did not end in good order, though it is one that should.
    pub fn stop_within(self, wait_max: Duration) -> anyhow::Result<()> {
        let Server { process, ends_well, .. } = self;
        let unwell = process.failure("did not end in good order");
        let well = process.stop(wait_max)?;
        if ends_well && !well { Err(unwell) } else { Ok(()) }
    }
}
