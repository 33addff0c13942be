//! What goes to standard output: tables for people, canonical JSON for programs.
//!
//! Guarantees: data on standard output, everything else on standard error; all text is escaped;
//! styles only on a terminal that wants them.

pub mod details;
pub mod event;
pub mod json;
pub mod ledger;
pub mod machine;
pub mod session;
pub mod surroundings;
pub mod table;
pub mod time;
pub mod words;

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use prost::{Message, Name};

use crate::escape::escape;
use crate::failure::Failure;

/// How the answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns and lines for people.
    Table,
    /// The same with more columns, and absolute times.
    Wide,
    /// The canonical JSON of the contract.
    Json,
}

/// Where and how the answer is shown.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The format that was asked for.
    pub format: Format,
    /// Whether styles are wanted on standard output.
    pub styled: bool,
    /// Whether standard output can be drawn over.
    pub redraws: bool,
}

impl Output {
    /// Chooses styles only where standard output is a terminal, and neither `--no-color` nor
    /// `NO_COLOR` forbids them.
    #[must_use]
    pub fn new(format: Format, no_color: bool) -> Self {
        let forbidden = no_color || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let capable =
            io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { format, styled: capable && !forbidden, redraws: capable }
    }

    /// Whether JSON was asked for.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether more was asked for than fits.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.format == Format::Wide
    }

    /// Shows one answer: as a JSON document, or as the text that `text` makes of it.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`] when nobody reads any more.
    pub fn answer<M: Message + Name>(
        self,
        message: &M,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() { self.print(&json::document(message)?) } else { self.print(&text()) }
    }

    /// Shows one message of a stream: as a line of JSON, or as the text that `text` makes of it.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`] when nobody reads any more.
    pub fn message<M: Message + Name>(
        self,
        message: &M,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() { self.print(&json::line(message)?) } else { self.print(&text()) }
    }

    /// Writes a text that is escaped already, with a line feed after it, and flushes: whoever
    /// reads a stream wants each line at once.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`] when nobody reads any more.
    pub fn print(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()?;
        Ok(())
    }
}

/// Says something beside the data, on standard error. Nobody is told if that is closed.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(text));
}

/// Shows lines that are escaped already on standard error, such as what a question is about.
pub fn show_beside(text: &str) {
    let _ = write!(io::stderr().lock(), "{text}");
}
