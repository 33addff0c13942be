//! What a stream's messages ask for, sorted into work for the engine and refusals.

use std::fmt;
use std::sync::Arc;

use tenure_core::context::Clock;
use tenure_core::name::{ActorId, Key, SessionId};

use super::{
    BeatWork, Handle, Identity, JoinWork, Outbox, Queued, RefusedResult, State, WhyRefused,
};

/// The largest handle. Handles are never reused on a stream, so this also bounds the joins
/// that one stream may see in its life.
pub const HANDLE_MAX: u32 = 1 << 20;

/// One message of a stream, its texts already parsed.
#[derive(Debug, Default)]
pub struct Incoming {
    /// Rises from message to message.
    pub message_id: u64,
    /// Sessions to hold on this stream.
    pub joins: Vec<IncomingJoin>,
    /// Heartbeats.
    pub beats: Vec<IncomingBeat>,
    /// Handles to drop.
    pub leaves: Vec<u32>,
}

/// A session to hold on a stream.
#[derive(Debug)]
pub struct IncomingJoin {
    /// The handle it is to have.
    pub handle: u32,
    /// Which workspace, session and actor; what is wrong with them otherwise.
    pub identity: Result<(Key, SessionId, ActorId), String>,
}

/// A heartbeat on a stream.
#[derive(Debug)]
pub struct IncomingBeat {
    /// Whose.
    pub handle: u32,
    /// What the owner is doing, if it says so; what is wrong with it otherwise.
    pub activity: Result<Option<Arc<str>>, String>,
}

/// How a stream was used against the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misuse {
    /// The handle has not joined, or has left.
    UnknownHandle,
    /// The handle was used on this stream before.
    HandleReused,
    /// The handle is 0 or larger than [`HANDLE_MAX`].
    HandleOutOfRange,
    /// The stream holds as many sessions as it may.
    TooManyJoins {
        /// The limit.
        joins_max: usize,
    },
    /// A field of the join or beat is not acceptable; says which and why.
    Malformed(String),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHandle => {
                f.write_str("handle: has not joined on this stream, or has left; join first")
            }
            Self::HandleReused => {
                f.write_str("handle: was used on this stream before; choose a new one")
            }
            Self::HandleOutOfRange => write!(f, "handle: must be from 1 to {HANDLE_MAX}"),
            Self::TooManyJoins { joins_max } => {
                write!(f, "this stream holds {joins_max} sessions, the most; open another one")
            }
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

/// What one message comes to.
#[derive(Debug, Default)]
pub struct Accepted {
    /// For the engine to check.
    pub joins: Vec<JoinWork>,
    /// For the engine to carry out.
    pub beats: Vec<BeatWork>,
    /// Sessions whose handles were dropped.
    pub left: Vec<(u32, SessionId)>,
}

impl Accepted {
    /// Whether there is nothing for the engine to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.joins.is_empty() && self.beats.is_empty() && self.left.is_empty()
    }
}

impl Outbox {
    /// Takes a message in. What is under way for a handle already is not doubled: a further
    /// beat waits for its result, and a still further one takes its place.
    ///
    /// # Errors
    /// The last message id, if this one does not rise above it: the stream must end.
    pub fn accept(&self, message: Incoming, clock: impl Fn() -> Clock) -> Result<Accepted, u64> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if message.message_id <= state.last_message_id {
            return Err(state.last_message_id);
        }
        state.last_message_id = message.message_id;
        let mut accepted = Accepted::default();
        let message_id = message.message_id;
        for join in message.joins {
            let handle = join.handle;
            match self.accept_join(state, join, message_id) {
                Ok(work) => accepted.joins.push(work),
                Err(misuse) => self.refuse(state, handle, message_id, misuse, clock()),
            }
        }
        accepted.beats.reserve(message.beats.len());
        for beat in message.beats {
            let handle = beat.handle;
            match accept_beat(state, beat, message_id) {
                Ok(work) => accepted.beats.extend(work),
                Err(misuse) => self.refuse(state, handle, message_id, misuse, clock()),
            }
        }
        for handle in message.leaves {
            if let Some(known) = state.handles.remove(&handle) {
                accepted.left.push((handle, known.identity.session_id.clone()));
            }
        }
        // Nearly every message is only beats: there is nothing to send before their results.
        let has_news = !state.waiting.is_empty() || state.end.is_some();
        drop(guard);
        if has_news {
            self.reader.wake();
        }
        Ok(accepted)
    }

    /// The client sends nothing more. The stream ends when what is under way is answered.
    pub fn finish(&self) {
        self.lock().finished = true;
        self.reader.wake();
    }

    /// All sessions that are joined here, because the stream has ended.
    pub fn leave_all(&self) -> Vec<(u32, SessionId)> {
        let mut state = self.lock();
        let handles = std::mem::take(&mut state.handles);
        handles
            .into_iter()
            .map(|(handle, known)| (handle, known.identity.session_id.clone()))
            .collect()
    }

    fn accept_join(
        &self,
        state: &mut State,
        join: IncomingJoin,
        message_id: u64,
    ) -> Result<JoinWork, Misuse> {
        if !(1..=HANDLE_MAX).contains(&join.handle) {
            return Err(Misuse::HandleOutOfRange);
        }
        let (key, session_id, actor) = join.identity.map_err(Misuse::Malformed)?;
        if state.handles.len() >= self.joins_max {
            return Err(Misuse::TooManyJoins { joins_max: self.joins_max });
        }
        if !state.used_handles.insert(join.handle) {
            return Err(Misuse::HandleReused);
        }
        let identity = Arc::new(Identity::new(key, session_id, actor));
        let handle = Handle {
            identity: Arc::clone(&identity),
            hint: None,
            joined: false,
            lost: false,
            under_way: true,
            queued: None,
            unread: None,
            told_activity: None,
            told_transfer: None,
        };
        state.handles.insert(join.handle, handle);
        state.under_way += 1;
        let command = identity.join();
        Ok(JoinWork { handle: join.handle, message_id, identity, command })
    }

    fn refuse(
        &self,
        state: &mut State,
        handle: u32,
        message_id: u64,
        misuse: Misuse,
        clock: Clock,
    ) {
        let why = WhyRefused::Misuse(misuse);
        self.add_refusal(state, RefusedResult { handle, message_id, why, clock });
    }
}

fn accept_beat(
    state: &mut State,
    beat: IncomingBeat,
    message_id: u64,
) -> Result<Option<BeatWork>, Misuse> {
    let activity = beat.activity.map_err(Misuse::Malformed)?;
    let known = state.handles.get_mut(&beat.handle).ok_or(Misuse::UnknownHandle)?;
    if known.under_way {
        let earlier = known.queued.take().and_then(|queued| queued.activity);
        known.queued = Some(Queued { message_id, activity: activity.or(earlier) });
        return Ok(None);
    }
    known.under_way = true;
    state.under_way += 1;
    Ok(Some(known.beat_work(beat.handle, Queued { message_id, activity })))
}

/// A set of handles, one bit each: a stream with few of them stays small.
#[derive(Debug, Default)]
pub(super) struct HandleSet(Vec<u64>);

impl HandleSet {
    /// Adds `handle`; false if it was in there.
    fn insert(&mut self, handle: u32) -> bool {
        let (word, bit) = ((handle / 64) as usize, 1_u64 << (handle % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}
