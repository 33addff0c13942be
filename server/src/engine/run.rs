//! The commit loop: one turn takes what is queued and what is due, and makes it one batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tenure_core::context::Clock;
use tenure_core::event::{Event, SERVICE_PRINCIPAL, What};
use tenure_core::name::{EscalationId, Principal, SessionId};
use tenure_core::reply::SessionView;
use tenure_core::session::Revision;
use tenure_core::time::{LeaseInstant, Span};
use tokio::sync::{mpsc, oneshot};

use crate::engine::cache::Cache;
use crate::engine::chain::Chain;
use crate::engine::due::DueBy;
use crate::engine::item::{Item, Source};
use crate::engine::lease_clock::{LeaseClock, Turn};
use crate::engine::machines::{Cordons, WaitingOrder};
use crate::engine::members::{Members, Signalled};
use crate::engine::outbox::BeatWork;
use crate::engine::scan::Scan;
use crate::engine::timers::Timers;
use crate::engine::waits::Waits;
use crate::engine::{Shared, Submission};
use crate::ids::IdSource;
use crate::store::{Sequenced, Store};
use crate::time::TimeSource;

/// At most so many timers are looked at in one batch, so that beats do not wait for a herd.
pub const BATCH_TIMERS_MAX: usize = 1_024;
/// The loop turns at least this often, so that the clock advances and expiries are noticed.
pub const TURN_EVERY: Duration = Duration::from_millis(200);
/// The mark is stored at least this often while leases are live, in lease-clock time.
pub const MARK_EVERY: Span = Span(800);

/// How much work makes a batch. What is best depends on the store and the processors alone, so
/// it is no setting of operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// A batch takes no further submission once it holds this many items. Larger ones cost the
    /// store a little less for each item, but leave less to work on while the store works.
    pub items_max: usize,
    /// From so many items on a batch is sent off before the last one is answered.
    pub overlap_min: usize,
    /// From so many waiting items on they are decided while the store still works on the last
    /// batch. With fewer, looking for each of them costs more than it gains.
    pub ahead_min: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { items_max: 2_048, overlap_min: 1_024, ahead_min: 512 }
    }
}

/// The engine's own state. It lives in one task.
pub(crate) struct Runner {
    pub store: Arc<dyn Store>,
    pub shared: Arc<Shared>,
    pub time: Arc<dyn TimeSource>,
    pub ids: Arc<dyn IdSource>,
    pub batching: Batching,
    pub work_stream_half_life: Span,
    pub registration_required: bool,
    pub queue: mpsc::UnboundedReceiver<Submission>,
    pub clock: LeaseClock,
    pub cache: Cache,
    pub timers: Timers,
    pub scan: Scan,
    pub asked_for_due: Vec<DueBy>,
    /// When the last workspace is looked at again at which something was left undone.
    pub retried_by: LeaseInstant,
    pub members: Members,
    pub cordons: Cordons,
    /// What operators have ordered of machines, to be carried out between two batches.
    pub orders: VecDeque<WaitingOrder>,
    pub waits: Waits,
    pub revision_floor: Revision,
    pub service: Principal,
    pub no_session_id: SessionId,
    pub no_escalation_id: EscalationId,
    pub mark_stored: LeaseInstant,
    pub chains: Vec<Chain>,
    /// Decided on what the batch under way will leave.
    pub ahead: Vec<Item>,
    /// Taken from the queue, to be decided when the batch under way is concluded.
    pub deferred: Vec<Item>,
    pub service_events: Vec<Event>,
    pub again: Vec<(Arc<crate::engine::outbox::Outbox>, BeatWork)>,
    pub untold: Option<Untold>,
    pub spare: Vec<Item>,
    pub stopping: Option<oneshot::Sender<()>>,
}

/// A durable batch whose answers wait until the next one is on its way to the store: the
/// engine answers while the store works.
pub(crate) struct Untold {
    pub items: Vec<Item>,
    pub events: Vec<Sequenced>,
    pub signalled: Vec<Signalled>,
    pub clock: Clock,
}

/// Why the loop has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It was told to.
    Told,
    /// The store cannot be used any more; the reason has been published.
    StoreFailed,
}

