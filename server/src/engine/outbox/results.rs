//! Takes the results of batches in, in the order of commits.

use std::sync::{Arc, MutexGuard};

use tenure_core::context::Clock;
use tenure_core::reply::{Beat, SessionView};

use super::{
    BeatWork, Handle, Identity, JoinWork, JoinedResult, Outbox, RefusedResult, RenewedResult,
    State, WhyRefused,
};
use crate::engine::cache::Slot;

/// Takes the results of one batch in; see [`Outbox::results`].
#[derive(Debug)]
pub struct Results<'a> {
    guard: MutexGuard<'a, State>,
    outbox: &'a Outbox,
    clock: Clock,
    again: &'a mut Vec<BeatWork>,
}

impl Outbox {
    /// Begins to take results of one batch in, in order. Beats that have waited for them are
    /// added to `again`.
    pub fn results<'a>(&'a self, clock: Clock, again: &'a mut Vec<BeatWork>) -> Results<'a> {
        Results { guard: self.lock(), outbox: self, clock, again }
    }
}

impl Results<'_> {
    /// A beat renewed its lease.
    pub fn renewed(&mut self, work: &BeatWork, slot: Slot, beat: Beat) {
        let BeatWork { handle, message_id, .. } = *work;
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&handle) else { return };
        known.under_way = false;
        known.hint = Some(slot);
        if known.lost {
            return;
        }
        let activity = beat.activity;
        let told_before = activity.as_ref().map(|a| a.revision) == known.told_activity;
        let transfer_changed = known.told_transfer != beat.transfer;
        let mut result = RenewedResult {
            handle,
            message_id,
            revision: beat.revision,
            last_heartbeat_at: beat.last_heartbeat_at,
            effective_expiry: beat.effective_expiry,
            transfer: beat.transfer,
            activity: activity.filter(|_| !told_before).map(Box::new),
            transfer_changed,
            clock: self.clock,
        };
        known.told_activity = result.activity.as_ref().map(|a| a.revision).or(known.told_activity);
        if transfer_changed {
            known.told_transfer.clone_from(&result.transfer);
        }
        let unread = known
            .unread
            .filter(|(round, _)| *round == state.round)
            .and_then(|(_, index)| state.waiting.renewed.get_mut(index));
        if let Some(earlier) = unread {
            // What the unread result would have told is told by its successor.
            result.activity = result.activity.take().or_else(|| earlier.activity.take());
            result.transfer_changed |= earlier.transfer_changed;
            *earlier = result;
        } else {
            known.unread = Some((state.round, state.waiting.renewed.len()));
            state.waiting.renewed.push(result);
        }
        requeue(known, &mut state.under_way, handle, self.again);
    }

    /// A handle has joined.
    pub fn joined(&mut self, work: &JoinWork, slot: Slot, session: SessionView) {
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&work.handle) else { return };
        known.under_way = false;
        known.joined = true;
        known.hint = Some(slot);
        // The same texts, but those that the engine's cache holds: comparing them then is
        // comparing two pointers, which counts for a million beats a second.
        if let (Some(session_id), Some(actor)) = (&session.session.id, session.session.actor()) {
            let (key, session_id) = (session.key.clone(), session_id.clone());
            known.identity = Arc::new(Identity::new(key, session_id, actor.clone()));
        }
        known.told_activity = session.session.activity.as_ref().map(|a| a.revision);
        known.told_transfer = session.transfer.clone().map(Box::new);
        let JoinWork { handle, message_id, .. } = *work;
        state.waiting.joined.push(JoinedResult { handle, message_id, session, clock: self.clock });
        requeue(known, &mut state.under_way, handle, self.again);
    }

    /// A beat or a join was refused. A handle whose join was refused never joined.
    pub fn refused(&mut self, handle: u32, message_id: u64, why: WhyRefused) {
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&handle) else { return };
        known.under_way = false;
        if known.joined {
            requeue(known, &mut state.under_way, handle, self.again);
        } else {
            state.handles.remove(&handle);
        }
        let result = RefusedResult { handle, message_id, why, clock: self.clock };
        self.outbox.add_refusal(state, result);
    }

    /// Ends the intake and wakes the stream's reader.
    pub fn finish(self) {
        drop(self.guard);
        self.outbox.reader.wake();
    }
}

/// Sends the beat off that has waited for this result, if one has.
fn requeue(known: &mut Handle, under_way: &mut usize, handle: u32, again: &mut Vec<BeatWork>) {
    if let Some(queued) = known.queued.take() {
        known.under_way = true;
        *under_way += 1;
        again.push(known.beat_work(handle, queued));
    }
}
