//! What one stream has sent and what was acknowledged: decides the next message, and checks
//! every answer.
//!
//! Guarantees: at most one beat is in flight for a handle, so that each acknowledged renewal is
//! exactly one beat however the server groups its answers; the revision of each handle must
//! rise, and each answer must cover the message that carried the beat. All of them are checked,
//! not a sample.
//!
//! Must not know: sockets, clocks, tasks.

use tenure::v1::{
    Beat, BeatRefused, Join, StreamHeartbeatsRequest, StreamHeartbeatsResponse, push,
};

use crate::sessions::Held;

/// The id of the message that carries the joins.
const JOIN_MESSAGE: u64 = 1;

/// Why a run cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A join or a beat was refused.
    #[error("the server refused handle {handle}: {reason}: {message:?}")]
    Refused {
        /// Whose.
        handle: u32,
        /// The name of the reason.
        reason: &'static str,
        /// The server's words.
        message: String,
    },
    /// The server told a holder something, though nothing happens to these sessions.
    #[error("the server pushed {kind} to handle {handle}")]
    Pushed {
        /// To whom.
        handle: u32,
        /// What.
        kind: &'static str,
    },
    /// A join was answered when none was asked for, or the reverse.
    #[error("the server answered a join or a beat out of turn")]
    OutOfTurn,
    /// An acknowledgement of a beat that is not in flight.
    #[error("the server acknowledged handle {handle}, which has no beat in flight")]
    NotInFlight {
        /// Whose.
        handle: u32,
    },
    /// An acknowledgement that does not cover the beat's message, or one that was never sent.
    #[error("handle {handle} beat in message {sent}, and was acknowledged up to {covered}")]
    WrongMessage {
        /// Whose.
        handle: u32,
        /// Where its beat was.
        sent: u64,
        /// What was answered.
        covered: u64,
    },
    /// A revision that is not above the one before.
    #[error("the revision of handle {handle} went from {before} to {after}")]
    RevisionNotRising {
        /// Whose.
        handle: u32,
        /// The last one.
        before: u64,
        /// The new one.
        after: u64,
    },
    /// The stream ended.
    #[error("a stream ended while it was measured: {status}")]
    Ended {
        /// How.
        status: String,
    },
}

/// The state of one stream.
#[derive(Debug)]
pub struct Book {
    handles: Vec<HandleState>,
    next: usize,
    message_id: u64,
    outstanding: usize,
    beats: usize,
    outstanding_max: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct HandleState {
    revision: u64,
    /// The message of the beat in flight; 0 means none is.
    sent_in: u64,
}

impl Book {
    /// A stream of so many sessions that sends `beats` a message with at most `in_flight`
    /// messages unanswered.
    pub fn new(sessions: usize, beats: usize, in_flight: usize) -> Self {
        Book {
            handles: vec![HandleState::default(); sessions],
            next: 0,
            message_id: JOIN_MESSAGE,
            outstanding: 0,
            beats,
            outstanding_max: beats * in_flight,
        }
    }

    /// The message that joins all sessions of a stream, under handles from 1.
    pub fn joins(held: &[Held]) -> StreamHeartbeatsRequest {
        let join = |(handle, held): (u32, &Held)| Join {
            handle,
            workspace: held.workspace.clone(),
            session_id: held.session_id.clone(),
            actor_id: held.actor_id.clone(),
            ..Join::default()
        };
        let joins = (1..).zip(held).map(join).collect();
        StreamHeartbeatsRequest { message_id: JOIN_MESSAGE, joins, ..Default::default() }
    }

    /// The next message, unless too much is unanswered; its handles come round in turn.
    pub fn next_message(&mut self) -> Option<StreamHeartbeatsRequest> {
        let count = self.handles.len();
        let idle = |turn: usize| self.handles[(self.next + turn) % count].sent_in == 0;
        if self.outstanding + self.beats > self.outstanding_max || !(0..self.beats).all(idle) {
            return None;
        }
        self.message_id += 1;
        let mut beats = Vec::with_capacity(self.beats);
        for _ in 0..self.beats {
            let index = self.next;
            self.handles[index].sent_in = self.message_id;
            self.next = (index + 1) % count;
            beats.push(Beat { handle: index as u32 + 1, ..Beat::default() });
        }
        self.outstanding += self.beats;
        Some(StreamHeartbeatsRequest {
            message_id: self.message_id,
            beats,
            ..StreamHeartbeatsRequest::default()
        })
    }

    /// Enters a response, and answers how many beats it acknowledged.
    ///
    /// # Errors
    /// Any [`Breach`].
    pub fn enter(&mut self, response: &StreamHeartbeatsResponse) -> Result<u64, Breach> {
        check_calm(response)?;
        if !response.joined.is_empty() {
            return Err(Breach::OutOfTurn);
        }
        let mut beats = 0;
        for group in &response.renewed {
            for renewal in &group.renewals {
                self.acknowledge(group.message_id, renewal.handle, renewal.revision)?;
                beats += 1;
            }
        }
        Ok(beats)
    }

    fn acknowledge(&mut self, covered: u64, handle: u32, after: u64) -> Result<(), Breach> {
        let state = (handle as usize).checked_sub(1).and_then(|index| self.handles.get_mut(index));
        let Some(state) = state.filter(|state| state.sent_in != 0) else {
            return Err(Breach::NotInFlight { handle });
        };
        let (sent, before) = (state.sent_in, state.revision);
        if covered < sent || covered > self.message_id {
            return Err(Breach::WrongMessage { handle, sent, covered });
        }
        if after <= before {
            return Err(Breach::RevisionNotRising { handle, before, after });
        }
        *state = HandleState { revision: after, sent_in: 0 };
        self.outstanding -= 1;
        Ok(())
    }
}

/// How many joins a response answers.
///
/// # Errors
/// A [`Breach`] if it holds anything but joins that succeeded.
pub fn joined(response: &StreamHeartbeatsResponse) -> Result<usize, Breach> {
    check_calm(response)?;
    if !response.renewed.is_empty() {
        return Err(Breach::OutOfTurn);
    }
    Ok(response.joined.len())
}

fn check_calm(response: &StreamHeartbeatsResponse) -> Result<(), Breach> {
    if let Some(refused) = response.refused.first() {
        return Err(refusal(refused));
    }
    if let Some(pushed) = response.pushes.first() {
        return Err(Breach::Pushed {
            handle: pushed.handle,
            kind: kind_name(pushed.kind.as_ref()),
        });
    }
    Ok(())
}

fn refusal(refused: &BeatRefused) -> Breach {
    let (handle, message) = (refused.handle, refused.message.clone());
    Breach::Refused { handle, reason: refused.reason().as_str_name(), message }
}

fn kind_name(kind: Option<&push::Kind>) -> &'static str {
    match kind {
        None => "nothing that is known here",
        Some(push::Kind::Lost(_)) => "LOST",
        Some(push::Kind::Expired(_)) => "EXPIRED",
        Some(push::Kind::YieldRequested(_)) => "YIELD",
        Some(push::Kind::Blocked(_)) => "BLOCKED",
        Some(push::Kind::Unblocked(_)) => "UNBLOCKED",
        Some(push::Kind::GatesChanged(_)) => "GATES_CHANGED",
        Some(push::Kind::Draining(_)) => "DRAINING",
    }
}

#[cfg(test)]
mod tests;
