//! One state of a model: the server, the clients, and what is under way between them.
//!
//! States are told apart by a `View`: everything that the future depends on, with instants
//! told from the present on and only as far as they matter. So time can go on for ever in a
//! finite number of states. A view names every field of what is stored; one that is added to the
//! core does not build until it is said here whether it matters.

use std::hash::{Hash, Hasher};

use tenure_core::name::{InstanceId, SessionId};
use tenure_core::session::{Autonomous, Holder, Session, Transfer};
use tenure_core::time::LeaseInstant;
use tenure_core::workspace::Tenure;

use super::client::{Ask, Client, Nth, Phase, ProcessIndex};
use super::config::Config;
use super::history::Fate;
use super::rule::Rules;
use super::server::{RequestId, Server};

/// What a unary call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wants {
    /// The workspace.
    Workspace(Ask),
    /// To give it up.
    Yield(Nth),
}

/// A unary request on its way to the server. It may arrive late, twice, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// Whose, and which: all attempts at one have the same.
    pub request: RequestId,
    /// What it asks for.
    pub wants: Wants,
    /// Whether its answer is still waited for.
    pub waited_for: bool,
    /// Whether it was delivered before.
    pub again: bool,
}

/// What is protected by tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Resource {
    /// The tenure of the largest token of the writes that it took.
    pub largest: Option<Nth>,
    /// The newest tenure that it took a write of.
    pub newest: Option<Nth>,
}

/// One state.
#[derive(Debug, Clone)]
pub struct State {
    /// The server.
    pub server: Server,
    /// The clients.
    pub clients: Vec<Client>,
    /// The unary calls under way, in order.
    pub calls: Vec<Call>,
    /// What the holders write to.
    pub resource: Resource,
    /// How often an operator has forced.
    pub forced: u8,
    /// How often the owner started again without naming an instance.
    pub plain_starts: u8,
    /// The rules that do not hold.
    pub broken: Rules,
    /// How long a tick is: what views are told in.
    tick_ms: u64,
    /// After how many ticks a boot no longer matters.
    boot_matters_ticks: i64,
    /// How often the server dies.
    crashes_max: u8,
}

/// What tells two states apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct View<'a> {
    stored: Option<Stored<'a>>,
    pending: Option<Pending<'a>>,
    boot_ago: i64,
    durable_ago: i64,
    up: bool,
    crashes: u8,
    ids_given: u8,
    outcomes: Vec<(RequestId, Option<Nth>)>,
    acted: Vec<RequestId>,
    tenures: usize,
    fates: Vec<Option<Fate>>,
    promised: Option<i64>,
    grace_until: Option<i64>,
    short: bool,
    clients: &'a [Client],
    calls: &'a [Call],
    resource: Resource,
    forced: u8,
    plain_starts: u8,
    broken: Rules,
}

/// Of a stored session, what decides.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stored<'a> {
    id: Option<&'a SessionId>,
    actor: Option<&'a str>,
    instance: Option<&'a InstanceId>,
    expires_in: Option<i64>,
    expiry_recorded: bool,
}

/// Of a pending transfer, what decides.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Pending<'a> {
    id: &'a SessionId,
    actor: Option<&'a str>,
    deadline_in: i64,
}

/// How long ago an instant stays told apart from those before it, in ticks: a lease that has
/// run out can be live again only by a crash that sets the clock back by one.
const PAST_TICKS: i64 = 2;

impl State {
    /// Nobody has asked for anything.
    #[must_use]
    pub fn new(server: Server, config: &Config) -> Self {
        let grace = config.ttl().min(tenure_core::context::BOOT_GRACE_MAX);
        let boot_matters_ticks = i64::try_from(grace.0 / config.tick.0).unwrap_or(i64::MAX);
        Self {
            server,
            clients: vec![Client::default(); config.processes.len()],
            calls: Vec::new(),
            resource: Resource::default(),
            forced: 0,
            plain_starts: 0,
            broken: Rules::NONE,
            tick_ms: config.tick.0,
            boot_matters_ticks,
            crashes_max: config.crashes_max,
        }
    }

    /// The client of a process.
    #[must_use]
    pub fn client(&self, process: ProcessIndex) -> Option<&Client> {
        self.clients.get(usize::from(process))
    }

