//! Pages of past events, by the cursors that watches use.
//!
//! Guarantees: a page ends at a place from which the next page, or a watch, continues without
//! loss; one call reads a bounded part of the log, however little of it matches.
//!
//! Must not know: the wire, how a place is written into a page token.

use tenure_core::name::Key;

use crate::store::{LogId, PAGE_MAX, Reads, Sequenced};

use super::cursor::{self, Cursor};
use super::{EventFilter, WatchError};

/// How many pages of the log one call reads at most. A call that finds nothing in them answers
/// an empty page and where to go on.
pub const LOG_PAGES_PER_CALL: u32 = 10;

/// Where a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// With the oldest event that is kept, or goes on from there. What retention removes is
    /// not missed: the caller asked for what is left.
    Kept {
        /// How far the pages before have come; 0 for the first one.
        after: Cursor,
    },
    /// With the first event after a cursor. Everything after it must be there still.
    After(Cursor),
}

/// What to list.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Of one workspace only.
    pub key: Option<Key>,
    /// Which events.
    pub filter: EventFilter,
    /// From where on.
    pub origin: Origin,
    /// At most so many events.
    pub limit: usize,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventListing {
    /// The events, oldest first.
    pub events: Vec<Sequenced>,
    /// How far the page has come: nothing that was asked for lies between its events.
    pub through: u64,
    /// Whether the log goes on after `through`.
    pub more: bool,
}

/// Lists a page of events.
///
/// # Errors
/// [`WatchError::LogReplaced`], [`WatchError::Ahead`], [`WatchError::Compacted`] (only for
/// [`Origin::After`]), [`WatchError::Store`].
pub async fn list_events(
    reads: &dyn Reads,
    log_id: &LogId,
    query: &EventQuery,
) -> Result<EventListing, WatchError> {
    let (start, strict) = match &query.origin {
        Origin::Kept { after } => (after, false),
        Origin::After(start) => (start, true),
    };
    let mut listing = EventListing { events: Vec::new(), through: start.sequence, more: true };
    match cursor::resume(reads, log_id, start).await {
        Ok(_) => {}
        Err(WatchError::Compacted { .. }) if !strict => {}
        Err(refused) => return Err(refused),
    }
    for _ in 0..LOG_PAGES_PER_CALL {
        let page = reads.events(query.key.clone(), listing.through, PAGE_MAX).await?;
        if strict {
            cursor::complete(&page, listing.through)?;
        }
        for entry in page.events {
            if !query.filter.matches(&entry.event) {
                continue;
            }
            if listing.events.len() == query.limit {
                return Ok(listing);
            }
            listing.through = entry.sequence;
            listing.events.push(entry);
        }
        listing.through = listing.through.max(page.read_through);
        if page.read_through >= page.newest {
            listing.more = false;
            return Ok(listing);
        }
        if listing.events.len() == query.limit {
            return Ok(listing);
        }
    }
    Ok(listing)
}
