//! Pages of the ledger: what is asked of a store, what it answers, and which entries a filter
//! selects, alike in every store.
//!
//! Guarantees: the last ended come first; a place stays a place, whatever is sealed or
//! forgotten between two pages; a page looks at a bounded number of entries.

use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::{ActorId, INTERACTIVE_OWNER, Key};
use tenure_core::session::Lifecycle;
use tenure_core::time::WallTime;
use tenure_core::totals::Totals;

use super::PAGE_MAX;
use super::hot::STORABLE_MAX;

/// How many entries one page looks at, at most. Where few of them are wanted the page is short,
/// or empty, and the next one goes on behind it.
pub const LEDGER_LOOKED_AT_MAX: usize = 10_000;

/// Which ended sessions are wanted. Absent conditions hold for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// One workspace.
    pub key: Option<Key>,
    /// Whole segments of the workspace's name.
    pub prefix: Option<String>,
    /// Person or program.
    pub lifecycle: Option<Lifecycle>,
    /// The owning actor; `interactive` means every person.
    pub owner: Option<String>,
    /// The second actor.
    pub supervisor: Option<String>,
    /// The machine's id.
    pub machine: Option<String>,
    /// How they ended.
    pub cause: Option<EndCause>,
    /// Ended then or later.
    pub ended_since: Option<WallTime>,
    /// Ended earlier.
    pub ended_before: Option<WallTime>,
}

impl LedgerFilter {
    /// Whether a session is wanted.
    #[must_use]
    pub fn selects(&self, entry: &LedgerEntry) -> bool {
        let is = |actor: &Option<ActorId>, wanted: &str| {
            actor.as_ref().is_some_and(|actor| actor.as_str() == wanted)
        };
        self.ended_since.is_none_or(|since| entry.ended_at >= since)
            && self.ended_before.is_none_or(|before| entry.ended_at < before)
            && self.key.as_ref().is_none_or(|key| entry.key == *key)
            && self.prefix.as_ref().is_none_or(|prefix| entry.key.is_under(prefix))
            && self.lifecycle.is_none_or(|wanted| entry.lifecycle == wanted)
            && self.cause.is_none_or(|wanted| entry.cause == wanted)
            && self.owner.as_ref().is_none_or(|wanted| match entry.lifecycle {
                Lifecycle::Interactive => wanted == INTERACTIVE_OWNER,
                // A program may call itself so; it is not meant.
                Lifecycle::Autonomous => wanted != INTERACTIVE_OWNER && is(&entry.actor, wanted),
            })
            && self.supervisor.as_ref().is_none_or(|wanted| is(&entry.supervisor, wanted))
            && self.machine.as_ref().is_none_or(|wanted| {
                entry.machine.as_ref().is_some_and(|machine| machine.id.as_str() == wanted)
            })
    }
}

/// Where in the ledger an entry stands. The greatest comes first: the last that ended, and of
/// those that ended in the same instant the last that was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerPlace {
    /// When the session ended, as far as every store can hold it.
    pub ended_at: WallTime,
    /// Greater than that of every entry that was there when this one was sealed.
    pub id: u64,
}

impl LedgerPlace {
    /// The place of an entry.
    #[must_use]
    pub fn new(ended_at: WallTime, id: u64) -> Self {
        Self { ended_at: WallTime(ended_at.0.min(STORABLE_MAX)), id }
    }
}

/// What to read of the ledger.
#[derive(Debug, Clone, Default)]
pub struct LedgerQuery {
    /// Which entries.
    pub filter: LedgerFilter,
    /// Only those that come after this place; absent for the first page.
    pub after: Option<LedgerPlace>,
    /// At most so many.
    pub limit: u32,
    /// Whether to add up all that the filter selects, on whatever page.
    pub totals: bool,
}

impl LedgerQuery {
    /// How many entries the page may hold.
    #[must_use]
    pub fn entries_max(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX) as usize
    }
}

/// A page of the ledger, and the totals of all pages; both from one snapshot.
#[derive(Debug, Clone, Default)]
pub struct LedgerPage {
    /// The entries, the last ended first, each with its place.
    pub entries: Vec<(LedgerPlace, LedgerEntry)>,
    /// The place to continue after; absent on the last page.
    pub next: Option<LedgerPlace>,
    /// The sums, if they were asked for.
    pub totals: Option<Totals>,
}

/// A page that is being filled with the entries that come after one another in the ledger.
#[derive(Debug)]
pub(crate) struct PageFiller<'a> {
    filter: &'a LedgerFilter,
    entries_max: usize,
    looked_at: usize,
    last: Option<LedgerPlace>,
    found: Vec<(LedgerPlace, LedgerEntry)>,
}

impl<'a> PageFiller<'a> {
    pub(crate) fn new(query: &'a LedgerQuery) -> Self {
        let entries_max = query.entries_max();
        Self { filter: &query.filter, entries_max, looked_at: 0, last: None, found: Vec::new() }
    }

    /// Whether the page needs no more. It takes one entry more than it holds, which tells
    /// whether there is another page.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() > self.entries_max || self.looked_at >= LEDGER_LOOKED_AT_MAX
    }

    /// Looks at the next entry.
    pub(crate) fn look_at(&mut self, place: LedgerPlace, entry: LedgerEntry) {
        self.looked_at += 1;
        self.last = Some(place);
        if self.filter.selects(&entry) {
            self.found.push((place, entry));
        }
    }

    /// The page. `more` says whether there are entries that were not looked at.
    pub(crate) fn finish(mut self, more: bool) -> LedgerPage {
        let next = if self.found.len() > self.entries_max {
            self.found.truncate(self.entries_max);
            self.found.last().map(|(place, _)| *place)
        } else {
            self.last.filter(|_| more)
        };
        LedgerPage { entries: self.found, next, totals: None }
    }
}

/// The page and the totals of entries that are all in memory, each with its id, in any order.
pub(crate) fn page_of<'a>(
    entries: impl Iterator<Item = (u64, &'a LedgerEntry)>,
    query: &LedgerQuery,
) -> LedgerPage {
    let mut placed: Vec<_> =
        entries.map(|(id, entry)| (LedgerPlace::new(entry.ended_at, id), entry)).collect();
    placed.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
    let totals = query.totals.then(|| {
        let mut totals = Totals::default();
        placed
            .iter()
            .filter(|(_, entry)| query.filter.selects(entry))
            .for_each(|(_, entry)| totals.add(entry));
        totals
    });
    let mut filler = PageFiller::new(query);
    let mut rest = placed
        .into_iter()
        .skip_while(|(place, _)| query.after.is_some_and(|after| *place >= after));
    while !filler.is_full() {
        let Some((place, entry)) = rest.next() else { break };
        filler.look_at(place, entry.clone());
    }
    let more = rest.next().is_some();
    LedgerPage { totals, ..filler.finish(more) }
}
