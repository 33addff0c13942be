//! How far a write-ahead log of SQLite is valid: up to the last frame that commits, as its
//! format describes (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// The header of the log.
pub(super) const HEADER_BYTES: u64 = 32;

/// The header of each frame.
const FRAME_HEADER_BYTES: usize = 24;

/// What is known of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wal {
    /// Change when the log is begun anew.
    pub salts: [u8; 8],
    /// Where the last frame ends that commits, in bytes.
    pub valid_through: u64,
}

impl Wal {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let log = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(log.len() as u64 > HEADER_BYTES, "the log is empty");
        let page_bytes = usize::try_from(number(&log, 8)?)?;
        let salts: [u8; 8] = log[16..24].try_into()?;
        let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
        let mut valid_through = HEADER_BYTES;
        let mut end = usize::try_from(HEADER_BYTES)?;
        while end + frame_bytes <= log.len() && log[end + 8..end + 16] == salts {
            let commits = number(&log, end + 4)? != 0;
            end += frame_bytes;
            if commits {
                valid_through = end as u64;
            }
        }
        Ok(Self { salts, valid_through })
    }
}

/// A number in big-endian order.
fn number(log: &[u8], at: usize) -> anyhow::Result<u32> {
    Ok(u32::from_be_bytes(log[at..at + 4].try_into()?))
}
