//! What operators order of machines, and the cordons that the commit loop decides by.
//!
//! Guarantees: an order and its event are durable in one step before it is answered; a cordon
//! holds for whatever is decided after that step, so no new session of its machine is logged
//! behind it; nothing is ever decided by a cordon that is not durable.
//!
//! Orders are rare, so each has a batch of its own, between two of the others: then there is
//! nothing to take back when it fails. The loop reads nothing for it, because readers may keep
//! one waiting: what is known of the machine comes with the order.

use std::sync::Arc;

use hashbrown::HashMap;
use tenure_core::command::Command;
use tenure_core::event::{Event, Stamp};
use tenure_core::machine::{
    Cordon, Machine, MachineChange, MachineCommand, MachineDecision, MachineRefusal, apply, decide,
};
use tenure_core::name::MachineId;
use tenure_core::session::MachineRef;
use tokio::sync::oneshot;

use crate::access::Caller;
use crate::engine::run::{Runner, Stop, Untold};
use crate::engine::{Engine, Failure, Submission};
use crate::store::{
    Batch, CommitError, Load, MachineFilter, MachineWrite, PAGE_MAX, Sequenced, Store, StoreError,
    StoredMachine,
};

/// An operator's order about a machine.
#[derive(Debug, Clone)]
pub struct MachineOrder {
    /// Which machine.
    pub id: MachineId,
    /// What is ordered.
    pub command: MachineCommand,
    /// Who orders it.
    pub caller: Arc<Caller>,
    /// What a read has told of the machine. Whether it is cordoned the engine knows better.
    pub known: Option<StoredMachine>,
}

/// An order that was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OrderFailure {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(MachineRefusal),
    /// It failed.
    #[error(transparent)]
    Failed(Failure),
}

/// What comes of an order: the machine as it is now, or as it was if it is forgotten.
pub type Ordered = Result<StoredMachine, OrderFailure>;

/// An order on its way.
#[derive(Debug)]
pub(crate) struct WaitingOrder {
    order: Box<MachineOrder>,
    answer: oneshot::Sender<Ordered>,
}

/// The machines that get no new sessions.
#[derive(Debug, Default)]
pub(crate) struct Cordons(HashMap<MachineId, Cordon>);

impl Cordons {
    /// Reads the cordons of a store.
    pub async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut cordons = Self::default();
        let filter = MachineFilter { cordoned: Some(true), ..MachineFilter::default() };
        let mut after = None;
        loop {
            let page = store.machines(filter.clone(), after, PAGE_MAX).await?;
            for Machine { id, cordon, .. } in page.rows.into_iter().map(|row| row.machine) {
                cordons.0.extend(cordon.map(|cordon| (id, cordon)));
            }
            after = page.next;
            if after.is_none() {
                return Ok(cordons);
            }
        }
    }

    /// Whether the machine on which `command` would begin a session is cordoned.
    pub fn bar(&self, command: &Command) -> bool {
        !self.0.is_empty() && machine_of(command).is_some_and(|m| self.0.contains_key(&m.id))
    }

    fn take_in(&mut self, id: &MachineId, change: &MachineChange) {
        match change {
            MachineChange::Cordoned(cordon) => {
                self.0.insert(id.clone(), cordon.clone());
            }
            MachineChange::Uncordoned | MachineChange::Forgotten => {
                self.0.remove(id);
            }
        }
    }
}

/// The machine on which a command would begin a session, if it names one.
const fn machine_of(command: &Command) -> Option<&MachineRef> {
    match command {
        Command::Start(start) => start.machine.as_ref(),
        Command::Await(request) => request.start.machine.as_ref(),
        Command::TakeOver(request) => request.machine.as_ref(),
        Command::ForceTakeOver(request) => request.machine.as_ref(),
        Command::Heartbeat(_)
        | Command::Join(_)
        | Command::CancelTransfer(_)
        | Command::Yield(_)
        | Command::Clear(_)
        | Command::RaiseEscalation(_)
        | Command::ResolveEscalation(_)
        | Command::PutGates(_)
        | Command::Register
        | Command::DeleteWorkspace
        | Command::UpdateGate(_)
        | Command::PutHandoff(_)
        | Command::Import(_) => None,
    }
}

