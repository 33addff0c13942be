//! What the service promises of one workspace, as a sequential model: the functions that the
//! engine decides with, in the order in which it calls them.
//!
//! Guarantees: `settle`, `replay`, `decide` and `evolve` are the product's own; what an answer
//! shows is made by the product's own converters and compared field by field, instants and
//! revisions exactly. What the call alone does not determine is left open, not left out: ids
//! are bound by the first answer that shows them ([`Names`]), and a call may be decided at any
//! tick of the clock while it was under way, but never before one that came earlier in the
//! order. A transfer that is due may be completed by a timer at any tick until something needs
//! it done. Reads see a committed state as it stands, settled or not, and judge it by the clock
//! at some tick of their own.
//!
//! Must not know: the engine, the store, the wire.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use tenure_core::context::{Context, LeaseBounds};
use tenure_core::evolve::evolve;
use tenure_core::name::{Key, Principal};
use tenure_core::reply::Reply;
use tenure_core::session::Revision;
use tenure_core::settle::settle;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;
use tenured::access::LOCAL_PRINCIPAL;
use tenured::grpc::convert::violation::Parsed;

use super::names::Names;
use super::record::{Call, Told};
use super::rpc::Asked;
use super::search::Model;
use super::turned_clock::{TICK_MS, clock_at};

mod command;
mod read;

/// A call of one workspace's history, made ready to be tried many times.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its place in the history.
    pub at: usize,
    /// The call.
    pub call: Call,
    /// What it asks of the rules; absent for reads.
    parsed: Option<Parsed>,
    /// What it was told, if it was told anything.
    told: Option<DynamicMessage>,
}

/// What the calls so far have left.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    workspace: Rc<Workspace>,
    /// How far the clock had been turned at the last decision.
    now_ms: u64,
    /// The outcomes of requests with an id.
    kept: Rc<Outcomes>,
    names: Rc<Names>,
}

/// The outcomes of requests, by RPC and id.
type Outcomes = BTreeMap<(&'static str, Arc<str>), Rc<Kept>>;

/// The outcome of a request.
#[derive(Debug, PartialEq)]
struct Kept {
    digest: [u8; 32],
    reply: Reply,
}

/// The service, as far as one workspace goes.
#[derive(Debug)]
pub struct WorkspaceModel {
    key: Key,
    one_clock: bool,
    pool: DescriptorPool,
    refusal: MessageDescriptor,
}

impl WorkspaceModel {
    /// Of the workspace `key`. With `one_clock` one server has decided all, and its clock never
    /// went back; the clocks of two servers may be a tick apart.
    ///
    /// # Errors
    /// If the compiled descriptors cannot be read.
    pub fn new(key: Key, one_clock: bool) -> anyhow::Result<Self> {
        let pool = DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET)?;
        let refusal = pool.get_message_by_name("tenure.v1.Refusal");
        let refusal = refusal.ok_or_else(|| anyhow::anyhow!("no message tenure.v1.Refusal"))?;
        Ok(Self { key, one_clock, pool, refusal })
    }

    /// Makes the `at`th call ready.
    ///
    /// # Errors
    /// If it is malformed, or its answer is.
    pub fn prepare(&self, at: usize, call: Call) -> anyhow::Result<Prepared> {
        let parsed = call.asked.parse(&LeaseBounds::default())?;
        let told = match &call.told {
            Told::Done(answer) => Some(self.answer(&call, answer)?),
            Told::Refused(_, refusal) => {
                Some(self.message(&self.refusal, &prost::Message::encode_to_vec(&**refusal))?)
            }
            Told::NotTried(_) | Told::Nothing(_) => None,
        };
        Ok(Prepared { at, call, parsed, told })
    }

    fn answer(&self, call: &Call, answer: &[u8]) -> anyhow::Result<DynamicMessage> {
        let name = format!("tenure.v1.{}Response", call.asked.rpc());
        let descriptor = self.pool.get_message_by_name(&name);
        let descriptor = descriptor.ok_or_else(|| anyhow::anyhow!("no message {name}"))?;
        self.message(&descriptor, answer)
    }

    #[expect(clippy::unused_self, reason = "the pool that the descriptor is from lives here")]
    fn message(
        &self,
        descriptor: &MessageDescriptor,
        bytes: &[u8],
    ) -> anyhow::Result<DynamicMessage> {
        Ok(DynamicMessage::decode(descriptor.clone(), bytes)?)
    }
}

