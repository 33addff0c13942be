//! Those who wait: a newcomer is served at once or queued; after everything else that is
//! decided about a workspace, whoever can be served now is served in the same batch.

use std::mem;

use tenure_core::r#await::OpenTo;
use tenure_core::refusal::{Reason, Refusal};

use super::Deciding;
use crate::engine::Failure;
use crate::engine::cache::{Entry, Slot};
use crate::engine::item::{Item, Source, Verdict};
use crate::engine::waits::{Newcomer, Waiter};

impl Deciding<'_> {
    /// Serves the one who has come, if that is what the item is about, or has it wait; in its
    /// stead the item is to look at the workspace again.
    pub(super) fn newcomer(&mut self, item: &mut Item, slot: Slot, entry: &mut Entry) {
        let Source::Wait(waiter) = &mut item.source else { return };
        if waiter.has_gone() {
            return;
        }
        self.waits.arrive(waiter);
        item.verdict = self.serve_at_once(waiter, slot, entry);
        if item.verdict.is_none() {
            let looks_again = Source::Timer(entry.workspace.key.clone());
            if let Source::Wait(waiter) = mem::replace(&mut item.source, looks_again) {
                self.waits.join(*waiter);
            }
        }
    }

    /// Absent if the waiter has to wait.
    fn serve_at_once(&mut self, waiter: &Waiter, slot: Slot, entry: &mut Entry) -> Option<Verdict> {
        match self.waits.newcomer(waiter) {
            Newcomer::New => {}
            Newcomer::Again => return None,
            Newcomer::Other => {
                let request = waiter.request();
                let context = self.context(&request.caller, &request.command);
                let other = Refusal::new(Reason::RequestIdReused, &entry.workspace, &context);
                return Some(Verdict::Refused(Box::new(other)));
            }
        }
        match self.call(&waiter.request(), slot, entry) {
            Verdict::Refused(refusal) if refusal.reason.is_cured_by_waiting() => {
                let room = self.waits.has_room(&waiter.key);
                (!room).then_some(Verdict::Failed(Failure::TooManyWaiters))
            }
            verdict => Some(verdict),
        }
    }

    /// Serves whoever can be served now, in the order in which they came.
    pub(super) fn serve(&mut self, slot: Slot, entry: &mut Entry) {
        self.waits.touch(&entry.workspace.key);
        loop {
            let open = OpenTo::of(&entry.workspace.tenure, &self.clock);
            let Some(waiter) = self.waits.take_first(&entry.workspace.key, open) else { return };
            if waiter.has_gone() {
                continue;
            }
            let verdict = self.call(&waiter.request(), slot, entry);
            if let Verdict::Refused(refusal) = &verdict
                && refusal.reason.is_cured_by_waiting()
            {
                // It was not for this waiter after all: nobody is served rather than the wrong one.
                tracing::error!(reason = ?refusal.reason, "a waiter was called too early");
                self.waits.put_back(waiter);
                return;
            }
            let source = Source::Wait(Box::new(waiter));
            self.granted.push(Item { source, slot: Some(slot), verdict: Some(verdict) });
        }
    }
}
