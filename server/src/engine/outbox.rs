//! One heartbeat stream, as the engine and its reader see it: which handles have joined, what
//! is under way for them, and what waits to be sent.
//!
//! Guarantees: at most one beat of a handle is under way and at most one more waits, so a
//! stream never holds more work than it has handles; unread results coalesce, one for a
//! handle; of each kind of push at most one waits for a handle; after `LOST` or `EXPIRED` no
//! success for that handle is sent.
//!
//! Must not know: the wire.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use hashbrown::HashMap;
use tenure_core::command::{Command, Heartbeat, Join, Report};
use tenure_core::name::{ActorId, Key, SessionId};
use tenure_core::session::{Revision, Transfer};
use tenure_core::surroundings::Signals;

use crate::access::Caller;
use crate::engine::cache::Slot;

mod delivery;
mod intake;
mod results;
#[cfg(test)]
mod tests;

pub use delivery::{
    Delivery, End, JoinedResult, Next, Push, RefusedResult, RenewedResult, WhyRefused,
};
pub use intake::{Accepted, HANDLE_MAX, Incoming, IncomingBeat, IncomingJoin, Misuse};

pub use results::Results;

use intake::HandleSet;

/// The fewest refusals that may wait to be read, however few handles a stream may have. A
/// stream that provokes more and reads nothing ends with `STREAM_LAGGED`.
pub const UNREAD_REFUSALS_MIN: usize = 4_096;

/// Whose beats a handle stands for; shared by everything that is under way for it. What each
/// beat reads comes first, in as few cache lines as can be.
#[derive(Debug)]
#[repr(C)]
pub struct Identity {
    /// The workspace.
    pub key: Key,
    /// A beat without activity, ready to be decided.
    pub plain_beat: Command,
    /// The session.
    pub session_id: SessionId,
    /// The owner.
    pub actor: ActorId,
}

/// A beat on its way to the engine.
#[derive(Debug)]
pub struct BeatWork {
    /// The handle.
    pub handle: u32,
    /// The newest message that it covers.
    pub message_id: u64,
    /// Where the workspace was last seen in the cache.
    pub hint: Option<Slot>,
    /// Whose beat it is.
    pub identity: Arc<Identity>,
    /// The beat, if it says more than that the holder lives.
    pub telling: Option<Box<Command>>,
}

/// A join on its way to the engine.
#[derive(Debug)]
pub struct JoinWork {
    /// The handle.
    pub handle: u32,
    /// The message that it came with.
    pub message_id: u64,
    /// Whose handle it is to be.
    pub identity: Arc<Identity>,
    /// The join.
    pub command: Command,
}

/// One heartbeat stream.
#[derive(Debug)]
pub struct Outbox {
    caller: Arc<Caller>,
    joins_max: usize,
    state: Mutex<State>,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
struct State {
    handles: HashMap<u32, Handle>,
    used_handles: HandleSet,
    last_message_id: u64,
    waiting: Delivery,
    waiting_pushes: HashMap<(u32, u8), usize>,
    // Counts deliveries taken: an index into `waiting` is good for one of them only.
    round: u64,
    under_way: usize,
    finished: bool,
    end: Option<End>,
}

#[derive(Debug)]
struct Handle {
    identity: Arc<Identity>,
    hint: Option<Slot>,
    joined: bool,
    lost: bool,
    under_way: bool,
    queued: Option<Queued>,
    unread: Option<(u64, usize)>,
    told_activity: Option<Revision>,
    told_transfer: Option<Box<Transfer>>,
    told_signals: Signals,
}

#[derive(Debug)]
struct Queued {
    message_id: u64,
    activity: Option<Arc<str>>,
    report: Option<Box<Report>>,
}

impl Outbox {
    /// A stream of `caller` with at most `joins_max` handles.
    #[must_use]
    pub fn new(caller: Arc<Caller>, joins_max: usize) -> Self {
        Self { caller, joins_max, state: Mutex::default(), reader: AtomicWaker::new() }
    }