impl Model for WorkspaceModel {
    type Call = Prepared;
    type State = State;

    fn begin(&self) -> State {
        State {
            workspace: Rc::new(Workspace::unknown(self.key.clone())),
            now_ms: 0,
            kept: Rc::default(),
            names: Rc::default(),
        }
    }

    fn after(&self, state: &State, call: &Prepared, before: Option<&Prepared>) -> Vec<State> {
        let until_ms = match call.call.told {
            Told::Nothing(_) => before.map_or(state.now_ms, |b| b.call.returned.elapsed_ms),
            _ => call.call.returned.elapsed_ms,
        };
        let from_ms = state.now_ms.max(call.call.invoked.elapsed_ms);
        match &call.parsed {
            Some(parsed) => self.decided(state, call, parsed, from_ms, until_ms),
            None => self.seen(state, call, until_ms),
        }
    }

    /// The workspace's revision.
    fn height(&self, state: &State) -> u64 {
        state.workspace.tenure.revision.map_or(0, |revision| revision.0)
    }
}

impl Prepared {
    /// The workspace's revision as the answer shows it. Answers that are told again, and those
    /// about an earlier state, do not tell.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        let told = self.told.as_ref()?;
        let number = |message: &DynamicMessage| {
            let is_told = message.has_field_by_name("revision");
            is_told.then(|| message.get_field_by_name("revision")?.as_u64()).flatten()
        };
        match (&self.call.told, &self.call.asked) {
            (Told::Refused(..), _) | (_, Asked::Beat(_)) => number(told),
            (_, Asked::Start(_) | Asked::TakeOver(_)) if told.has_field_by_name("replayed") => None,
            (_, Asked::Start(_) | Asked::TakeOver(_) | Asked::Get(_)) => {
                number(told.get_field_by_name("session")?.as_message()?)
            }
            _ => None,
        }
    }
}

/// The workspace brought up to `until_ms` in every way that timers allow, each with the instant
/// of the last thing that was done.
fn settled(workspace: &Rc<Workspace>, from_ms: u64, until_ms: u64) -> Vec<(Rc<Workspace>, u64)> {
    let Some(expiry) = workspace.tenure.effective_expiry(clock_at(0).boot_mark) else {
        return vec![(Rc::clone(workspace), from_ms)];
    };
    if expiry > clock_at(until_ms).now.lease {
        return apply_settle(workspace, from_ms, until_ms);
    }
    if workspace.tenure.transfer.is_none() {
        // When the expiry was noted leaves no trace.
        return apply_settle(workspace, from_ms, until_ms);
    }
    // The successor's lease runs from when the transfer was completed.
    let due_ms = expiry.since(clock_at(0).now.lease).0.next_multiple_of(TICK_MS);
    let ticks = (due_ms.max(from_ms)..=until_ms).step_by(tick());
    let completed = ticks.flat_map(|at_ms| apply_settle(workspace, at_ms, at_ms));
    completed.flat_map(|(next, at_ms)| settled(&next, at_ms, until_ms)).collect()
}

fn apply_settle(workspace: &Rc<Workspace>, from_ms: u64, at_ms: u64) -> Vec<(Rc<Workspace>, u64)> {
    match settle(workspace, &clock_at(at_ms)) {
        None => vec![(Rc::clone(workspace), from_ms)],
        Some(changes) => {
            let mut next = (**workspace).clone();
            changes.iter().for_each(|change| evolve(&mut next, change));
            vec![(Rc::new(next), at_ms)]
        }
    }
}

/// The circumstances of the `at`th call, decided at `now_ms`.
fn context(at: usize, now_ms: u64) -> Context {
    Context {
        clock: clock_at(now_ms),
        principal: Principal::imported(LOCAL_PRINCIPAL),
        operator: true,
        address: None,
        new_session_id: Names::new_session_id(at),
        new_escalation_id: Names::new_escalation_id(at),
        work_stream_half_life: HALF_LIFE_DEFAULT,
        revision_floor: Revision::default(),
        registration_required: false,
        machine_cordoned: false,
    }
}

fn tick() -> usize {
    usize::try_from(TICK_MS).unwrap_or(usize::MAX)
}
