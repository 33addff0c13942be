//! What becomes durable: batch by batch, in the order in which it does.

use tenure_core::event::What;
use tenure_core::name::Key;
use tenure_core::session::Revision;
use tenured::store::{Batch, Committed, Guard, Outcome, Sequenced, Write};

use super::Witness;

impl Witness {
    /// A batch has become durable.
    pub(super) fn durable(&mut self, batch: &Batch, committed: &Committed) {
        self.totals.batches += 1;
        self.lease_now = batch.lease_now;
        let service = committed.service_sequences.clone().zip(&batch.service_events);
        for (sequence, event) in service {
            if matches!(event.what, What::ServerStarted { .. }) {
                self.totals.boots += 1;
            }
            self.logged(Sequenced { sequence, event: event.clone() });
        }
        for (write, outcome) in batch.writes.iter().zip(&committed.outcomes) {
            self.written(write, outcome);
        }
        for (place, renewal) in batch.renewals.iter().enumerate() {
            if committed.conflicting_renewals.contains(&place) {
                continue;
            }
            if let Some(key) = self.keys.get(&renewal.row).cloned() {
                self.moved_on(&key, renewal.lease.revision, true);
            }
        }
    }

    fn written(&mut self, write: &Write, outcome: &Outcome) {
        let Outcome::Applied { row, sequences } = outcome else { return };
        for (sequence, event) in sequences.clone().zip(&write.events) {
            self.read(event);
            self.logged(Sequenced { sequence, event: event.clone() });
        }
        for outcome in &write.outcomes {
            if !self.outcomes.insert(outcome.key.clone()) {
                let id = &outcome.key.request_id;
                self.violate(&format!("request {id} was carried out twice"));
            }
        }
        if let Some(row) = row {
            self.keys.insert(*row, write.key.clone());
        }
        if write.deleted.is_some() {
            return;
        }
        if let Some(lease) = &write.lease {
            self.moved_on(&write.key, lease.revision, false);
        }
        if let Some(tenure) = &write.tenure {
            self.check_stored(&write.key, tenure);
            let known = matches!(write.guard, Guard::At(..));
            if !known && tenure.session.is_none() && !write.events.is_empty() {
                self.note(&format!("{} is known now", write.key.workspace.as_str()));
            }
        }
    }

    /// Revisions rise with what is about the session, and never go back.
    fn moved_on(&mut self, key: &Key, revision: Revision, must_rise: bool) {
        let before = std::mem::replace(&mut self.standing(key).revision, revision);
        if revision < before || (must_rise && revision == before) {
            self.violate(&format!("{key:?} went from {before:?} to {revision:?}"));
        }
    }

    fn logged(&mut self, sequenced: Sequenced) {
        self.totals.events += 1;
        let Sequenced { sequence, event } = &sequenced;
        let (session, revision) = (&event.session_id, event.revision.map(|revision| revision.0));
        let what = name_of(&event.what);
        let why = event.why.as_deref().unwrap_or_default();
        self.note(&format!("durable: {sequence} {what} {session:?} at {revision:?} {why}"));
        if *sequence <= self.newest() {
            self.violate(&format!("sequence {sequence} comes after {}", self.newest()));
        }
        self.log.push(sequenced);
    }
}

fn name_of(what: &What) -> String {
    let shown = format!("{what:?}");
    shown.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}
