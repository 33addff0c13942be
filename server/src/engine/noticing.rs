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
pub(crate) struct Notice {
    /// What had come due by then is meant.
    due_by: LeaseInstant,
    /// Dropped for no.
    answer: oneshot::Sender<()>,
}

impl Engine {
    /// Waits a little until all expiries are recorded that have come due by now; whether they are.
    pub async fn notice(&self) -> bool {
        let (answer, noticed) = oneshot::channel();
        let notice = Notice { due_by: self.clock().now.lease, answer };
        if self.shared.queue.send(Submission::Notice(notice)).is_err() {
            return false;
        }
        matches!(tokio::time::timeout(WAIT_MAX, noticed).await, Ok(Ok(())))
    }
}

impl Runner {
    /// Tells those for whom everything is recorded. Only between batches.
    pub fn tell_noticed(&mut self) {
        if self.notices.is_empty() {
            return;
        }
        if self.scan != Scan::Done {
            self.notices.clear();
            return;
        }
        let is_timer = |item: &Item| matches!(item.source, Source::Timer(_));
        if self.ahead.iter().chain(&self.deferred).any(is_timer) {
            return;
        }
        let next = self.timers.next();
        let recorded = |notice: &Notice| {
            notice.due_by >= self.retried_by && next.is_none_or(|next| next > notice.due_by)
        };
        for notice in self.notices.extract_if(.., |it| it.answer.is_closed() || recorded(it)) {
            // Whoever has gone needs no answer.
            let _ = notice.answer.send(());
        }
    }

    /// Looks at a workspace again later, at which something may be left undone.
    pub fn retry(&mut self, key: &Key, at: LeaseInstant) {
        self.timers.set(key, at);
        self.retried_by = self.retried_by.max(at);
    }
}