    /// Drops what nobody can come back to: outcomes of requests that are not repeated any more.
    pub fn forget(&mut self) {
        let (clients, calls) = (&self.clients, &self.calls);
        let comes_back = |id: &RequestId| {
            let asking = clients.get(usize::from(id.process)).is_some_and(|client| {
                matches!(client.phase, Phase::Asking(..)) && client.tries == id.try_ && !id.yields
            });
            asking || calls.iter().any(|call| call.request == *id)
        };
        self.server.outcomes.retain(|(id, _)| comes_back(id));
        self.server.history.acted.retain(comes_back);
    }

    fn view(&self) -> View<'_> {
        let Tenure { revision: _, session, transfer, signals: _, origin: _ } =
            &self.server.workspace.tenure;
        let history = &self.server.history;
        let granted = |reply: &tenure_core::reply::Reply| {
            reply.granted().and_then(|granted| history.with_token(granted.session.token))
        };
        let outcomes = self.server.outcomes.iter().map(|(id, reply)| (*id, granted(reply)));
        let known = self.clients.iter().filter_map(|client| match &client.phase {
            Phase::Holding(lease) => Some(lease.tenure),
            _ => client.answer.map(|(_, tenure)| tenure),
        });
        // No lease is older than the first boot, and no crash looks back before the last one.
        let boot_ago = (-self.ticks_until(self.server.boot_mark)).min(self.boot_matters_ticks + 1);
        let durable_ago = (-self.ticks_until(self.server.durable_at)).min(1);
        View {
            stored: session.as_ref().map(|session| self.stored(session)),
            pending: transfer.as_ref().map(|transfer| self.pending(transfer)),
            boot_ago: if self.server.crashes == 0 { 0 } else { boot_ago },
            durable_ago: if self.server.crashes == self.crashes_max { 0 } else { durable_ago },
            up: self.server.up,
            crashes: self.server.crashes,
            ids_given: self.server.ids_given,
            outcomes: outcomes.collect(),
            acted: history.acted.clone(),
            tenures: history.tenures.len(),
            fates: known.map(|tenure| history.fate(tenure)).collect(),
            promised: history.promised.map(|at| self.ticks_until(at)),
            grace_until: history.grace_until.map(|at| self.ticks_until(at)),
            short: history.short,
            clients: &self.clients,
            calls: &self.calls,
            resource: self.resource,
            forced: self.forced,
            plain_starts: self.plain_starts,
            broken: self.broken,
        }
    }

    fn stored<'a>(&self, session: &'a Session) -> Stored<'a> {
        // What is only told, or not used here (a person, work streams, grants), decides nothing.
        let Session {
            id,
            holder,
            mode: _,
            token: _,
            started_at: _,
            last_started_at: _,
            start_count: _,
            principal: _,
            machine: _,
            beats: _,
            activity: _,
            activity_logged_at: _,
            expiry_recorded,
            applied_gates_revision: _,
            stalls_at: _,
            stalled: _,
            unclaimed: _,
        } = session;
        let held = match holder {
            Holder::Interactive => None,
            Holder::Autonomous(held) => Some(held),
        };
        let (actor, instance, renewal) = held.map_or((None, None, None), |held| {
            // The same for all sessions of a model.
            let Autonomous { actor, kind: _, supervisor: _, instance, ttl: _, renewal } = held;
            (actor.as_ref(), instance.as_ref(), *renewal)
        });
        Stored {
            id: id.as_ref(),
            actor: actor.map(tenure_core::name::ActorId::as_str),
            instance,
            expires_in: renewal.map(|renewal| self.ticks_until(renewal.expires_at)),
            expiry_recorded: *expiry_recorded,
        }
    }

    fn pending<'a>(&self, transfer: &'a Transfer) -> Pending<'a> {
        let Transfer {
            successor,
            successor_session_id,
            reason: _,
            principal: _,
            revision: _,
            scheduled_at: _,
            deadline,
            machine: _,
        } = transfer;
        Pending {
            id: successor_session_id,
            actor: successor.actor().map(tenure_core::name::ActorId::as_str),
            deadline_in: self.ticks_until(*deadline),
        }
    }

    /// How many ticks it is until `at`, or how many it was ago, as far as that matters.
    fn ticks_until(&self, at: LeaseInstant) -> i64 {
        let ahead = i64::try_from(at.since(self.server.now).0 / self.tick_ms).unwrap_or(i64::MAX);
        let ago = i64::try_from(self.server.now.since(at).0 / self.tick_ms).unwrap_or(i64::MAX);
        if ago > 0 { -ago.min(self.boot_matters_ticks.max(PAST_TICKS) + 1) } else { ahead }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
    }
}
