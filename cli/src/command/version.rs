//! `tenure version`: which version this is.

use clap::Args;
use serde::Serialize;

use crate::arguments::Global;
use crate::failure::Failure;
use crate::output::json;

/// Prints the version.
#[derive(Debug, Args)]
pub struct Version {}

#[derive(Debug, Serialize)]
struct Shown {
    version: &'static str,
    contract: &'static str,
}

/// Runs the command.
///
/// # Errors
/// When nobody reads the output.
pub fn run(global: &Global) -> Result<(), Failure> {
    let output = global.output();
    let shown = Shown { version: env!("CARGO_PKG_VERSION"), contract: "tenure.v1" };
    if output.is_json() {
        output.print(&json::document_of(&shown)?)
    } else {
        output.print(&format!("tenure {} (contract {})", shown.version, shown.contract))
    }
}
