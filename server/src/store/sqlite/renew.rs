//! Renewals: hot rows overwritten in place, with no statement run for each.
//!
//! Guarantees: a row is written only if it is at the version that was expected; rows are
//! visited in order, so that each page is dirtied once; the handle on the table is closed when
//! this returns or fails, because SQLite commits nothing while one is open.

use rusqlite::blob::Blob;
use rusqlite::{Connection, MAIN_DB, ffi};

use super::fault::{FaultPlan, FaultPoint};
use super::lease_row::{HEAD_BYTES_MAX, encode, heads_at, version_of};
use crate::store::{LeaseRow, LeaseWrite, RowId, Version};

// A row begins with its format and its version.
pub(super) const PUT_LEASE: &str = "UPDATE lease SET row = ?1 WHERE id = ?2 AND \
     (substr(row, 1, length(?3)) = ?3 OR substr(row, 1, length(?4)) = ?4)";
pub(super) const HAS_BLOB: &str = "SELECT 1 FROM lease WHERE id = ?1 AND typeof(row) = 'blob'";

/// Applies the renewals, and answers the places of those whose guards did not hold.
pub(super) fn renew(
    connection: &Connection,
    renewals: &[LeaseWrite],
    faults: &FaultPlan,
) -> rusqlite::Result<Vec<usize>> {
    let mut conflicts = Vec::new();
    if renewals.is_empty() {
        return Ok(conflicts);
    }
    let mut order: Vec<(RowId, usize)> =
        renewals.iter().enumerate().map(|(place, renewal)| (renewal.row, place)).collect();
    order.sort_unstable();
    let mut rows = HotRows { connection, handle: None };
    for (_, place) in order {
        if !rows.renew(&renewals[place])? {
            conflicts.push(place);
        }
    }
    faults.ask(FaultPoint::Renewed)?;
    conflicts.sort_unstable();
    Ok(conflicts)
}

/// Overwrites one row by a statement, which may change its length. Whether it was at `expected`.
pub(super) fn put_lease(
    connection: &Connection,
    row: RowId,
    expected: Version,
    lease: &LeaseRow,
) -> rusqlite::Result<bool> {
    let [narrow, wide] = heads_at(expected);
    let changed = connection.prepare_cached(PUT_LEASE)?.execute((lease, row.0, narrow, wide))?;
    Ok(changed == 1)
}

/// The table of hot rows, open for writing from the first row on.
struct HotRows<'a> {
    connection: &'a Connection,
    /// On the row that was visited last.
    handle: Option<Blob<'a>>,
}

impl<'a> HotRows<'a> {
    /// Whether the row was at the version that was expected. A damaged row is at none: whoever
    /// reads it again is told of the damage, and the other renewals are applied.
    fn renew(&mut self, renewal: &LeaseWrite) -> rusqlite::Result<bool> {
        let LeaseWrite { row, expected, lease } = renewal;
        let Some(handle) = self.visit(*row)? else { return Ok(false) };
        let length = usize::try_from(handle.size()).unwrap_or(0);
        let mut head = [0; HEAD_BYTES_MAX];
        let head_bytes = handle.read_at(&mut head, 0)?;
        if version_of(&head[..head_bytes], length) != Some(*expected) {
            return Ok(false);
        }
        let encoded = encode(lease);
        if encoded.as_bytes().len() == length {
            handle.write_at(encoded.as_bytes(), 0)?;
            return Ok(true);
        }
        // Too great for the narrow row, or no longer. The statement expires the handle.
        self.handle = None;
        put_lease(self.connection, *row, *expected, lease)
    }

    /// Moves the handle to a row; none if there is no such row, or no blob in it.
    fn visit(&mut self, row: RowId) -> rusqlite::Result<Option<&mut Blob<'a>>> {
        let visited = match &mut self.handle {
            Some(handle) => handle.reopen(row.0),
            None => self
                .connection
                .blob_open(MAIN_DB, c"lease", c"row", row.0, false)
                .map(|handle| self.handle = Some(handle)),
        };
        let Err(error) = visited else { return Ok(self.handle.as_mut()) };
        // A handle that did not get to its row is of no use any more.
        self.handle = None;
        // This code stands for more than that, so the row is looked for.
        let code = error.sqlite_error().map(|failure| failure.extended_code);
        let may_be_absent = code == Some(ffi::SQLITE_ERROR);
        if may_be_absent && !self.connection.prepare_cached(HAS_BLOB)?.exists([row.0])? {
            return Ok(None);
        }
        Err(error)
    }
}
