//! What the long forms tell people while they run.

use std::io::{self, Write as _};

/// Prints one line on stdout.
///
/// # Errors
/// When nobody reads any more.
pub fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
