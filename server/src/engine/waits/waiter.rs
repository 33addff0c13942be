//! One who waits, and the handle by which its call is told.

use std::sync::Arc;

use tenure_core::command::{Await, Command, RequestedHolder, RequestedLease};
use tenure_core::name::{ActorId, InstanceId, Key};
use tenure_core::refusal::Reason;
use tenure_core::reply::SessionView;
use tenure_core::time::WallTime;
use tokio::sync::{mpsc, oneshot, watch};

use crate::access::Caller;
use crate::engine::deciding::outcome_key;
use crate::engine::{Answer, Failure, Once, Request, Submission};
use crate::store::OutcomeKey;

/// Names a waiter from its call until it is told how the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WaiterId(pub u64);

/// A place in the order of coming, over all queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One who waits for a workspace.
#[derive(Debug)]
pub struct Waiter {
    /// Its name.
    pub id: WaiterId,
    /// For which workspace.
    pub key: Key,
    /// What is asked for.
    pub asks: Await,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Set if the caller gave the wait an id.
    pub once: Option<Once>,
    /// Since when.
    pub since: WallTime,
    /// Its place in the order of coming; absent until somebody looks at it.
    pub ticket: Option<Ticket>,
    /// Whether it goes back to that place if it is served in vain, and does not fail.
    pub has_waited: bool,
    /// What it was told last.
    pub told: Option<Told>,
    places: watch::Sender<Option<Place>>,
    answer: oneshot::Sender<Result<Answer, Failure>>,
}

/// Where a waiter stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// How many are served before, and 1.
    pub position: u32,
    /// How many wait altogether.
    pub waiters: u32,
    /// The stored session.
    pub holder: Option<Arc<SessionView>>,
    /// Why the workspace cannot be had; absent when only the queue is before it.
    pub waiting_for: Option<Reason>,
}

/// What makes one place another one, so that a waiter is told: not how many are behind it, nor
/// how its holder's lease moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    position: u32,
    holder: Option<(u64, bool)>,
    waiting_for: Option<Reason>,
}

impl Waiter {
    /// A waiter that nobody has looked at yet, and the handle of its call.
    #[must_use]
    pub(crate) fn new(
        id: WaiterId,
        request: Waiting,
        since: WallTime,
        queue: mpsc::UnboundedSender<Submission>,
    ) -> (Self, Wait) {
        let (places, place) = watch::channel(None);
        let (answer, answered) = oneshot::channel();
        let Waiting { key, asks, caller, once } = request;
        let wait = Wait { id, place, answered: Some(answered), queue };
        let (ticket, has_waited, told) = (None, false, None);
        let waiter =
            Self { id, key, asks, caller, once, since, ticket, has_waited, told, places, answer };
        (waiter, wait)
    }

    /// Under which key the outcome of its request is kept, if it has an id.
    #[must_use]
    pub fn outcome_key(&self) -> Option<OutcomeKey> {
        self.once.as_ref().map(|once| outcome_key(&self.caller, &self.key, once))
    }

    /// What it asks for, as a request.
    #[must_use]
    pub fn request(&self) -> Request {
        Request {
            key: self.key.clone(),
            command: Command::Await(self.asks.clone()),
            caller: Arc::clone(&self.caller),
            once: self.once.clone(),
        }
    }

    /// Whether its call has ended.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        self.answer.is_closed()
    }

    /// The lease that it asks for; absent for a person.
    #[must_use]
    pub const fn lease(&self) -> Option<&RequestedLease> {
        match &self.asks.start.holder {
            RequestedHolder::Interactive => None,
            RequestedHolder::Autonomous(lease) => Some(lease),
        }
    }

    /// Who waits; absent for a person.
    #[must_use]
    pub fn actor(&self) -> Option<&ActorId> {
        self.lease().map(|lease| &lease.actor)
    }

    /// Which of its processes, if it named one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        self.lease().and_then(|lease| lease.instance.as_ref())
    }

    /// Tells it where it stands, unless it knows.
    pub fn tell(&mut self, place: impl FnOnce() -> Place, told: Told) {
        if self.told != Some(told) {
            self.told = Some(told);
            self.places.send_replace(Some(place()));
        }
    }

    /// Where the end of the wait is told.
    #[must_use]
    pub fn into_answer(self) -> oneshot::Sender<Result<Answer, Failure>> {
        self.answer
    }

    /// The wait ends without a grant.
    pub fn fail(self, failure: Failure) {
        // A caller that has gone is not told.
        let _ = self.answer.send(Err(failure));
    }
}

impl Told {
    /// What a waiter would be told.
    #[must_use]
    pub fn new(position: u32, holder: Option<&SessionView>, waiting_for: Option<Reason>) -> Self {
        let holder = holder.map(|view| (view.session.token.0, view.stale));
        Self { position, holder, waiting_for }
    }
}

/// A wait for a workspace, as its caller asks for it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Which workspace.
    pub key: Key,
    /// What to do when it can be done.
    pub asks: Await,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Set if the caller gave the wait an id.
    pub once: Option<Once>,
}

/// A wait that is under way. Dropping it leaves the queue.
#[derive(Debug)]
pub struct Wait {
    id: WaiterId,
    place: watch::Receiver<Option<Place>>,
    /// Taken when it has been told.
    answered: Option<oneshot::Receiver<Result<Answer, Failure>>>,
    queue: mpsc::UnboundedSender<Submission>,
}

/// What a waiter is told.
#[derive(Debug)]
pub enum WaitUpdate {
    /// Where it stands now. Only the latest place counts, so earlier ones may be skipped.
    Place(Place),
    /// How the wait ended.
    Over(Box<Result<Answer, Failure>>),
}

impl Wait {
    /// The next thing to tell; absent after the end was told.
    pub async fn next(&mut self) -> Option<WaitUpdate> {
        let answered = self.answered.as_mut()?;
        let over = tokio::select! {
            biased;
            over = answered => over.unwrap_or(Err(Failure::Stopping)),
            Ok(()) = self.place.changed() => {
                let place = self.place.borrow_and_update().clone();
                // The engine tells places and never takes them back.
                return place.map(WaitUpdate::Place);
            }
        };
        self.answered = None;
        Some(WaitUpdate::Over(Box::new(over)))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // Gone before it says so: an engine that hears of it finds it so ever after.
        if self.answered.take().is_some() {
            // An engine that has stopped keeps no queue.
            let _ = self.queue.send(Submission::Depart(self.id));
        }
    }
}
