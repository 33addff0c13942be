//! Answers the items of a batch that is durable, grouped by stream: one lock and one wake for
//! all results of a stream.

use std::sync::Arc;

use tenure_core::context::Clock;
use tenure_core::name::SessionId;
use tenure_core::refusal::Refusal;
use tenure_core::reply::Reply;
use tokio::sync::oneshot;

use crate::engine::commit::TIMER_RETRY_AFTER;
use crate::engine::item::{Item, Source, Verdict};
use crate::engine::outbox::{Accepted, Outbox, Results, WhyRefused};
use crate::engine::run::Runner;
use crate::engine::{Answer, Failure, Submission};

/// A refusal of somebody who meant another session: how that one ended is looked up first.
#[derive(Debug)]
pub(crate) struct Lookup {
    session_id: SessionId,
    refusal: Box<Refusal>,
    to: Asker,
}

#[derive(Debug)]
enum Asker {
    Call(oneshot::Sender<Result<Answer, Failure>>),
    Stream { outbox: Arc<Outbox>, handle: u32, message_id: u64 },
}

impl Runner {
    /// Answers items whose verdicts are durable. Gives the emptied list back, to be used again.
    pub fn answer(&mut self, mut list: Vec<Item>, clock: Clock) -> Vec<Item> {
        let mut lookups = Vec::new();
        let mut items = list.drain(..).peekable();
        while let Some(item) = items.next() {
            let Some(outbox) = stream_of(&item.source).map(Arc::clone) else {
                self.answer_one(item, clock, &mut lookups);
                continue;
            };
            let mut again = Vec::new();
            let mut results = outbox.results(clock, &mut again);
            self.answer_stream(item, &outbox, &mut results, &mut lookups);
            let same = |item: &Item| {
                stream_of(&item.source).is_some_and(|other| Arc::ptr_eq(other, &outbox))
            };
            while let Some(item) = items.next_if(same) {
                self.answer_stream(item, &outbox, &mut results, &mut lookups);
            }
            results.finish();
            self.again.extend(again.into_iter().map(|work| (Arc::clone(&outbox), work)));
        }
        drop(items);
        if !lookups.is_empty() {
            self.look_up(lookups, clock);
        }
        list
    }

    fn answer_one(&mut self, item: Item, clock: Clock, lookups: &mut Vec<Lookup>) {
        let answer = match item.source {
            Source::Call { answer, .. } => answer,
            Source::Wait(waiter) => waiter.into_answer(),
            _ => {
                self.rearm(&item);
                return;
            }
        };
        let told = match item.verdict {
            Some(Verdict::Done(reply)) => Ok(Answer { reply, replayed: false, clock }),
            Some(Verdict::Replayed(reply)) => Ok(Answer { reply, replayed: true, clock }),
            Some(Verdict::Failed(failure)) => Err(failure),
            None => Err(Failure::Conflict),
            Some(Verdict::Refused(refusal)) => {
                if let Some(session_id) = refusal.meant.clone() {
                    lookups.push(Lookup { session_id, refusal, to: Asker::Call(answer) });
                    return;
                }
                Err(Failure::Refused(refusal))
            }
        };
        // A caller that has gone is not told; what was carried out stays.
        let _ = answer.send(told);
    }

    fn answer_stream(
        &mut self,
        item: Item,
        outbox: &Arc<Outbox>,
        results: &mut Results<'_>,
        lookups: &mut Vec<Lookup>,
    ) {
        let Some(slot) = item.slot else { return };
        match (item.source, item.verdict) {
            (Source::Beat { work, .. }, Some(Verdict::Done(Reply::Beat(beat)))) => {
                results.renewed(&work, slot, beat);
            }
            (Source::Join { work, .. }, Some(Verdict::Done(Reply::Joined(joined)))) => {
                self.members.add(&work.identity.session_id, outbox, work.handle);
                results.joined(&work, slot, *joined);
            }
            (source, Some(Verdict::Refused(refusal))) => {
                let (handle, message_id) = match &source {
                    Source::Beat { work, .. } => (work.handle, work.message_id),
                    Source::Join { work, .. } => (work.handle, work.message_id),
                    Source::Call { .. } | Source::Wait(_) | Source::Timer(_) => return,
                };
                if let Some(session_id) = refusal.meant.clone() {
                    let to = Asker::Stream { outbox: Arc::clone(outbox), handle, message_id };
                    lookups.push(Lookup { session_id, refusal, to });
                } else {
                    results.refused(handle, message_id, WhyRefused::Rules(refusal));
                }
            }
            (source, _) => fail_stream(&source, results, &Failure::Conflict),
        }
    }

    /// Answers refusals when the ledger has told how the sessions that they name have ended.
    fn look_up(&self, lookups: Vec<Lookup>, clock: Clock) {
        let store = Arc::clone(&self.store);
        let queue = self.shared.queue.clone();
        tokio::spawn(async move {
            for Lookup { session_id, mut refusal, to } in lookups {
                // Without the verdict the refusal is still true.
                let entry = store.ledger_entry(session_id).await.ok().flatten();
                refusal.verdict = entry.map(Box::new);
                match to {
                    Asker::Call(answer) => {
                        let _ = answer.send(Err(Failure::Refused(refusal)));
                    }
                    Asker::Stream { outbox, handle, message_id } => {
                        let mut beats = Vec::new();
                        let mut results = outbox.results(clock, &mut beats);
                        results.refused(handle, message_id, WhyRefused::Rules(refusal));
                        results.finish();
                        if !beats.is_empty() {
                            let accepted = Accepted { beats, ..Accepted::default() };
                            let _ = queue.send(Submission::Stream { outbox, accepted });
                        }
                    }
                }
            }
        });
    }

    /// Answers items that could not be carried out.
    pub fn fail(&mut self, items: Vec<Item>, failure: &Failure) {
        let clock = self.now();
        let retry_at = clock.now.lease.after(TIMER_RETRY_AFTER);
        for mut item in items {
            if let Some(outbox) = stream_of(&item.source) {
                let outbox = Arc::clone(outbox);
                let mut again = Vec::new();
                let mut results = outbox.results(clock, &mut again);
                fail_stream(&item.source, &mut results, failure);
                results.finish();
                self.again.extend(again.into_iter().map(|work| (Arc::clone(&outbox), work)));
                continue;
            }
            self.undo_grant(&mut item);
            match item.source {
                Source::Call { answer, .. } => {
                    let _ = answer.send(Err(failure.clone()));
                }
                Source::Wait(waiter) => waiter.fail(failure.clone()),
                // Something may be left undone that no later instant is set for, so what is
                // cached does not tell when to look again.
                Source::Timer(key) => self.retry(&key, retry_at),
                Source::Join { .. } | Source::Beat { .. } => {}
            }
        }
    }
}

fn fail_stream(source: &Source, results: &mut Results<'_>, failure: &Failure) {
    let (handle, message_id) = match source {
        Source::Beat { work, .. } => (work.handle, work.message_id),
        Source::Join { work, .. } => (work.handle, work.message_id),
        Source::Call { .. } | Source::Wait(_) | Source::Timer(_) => return,
    };
    results.refused(handle, message_id, WhyRefused::Failed(failure.clone()));
}

const fn stream_of(source: &Source) -> Option<&Arc<Outbox>> {
    match source {
        Source::Join { outbox, .. } | Source::Beat { outbox, .. } => Some(outbox),
        Source::Call { .. } | Source::Wait(_) | Source::Timer(_) => None,
    }
}
