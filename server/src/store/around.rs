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
        let Surroundings {
            escalations,
            gates,
            handoff,
            checkpoint,
            progress,
            sections,
            baseline,
            imported,
        } = &*self.surroundings;
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
        if is_written(Parts::IMPORTED) {
            stored.imported.clone_from(imported);
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

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::time::Span;
    use tenure_core::usage::Usage;
    use tenure_core::work_stream::WorkStreams;

    /// The version alone does not tell whose change is stored; this does.
    #[test]
    fn only_the_parts_that_are_written_tell_whether_a_write_is_stored() {
        let used = |input_tokens| {
            let mut around = Surroundings::default();
            around.progress.usage = Some(Usage { input_tokens, ..Usage::default() });
            around
        };
        let write = AroundWrite { parts: Parts::USAGE, surroundings: Arc::new(used(5)) };
        let mut stored = used(5);
        stored.progress.work_streams = WorkStreams { half_life: Span(1), streams: Vec::new() };
        assert!(write.is_in(&stored));
        assert!(!write.is_in(&used(4)));
        assert!(!write.is_in(&Surroundings::default()));
        let nothing = AroundWrite { parts: Parts::NONE, ..write };
        assert!(nothing.is_in(&used(4)));
    }
}
