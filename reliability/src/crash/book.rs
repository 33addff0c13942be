//! What the clients were told: every call of the round with its outcome, and what each
//! workspace and session must have come to at least.
//!
//! Guarantees: a call is noted as acknowledged only after its answer, and as tried before it is
//! sent; so what is noted never claims more than the server said, nor less than it may have
//! done.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tenure::Reason;

/// More broken promises than this are counted and not told.
const BROKEN_TOLD_MAX: usize = 20;

/// What kind of write a call is, as far as its effects differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    TakeOver,
    ForceNow,
    ForceLater,
    Yield,
    Clear,
    RaiseEscalation,
    ResolveEscalation,
    PutGates,
    UpdateGate,
    PutHandoff,
    Delete,
}

impl Kind {
    /// Whether the answer grants a session, so that a repeat is refused once that has ended.
    pub(super) fn grants(self) -> bool {
        matches!(self, Self::Start | Self::TakeOver | Self::ForceNow)
    }
}

/// What an answer said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Which session it is about, if it says so.
    pub session_id: Option<String>,
    /// The revision of the change, if the change has one.
    pub revision: Option<u64>,
    /// Set if nothing was there to be changed.
    pub in_vain: bool,
    /// Whether it was the answer of an earlier attempt.
    pub replayed: bool,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done(Told),
    Refused(Reason),
    /// The run ended before it was answered.
    Unanswered,
}

/// One write of a client, all its attempts together.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub kind: Kind,
    pub workspace: String,
    /// The text by which its effects are found in the log.
    pub marker: String,
    /// How many attempts got no answer.
    pub in_doubt: u32,
    pub outcome: Outcome,
}

/// The beats of one session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beats {
    /// Sent, answered or not.
    pub tried: u64,
    /// Answered.
    pub answered: u64,
    /// The number of the newest that was answered; each carries its number as activity.
    pub newest: u64,
    /// The newest revision that was answered.
    pub revision: u64,
    /// Set if they go out by themselves, so that nobody knows how many were tried.
    pub by_stream: bool,
}

/// Sums over the whole run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub acknowledged: u64,
    pub refused: u64,
    pub in_doubt: u64,
    pub replayed: u64,
    pub beats: u64,
    pub beats_in_doubt: u64,
    pub starts: u64,
    pub takeovers: u64,
}

#[derive(Debug, Default)]
struct Pages {
    calls: Vec<Call>,
    floors: HashMap<String, u64>,
    beats: HashMap<String, Beats>,
    tally: Tally,
    broken: Vec<String>,
    broken_more: usize,
}

/// Shared by all clients.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Pages>);

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest revision of the workspace that anybody was told.
    pub(super) fn floor(&self, workspace: &str) -> u64 {
        self.pages().floors.get(workspace).copied().unwrap_or_default()
    }

    /// Notes that a revision of the workspace was told.
    pub(super) fn raise_floor(&self, workspace: &str, revision: u64) {
        let mut pages = self.pages();
        let floor = pages.floors.entry(workspace.to_owned()).or_default();
        *floor = revision.max(*floor);
    }

    /// Notes a call that has ended.
    pub(super) fn note(&self, call: Call) {
        let mut pages = self.pages();
        pages.tally.in_doubt += u64::from(call.in_doubt);
        match &call.outcome {
            Outcome::Done(told) => {
                pages.tally.acknowledged += 1;
                pages.tally.replayed += u64::from(told.replayed);
                pages.tally.starts += u64::from(call.kind == Kind::Start);
                pages.tally.takeovers += u64::from(call.kind.grants() && call.kind != Kind::Start);
            }
            Outcome::Refused(_) => pages.tally.refused += 1,
            Outcome::Unanswered => {}
        }
        pages.calls.push(call);
    }

    /// Notes that a beat goes out; its number.
    pub(super) fn beat_tried(&self, session_id: &str) -> u64 {
        let mut pages = self.pages();
        let beats = pages.beats.entry(session_id.to_owned()).or_default();
        beats.tried += 1;
        beats.tried
    }

    /// Notes that a beat was answered, or that it was not.
    pub(super) fn beat_answered(&self, session_id: &str, number: u64, revision: Option<u64>) {
        let mut pages = self.pages();
        let Some(revision) = revision else {
            pages.tally.beats_in_doubt += 1;
            return;
        };
        pages.tally.beats += 1;
        let beats = pages.beats.entry(session_id.to_owned()).or_default();
        beats.answered += 1;
        beats.newest = number.max(beats.newest);
        beats.revision = revision.max(beats.revision);
    }

    /// Notes what a stream has told of a session's beats.
    pub(super) fn stream_answered(&self, session_id: &str, revision: u64) {
        let mut pages = self.pages();
        pages.tally.beats += 1;
        let beats = pages.beats.entry(session_id.to_owned()).or_default();
        beats.by_stream = true;
        beats.answered += 1;
        beats.revision = revision.max(beats.revision);
    }

    /// What is known of a session's beats.
    pub(super) fn beats(&self, session_id: &str) -> Option<Beats> {
        self.pages().beats.get(session_id).copied()
    }

    /// Forgets a session that has ended and been judged.
    pub(super) fn forget_beats(&self, session_id: &str) {
        self.pages().beats.remove(session_id);
    }

    /// The calls of the round, which are then forgotten.
    pub(super) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.pages().calls)
    }

    /// Notes a broken promise.
    pub(super) fn broken(&self, what: String) {
        let mut pages = self.pages();
        if pages.broken.len() < BROKEN_TOLD_MAX {
            pages.broken.push(what);
        } else {
            pages.broken_more += 1;
        }
    }

    /// The broken promises so far, and how many more there were.
    pub(super) fn all_broken(&self) -> (Vec<String>, usize) {
        let pages = self.pages();
        (pages.broken.clone(), pages.broken_more)
    }

    /// The sums so far.
    pub(super) fn tally(&self) -> Tally {
        self.pages().tally
    }
}
