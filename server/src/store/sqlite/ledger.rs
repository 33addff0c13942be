//! Pages of the ledger, and totals.
//!
//! A read walks one index, chosen by what is asked, and looks at the entries that it finds
//! there: [`LedgerFilter::selects`] has the last word on each. So an index may only find too
//! much, never too little.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::Key;
use tenure_core::time::WallTime;
use tenure_core::totals::Totals;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::list::{NameRange, ranges};
use super::readers::TURN_WAIT_MAX;
use super::record::cause;
use super::rows::{from_body, sql, unsigned};
use crate::store::{LedgerFilter, LedgerPage, LedgerPlace, LedgerQuery, PageFiller, StoreError};

/// Entries under a prefix are looked up by their names and sorted, if there are fewer than this.
/// Else they are found among all others by age.
const FEW: usize = 2_000;

/// A walk along an index, from an instant and a place on backwards.
macro_rules! walk {
    ($lead:literal) => {
        concat!(
            "SELECT id, ended_at_ms, body FROM ledger WHERE ",
            $lead,
            "ended_at_ms >= ?1 AND ended_at_ms <= ?2 AND (ended_at_ms < ?2 OR id < ?3) \
             ORDER BY ended_at_ms DESC, id DESC"
        )
    };
}

pub(super) const BY_AGE: &str = walk!("");
pub(super) const BY_WORKSPACE: &str = walk!("workspace = ?4 AND profile = ?5 AND ");
pub(super) const BY_OWNER: &str = walk!("owner_id = ?4 AND ");
pub(super) const BY_SUPERVISOR: &str = walk!("supervisor_id = ?4 AND ");
pub(super) const BY_MACHINE: &str = walk!("machine_id = ?4 AND ");
pub(super) const BY_CAUSE: &str = walk!("cause = ?4 AND ");
pub(super) const PLACES_BY_NAME: &str =
    "SELECT id, ended_at_ms FROM ledger WHERE workspace >= ?1 AND workspace < ?2 LIMIT ?3";
pub(super) const BY_ID: &str = "SELECT id, ended_at_ms, body FROM ledger WHERE id = ?1";

/// Lets one read at a time add entries up, so that however many are asked for, the other readers
/// stay free for everybody else.
#[derive(Debug)]
pub(super) struct TotalsTurn(Arc<Semaphore>);

impl Default for TotalsTurn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl TotalsTurn {
    /// Waits for its turn, a bounded time.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = Arc::clone(&self.0).acquire_owned();
        let busy = || StoreError::Unavailable("other totals are being added up".to_owned());
        tokio::time::timeout(TURN_WAIT_MAX, turn).await.map_err(|_| busy())?.map_err(|_| busy())
    }
}

/// A page, and the totals if they are asked for.
pub(super) fn page(connection: &Connection, query: &LedgerQuery) -> rusqlite::Result<LedgerPage> {
    let lead = Lead::of(connection, &query.filter)?;
    let mut filler = PageFiller::new(query);
    let mut more = false;
    lead.each(connection, &query.filter, query.after, |place, entry| {
        more = filler.is_full();
        if !more {
            filler.look_at(place, entry()?);
        }
        Ok(!more)
    })?;
    let page = filler.finish(more);
    let totals = if query.totals { Some(totals(connection, &lead, &query.filter)?) } else { None };
    Ok(LedgerPage { totals, ..page })
}

fn totals(connection: &Connection, lead: &Lead, filter: &LedgerFilter) -> rusqlite::Result<Totals> {
    let mut totals = Totals::default();
    lead.each(connection, filter, None, |_, entry| {
        let entry = entry()?;
        if filter.selects(&entry) {
            totals.add(&entry);
        }
        Ok(true)
    })?;
    Ok(totals)
}

