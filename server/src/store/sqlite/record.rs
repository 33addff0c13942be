//! What a write leaves behind besides its hot row: the session, the transfer, ledger entries,
//! events, outcomes, and the counters that spare everybody from counting.

use std::ops::Range;

use rusqlite::Connection;
use tenure_core::event::Event;
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::machine::Sighting;
use tenure_core::name::{INTERACTIVE_OWNER, Key};
use tenure_core::session::{Lifecycle, Revision, Session, Transfer};
use tenure_core::surroundings::Signals;
use tenure_core::workspace::Tenure;

use super::around::put_body;
use super::machines::Seen;
use super::rows::{cold, lifecycle, owner_kind, sql, to_body, unsigned};
use super::workspaces;
use crate::store::event_class::{is_important, type_name};
use crate::store::{LeaseRow, RowId, StoredOutcome};

/// Writes rows of one transaction, and knows how the counters have changed.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    connection: &'a Connection,
    workspaces: i64,
    sessions: i64,
    events: i64,
    ordinary_events: i64,
    ledger_entries: i64,
    seen: Seen,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            workspaces: 0,
            sessions: 0,
            events: 0,
            ordinary_events: 0,
            ledger_entries: 0,
            seen: Seen::default(),
        }
    }

    /// Stores a workspace that is not stored yet; none if it is.
    pub(super) fn place(&mut self, key: &Key, lease: &LeaseRow) -> rusqlite::Result<Option<RowId>> {
        let Some(row) = workspaces::place(self.connection, key)? else { return Ok(None) };
        self.connection
            .prepare_cached("INSERT INTO lease VALUES (?1, ?2)")?
            .execute((row.0, lease))?;
        self.workspaces += 1;
        Ok(Some(row))
    }

    /// Forgets a workspace that holds no session, and logs that.
    pub(super) fn delete(
        &mut self,
        row: RowId,
        revision_floor: Revision,
        events: &[Event],
    ) -> rusqlite::Result<Range<u64>> {
        workspaces::delete(self.connection, row, revision_floor)?;
        self.workspaces -= 1;
        self.log(Some(row), events)
    }

    /// Stores the session, the transfer and the signals, or that there are none.
    pub(super) fn put_tenure(&mut self, row: RowId, tenure: &Tenure) -> rusqlite::Result<()> {
        match &tenure.session {
            Some(session) => self.put_session(row, session)?,
            None => {
                let removed = self
                    .connection
                    .prepare_cached("DELETE FROM session WHERE id = ?1")?
                    .execute([row.0])?;
                self.sessions -= i64::from(removed != 0);
            }
        }
        match &tenure.transfer {
            Some(transfer) => self.put_transfer(row, transfer)?,
            None => {
                self.connection
                    .prepare_cached("DELETE FROM transfer WHERE id = ?1")?
                    .execute([row.0])?;
            }
        }
        let signals = &tenure.signals;
        let signals = Some(signals).filter(|signals| **signals != Signals::default());
        put_body(self.connection, "signals", row, signals)
    }

    fn put_session(&mut self, row: RowId, session: &Session) -> rusqlite::Result<()> {
        let body = to_body(&cold(session))?;
        let columns = (
            row.0,
            session.id.as_ref().map(|id| id.as_str()),
            lifecycle(session.lifecycle()),
            owner_kind(session.owner_kind()),
            owner(session),
            session.supervisor().map(|actor| actor.as_str()),
            session.machine.as_ref().map(|machine| machine.id.as_str()),
            session.expiry_recorded,
            body,
        );
        let updated = self
            .connection
            .prepare_cached(
                "UPDATE session SET session_id = ?2, lifecycle = ?3, owner_kind = ?4, owner_id = \
                 ?5, supervisor_id = ?6, machine_id = ?7, expiry_recorded = ?8, body = ?9 WHERE \
                 id = ?1",
            )?
            .execute(columns.clone())?;
        if updated == 0 {
            self.connection
                .prepare_cached("INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
                .execute(columns)?;
            self.sessions += 1;
        }
        Ok(())
    }

    fn put_transfer(&self, row: RowId, transfer: &Transfer) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO transfer VALUES (?1, ?2, ?3, ?4)")?
            .execute((
                row.0,
                transfer.successor_session_id.as_str(),
                sql(transfer.deadline.0),
                to_body(transfer)?,
            ))
            .map(|_| ())
    }

    /// Keeps the records of ended sessions.
    pub(super) fn seal(&mut self, row: RowId, entries: &[LedgerEntry]) -> rusqlite::Result<()> {
        for entry in entries {
            self.connection
                .prepare_cached(
                    "INSERT INTO ledger (session_id, workspace_id, cause, ended_at_ms, body) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    entry.session_id.as_ref().map(|id| id.as_str()),
                    row.0,
                    cause(entry.cause),
                    sql(entry.ended_at.0),
                    to_body(entry)?,
                ))?;
            self.ledger_entries += 1;
        }
        Ok(())
    }

    /// Appends to the event log, of a workspace or of the service, and returns the sequences.
    pub(super) fn log(
        &mut self,
        row: Option<RowId>,
        events: &[Event],
    ) -> rusqlite::Result<Range<u64>> {
        let mut sequences = 0..0;
        for event in events {
            let important = is_important(&event.what);
            self.connection
                .prepare_cached(
                    "INSERT INTO event (workspace_id, type, important, at_ms, body) \
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    row.map(|row| row.0),
                    type_name(&event.what),
                    important,
                    sql(event.at.0),
                    to_body(event)?,
                ))?;
            let sequence = unsigned(self.connection.last_insert_rowid());
            if sequences.is_empty() {
                sequences.start = sequence;
            }
            sequences.end = sequence.saturating_add(1);
            self.events += 1;
            self.ordinary_events += i64::from(!important);
        }
        Ok(sequences)
    }

    /// Keeps what requests were answered. A later answer to the same request replaces an
    /// earlier one, which had been forgotten or it would have been repeated.
    pub(super) fn keep_outcomes(&self, outcomes: &[StoredOutcome]) -> rusqlite::Result<()> {
        for outcome in outcomes {
            let asked = &outcome.key;
            self.connection
                .prepare_cached(
                    "INSERT INTO outcome (principal, rpc, workspace, profile, request_id, digest, \
                     reply, keep_until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO \
                     UPDATE SET digest = excluded.digest, reply = excluded.reply, keep_until_ms = \
                     excluded.keep_until_ms",
                )?
                .execute((
                    asked.principal.as_str(),
                    asked.rpc,
                    asked.key.workspace.as_str(),
                    asked.key.profile.as_str(),
                    &*asked.request_id,
                    &outcome.digest[..],
                    to_body(&outcome.reply)?,
                    sql(outcome.keep_until.0),
                ))?;
        }
        Ok(())
    }

    /// Notes what the step tells of machines.
    pub(super) fn see(&mut self, sightings: &[Sighting]) {
        self.seen.note(sightings);
    }

    /// Writes the machines that were seen, and the counters, if any has changed.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        self.seen.write(self.connection)?;
        let changed = [self.workspaces, self.sessions, self.events, self.ledger_entries];
        if changed == [0; 4] {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "UPDATE meta SET sessions = sessions + ?1, events = events + ?2, ordinary_events \
                 = ordinary_events + ?3, ledger_entries = ledger_entries + ?4, workspaces =                  workspaces + ?5 WHERE one = 1",
            )?
            .execute((
                self.sessions,
                self.events,
                self.ordinary_events,
                self.ledger_entries,
                self.workspaces,
            ))
            .map(|_| ())
    }
}

fn owner(session: &Session) -> Option<&str> {
    match session.lifecycle() {
        Lifecycle::Interactive => Some(INTERACTIVE_OWNER),
        Lifecycle::Autonomous => session.actor().map(|actor| actor.as_str()),
    }
}

/// As the column `cause` has it.
pub(super) fn cause(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Replaced => "replaced",
        EndCause::Cleared => "cleared",
        EndCause::Yielded => "yielded",
        EndCause::TakenOver => "taken_over",
        EndCause::ForceTakenOver => "force_taken_over",
        EndCause::Superseded => "superseded",
    }
}
