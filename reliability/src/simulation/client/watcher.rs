//! One who watches, and goes on where it was when its stream breaks.

use std::time::Duration;

use tenured::watch::{Cursor, EventFilter, Start, Update};
use tokio::time::{Instant, timeout};

use super::Client;
use crate::simulation::mutant::Mutant;
use crate::simulation::server::Running;
use crate::simulation::witness::Watched;

/// A stream on which nothing came for so long is given up: progress is told more often.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// So long after the storm everybody has been told everything.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

impl Client {
    /// Watches until everything has been told after the storm.
    pub async fn watch(mut self) {
        let prefix = (self.rng.u8(..3) == 0).then(|| self.some_workspace());
        let prefix = prefix.map(|key| key.workspace.as_str().to_owned());
        let filter = EventFilter { prefix, ..EventFilter::default() };
        let mut watched = Watched { filter, through: 0 };
        let gives_up = self.place.storm_ends + CATCH_UP_MAX;
        loop {
            self.watch_once(&mut watched).await;
            if self.has_all(&watched) {
                return;
            }
            if Instant::now() >= gives_up {
                let what = format!("{} was told up to {}", self.name, watched.through);
                return self.place.seen.witness().violate(&what);
            }
            self.place.seen.count(|totals| &mut totals.resumed_watches);
            self.rest(300).await;
        }
    }

    fn has_all(&self, watched: &Watched) -> bool {
        let quiet = self.place.storm_ends + CATCH_UP_MAX / 2;
        Instant::now() >= quiet && self.place.seen.witness().has_seen_all(watched)
    }

    async fn watch_once(&mut self, watched: &mut Watched) {
        let network = self.place.network.clone();
        let look = async |running: &Running| Some(running.engine.log_id().clone());
        let Some(log_id) = network.look(look).await else { return };
        let sequence = match self.place.mutant {
            Mutant::WatcherSkips if watched.through > 0 => watched.through + 1,
            Mutant::WatcherRepeats => watched.through.saturating_sub(1),
            _ => watched.through,
        };
        let start = Start::After(Cursor { log_id, sequence });
        let Some(mut updates) = network.open_watch(watched.filter.clone(), start).await else {
            return;
        };
        while let Ok(Some(Ok(update))) = timeout(SILENCE_MAX, updates.recv()).await {
            self.pause().await;
            let mut witness = self.place.seen.witness();
            match update {
                Update::Event(told) => witness.told(watched, &told),
                Update::Progress(sequence) => witness.progressed(watched, sequence),
                Update::Page { .. } => witness.violate("a page came that nobody asked for"),
            }
            drop(witness);
            if self.has_all(watched) {
                return;
            }
        }
    }
}
