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
use tenure_core::command::{Command, Heartbeat, Join};
use tenure_core::context::Clock;
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{ActorId, Key, SessionId};
use tenure_core::refusal::Refusal;
use tenure_core::reply::{Beat, SessionView};
use tenure_core::session::{Activity, Revision, Transfer};
use tenure_core::time::{Span, WallTime};

use crate::access::Caller;
use crate::engine::cache::Slot;

mod intake;
#[cfg(test)]
mod tests;

pub use intake::{Accepted, Incoming, IncomingBeat, IncomingJoin, Misuse};

use intake::HandleSet;

/// The fewest refusals that may wait to be read, however few handles a stream may have. A
/// stream that provokes more and reads nothing ends with `STREAM_LAGGED`.
pub const UNREAD_REFUSALS_MIN: usize = 4_096;

/// Whose beats a handle stands for; shared by everything that is under way for it.
#[derive(Debug)]
pub struct Identity {
    /// The workspace.
    pub key: Key,
    /// The session.
    pub session_id: SessionId,
    /// The owner.
    pub actor: ActorId,
    /// A beat without activity, ready to be decided.
    pub plain_beat: Command,
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

/// What the server tells a holder unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// The session ended. Final.
    Lost(Box<LedgerEntry>),
    /// The lease ran out. Final.
    Expired {
        /// When that was recorded.
        at: WallTime,
        /// The workspace's revision after it.
        revision: Revision,
    },
    /// An operator wants the workspace for another.
    YieldRequested {
        /// By when, for whom and why.
        transfer: Box<Transfer>,
        /// The clock at which it was scheduled.
        clock: Clock,
    },
    /// The server is about to stop. Concerns the whole stream; its handle is 0.
    Draining {
        /// When to connect again.
        reconnect_after: Span,
    },
}

impl Push {
    const fn is_final(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Expired { .. })
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Lost(_) => 0,
            Self::Expired { .. } => 1,
            Self::YieldRequested { .. } => 2,
            Self::Draining { .. } => 3,
        }
    }
}

/// A lease was renewed.
#[derive(Debug)]
pub struct RenewedResult {
    /// The handle; 0 if the result was overtaken by a final push.
    pub handle: u32,
    /// The newest message that it covers.
    pub message_id: u64,
    /// What the beat did.
    pub beat: Beat,
    /// The activity, if it changed since the last result of this handle.
    pub activity: Option<Activity>,
    /// Whether the pending transfer changed since the last result of this handle.
    pub transfer_changed: bool,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// A handle has joined.
#[derive(Debug)]
pub struct JoinedResult {
    /// The handle.
    pub handle: u32,
    /// The message that it came with.
    pub message_id: u64,
    /// The session.
    pub session: SessionView,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// A join or a beat was refused.
#[derive(Debug)]
pub struct RefusedResult {
    /// The handle.
    pub handle: u32,
    /// The newest message that it covers.
    pub message_id: u64,
    /// Why.
    pub why: WhyRefused,
    /// The clock that it was decided at.
    pub clock: Clock,
}

/// Why a join or a beat was refused.
#[derive(Debug)]
pub enum WhyRefused {
    /// The rules refuse it.
    Rules(Box<Refusal>),
    /// The stream is not used as agreed.
    Misuse(Misuse),
    /// The engine could not carry it out; the beat may be sent again.
    Failed(crate::engine::Failure),
}

/// Everything that waits to be sent.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Accepted joins.
    pub joined: Vec<JoinedResult>,
    /// Renewed leases; those with handle 0 are void.
    pub renewed: Vec<RenewedResult>,
    /// Refused joins and beats.
    pub refused: Vec<RefusedResult>,
    /// Pushes, with their handles.
    pub pushes: Vec<(u32, Push)>,
}

impl Delivery {
    fn is_empty(&self) -> bool {
        self.joined.is_empty()
            && self.renewed.is_empty()
            && self.refused.is_empty()
            && self.pushes.is_empty()
    }
}

/// Why the server ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client sent everything that it wanted to, and was answered.
    Finished,
    /// Too much waited to be read.
    Lagged,
    /// The server drains, or the connection is to be replaced.
    Draining,
    /// The client broke the contract or went away; its reader knows more.
    Faulty,
}

/// What a poll of the outbox brings.
#[derive(Debug)]
pub enum Next {
    /// Something to send.
    Deliver(Delivery),
    /// Nothing more will come.
    End(End),
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
}

#[derive(Debug)]
struct Queued {
    message_id: u64,
    activity: Option<Arc<str>>,
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
    pub fn renewed(&mut self, work: &BeatWork, slot: Slot, mut beat: Beat) {
        let BeatWork { handle, message_id, .. } = *work;
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&handle) else { return };
        known.under_way = false;
        known.hint = Some(slot);
        if known.lost {
            return;
        }
        let activity = beat.activity.take();
        let changed = activity.as_ref().map(|a| a.revision) != known.told_activity;
        let transfer_changed = known.told_transfer != beat.transfer;
        let mut result = RenewedResult {
            handle,
            message_id,
            activity: activity.filter(|_| changed),
            transfer_changed,
            clock: self.clock,
            beat,
        };
        known.told_activity = result.activity.as_ref().map(|a| a.revision).or(known.told_activity);
        if transfer_changed {
            known.told_transfer.clone_from(&result.beat.transfer);
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
        requeue(state, handle, self.again);
    }

    /// A handle has joined.
    pub fn joined(&mut self, work: &JoinWork, slot: Slot, session: SessionView) {
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&work.handle) else { return };
        known.under_way = false;
        known.joined = true;
        known.hint = Some(slot);
        known.told_activity = session.session.activity.as_ref().map(|a| a.revision);
        known.told_transfer = session.transfer.clone().map(Box::new);
        let JoinWork { handle, message_id, .. } = *work;
        state.waiting.joined.push(JoinedResult { handle, message_id, session, clock: self.clock });
        requeue(state, handle, self.again);
    }

    /// A beat or a join was refused. A handle whose join was refused never joined.
    pub fn refused(&mut self, handle: u32, message_id: u64, why: WhyRefused) {
        let state = &mut *self.guard;
        state.under_way -= 1;
        let Some(known) = state.handles.get_mut(&handle) else { return };
        known.under_way = false;
        if !known.joined {
            state.handles.remove(&handle);
        }
        let result = RefusedResult { handle, message_id, why, clock: self.clock };
        self.outbox.add_refusal(state, result);
        requeue(state, handle, self.again);
    }

    /// Ends the intake and wakes the stream's reader.
    pub fn finish(self) {
        drop(self.guard);
        self.outbox.reader.wake();
    }
}

fn requeue(state: &mut State, handle: u32, again: &mut Vec<BeatWork>) {
    let Some(known) = state.handles.get_mut(&handle) else { return };
    if let Some(queued) = known.queued.take() {
        known.under_way = true;
        state.under_way += 1;
        again.push(known.beat_work(handle, queued));
    }
}

impl Handle {
    fn beat_work(&self, handle: u32, queued: Queued) -> BeatWork {
        let identity = Arc::clone(&self.identity);
        let telling = queued.activity.map(|activity| {
            Box::new(Command::Heartbeat(Heartbeat {
                actor: identity.actor.clone(),
                session_id: Some(identity.session_id.clone()),
                activity: Some(activity),
            }))
        });
        let message_id = queued.message_id;
        BeatWork { handle, message_id, hint: self.hint, identity, telling }
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
        });
        Self { key, session_id, actor, plain_beat }
    }

    fn join(&self) -> Command {
        Command::Join(Join { actor: self.actor.clone(), session_id: self.session_id.clone() })
    }
}