    /// Whose stream it is.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// What waits to be sent, or the end of the stream.
    pub fn poll_next(&self, cx: &Context<'_>) -> Poll<Next> {
        self.reader.register(cx.waker());
        let mut state = self.lock();
        if state.end == Some(End::Lagged) {
            return Poll::Ready(Next::End(End::Lagged));
        }
        if !state.waiting.is_empty() {
            state.round += 1;
            state.waiting_pushes.clear();
            return Poll::Ready(Next::Deliver(std::mem::take(&mut state.waiting)));
        }
        match state.end {
            // What is under way is still answered.
            Some(End::Draining) | None if state.under_way > 0 => Poll::Pending,
            Some(end) => Poll::Ready(Next::End(end)),
            None if state.finished => Poll::Ready(Next::End(End::Finished)),
            None => Poll::Pending,
        }
    }

    /// Tells `handle` something unasked.
    pub fn push(&self, handle: u32, push: Push) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(known) = state.handles.get_mut(&handle) {
            if known.lost {
                return;
            }
            if push.is_final() {
                known.lost = true;
                known.queued = None;
                // A success that is still unread is overtaken: who reads it would believe it.
                state.waiting.joined.retain(|joined| joined.handle != handle);
                if let Some((round, index)) = known.unread.take()
                    && round == state.round
                    && let Some(overtaken) = state.waiting.renewed.get_mut(index)
                {
                    overtaken.handle = 0;
                }
            }
        }
        match state.waiting_pushes.entry((handle, push.kind())) {
            hashbrown::hash_map::Entry::Occupied(at) => {
                if let Some(waiting) = state.waiting.pushes.get_mut(*at.get()) {
                    waiting.1 = push;
                }
            }
            hashbrown::hash_map::Entry::Vacant(at) => {
                at.insert(state.waiting.pushes.len());
                state.waiting.pushes.push((handle, push));
            }
        }
        drop(guard);
        self.reader.wake();
    }

    /// Ends the stream after what waits has been sent.
    pub fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.reader.wake();
    }

    fn add_refusal(&self, state: &mut State, result: RefusedResult) {
        if state.waiting.refused.len() >= UNREAD_REFUSALS_MIN.max(2 * self.joins_max) {
            state.end.get_or_insert(End::Lagged);
        } else {
            state.waiting.refused.push(result);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    fn beat_work(&self, handle: u32, queued: Queued) -> BeatWork {
        let identity = Arc::clone(&self.identity);
        let Queued { message_id, activity, report } = queued;
        let tells = activity.is_some() || report.is_some();
        let telling = tells.then(|| {
            Box::new(Command::Heartbeat(Heartbeat {
                actor: identity.actor.clone(),
                session_id: Some(identity.session_id.clone()),
                activity,
                report,
            }))
        });
        BeatWork { handle, message_id, hint: self.hint, identity, telling }
    }
}

impl Queued {
    /// This beat in the place of one that waited before it: whatever that one alone told is
    /// told by this one.
    fn after(self, earlier: Self) -> Self {
        let report = match (earlier.report, self.report) {
            (Some(earlier), Some(later)) => Some(Box::new(combined(*earlier, *later))),
            (earlier, later) => later.or(earlier),
        };
        Self { activity: self.activity.or(earlier.activity), report, ..self }
    }
}

/// What two reports of one holder, sent one soon after the other, come to. Totals are joined, so
/// that a counter that only the earlier one named is kept. A report can touch one work stream,
/// so of two touches the later counts: both were sent within the time of one commit, and against
/// a score that halves in minutes one touch tells as well as two that the holder progresses.
fn combined(earlier: Report, later: Report) -> Report {
    let usage = match (earlier.usage, later.usage) {
        (Some(earlier), Some(later)) => Some(earlier.after(&later)),
        (earlier, later) => later.or(earlier),
    };
    let mut sections = earlier.sections;
    sections.extend(later.sections);
    Report {
        work_stream: later.work_stream.or(earlier.work_stream),
        usage,
        gates_revision: later.gates_revision.or(earlier.gates_revision),
        checkpoint: later.checkpoint.or(earlier.checkpoint),
        sections,
    }
}

impl Identity {
    /// The identity that a join claims.
    #[must_use]
    pub fn new(key: Key, session_id: SessionId, actor: ActorId) -> Self {
        let plain_beat = Command::Heartbeat(Heartbeat {
            actor: actor.clone(),
            session_id: Some(session_id.clone()),
            activity: None,
            report: None,
        });
        Self { key, session_id, actor, plain_beat }
    }

    fn join(&self) -> Command {
        Command::Join(Join { actor: self.actor.clone(), session_id: self.session_id.clone() })
    }
}
