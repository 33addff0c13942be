//! Asking a person before something that cannot be taken back.
//!
//! Guarantees: nobody is asked who cannot answer, and no answer means no.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::escape::escape;
use crate::failure::Failure;

/// The most bytes of an answer that are read.
const ANSWER_MAX_BYTES: u64 = 64;

/// Refuses where no person is there to be asked, before anything else is done.
///
/// # Errors
/// A usage failure that says so.
pub fn require_terminal(what: &str) -> Result<(), Failure> {
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(format!("{what} asks first, and there is no terminal to ask on"))
        .with_hint("look with --dry-run, then give --yes to go ahead without being asked"))
}

/// Asks on the terminal.
///
/// # Errors
/// A failure when the answer is anything but yes.
pub fn ask(question: &str) -> Result<(), Failure> {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{} [y/N] ", escape(question));
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = io::Read::take(io::stdin().lock(), ANSWER_MAX_BYTES).read_line(&mut answer);
    if read.is_ok() && is_yes(&answer) {
        return Ok(());
    }
    Err(Failure::general("not confirmed; nothing was changed"))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn anything_but_yes_means_no() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        for answer in ["", "\n", "n", "yess", "yes please", "\u{4}"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
