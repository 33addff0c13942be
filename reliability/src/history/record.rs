//! What a history is: calls, when each was under way, and what it was told.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tenure::v1;
use tonic::{Code, Status};
use tonic_types::pb;

use super::rpc::Asked;
use super::turned_clock::TurnedClock;

/// An instant of a run: its place among all instants, and what the clock read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// Counts every invocation and every answer.
    pub order: u64,
    /// How far the clock was turned.
    pub elapsed_ms: u64,
}

/// What a call was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// It was carried out: the answer as it travelled.
    Done(Vec<u8>),
    /// The rules refused it.
    Refused(Code, Box<v1::Refusal>),
    /// The server says that it did nothing of it, for reasons of its own.
    NotTried(v1::ErrorReason),
    /// Nothing: the answer was lost, and with it whether there was one.
    Nothing(String),
}

/// A call of a history.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which of the clients made it.
    pub client: usize,
    /// What it asked.
    pub asked: Asked,
    /// When.
    pub invoked: Instant,
    /// When its answer came; if none came, when nothing of it was under way any more.
    pub returned: Instant,
    /// What it was told.
    pub told: Told,
}

impl Told {
    /// What an answer tells.
    ///
    /// # Errors
    /// A status that no call of a history may get.
    pub fn of(answer: Result<Vec<u8>, Status>) -> anyhow::Result<Self> {
        let status = match answer {
            Ok(answer) => return Ok(Self::Done(answer)),
            Err(status) => status,
        };
        let Some(refusal) = refusal(&status) else {
            // Only the server gives reasons; this came from the connection, or from its limits.
            return match status.code() {
                Code::Unavailable | Code::Cancelled | Code::Unknown | Code::DeadlineExceeded => {
                    Ok(Self::Nothing(status.message().to_owned()))
                }
                _ => Err(anyhow::anyhow!("an answer without reason: {status:?}")),
            };
        };
        match refusal.reason() {
            reason @ (v1::ErrorReason::StoreUnavailable
            | v1::ErrorReason::Conflict
            | v1::ErrorReason::Overloaded) => Ok(Self::NotTried(reason)),
            v1::ErrorReason::InvalidArgument => Err(anyhow::anyhow!("malformed: {status:?}")),
            _ => Ok(Self::Refused(status.code(), Box::new(refusal))),
        }
    }
}

/// The typed detail of a status that the server gave a reason for.
#[must_use]
pub fn refusal(status: &Status) -> Option<v1::Refusal> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let detail = details.iter().find(|any| any.type_url.ends_with("/tenure.v1.Refusal"))?;
    v1::Refusal::decode(&*detail.value).ok()
}

/// Takes calls down.
#[derive(Debug)]
pub struct Recorder {
    clock: Arc<TurnedClock>,
    order: AtomicU64,
    calls: Mutex<Vec<Call>>,
    /// How many calls are known to have ended.
    settled: AtomicUsize,
}

impl Recorder {
    /// An empty history, on this clock.
    #[must_use]
    pub fn new(clock: Arc<TurnedClock>) -> Self {
        Self {
            clock,
            order: AtomicU64::new(1),
            calls: Mutex::default(),
            settled: AtomicUsize::new(0),
        }
    }

    /// Now. Asked before a call is sent, and again after its answer has come.
    #[must_use]
    pub fn now(&self) -> Instant {
        let order = self.order.fetch_add(1, Ordering::SeqCst);
        Instant { order, elapsed_ms: self.clock.elapsed_ms() }
    }

    /// Takes a call down.
    pub fn note(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Nothing that was asked until now is under way any more.
    pub fn settle(&self) {
        let now = self.now();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // What was settled before had ended before.
        let settled = self.settled.swap(calls.len(), Ordering::SeqCst);
        for call in calls.iter_mut().skip(settled) {
            if matches!(call.told, Told::Nothing(_)) {
                call.returned = now;
            }
        }
    }

    /// All calls, in the order of their invocations.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        let mut calls =
            std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        calls.sort_by_key(|call| call.invoked.order);
        calls
    }
}
