//! A batch whose outcome is unknown: asks the store until it tells which writes were applied.
//! Until then nobody is answered.

use std::time::Duration;

use tenure_core::event::Event;
use tenure_core::parts::Needs;

use crate::engine::chain::is_as_sent;
use crate::engine::commit::{Concluded, Sent};
use crate::engine::run::Runner;
use crate::store::{Load, Loaded, Outcome, PAGE_MAX, Sequenced, StoreError};

/// How long to wait before asking again what became of a batch: at first, and at most.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

impl Runner {
    /// Asks until the store tells which of the writes that were `sent` it holds.
    pub async fn find_out(&mut self, service_events: Vec<Event>, sent: &Sent) -> Concluded {
        let mut load = Load::default();
        let pending = sent.pending.iter().map(|pending| (pending.slot, pending.needs()));
        let renewing = sent.renewing.iter().map(|renewing| (renewing.slot, Needs::Tenure));
        for (slot, needs) in pending.chain(renewing) {
            if let Some(entry) = self.cache.get(slot) {
                load.keys.push((entry.workspace.key.clone(), needs));
            }
        }
        load.outcomes.extend(sent.pending.iter().filter_map(|pending| pending.outcome.clone()));
        let (loaded, events) = self.ask_until_told(load).await;
        if !events.iter().any(|sequenced| sequenced.event.key.is_none()) {
            self.service_events.splice(0..0, service_events);
        }
        let mut kept = loaded.outcomes.into_iter();
        let mut stored = loaded.workspaces.into_iter();
        let outcomes = sent.pending.iter().map(|pending| {
            let stored = stored.next().flatten();
            let applied = match &pending.lease {
                // Nobody else deletes; and what is gone cannot be deleted again.
                None if pending.deletes => stored.is_none(),
                None => kept.next().flatten().is_some(),
                Some(lease) => pending.is_in(stored.as_ref(), lease),
            };
            if applied {
                Outcome::Applied { row: stored.map(|stored| stored.row), sequences: 0..0 }
            } else {
                Outcome::Conflict
            }
        });
        let outcomes = outcomes.collect();
        let renewing = sent.renewing.iter().zip(stored).enumerate();
        let conflicting_renewals = renewing
            .filter(|(_, (renewing, stored))| !is_as_sent(stored.as_ref(), &renewing.lease))
            .map(|(place, _)| place)
            .collect();
        Concluded { outcomes, conflicting_renewals, events }
    }

    /// Asks until the store answers: what it holds of `load`, and the events that nobody has been
    /// told of.
    pub async fn ask_until_told(&self, load: Load) -> (Loaded, Vec<Sequenced>) {
        let mut wait = ASK_AGAIN_AFTER[0];
        loop {
            match self.ask(load.clone()).await {
                Ok(told) => return told,
                Err(error) => tracing::warn!(?error, "the store does not answer; asking again"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(ASK_AGAIN_AFTER[1]);
        }
    }

    async fn ask(&self, load: Load) -> Result<(Loaded, Vec<Sequenced>), StoreError> {
        let loaded = self.store.load(load).await?;
        let mut events = Vec::new();
        let mut after = self.shared.newest_sequence();
        loop {
            let page = self.store.events(None, after, PAGE_MAX).await?;
            let last = page.events.is_empty();
            after = page.read_through;
            events.extend(page.events);
            if last {
                return Ok((loaded, events));
            }
        }
    }
}
