//! What watchers are told: every event that they asked for, once and in order, across broken
//! streams.

use tenured::store::Sequenced;
use tenured::watch::EventFilter;

use super::Witness;

/// How far a watcher has come.
#[derive(Debug)]
pub struct Watched {
    /// What it asked for.
    pub filter: EventFilter,
    /// Everything up to here was told.
    pub through: u64,
}

impl Witness {
    /// A watcher was told an event.
    pub fn told(&mut self, watched: &mut Watched, told: &Sequenced) {
        self.totals.watched += 1;
        let next = self.next_for(watched);
        if next.as_ref() != Some(told) {
            let next = next.map(|next| next.sequence);
            let (through, sequence) = (watched.through, told.sequence);
            self.violate(&format!("a watcher at {through} was told {sequence}, not {next:?}"));
        }
        watched.through = told.sequence;
    }

    /// A watcher was told that it has been told everything up to `sequence`.
    pub fn progressed(&mut self, watched: &mut Watched, sequence: u64) {
        let missed = self.next_for(watched).filter(|next| next.sequence <= sequence);
        if let Some(missed) = missed {
            self.violate(&format!("a watcher at {sequence} was not told {}", missed.sequence));
        }
        if sequence < watched.through || sequence > self.newest() {
            self.violate(&format!("a watcher went from {} to {sequence}", watched.through));
        }
        watched.through = sequence;
    }

    /// Whether a watcher has been told everything.
    #[must_use]
    pub fn has_seen_all(&self, watched: &Watched) -> bool {
        self.next_for(watched).is_none()
    }

    fn next_for(&self, watched: &Watched) -> Option<Sequenced> {
        let first = self.log.partition_point(|entry| entry.sequence <= watched.through);
        self.log[first..].iter().find(|entry| watched.filter.matches(&entry.event)).cloned()
    }
}
