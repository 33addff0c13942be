//! From what is due to the next message.

use std::time::Duration;

use prost::Message;

use super::{Binding, Book, Entry, LeaseId};
use crate::holder::clock::Moment;
use crate::v1;

/// The most joins, beats and leaves each that one message carries; the contract's bound.
pub(crate) const ITEMS_MAX: usize = 1_000;

/// The largest message, well under what a server accepts. Long names and activities
/// reach it before the count does.
pub(crate) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// The most handles that one stream gives out; servers bound them at 2^20.
pub(crate) const HANDLES_MAX: u32 = 1_000_000;

/// The most that a beat is sent early to share a message with others.
const EARLINESS_MAX: Duration = Duration::from_secs(1);

/// What an item costs beside its content: tag and length.
const ITEM_OVERHEAD_BYTES: usize = 6;

impl Book {
    /// The next message, sent at `now`; absent when nothing is due. Ask again until then.
    pub(crate) fn next_message(&mut self, now: Moment) -> Option<v1::StreamHeartbeatsRequest> {
        if self.stream.leaves.is_empty() && self.work.first().is_none_or(|(at, _)| *at > now) {
            return None;
        }
        let message_id = self.last_message_id + 1;
        let mut message = v1::StreamHeartbeatsRequest { message_id, ..Default::default() };
        let rest = self.stream.leaves.len().min(ITEMS_MAX);
        message.leaves.extend(self.stream.leaves.drain(..rest));

        let until = now.after(EARLINESS_MAX);
        let due: Vec<_> = self
            .work
            .iter()
            .take_while(|(at, _)| *at <= until)
            .map(|(_, id)| *id)
            .take(2 * ITEMS_MAX)
            .collect();
        let mut bytes = 0;
        for id in due {
            if bytes >= MESSAGE_BYTES_MAX || self.is_full(&message) {
                break;
            }
            bytes += self.put_due(&mut message, id, now);
        }
        let empty =
            message.joins.is_empty() && message.beats.is_empty() && message.leaves.is_empty();
        if empty {
            return None;
        }
        self.last_message_id = message_id;
        Some(message)
    }

    fn is_full(&self, message: &v1::StreamHeartbeatsRequest) -> bool {
        message.joins.len() == ITEMS_MAX || message.beats.len() == ITEMS_MAX
    }

    /// Puts what is due for one lease into the message, and answers its bytes.
    fn put_due(
        &mut self,
        message: &mut v1::StreamHeartbeatsRequest,
        id: LeaseId,
        now: Moment,
    ) -> usize {
        let Some(entry) = self.entries.get_mut(&id) else {
            return 0;
        };
        let mut bytes = 0;
        if let Binding::Unbound(join_at) = entry.binding
            && join_at <= now
        {
            if self.stream.last_handle == HANDLES_MAX {
                self.stream.spent = true;
                return 0;
            }
            self.stream.last_handle += 1;
            let handle = self.stream.last_handle;
            self.handles.insert(handle, id);
            entry.binding = Binding::Bound(handle);
            let join = entry.join(handle);
            bytes += join.encoded_len() + ITEM_OVERHEAD_BYTES;
            entry.state.sent_join(message.message_id, now);
            message.joins.push(join);
        }
        if let Binding::Bound(handle) = entry.binding
            && entry.beats_at(now)
        {
            let content = std::mem::take(&mut entry.content);
            entry.in_flight.add(content.clone());
            entry.in_flight_id = message.message_id;
            let beat = content.into_beat(handle);
            bytes += beat.encoded_len() + ITEM_OVERHEAD_BYTES;
            entry.state.sent_beat(message.message_id, now);
            message.beats.push(beat);
        }
        self.file(id);
        bytes
    }
}

impl Entry {
    fn join(&self, handle: u32) -> v1::Join {
        v1::Join {
            handle,
            workspace: self.identity.workspace.clone(),
            profile: self.identity.profile.clone(),
            session_id: self.identity.session_id.clone(),
            actor_id: self.identity.actor_id.clone(),
        }
    }

    fn beats_at(&self, now: Moment) -> bool {
        let until = now.after(self.state.earliness().min(EARLINESS_MAX));
        self.state.beat_at().is_some_and(|at| at <= until)
    }
}
