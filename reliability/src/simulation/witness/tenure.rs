//! What the event log alone says about each workspace, and what must be true of it.

use std::collections::BTreeSet;

use tenure_core::event::{Event, What};
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::{EscalationId, Key, SessionId};
use tenure_core::session::{FencingToken, Revision, Session, Transfer};
use tenure_core::time::Span;
use tenure_core::workspace::Tenure;
use tokio::time::Instant;

use super::Witness;

/// An expiry is noticed so soon by the lease clock, on a store that takes its time and does not
/// fail: within 250 ms, and what the store needs to read and to commit.
const NOTICED_WITHIN: Span = Span(250 + 4 * 40);

/// A workspace as its events leave it.
#[derive(Debug, Default)]
pub struct Standing {
    /// The newest revision that is durable.
    pub revision: Revision,
    /// The stored session.
    pub session: Option<(SessionId, FencingToken)>,
    /// The pending transfer.
    pub transfer: Option<Transfer>,
    /// The largest token ever given.
    token_max: FencingToken,
    escalations: BTreeSet<EscalationId>,
    gates_revision: u64,
}

/// One session from its beginning to its end.
#[derive(Debug)]
pub struct Life {
    /// Of which workspace.
    pub key: Key,
    /// Its token.
    pub token: FencingToken,
    /// Where it began.
    pub began: Revision,
    /// Where its expiry was recorded.
    pub expired: Option<Revision>,
    /// When its end or its expiry became durable, whichever came first.
    pub over_at: Option<Instant>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// Where the last transfer was scheduled on it.
    pub transfer_scheduled: Option<Revision>,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Where.
    pub revision: Revision,
    /// Why.
    pub cause: EndCause,
    /// Whether somebody asked for it; if not, time alone did it.
    pub was_asked_for: bool,
    /// Whether it made way for the successor of a pending transfer.
    pub by_transfer: bool,
}

impl Witness {
    /// Reads one event of a workspace.
    pub(super) fn read(&mut self, event: &Event) {
        let Some(key) = &event.key else { return };
        match &event.what {
            What::SessionStarted { session, .. } => self.started(key, event, session),
            What::SessionRefreshed(session) => {
                self.totals.refreshes += 1;
                self.check_current(key, session.id.as_ref(), "refreshed");
                self.effect("refreshed", session.supervisor().map(|mark| mark.as_str()));
            }
            What::SessionExpired { session, expired_at } => {
                self.totals.expiries += 1;
                let late = self.lease_now.since(expired_at.lease);
                if self.notices_in_time && late > NOTICED_WITHIN {
                    self.violate(&format!("an expiry was noticed {} ms late", late.0));
                }
                self.check_current(key, session.id.as_ref(), "expired");
                if let Some(id) = &session.id {
                    self.expired(id, event.revision.unwrap_or_default());
                }
            }
            What::SessionEnded { entry, transfer_completed } => {
                self.ended(key, event, entry, *transfer_completed);
            }
            What::TransferScheduled { transfer } => {
                self.totals.transfers += 1;
                self.effect("scheduled", event.why.as_deref());
                let id = event.session_id.as_ref();
                if let Some(life) = id.and_then(|id| self.lives.get_mut(id)) {
                    life.transfer_scheduled = event.revision;
                }
                self.standing(key).transfer = Some((**transfer).clone());
            }
            What::TransferCancelled { replaced, .. } => {
                if !replaced {
                    self.effect("cancelled", event.why.as_deref());
                }
                if self.standing(key).transfer.take().is_none() {
                    self.violate("a transfer was cancelled where none was pending");
                }
            }
            what => self.read_of_surroundings(key, event, what),
        }
    }

    fn started(&mut self, key: &Key, event: &Event, session: &Session) {
        self.totals.sessions += 1;
        let Some(id) = session.id.clone() else { return };
        let (token, standing) = (session.token, self.standing(key));
        let (held, token_max) = (standing.session.clone(), standing.token_max);
        standing.session = Some((id.clone(), token));
        standing.transfer = None;
        standing.token_max = token_max.max(token);
        if let Some((held, _)) = held {
            self.violate(&format!("{id:?} began while {held:?} was not ended"));
        }
        if token <= token_max {
            self.violate(&format!("{id:?} has token {}, after {}", token.0, token_max.0));
        }
        let life = Life {
            key: key.clone(),
            token,
            began: event.revision.unwrap_or_default(),
            expired: None,
            over_at: None,
            ended: None,
            transfer_scheduled: None,
        };
        if self.lives.insert(id, life).is_some() {
            self.violate("a session id was given twice");
        }
        self.effect("started", session.supervisor().map(|mark| mark.as_str()));
    }

