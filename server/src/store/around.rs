//! What a write does to the surroundings of a session.

use std::sync::Arc;

use tenure_core::parts::Parts;
use tenure_core::surroundings::Surroundings;

/// What a write does to the surroundings of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AroundWrite {
    /// Which parts are replaced; the others stay as they are stored.
    pub parts: Parts,
    /// Where the new parts are found. What is not among `parts` means nothing here.
    pub surroundings: Arc<Surroundings>,
}

impl AroundWrite {
    /// Replaces the parts of `stored` that are written.
    pub fn put_into(&self, stored: &mut Surroundings) {
        let Surroundings { escalations, gates, handoff, checkpoint, progress, sections, baseline } =
            &*self.surroundings;
        let is_written = |part| self.parts.meets(part);
        if is_written(Parts::ESCALATIONS) {
            stored.escalations.clone_from(escalations);
        }
        if is_written(Parts::GATES) {
            stored.gates.clone_from(gates);
        }
        if is_written(Parts::HANDOFF) {
            stored.handoff.clone_from(handoff);
        }
        if is_written(Parts::CHECKPOINT) {
            stored.checkpoint.clone_from(checkpoint);
        }
        if is_written(Parts::WORK_STREAMS) {
            stored.progress.work_streams.clone_from(&progress.work_streams);
        }
        if is_written(Parts::USAGE) {
            stored.progress.usage.clone_from(&progress.usage);
        }
        if is_written(Parts::SECTIONS) {
            stored.sections.clone_from(sections);
        }
        if is_written(Parts::BASELINE) {
            stored.baseline.clone_from(baseline);
        }
    }

    /// Whether the parts that are written stand in `stored` as they were written.
    #[must_use]
    pub fn is_in(&self, stored: &Surroundings) -> bool {
        let mut written = stored.clone();
        self.put_into(&mut written);
        written == *stored
    }
}
