//! Pages of what a store in memory holds.

use std::ops::Bound;

use tenure_core::escalation::Escalation;
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{ActorId, EscalationId, INTERACTIVE_OWNER, Key, SessionId};
use tenure_core::session::{Lifecycle, Session};

use super::data::Data;
use crate::store::{
    Counts, EscalationFilter, EscalationPage, EventPage, KnownWorkspace, LeaseSlot, ListFilter,
    ListPage, Listed, PAGE_MAX, RowId, Sequenced, Whole, WorkspacePage,
};

impl Data {
    pub(super) fn leases(&self, after: Option<RowId>, limit: u32) -> Vec<LeaseSlot> {
        let unrecorded = |session: &Session| !session.expiry_recorded;
        self.rows
            .iter()
            .filter(|(_, stored)| after.is_none_or(|after| stored.row > after))
            .filter(|(_, stored)| stored.tenure.session.as_ref().is_some_and(unrecorded))
            .take(limit.clamp(1, PAGE_MAX) as usize)
            .map(|(key, stored)| LeaseSlot {
                row: stored.row,
                key: key.clone(),
                tenure: stored.tenure.clone(),
            })
            .collect()
    }

    pub(super) fn list(&self, filter: &ListFilter, after: Option<&Key>, limit: u32) -> ListPage {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows: Vec<Listed> = self
            .places
            .range((start, Bound::Unbounded))
            .filter(|(key, _)| filter.prefix.as_ref().is_none_or(|prefix| key.is_under(prefix)))
            .filter_map(|(_, row)| self.row(*row))
            .filter(|(_, stored)| stored.tenure.session.as_ref().is_some_and(|s| meets(s, filter)))
            .take(limit + 1)
            .map(|(key, stored)| Listed { key: key.clone(), stored: stored.clone() })
            .collect();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if has_more { rows.last().map(|row| row.key.clone()) } else { None };
        ListPage { rows, next, sequence: self.newest }
    }

    pub(super) fn whole(&self, key: &Key) -> Whole {
        Whole { stored: self.find_whole(key), sequence: self.newest }
    }

    pub(super) fn escalations(
        &self,
        filter: &EscalationFilter,
        after: Option<&(Key, EscalationId)>,
        limit: u32,
    ) -> EscalationPage {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let mut rows: Vec<(Key, Escalation)> = self
            .surroundings
            .iter()
            .filter_map(|(row, around)| Some((&self.row(*row)?.0, around)))
            .filter(|(key, _)| filter.key.as_ref().is_none_or(|wanted| wanted == *key))
            .filter(|(key, _)| filter.prefix.as_ref().is_none_or(|prefix| key.is_under(prefix)))
            .flat_map(|(key, around)| around.escalations.iter().map(move |open| (key, open)))
            .filter(|(_, open)| filter.kind.is_none_or(|kind| kind == open.kind))
            .filter(|(key, open)| after.is_none_or(|(k, id)| (*key, &open.id) > (k, id)))
            .map(|(key, open)| (key.clone(), open.clone()))
            .collect();
        rows.sort_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|(key, open)| (key.clone(), open.id.clone()));
        EscalationPage { rows, next }
    }

    pub(super) fn workspaces(
        &self,
        prefix: Option<&str>,
        after: Option<&Key>,
        limit: u32,
    ) -> WorkspacePage {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows: Vec<KnownWorkspace> = self
            .places
            .range((begin, Bound::Unbounded))
            .filter(|(key, _)| prefix.is_none_or(|prefix| key.is_under(prefix)))
            .filter_map(|(key, row)| {
                let (_, stored) = self.row(*row)?;
                let open = self.surroundings.get(row).map_or(0, |around| around.escalations.len());
                let open_escalations = u32::try_from(open).unwrap_or(u32::MAX);
                Some(KnownWorkspace { key: key.clone(), stored: stored.clone(), open_escalations })
            })
            .take(limit + 1)
            .collect();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|row| row.key.clone());
        WorkspacePage { rows, next }
    }

    pub(super) fn events(&self, key: Option<&Key>, after: u64, limit: u32) -> EventPage {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let row = key.map(|key| self.places.get(key).or_else(|| self.deleted.get(key)).copied());
        let events: Vec<Sequenced> = self
            .events
            .range((Bound::Excluded(after), Bound::Unbounded))
            .filter(|(_, logged)| row.is_none_or(|row| row.is_some() && logged.row == row))
            .take(limit)
            .map(|(sequence, logged)| Sequenced {
                sequence: *sequence,
                event: logged.event.clone(),
            })
            .collect();
        let read_through = match events.last() {
            Some(last) if events.len() == limit => last.sequence,
            _ => self.newest.max(after),
        };
        let compacted_through = self.compacted_through;
        EventPage { events, read_through, compacted_through, newest: self.newest }
    }

    pub(super) fn ledger_entry(&self, session_id: &SessionId) -> Option<LedgerEntry> {
        let wanted = |entry: &&LedgerEntry| entry.session_id.as_ref() == Some(session_id);
        self.ledger.iter().rev().find(wanted).cloned()
    }

    pub(super) fn counts(&self) -> Counts {
        let sessions = self.rows.iter().filter(|(_, stored)| stored.tenure.session.is_some());
        Counts {
            workspaces: self.places.len() as u64,
            sessions: sessions.count() as u64,
            events: self.events.len() as u64,
            ledger_entries: self.ledger.len() as u64,
        }
    }
}

fn meets(session: &Session, filter: &ListFilter) -> bool {
    let is = |actor: Option<&ActorId>, wanted: &str| actor.map(|a| a.as_str()) == Some(wanted);
    filter.lifecycle.is_none_or(|wanted| session.lifecycle() == wanted)
        && filter.owner.as_ref().is_none_or(|wanted| {
            if wanted == INTERACTIVE_OWNER {
                session.lifecycle() == Lifecycle::Interactive
            } else {
                is(session.actor(), wanted)
            }
        })
        && filter.supervisor.as_ref().is_none_or(|wanted| is(session.supervisor(), wanted))
        && filter.machine.as_ref().is_none_or(|wanted| {
            session.machine.as_ref().is_some_and(|machine| machine.id.as_str() == wanted)
        })
        && filter.expiry_recorded.is_none_or(|wanted| session.expiry_recorded == wanted)
}
