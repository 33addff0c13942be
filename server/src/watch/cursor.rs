//! Places in the event log, and whether the log can still be read from them.

use crate::store::{EventPage, LogId, Reads, StoreError};

use super::WatchError;

/// A place in an event log: the last event that its owner has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which log. A restored store starts another one.
    pub log_id: LogId,
    /// The last event seen; 0 stands before the first one.
    pub sequence: u64,
}

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The newest sequence.
    pub(crate) newest: u64,
    /// The oldest place that can be continued from.
    pub(crate) oldest: u64,
}

/// Stores count sequences in signed integers, so no event is ever after this one.
const AFTER_EVERYTHING: u64 = i64::MAX.unsigned_abs();

/// Reads where the log ends.
pub(crate) async fn extent(reads: &dyn Reads) -> Result<Extent, StoreError> {
    let page = reads.events(None, AFTER_EVERYTHING, 1).await?;
    Ok(Extent { newest: page.newest, oldest: page.compacted_through })
}

/// The sequence to continue after, if `cursor` can be continued from.
///
/// # Errors
/// [`WatchError::LogReplaced`], [`WatchError::Ahead`], [`WatchError::Compacted`], and
/// [`WatchError::Store`].
pub(crate) async fn resume(
    reads: &dyn Reads,
    log_id: &LogId,
    cursor: &Cursor,
) -> Result<u64, WatchError> {
    let extent = extent(reads).await?;
    if cursor.log_id != *log_id {
        return Err(WatchError::LogReplaced { oldest: extent.oldest });
    }
    if cursor.sequence > extent.newest {
        return Err(WatchError::Ahead { newest: extent.newest });
    }
    if cursor.sequence < extent.oldest {
        return Err(WatchError::Compacted { oldest: extent.oldest });
    }
    Ok(cursor.sequence)
}

/// Whether `page`, read after `after`, holds every event after it.
///
/// # Errors
/// [`WatchError::Compacted`] if retention has removed some.
pub(crate) const fn complete(page: &EventPage, after: u64) -> Result<(), WatchError> {
    if after < page.compacted_through {
        return Err(WatchError::Compacted { oldest: page.compacted_through });
    }
    Ok(())
}
