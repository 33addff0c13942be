//! The items of one batch: what is asked, by whom, and what has been decided.

use std::sync::Arc;

use tenure_core::command::Command;
use tenure_core::name::Key;
use tenure_core::parts::Needs;
use tenure_core::refusal::Refusal;
use tenure_core::reply::Reply;
use tokio::sync::oneshot;

use crate::access::Caller;
use crate::engine::cache::Slot;
use crate::engine::deciding::outcome_key;
use crate::engine::outbox::{BeatWork, JoinWork, Outbox};
use crate::engine::waits::Waiter;
use crate::engine::{Answer, Failure, Once, Request};
use crate::store::OutcomeKey;

/// Something to decide.
#[derive(Debug)]
pub struct Item {
    /// Who asks for what.
    pub source: Source,
    /// Where its workspace is in the cache, once that is known.
    pub slot: Option<Slot>,
    /// What was decided; to be told when it is durable.
    pub verdict: Option<Verdict>,
}

/// Who asks for what.
#[derive(Debug)]
pub enum Source {
    /// A unary call.
    Call {
        /// The call.
        request: Box<Request>,
        /// Where its answer goes.
        answer: oneshot::Sender<Result<Answer, Failure>>,
    },
    /// Somebody who waits: has come, or has just been served.
    Wait(Box<Waiter>),
    /// A stream's join.
    Join {
        /// The stream.
        outbox: Arc<Outbox>,
        /// The join.
        work: Box<JoinWork>,
    },
    /// A stream's beat.
    Beat {
        /// The stream.
        outbox: Arc<Outbox>,
        /// The beat.
        work: BeatWork,
    },
    /// A timer: something about this workspace may be due.
    Timer(Key),
}

/// What was decided about an item.
#[derive(Debug)]
pub enum Verdict {
    /// It is carried out.
    Done(Reply),
    /// It had been carried out before.
    Replayed(Reply),
    /// It is refused.
    Refused(Box<Refusal>),
    /// It cannot be carried out for a reason that is none of the rules'.
    Failed(Failure),
}

impl Item {
    /// An item that nobody has looked at yet.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self { source, slot: None, verdict: None }
    }

    /// Which workspace it is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match &self.source {
            Source::Call { request, .. } => &request.key,
            Source::Wait(waiter) => &waiter.key,
            Source::Join { work, .. } => &work.identity.key,
            Source::Beat { work, .. } => &work.identity.key,
            Source::Timer(key) => key,
        }
    }

    /// What has to be at hand to decide it, beside what it takes to settle.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match &self.source {
            Source::Call { request, .. } => request.command.needs(),
            Source::Wait(_) => Needs::Everything,
            Source::Join { work, .. } => work.command.needs(),
            Source::Beat { work, .. } => {
                work.telling.as_deref().map_or(Needs::Tenure, Command::needs)
            }
            Source::Timer(_) => Needs::Tenure,
        }
    }

    /// Whether it asks for its workspace to be deleted.
    #[must_use]
    pub fn deletes_its_workspace(&self) -> bool {
        let Source::Call { request, .. } = &self.source else { return false };
        matches!(request.command, Command::DeleteWorkspace)
    }

    /// Whether it may be a repeat.
    #[must_use]
    pub fn may_be_repeat(&self) -> bool {
        self.once().is_some()
    }

    /// The outcome that has to be looked up before it is decided, if it may be a repeat.
    #[must_use]
    pub fn outcome(&self) -> Option<OutcomeKey> {
        self.once().map(|(caller, once)| outcome_key(caller, self.key(), once))
    }

    fn once(&self) -> Option<(&Caller, &Once)> {
        let (caller, once) = match &self.source {
            Source::Call { request, .. } => (&request.caller, &request.once),
            Source::Wait(waiter) => (&waiter.caller, &waiter.once),
            Source::Join { .. } | Source::Beat { .. } | Source::Timer(_) => return None,
        };
        once.as_ref().map(|once| (&**caller, once))
    }

    /// Where its workspace was last seen in the cache.
    #[must_use]
    pub const fn hint(&self) -> Option<Slot> {
        match (&self.source, self.slot) {
            (_, Some(slot)) => Some(slot),
            (Source::Beat { work, .. }, None) => work.hint,
            _ => None,
        }
    }
}