impl Runner {
    /// Turns until it is told to stop or the store fails for good.
    pub async fn run(mut self) -> Stop {
        let started = What::ServerStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.shared.epoch.0,
            lease_clock: self.now().boot_mark,
        };
        self.note(started);
        let mut received = Vec::new();
        let mut items = Vec::new();
        loop {
            items = match self.carry_out(items).await {
                Ok(emptied) => emptied,
                Err(stop) => return stop,
            };
            self.tell_recorded();
            if let Err(stop) = self.carry_out_order().await {
                return stop;
            }
            if let Err(stop) = self.scan_on().await {
                return stop;
            }
            if self.stopping.is_some() && self.has_nothing_to_do() {
                self.tell();
                if let Some(stopped) = self.stopping.take() {
                    // Whoever asked may have gone; the engine has stopped all the same.
                    let _ = stopped.send(());
                }
                return Stop::Told;
            }
            self.gather(&mut items, &mut received).await;
        }
    }

    /// Waits for something to do, at most until the clock has to turn.
    async fn gather(&mut self, items: &mut Vec<Item>, received: &mut Vec<Submission>) {
        self.tell_places();
        items.append(&mut self.deferred);
        self.drain_queue(items, self.batching.items_max.saturating_sub(self.ahead.len()));
        if self.ahead.len() + items.len() < self.batching.overlap_min {
            // Answering gives the others time to join this batch, and makes it worth its commit.
            self.tell();
            self.drain_queue(items, self.batching.items_max);
        }
        let idle = items.is_empty()
            && self.ahead.is_empty()
            && self.orders.is_empty()
            && self.scan == Scan::Done;
        if idle && self.stopping.is_none() {
            let patience = self.patience();
            tokio::select! {
                biased;
                _ = self.queue.recv_many(received, self.batching.items_max) => {}
                () = tokio::time::sleep(patience) => {}
            }
            for submission in received.drain(..) {
                self.take_in(submission, items);
            }
            self.drain_queue(items, self.batching.items_max);
        }
        self.turn_the_clock();
        self.tell_places();
        self.gather_timers(items);
    }

    fn has_nothing_to_do(&self) -> bool {
        self.queue.is_empty()
            && self.again.is_empty()
            && self.ahead.is_empty()
            && self.deferred.is_empty()
            && self.orders.is_empty()
    }

    /// Takes in what is queued, until there are `items_max`. Beats that have waited for an
    /// earlier result come first, or a busy queue would starve them.
    pub fn drain_queue(&mut self, items: &mut Vec<Item>, items_max: usize) {
        for (outbox, work) in self.again.drain(..) {
            items.push(Item::new(Source::Beat { outbox, work }));
        }
        while items.len() < items_max {
            let Ok(submission) = self.queue.try_recv() else { break };
            self.take_in(submission, items);
        }
    }

    fn take_in(&mut self, submission: Submission, items: &mut Vec<Item>) {
        match submission {
            Submission::Call { request, answer } => {
                self.shared.dismiss();
                items.push(Item::new(Source::Call { request, answer }));
            }
            Submission::Stream { outbox, accepted } => {
                for (handle, session_id) in accepted.left {
                    self.members.remove(&session_id, &outbox, handle);
                }
                for work in accepted.joins {
                    let outbox = Arc::clone(&outbox);
                    items.push(Item::new(Source::Join { outbox, work: Box::new(work) }));
                }
                for work in accepted.beats {
                    items.push(Item::new(Source::Beat { outbox: Arc::clone(&outbox), work }));
                }
            }
            Submission::Order(waiting) => self.orders.push_back(waiting),
            Submission::Wait(waiter) => {
                self.shared.dismiss();
                items.push(Item::new(Source::Wait(waiter)));
            }
            Submission::Depart(id) => self.waits.depart(id),
            Submission::ListWaiters(listing) => self.waits.list(listing),
            Submission::RecordDue(due_by) => self.asked_for_due.push(due_by),
            Submission::Note(what) => self.note(what),
            Submission::Stop(stopped) => self.stopping = Some(stopped),
        }
    }

    /// How long nothing will be due.
    fn patience(&self) -> Duration {
        let now = self.clock.at(self.time.read()).now.lease;
        self.timers.next().map_or(TURN_EVERY, |next| {
            // A little late rather than a little early: a timer that fires before its instant
            // finds nothing due.
            let wait = Duration::from_millis(next.since(now).0.saturating_add(1));
            wait.min(TURN_EVERY)
        })
    }

    /// Brings the lease clock up to the present.
    pub fn turn_the_clock(&mut self) {
        let Turn { stalled_for, stepped_by_ms } = self.clock.turn(self.time.read());
        self.shared.publish_clock(self.clock);
        if let Some(stalled_for) = stalled_for {
            tracing::warn!(stalled_for_ms = stalled_for.0, "stall seen; no lease was charged");
            self.note(What::StallSeen { stalled_for });
        }
        if let Some(by_ms) = stepped_by_ms {
            tracing::warn!(by_ms, "the wall clock was stepped; leases are not affected");
            self.note(What::ClockStepped { by_ms });
        }
    }

    /// Tells those who wait where they stand. Only between batches, when all that is decided
    /// about their workspaces is durable.
    fn tell_places(&mut self) {
        let clock = self.now();
        let Self { waits, cache, shared, .. } = self;
        let seen = |key: &_| {
            let slot = cache.find(key, None)?;
            Some(SessionView::of(&cache.get(slot)?.workspace, &clock))
        };
        waits.tell(clock.now.lease, seen, |key, waiters| shared.count_waiters(key, waiters));
    }

    fn gather_timers(&mut self, items: &mut Vec<Item>) {
        let clock = self.now();
        for _ in 0..BATCH_TIMERS_MAX {
            let Some(key) = self.timers.pop(clock.now.lease) else { break };
            let cached = self.cache.find(&key, None).and_then(|slot| self.cache.get(slot));
            // What is decided ahead may be taken back, and its renewals with it.
            let renewed = cached
                .filter(|entry| entry.chain.is_none())
                .and_then(|entry| entry.workspace.tenure.next_due(clock.boot_mark))
                .filter(|due| *due > clock.now.lease);
            match renewed {
                Some(due) => self.timers.set(&key, due),
                None => items.push(Item::new(Source::Timer(key))),
            }
        }
    }

    /// Notes an event that concerns the service, for the batch under way.
    pub fn note(&mut self, what: What) {
        let at = self.now().now.wall;
        self.service_events.push(Event {
            at,
            key: None,
            session_id: None,
            revision: None,
            principal: Principal::imported(SERVICE_PRINCIPAL),
            actor: None,
            why: None,
            address: None,
            before: None,
            after: None,
            what,
        });
    }

    /// The clock of the batch under way.
    pub fn now(&self) -> Clock {
        self.clock.clock()
    }

    /// Whether the mark has to be stored although nothing else is.
    pub fn mark_is_due(&self) -> bool {
        let now = self.now().now.lease;
        now > self.mark_stored
            && (self.stopping.is_some()
                || (self.may_hold_leases() && now.since(self.mark_stored) >= MARK_EVERY))
    }
}
