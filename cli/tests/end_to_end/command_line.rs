//! The real command line, run against a server.

use std::process::{Command, Output, Stdio};

use crate::server::Server;

/// `tenure` with these words, yet to be run.
pub fn command(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(["--server", &server.url()]).args(words).stdin(Stdio::null());
    command
}

/// Runs `tenure` with these words to its end.
pub fn tenure(server: &Server, words: &[&str]) -> Output {
    command(server, words).output().expect("the command line runs")
}
