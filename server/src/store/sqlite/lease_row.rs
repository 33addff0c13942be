//! The hot row as the table `lease` holds it: one blob, so that a beat can overwrite it in
//! place. Nearly every row is narrow, because a batch costs as much as the pages that it
//! touches; one with a number that is too great for that is wide.
//!
//! Guarantees: a beat changes the length of a row only if a number outgrows the narrow one; a
//! blob that no row has is damage, and is never read as a row. `schema/7.sql` tells the same
//! layouts to people with a shell.
//!
//! Must not know: how the table is searched or written.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use tenure_core::session::Revision;
use tenure_core::time::{LeaseInstant, WallTime};

use crate::store::hot::STORABLE_MAX;
use crate::store::{LeaseRow, Version};

/// How a row is laid out: a byte that names the format, then version, revision, last heartbeat,
/// expiry and beats in so many bytes each, the most significant first.
struct Layout {
    format: u8,
    widths: [usize; NUMBERS],
}

/// How many numbers a row has.
const NUMBERS: usize = 5;
/// Enough for what happens: 2^40 versions are one a millisecond for 34 years, of which the lease
/// clock of a new store begins in the middle, and 2^48 milliseconds of wall time end in the year
/// 10,889.
const NARROW: Layout = Layout { format: 1, widths: [5, 5, 6, 5, 5] };
/// Holds every number that a store can hold.
const WIDE: Layout = Layout { format: 2, widths: [8; NUMBERS] };
/// How long the longest row is.
const ROW_BYTES_MAX: usize = WIDE.bytes();
/// A row's version is within its first so many bytes.
pub(super) const HEAD_BYTES_MAX: usize = WIDE.head_bytes();

/// Stands for a number that there is none of. No stored number is as great; in a row it is all
/// ones.
const ABSENT: u64 = u64::MAX;

impl Layout {
    const fn bytes(&self) -> usize {
        let [a, b, c, d, e] = self.widths;
        1 + a + b + c + d + e
    }

    const fn head_bytes(&self) -> usize {
        1 + self.widths[0]
    }

    /// Whether each number is told from the others, and from absence.
    fn holds(&self, numbers: &[u64; NUMBERS]) -> bool {
        let fits = |(number, width)| number == ABSENT || number < all_ones(width);
        numbers.iter().copied().zip(self.widths).all(fits)
    }
}

const fn all_ones(width: usize) -> u64 {
    u64::MAX >> (u64::BITS as usize - 8 * width)
}

/// A row's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoded {
    bytes: [u8; ROW_BYTES_MAX],
    length: usize,
}

impl Encoded {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A row's bytes. Numbers beyond what a store holds become the greatest that it does.
pub(super) fn encode(lease: &LeaseRow) -> Encoded {
    let number = |number: u64| number.min(STORABLE_MAX);
    let numbers = [
        number(lease.version.0),
        number(lease.revision.0),
        lease.last_heartbeat_at.map_or(ABSENT, |at| number(at.0)),
        lease.expires_at.map_or(ABSENT, |at| number(at.0)),
        number(lease.beats),
    ];
    let layout = if NARROW.holds(&numbers) { NARROW } else { WIDE };
    let mut encoded = Encoded { bytes: [layout.format; ROW_BYTES_MAX], length: layout.bytes() };
    let mut rest = &mut encoded.bytes[1..];
    for (number, width) in numbers.iter().zip(layout.widths) {
        let (bytes, after) = rest.split_at_mut(width);
        bytes.copy_from_slice(&number.to_be_bytes()[8 - width..]);
        rest = after;
    }
    encoded
}

/// The version of a row of `row_bytes` bytes that begins with `head`; absent if it is damaged.
pub(super) fn version_of(head: &[u8], row_bytes: usize) -> Option<Version> {
    let layout = layout_of(*head.first()?, row_bytes).ok()?;
    Some(Version(number_in(head.get(1..layout.head_bytes())?)))
}

/// How the bytes of a row at `version` begin, narrow and wide; absent if no row of that kind can
/// be at it.
pub(super) fn heads_at(version: Version) -> [Option<Vec<u8>>; 2] {
    [(NARROW, all_ones(NARROW.widths[0]) - 1), (WIDE, STORABLE_MAX)].map(|(layout, most)| {
        let number = version.0.to_be_bytes();
        let head = [&[layout.format], &number[8 - layout.widths[0]..]].concat();
        (version.0 <= most).then_some(head)
    })
}

/// A stored row.
///
/// # Errors
/// What is wrong with the bytes.
fn decode(row: &[u8]) -> Result<LeaseRow, Damaged> {
    let Some((format, mut rest)) = row.split_first() else { return Err(Damaged::Length(0)) };
    let layout = layout_of(*format, row.len())?;
    let mut numbers = [0; NUMBERS];
    for (number, width) in numbers.iter_mut().zip(layout.widths) {
        let (bytes, after) = rest.split_at(width);
        let found = number_in(bytes);
        *number = if found == all_ones(width) { ABSENT } else { found };
        rest = after;
    }
    let number = |number| if number > STORABLE_MAX { Err(Damaged::Number) } else { Ok(number) };
    let optional = |found| if found == ABSENT { Ok(None) } else { number(found).map(Some) };
    let [version, revision, last_heartbeat, expires, beats] = numbers;
    Ok(LeaseRow {
        version: Version(number(version)?),
        revision: Revision(number(revision)?),
        last_heartbeat_at: optional(last_heartbeat)?.map(WallTime),
        expires_at: optional(expires)?.map(LeaseInstant),
        beats: number(beats)?,
    })
}

fn layout_of(format: u8, row_bytes: usize) -> Result<Layout, Damaged> {
    let known = [NARROW, WIDE].into_iter().find(|layout| layout.format == format);
    let layout = known.ok_or(Damaged::Format(format))?;
    if layout.bytes() == row_bytes { Ok(layout) } else { Err(Damaged::Length(row_bytes)) }
}

fn number_in(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Why a blob is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Damaged {
    #[error("a hot row of {0} bytes, which is not the length of its format")]
    Length(usize),
    #[error("a hot row of the unknown format {0}")]
    Format(u8),
    #[error("a hot row with a number that is never stored")]
    Number,
}

impl FromSql for LeaseRow {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        decode(value.as_blob()?).map_err(|damaged| FromSqlError::Other(Box::new(damaged)))
    }
}

impl ToSql for LeaseRow {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(encode(self).as_bytes().to_vec().into())
    }
}

#[cfg(test)]
mod tests;
