//! What one heartbeat stream has sent and what was acknowledged: decides the next message, and
//! checks every answer.
//!
//! Guarantees: at most one beat is in flight for a handle, so that each acknowledged renewal is
//! exactly one beat however the server groups its answers; the revision of each handle must
//! rise, and each answer must cover the message that carried the beat. All of them are checked,
//! not a sample.
//!
//! Must not know: sockets, clocks, tasks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::{
    Beat, BeatRefused, Join, StreamHeartbeatsRequest, StreamHeartbeatsResponse, push,
};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::dialogue::{Breach, Dialogue};
use super::lane::Lane;
use crate::sessions::Held;

/// The most joins that one message may carry.
const JOINS_MAX: usize = 1_000;

/// The state of one stream.
#[derive(Debug)]
pub struct Book {
    joins: Vec<Join>,
    joined: usize,
    handles: Vec<HandleState>,
    next: usize,
    message_id: u64,
    outstanding: usize,
    beats: usize,
    outstanding_max: usize,
    /// Messages of which something is unanswered, by their ids from `timed_from` on.
    timed: VecDeque<Timed>,
    timed_from: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct HandleState {
    revision: u64,
    /// The message of the beat in flight; 0 means none is.
    sent_in: u64,
}

#[derive(Debug, Clone, Copy)]
struct Timed {
    at: Instant,
    unanswered: usize,
}

impl Book {
    /// A stream for these sessions, under handles from 1, that sends `beats` a message with at
    /// most `in_flight` messages unanswered.
    pub fn new(held: &[Held], beats: usize, in_flight: usize) -> Self {
        let join = |(handle, held): (u32, &Held)| Join {
            handle,
            workspace: held.workspace.clone(),
            session_id: held.session_id.clone(),
            actor_id: held.actor_id.clone(),
            ..Join::default()
        };
        let joins: Vec<Join> = (1..).zip(held).map(join).collect();
        Book {
            joined: 0,
            handles: vec![HandleState::default(); held.len()],
            next: 0,
            message_id: joins.len().div_ceil(JOINS_MAX) as u64,
            joins,
            outstanding: 0,
            beats,
            outstanding_max: beats * in_flight,
            timed: VecDeque::new(),
            timed_from: 0,
        }
    }

    fn acknowledge(&mut self, covered: u64, handle: u32, after: u64) -> Result<u64, Breach> {
        let state = (handle as usize).checked_sub(1).and_then(|index| self.handles.get_mut(index));
        let Some(state) = state.filter(|state| state.sent_in != 0) else {
            return Err(wrong(handle, "was acknowledged and has no beat in flight"));
        };
        let (sent, before) = (state.sent_in, state.revision);
        if covered < sent || covered > self.message_id {
            let what = format!("beat in message {sent}, and was acknowledged up to {covered}");
            return Err(wrong(handle, what));
        }
        if after <= before {
            return Err(wrong(handle, format!("went from revision {before} to {after}")));
        }
        *state = HandleState { revision: after, sent_in: 0 };
        self.outstanding -= 1;
        Ok(sent)
    }

    /// One beat of message `sent` is answered.
    fn answered(&mut self, sent: u64, took: &mut dyn FnMut(Duration)) {
        let place = sent.checked_sub(self.timed_from).and_then(|place| usize::try_from(place).ok());
        let Some(timed) = place.and_then(|place| self.timed.get_mut(place)) else { return };
        timed.unanswered -= 1;
        if timed.unanswered == 0 {
            took(timed.at.elapsed());
        }
        while self.timed.front().is_some_and(|timed| timed.unanswered == 0) {
            self.timed.pop_front();
            self.timed_from += 1;
        }
    }
}

impl Dialogue for Book {
    type Request = StreamHeartbeatsRequest;
    type Response = StreamHeartbeatsResponse;

    fn openings(&self) -> Vec<StreamHeartbeatsRequest> {
        let message = |(message_id, joins): (u64, &[Join])| StreamHeartbeatsRequest {
            message_id,
            joins: joins.to_vec(),
            ..StreamHeartbeatsRequest::default()
        };
        (1..).zip(self.joins.chunks(JOINS_MAX)).map(message).collect()
    }

    fn opened(&mut self, response: &StreamHeartbeatsResponse) -> Result<bool, Breach> {
        check_calm(response)?;
        if !response.renewed.is_empty() {
            return Err(out_of_turn());
        }
        self.joined += response.joined.len();
        let all = self.joined == self.handles.len();
        if all {
            self.joins = Vec::new();
        }
        Ok(all)
    }

    /// Its handles come round in turn.
    fn next_message(&mut self, at: Option<Instant>) -> Option<StreamHeartbeatsRequest> {
        let count = self.handles.len();
        let idle = |turn: usize| self.handles[(self.next + turn) % count].sent_in == 0;
        if self.outstanding + self.beats > self.outstanding_max || !(0..self.beats).all(idle) {
            return None;
        }
        self.message_id += 1;
        if let Some(at) = at {
            if self.timed.is_empty() {
                self.timed_from = self.message_id;
            }
            self.timed.push_back(Timed { at, unanswered: self.beats });
        }
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

    fn enter(
        &mut self,
        response: &StreamHeartbeatsResponse,
        took: &mut dyn FnMut(Duration),
    ) -> Result<u64, Breach> {
        check_calm(response)?;
        if !response.joined.is_empty() {
            return Err(out_of_turn());
        }
        let mut beats = 0;
        for group in &response.renewed {
            for renewal in &group.renewals {
                let sent = self.acknowledge(group.message_id, renewal.handle, renewal.revision)?;
                if !self.timed.is_empty() {
                    self.answered(sent, took);
                }
                beats += 1;
            }
        }
        Ok(beats)
    }

    async fn call(
        channel: Channel,
        lane: Lane<Self>,
    ) -> Result<Streaming<StreamHeartbeatsResponse>, Status> {
        Ok(LeaseServiceClient::new(channel).stream_heartbeats(lane).await?.into_inner())
    }
}

fn wrong(handle: u32, what: impl std::fmt::Display) -> Breach {
    Breach::Wrong(format!("handle {handle} {what}"))
}

fn out_of_turn() -> Breach {
    Breach::Wrong("the server answered a join or a beat out of turn".to_owned())
}

fn check_calm(response: &StreamHeartbeatsResponse) -> Result<(), Breach> {
    if let Some(refused) = response.refused.first() {
        return Err(refusal(refused));
    }
    if let Some(pushed) = response.pushes.first() {
        let kind = kind_name(pushed.kind.as_ref());
        return Err(wrong(pushed.handle, format!("was told {kind}, though nothing happened")));
    }
    Ok(())
}

fn refusal(refused: &BeatRefused) -> Breach {
    let (reason, message) = (refused.reason().as_str_name(), &refused.message);
    wrong(refused.handle, format!("was refused: {reason}: {message:?}"))
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
