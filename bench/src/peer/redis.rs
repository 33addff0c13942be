//! Redis of the machine as a home-made lease: `appendfsync always`, and a script that compares
//! the owner and extends the expiry, loaded once and called by its digest.
//!
//! Redis answers commands in the order in which they came, so a plain connection that counts
//! answers is all the client that it takes, and the fastest.

pub mod connection;

use std::time::Duration;

use anyhow::Context as _;

use super::{Program, READY_MAX, Server};
use crate::process::{Process, free_address};
use crate::site::Site;
use connection::{Command, Connection, Reply};

/// How often it is tried whether it serves.
const READY_POLL: Duration = Duration::from_millis(20);

/// How long the leases live: longer than any figure takes.
const LEASE_TTL_MS: &str = "600000";

/// Compares the owner and extends the expiry, or answers 0.
const EXTEND: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
     return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else return 0 end";

/// Keys that are set with one message.
const SET_AT_ONCE: usize = 500;

/// Starts a server with an empty store, and waits until it answers.
///
/// # Errors
/// When it is not installed or does not come up in time, with the last that it said.
pub async fn start(site: &Site) -> anyhow::Result<Server> {
    let folder = site.folder()?;
    let address = free_address()?;
    let mut command = site.command(Program::Redis)?;
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    // Rewriting the log in the middle of a turn would only cost it.
    command.args(["--auto-aof-rewrite-percentage", "0", "--daemonize", "no"]);
    command.arg("--dir").arg(folder.path());
    command.current_dir(folder.path());
    let process = Process::spawn("redis-server", command)?;
    let mut server = Server { process, address, ends_well: false, _folder: Some(folder) };
    let ready = async {
        while !server.process.has_ended() {
            if let Ok(mut connection) = Connection::open(address).await
                && let Ok(Reply::Text(pong)) = connection.ask(&Command::new(&["PING"])).await
                && pong == "PONG"
            {
                return true;
            }
            tokio::time::sleep(READY_POLL).await;
        }
        false
    };
    match tokio::time::timeout(READY_MAX, ready).await {
        Ok(true) => Ok(server),
        Ok(false) => Err(server.failure("ended before it served")),
        Err(_) => Err(server.failure("was not ready in time")),
    }
}

/// Makes so many leases, and answers for each the command that extends it.
///
/// # Errors
/// When the server refuses something.
pub async fn leases(server: &Server, count: usize) -> anyhow::Result<Vec<Command>> {
    let mut connection = Connection::open(server.address()).await?;
    let load = Command::new(&["SCRIPT", "LOAD", EXTEND]);
    let Reply::Text(digest) = connection.ask(&load).await.context("loading the script")? else {
        anyhow::bail!("the script was not loaded");
    };
    let names: Vec<(String, String)> = (0..count)
        .map(|index| (format!("bench/workspace-{index:06}"), format!("worker-{index:06}")))
        .collect();
    for names in names.chunks(SET_AT_ONCE) {
        let mut sets = Vec::new();
        for (key, owner) in names {
            sets.extend_from_slice(Command::new(&["SET", key, owner, "PX", LEASE_TTL_MS]).bytes());
        }
        connection.send(&sets).await?;
        for _ in names {
            anyhow::ensure!(connection.reply().await? == Reply::Text("OK".to_owned()), "not set");
        }
    }
    let extend = |(key, owner): &(String, String)| {
        Command::new(&["EVALSHA", &digest, "1", key, owner, LEASE_TTL_MS])
    };
    Ok(names.iter().map(extend).collect())
}
