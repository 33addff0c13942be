//! Files that a command is given to send, and standard input in the place of one.
//!
//! Guarantees: no more is read than could be sent.

use std::fs::File;
use std::io::{self, Read};

use crate::exit::Exit;
use crate::failure::Failure;

/// The name that means standard input.
pub const STDIN: &str = "-";

/// All of a file, or of standard input for `-`; at most `bytes_max`.
///
/// # Errors
/// When it cannot be read, and a usage failure when it is larger.
pub fn read(path: &str, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let name = if path == STDIN { "standard input" } else { path };
    let unreadable =
        |error: io::Error| Failure::new(Exit::Failure, format!("cannot read {name}: {error}"));
    let mut content = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    if path == STDIN {
        io::stdin().lock().take(limit).read_to_end(&mut content).map_err(unreadable)?;
    } else {
        let file = File::open(path).map_err(unreadable)?;
        file.take(limit).read_to_end(&mut content).map_err(unreadable)?;
    }
    if content.len() > bytes_max {
        return Err(Failure::usage(format!("{name} is larger than {bytes_max} bytes")));
    }
    Ok(content)
}