    fn ended(&mut self, key: &Key, event: &Event, entry: &LedgerEntry, by_transfer: bool) {
        self.check_current(key, entry.session_id.as_ref(), "ended");
        let standing = self.standing(key);
        standing.session = None;
        if !by_transfer && standing.transfer.take().is_some() {
            self.violate("a transfer was pending on a session that ended for another reason");
        }
        let totals = &mut self.totals;
        let was_asked_for = entry.ended_by_actor.is_some() || event.actor.is_some();
        *match entry.cause {
            EndCause::Replaced => &mut totals.replaced,
            EndCause::Cleared => &mut totals.cleared,
            EndCause::Yielded if !was_asked_for => &mut totals.lapsed,
            EndCause::Yielded => &mut totals.yielded,
            EndCause::TakenOver => &mut totals.taken_over,
            EndCause::ForceTakenOver => &mut totals.force_taken_over,
            EndCause::Superseded => &mut totals.superseded,
        } += 1;
        match entry.cause {
            EndCause::Cleared => self.effect("cleared", entry.why.as_deref()),
            EndCause::Yielded if was_asked_for => self.effect("yielded", entry.why.as_deref()),
            _ => {}
        }
        let (revision, cause) = (entry.revision, entry.cause);
        if let Some(id) = &entry.session_id {
            if let Some(life) = self.lives.get_mut(id) {
                life.over_at.get_or_insert_with(Instant::now);
                life.ended = Some(Ended { revision, cause, was_asked_for, by_transfer });
            }
            self.judge(id);
        }
    }

    fn expired(&mut self, id: &SessionId, revision: Revision) {
        if let Some(life) = self.lives.get_mut(id) {
            life.over_at.get_or_insert_with(Instant::now);
            life.expired = Some(revision);
        }
        self.judge(id);
    }

    fn read_of_surroundings(&mut self, key: &Key, event: &Event, what: &What) {
        let why = event.why.as_deref();
        let standing = self.standing(key);
        match what {
            What::EscalationRaised(raised) => {
                if !standing.escalations.insert(raised.id.clone()) {
                    self.violate("an escalation id was given twice");
                }
                self.effect("raised", why);
            }
            What::EscalationResolved(resolved) => {
                if !standing.escalations.remove(&resolved.id) {
                    self.violate("an escalation was resolved that was not open");
                }
                self.effect("resolved", why);
            }
            What::EscalationsCleared { ids } => {
                let known = ids.iter().filter(|id| standing.escalations.remove(id)).count();
                self.cleared_escalations(known == ids.len());
            }
            What::GatesSet(gates) => {
                self.gates_moved(key, gates.revision.0);
                self.effect("set gates", gates.list.first().and_then(|gate| gate.note.as_deref()));
            }
            What::GateUpdated { revision, .. } | What::GatesCleared { revision } => {
                self.gates_moved(key, revision.0);
            }
            What::WorkspaceDeleted { .. } => {
                // Known again, it begins without a revision; the next one is above all before.
                standing.revision = Revision(0);
                standing.gates_revision = 0;
                standing.escalations.clear();
                if standing.session.is_some() {
                    self.violate("a workspace was deleted under a session");
                }
                self.totals.deletions += 1;
            }
            _ => {}
        }
        self.totals.surroundings += 1;
    }

    fn cleared_escalations(&mut self, all_were_open: bool) {
        if !all_were_open {
            self.violate("escalations were cleared that were not open");
        }
    }

    fn gates_moved(&mut self, key: &Key, revision: u64) {
        let before = std::mem::replace(&mut self.standing(key).gates_revision, revision);
        if revision <= before {
            self.violate(&format!("gates went from revision {before} to {revision}"));
        }
    }

    fn check_current(&mut self, key: &Key, id: Option<&SessionId>, what: &str) {
        let current = self.standing(key).session.as_ref().map(|(id, _)| id.clone());
        if current.as_ref() != id {
            self.violate(&format!("{id:?} {what} while {current:?} was stored"));
        }
    }

    /// Whether what is stored is what the log says.
    pub(super) fn check_stored(&mut self, key: &Key, tenure: &Tenure) {
        let standing = self.standing(key);
        let stored = tenure.session.as_ref();
        let stored = stored.and_then(|session| Some((session.id.clone()?, session.token)));
        let agrees = standing.session == stored && standing.transfer == tenure.transfer;
        let gates_agree = standing.gates_revision == tenure.signals.gates_revision.0;
        if !agrees || !gates_agree {
            let logged = format!("{standing:?}");
            self.violate(&format!("the log says {logged}, and stored is {tenure:?}"));
        }
    }

    /// What a request asked for has happened.
    pub(super) fn effect(&mut self, kind: &'static str, mark: Option<&str>) {
        let Some(mark) = mark else { return };
        let times = self.effects.entry((kind, mark.to_owned())).or_default();
        *times += 1;
        if *times > 1 {
            self.violate(&format!("request {mark} {kind} twice"));
        }
    }

    pub(super) fn standing(&mut self, key: &Key) -> &mut Standing {
        self.standing.entry(key.clone()).or_default()
    }
}