impl Engine {
    /// Carries an order out and waits until it is durable.
    ///
    /// # Errors
    /// An [`OrderFailure`]; the order may be repeated.
    pub async fn order(&self, order: MachineOrder) -> Ordered {
        self.shared.admit().map_err(OrderFailure::Failed)?;
        let (answer, answered) = oneshot::channel();
        let waiting = WaitingOrder { order: Box::new(order), answer };
        let stopping = || OrderFailure::Failed(Failure::Stopping);
        self.shared.queue.send(Submission::Order(waiting)).map_err(|_| stopping())?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

impl Runner {
    /// Carries out the order that has waited longest, if one does.
    pub async fn carry_out_order(&mut self) -> Result<(), Stop> {
        let Some(WaitingOrder { order, answer }) = self.orders.pop_front() else { return Ok(()) };
        // What was decided ahead has not met the order, and must not be logged behind it.
        self.tell();
        self.take_back_ahead();
        let (ordered, stop) = match self.order(*order).await {
            Ok(ordered) => (ordered, Ok(())),
            Err((failure, stop)) => (Err(OrderFailure::Failed(failure)), Err(stop)),
        };
        self.shared.dismiss();
        // Who has gone is not told; what was carried out stays.
        let _ = answer.send(ordered);
        stop
    }

    async fn order(&mut self, order: MachineOrder) -> Result<Ordered, (Failure, Stop)> {
        let MachineOrder { id, command, caller, known } = order;
        let held = known.as_ref().map(|known| known.held).unwrap_or_default();
        let known = self.with_cordon(&id, known);
        let stamp = Stamp {
            at: self.now().now.wall,
            principal: caller.principal.clone(),
            actor: None,
            address: caller.address.clone(),
        };
        let cordoned = self.cordons.0.len();
        let MachineDecision { change, event } =
            match decide(&id, known.as_ref(), &command, cordoned, &stamp) {
                Ok(decision) => decision,
                Err(refusal) => return Ok(Err(OrderFailure::Refused(refusal))),
            };
        let mut machine = known.clone();
        if let Some(change) = change {
            let write = MachineWrite { id: id.clone(), change, at: stamp.at };
            if let Err(error) = self.store_order(&write, event).await? {
                return Ok(Err(OrderFailure::Failed(Failure::Store(error))));
            }
            self.cordons.take_in(&id, &write.change);
            if write.change != MachineChange::Forgotten {
                machine = apply(&id, known, &write.change, held, stamp.at);
            }
        }
        let machine = machine.unwrap_or_else(|| Machine::unseen(id, stamp.at));
        Ok(Ok(StoredMachine { machine, held }))
    }

    /// What is known of a machine, with the cordon that holds now.
    fn with_cordon(&self, id: &MachineId, known: Option<StoredMachine>) -> Option<Machine> {
        let cordon = self.cordons.0.get(id).cloned();
        match (known, &cordon) {
            (Some(known), _) => Some(Machine { cordon, ..known.machine }),
            (None, Some(standing)) => {
                Some(Machine { cordon: cordon.clone(), ..Machine::unseen(id.clone(), standing.at) })
            }
            (None, None) => None,
        }
    }

    /// Makes an order durable with its event, and publishes that. The inner error means that
    /// nothing is stored.
    async fn store_order(
        &mut self,
        write: &MachineWrite,
        event: Option<Event>,
    ) -> Result<Result<(), StoreError>, (Failure, Stop)> {
        let clock = self.now();
        let batch = Batch {
            epoch: self.shared.epoch,
            lease_now: clock.now.lease,
            writes: Vec::new(),
            renewals: Vec::new(),
            service_events: event.into_iter().collect(),
            machines: vec![write.clone()],
        };
        let events = loop {
            match self.store.commit(batch.clone()).await {
                Ok(committed) => {
                    let events = committed.service_sequences.zip(batch.service_events);
                    break events.map(|(sequence, event)| Sequenced { sequence, event }).collect();
                }
                Err(CommitError::Unknown(error)) => {
                    tracing::warn!(?error, "the outcome of an order is unknown; asking the store");
                    let (_, events) = self.ask_until_told(Load::default()).await;
                    if !events.is_empty() {
                        break events;
                    }
                    if !batch.service_events.is_empty() {
                        return Ok(Err(error));
                    }
                    // What leaves no event may be done twice.
                }
                Err(CommitError::NotApplied(error)) => {
                    tracing::error!(?error, "an order was not applied");
                    self.hold_the_clock();
                    return Ok(Err(error));
                }
                Err(CommitError::Fenced) => {
                    let error = StoreError::InUse("another server has acquired it".to_owned());
                    return Err((Failure::Store(error.clone()), self.give_up(Vec::new(), error)));
                }
                Err(CommitError::Fatal(error)) => {
                    return Err((Failure::Store(error.clone()), self.give_up(Vec::new(), error)));
                }
            }
        };
        self.mark_stored = clock.now.lease;
        self.untold = Some(Untold { items: Vec::new(), events, signalled: Vec::new(), clock });
        self.tell();
        Ok(Ok(()))
    }
}
