//! `tenure completion`: the completion script for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::{Arguments, Global};
use crate::failure::Failure;

const EXAMPLES: &str = "\
Example:
  source <(tenure completion bash)";

/// Prints the completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When nobody reads the output.
pub fn run(completion: &Completion, global: &Global) -> Result<(), Failure> {
    // Generated into memory first: a closed pipe is then met where it is handled.
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut Arguments::command(), "tenure", &mut script);
    global.output().print(&String::from_utf8_lossy(&script))
}