/// By what entries are found.
#[derive(Debug, PartialEq)]
enum Lead {
    /// Along an index, with the values that it is searched for.
    Walk(&'static str, Vec<Value>),
    /// One by one; the greatest place is the first.
    Few(Vec<LedgerPlace>),
}

impl Lead {
    fn of(connection: &Connection, filter: &LedgerFilter) -> rusqlite::Result<Self> {
        let text = |text: &str| Value::Text(text.to_owned());
        if let Some(Key { workspace, profile }) = &filter.key {
            let values = vec![text(workspace.as_str()), text(profile.as_str())];
            return Ok(Self::Walk(BY_WORKSPACE, values));
        }
        if let Some(few) = few(connection, filter.prefix.as_deref())? {
            return Ok(Self::Few(few));
        }
        let ids = [
            (&filter.owner, BY_OWNER),
            (&filter.supervisor, BY_SUPERVISOR),
            (&filter.machine, BY_MACHINE),
        ];
        let by_id = ids
            .into_iter()
            .find_map(|(id, walk)| id.as_ref().map(|id| Self::Walk(walk, vec![text(id)])));
        let by_cause =
            || filter.cause.map(|wanted| Self::Walk(BY_CAUSE, vec![text(cause(wanted))]));
        Ok(by_id.or_else(by_cause).unwrap_or_else(|| Self::Walk(BY_AGE, Vec::new())))
    }

    /// Hands out the entries from `after` on, in order, until `take` has enough. An entry is
    /// read only if it is asked for.
    fn each(
        &self,
        connection: &Connection,
        filter: &LedgerFilter,
        after: Option<LedgerPlace>,
        mut take: impl FnMut(
            LedgerPlace,
            &dyn Fn() -> rusqlite::Result<LedgerEntry>,
        ) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let mut hand_out = |row: &Row<'_>| take(place(row)?, &|| from_body(row, 2));
        match self {
            Self::Walk(walk, values) => {
                let mut statement = connection.prepare_cached(walk)?;
                let bounds = bounds(filter, after).into_iter().chain(values.iter().cloned());
                let mut rows = statement.query(params_from_iter(bounds))?;
                while let Some(row) = rows.next()? {
                    if !hand_out(row)? {
                        break;
                    }
                }
            }
            Self::Few(places) => {
                let mut statement = connection.prepare_cached(BY_ID)?;
                let rest = places.iter().filter(|place| after.is_none_or(|after| **place < after));
                for place in rest {
                    if !statement.query_row([sql(place.id)], &mut hand_out)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The earliest end, the latest, and of the latest the id below which to begin.
fn bounds(filter: &LedgerFilter, after: Option<LedgerPlace>) -> [Value; 3] {
    let since = filter.ended_since.map_or(0, |since| sql(since.0));
    // What ended in that very instant is looked at and not selected.
    let before = filter.ended_before.map_or(i64::MAX, |before| sql(before.0));
    let (latest, below) = match after {
        Some(after) if sql(after.ended_at.0) <= before => (sql(after.ended_at.0), sql(after.id)),
        _ => (before, i64::MAX),
    };
    [since, latest, below].map(Value::Integer)
}

/// The places of all entries under a prefix, if they are few.
fn few(
    connection: &Connection,
    prefix: Option<&str>,
) -> rusqlite::Result<Option<Vec<LedgerPlace>>> {
    let Some(prefix) = prefix else { return Ok(None) };
    let mut places = Vec::new();
    for NameRange { low, high } in ranges(Some(prefix)) {
        let Some(high) = high else { return Ok(None) };
        let wanted = i64::try_from(FEW - places.len()).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(PLACES_BY_NAME)?;
        let found = statement.query_map((low, high, wanted), place)?;
        places.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
        if places.len() >= FEW {
            return Ok(None);
        }
    }
    places.sort_unstable_by(|one, other| other.cmp(one));
    Ok(Some(places))
}

fn place(row: &Row<'_>) -> rusqlite::Result<LedgerPlace> {
    let ended_at = WallTime(unsigned(row.get(1)?));
    Ok(LedgerPlace::new(ended_at, unsigned(row.get(0)?)))
}

#[cfg(test)]
mod tests;
