//! Readers who want what has come due to be recorded before they read.
//!
//! Guarantees: who is told yes finds in the store every expiry that had come due when it asked.
//! Nobody waits long: while the store takes nothing, and until all timers are set after the boot,
//! the answer is no.

use std::time::Duration;

use tenure_core::name::Key;
use tenure_core::time::LeaseInstant;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::engine::item::{Item, Source};
use crate::engine::run::Runner;
use crate::engine::scan::Scan;
use crate::engine::shared::Submission;

/// How long a reader waits. A turn of the engine takes milliseconds.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// Somebody who asks.
#[derive(Debug)]
pub(crate) struct DueBy {
    /// What had come due by then is meant.
    instant: LeaseInstant,
    /// Dropped for no.
    answer: oneshot::Sender<()>,
}

impl Engine {
    /// Waits a little until all expiries are recorded that have come due by now; whether they are.
    pub async fn record_due(&self) -> bool {
        let (answer, recorded) = oneshot::channel();
        let due_by = DueBy { instant: self.clock().now.lease, answer };
        if self.shared.queue.send(Submission::RecordDue(due_by)).is_err() {
            return false;
        }
        matches!(tokio::time::timeout(WAIT_MAX, recorded).await, Ok(Ok(())))
    }
}

impl Runner {
    /// Tells those for whom everything is recorded. Only between batches.
    pub fn tell_recorded(&mut self) {
        if self.asked_for_due.is_empty() {
            return;
        }
        if self.scan != Scan::Done {
            self.asked_for_due.clear();
            return;
        }
        let is_timer = |item: &Item| matches!(item.source, Source::Timer(_));
        if self.ahead.iter().chain(&self.deferred).any(is_timer) {
            return;
        }
        let next = self.timers.next();
        let recorded = |due_by: &DueBy| {
            due_by.instant >= self.retried_by && next.is_none_or(|next| next > due_by.instant)
        };
        for due_by in self.asked_for_due.extract_if(.., |it| it.answer.is_closed() || recorded(it))
        {
            // Whoever has gone needs no answer.
            let _ = due_by.answer.send(());
        }
    }

    /// Looks at a workspace again later, at which something may be left undone.
    pub fn retry(&mut self, key: &Key, at: LeaseInstant) {
        self.timers.set(key, at);
        self.retried_by = self.retried_by.max(at);
    }
}
