//! Why a command did not succeed: what is said on standard error, and the exit code.
//!
//! Guarantees: one or two lines, everything in them escaped; a reader that closed the pipe is
//! no failure.

use std::fmt;
use std::io;

use crate::escape::escape;
use crate::exit::Exit;

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Whoever read standard output has gone; the command ends quietly, with success.
    ReaderGone,
    /// The command `hold` ran ended with this code; nothing is said.
    Child(u8),
    /// Anything that is said.
    Told(Box<Told>),
}

/// What is said about a failure.
#[derive(Debug)]
pub struct Told {
    exit: Exit,
    message: String,
    hint: Option<String>,
    reason: Option<String>,
}

impl Failure {
    /// A failure that ends with `exit`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Told(Box::new(Told { exit, message: message.into(), hint: None, reason: None }))
    }

    /// A failure of no particular kind.
    pub fn general(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// A command line that cannot be followed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds what to do about it; an empty hint is none.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Told(told) = &mut self {
            told.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        }
        self
    }

    /// Adds the reason by its short name, such as `LEASE_HELD`.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        if let Self::Told(told) = &mut self {
            told.reason = Some(reason.into()).filter(|reason| !reason.is_empty());
        }
        self
    }

    /// What went wrong, without hint and reason; escape it to show it.
    #[must_use]
    pub fn message(&self) -> &str {
        if let Self::Told(told) = self { &told.message } else { "" }
    }

    /// How the process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::ReaderGone => Exit::Done,
            Self::Child(code) => Exit::Child(*code),
            Self::Told(told) => told.exit,
        }
    }
}

impl From<io::Error> for Failure {
    /// A failure to write what was found out.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::general(format!("cannot write the output: {error}"))
        }
    }
}

impl fmt::Display for Failure {
    /// The lines for standard error, without the final line feed; empty where nothing is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Told(told) = self else { return Ok(()) };
        write!(f, "error: {}", escape(&told.message))?;
        if let Some(reason) = &told.reason {
            write!(f, " [{}]", escape(reason))?;
        }
        if let Some(hint) = &told.hint {
            write!(f, "\nhint: {}", escape(hint))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_one_or_two_escaped_lines() {
        let bare = Failure::general("it broke");
        assert_eq!(bare.to_string(), "error: it broke");
        let whole = Failure::new(Exit::Held, "held by \u{1b}[31mx\nerror: forged")
            .with_reason("LEASE_HELD")
            .with_hint("wait\u{202e}");
        assert_eq!(
            whole.to_string(),
            "error: held by \\u{1b}[31mx\\nerror: forged [LEASE_HELD]\nhint: wait\\u{202e}"
        );
        assert_eq!(whole.exit().code(), 4);
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_success() {
        let gone = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((gone.exit().code(), gone.to_string().as_str()), (0, ""));
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit().code(), 1);
    }
}
