//! Builders for the tests of this crate: sessions as they may be stored, the commands that meet
//! them, and the scene in which both come together.
//!
//! The present is [`NOW`] on the lease clock; the last boot was long before. Sessions are live
//! unless a test says otherwise.

mod around;
mod scene;

use crate::command::{
    Await, Clear, Command, Expected, ForceTakeOver, Heartbeat, Join, PutGates, PutHandoff,
    RaiseEscalation, RequestedHolder, RequestedLease, RequestedSuccessor, ResolveEscalation, Start,
    TakeOver, UpdateGate, Yield,
};
use crate::name::{ActorId, InstanceId, MachineId, Principal, SessionId};
use crate::session::{
    Activity, Autonomous, AutonomousKind, FencingToken, Holder, MachineRef, Mode, Renewal,
    Revision, Session, Successor, Transfer,
};
use crate::time::{LeaseInstant, Moment, Span, WallTime};

pub(crate) use around::{
    A_WHILE, GATES_REVISION, escalation, gate, put_gates, put_handoff, raise, report, resolve,
    section, stream, touching, update_gate, usage,
};
pub(crate) use scene::{Done, Scene, sealed};

/// The present on the lease clock, late enough for a session to be more than a day old.
pub(crate) const NOW: u64 = 200_000_000;
/// What the wall clock shows when the lease clock reads zero.
pub(crate) const WALL_AT_ZERO: u64 = 1_700_000_000_000;
/// The lease of every session, in milliseconds, where a test does not say otherwise.
pub(crate) const TTL: Span = Span::from_secs(60);
/// The revision of a workspace with a session. Beats have raised it since the token.
pub(crate) const REVISION: Revision = Revision(47);
/// The token of every stored session.
pub(crate) const TOKEN: FencingToken = FencingToken(40);
/// When every stored session was last started, refreshed or beaten for.
pub(crate) const RENEWED: u64 = NOW - 10_000;

pub(crate) fn at(lease_ms: u64) -> Moment {
    Moment { lease: LeaseInstant(lease_ms), wall: WallTime(WALL_AT_ZERO.saturating_add(lease_ms)) }
}

pub(crate) fn actor(name: &str) -> ActorId {
    ActorId::imported(name)
}

pub(crate) fn machine(name: &str) -> MachineRef {
    MachineRef { id: MachineId::imported(name), host: name.into(), labels: Default::default() }
}

/// A person's session: live, started by the principal `starter`.
pub(crate) fn person() -> Session {
    Session {
        id: Some(SessionId::imported("ses_stored")),
        holder: Holder::Interactive,
        mode: Mode::Research,
        token: TOKEN,
        started_at: at(NOW - 3_600_000),
        last_started_at: at(RENEWED),
        start_count: 3,
        principal: Principal::imported("starter"),
        machine: Some(machine("old-machine")),
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    }
}

/// A program's session: live for 50 s more, with an activity.
pub(crate) fn program(owner: &str) -> Session {
    Session {
        holder: Holder::Autonomous(Autonomous {
            actor: Some(actor(owner)),
            kind: AutonomousKind::RuntimeSupervisor,
            supervisor: None,
            instance: None,
            ttl: Some(TTL),
            renewal: Some(Renewal::new(at(RENEWED), TTL, None)),
        }),
        beats: 6,
        activity: Some(Activity {
            text: "reading".into(),
            set_at: at(RENEWED).wall,
            revision: Revision(46),
        }),
        activity_logged_at: Some(LeaseInstant(RENEWED)),
        ..person()
    }
}

impl Session {
    fn lease_mut(&mut self) -> &mut Autonomous {
        match &mut self.holder {
            Holder::Autonomous(held) => held,
            Holder::Interactive => panic!("only a program has a lease"),
        }
    }

    /// Stale for 1 ms and recorded as such, as it is after settle.
    pub(crate) fn stale(mut self) -> Self {
        if self.autonomous().is_some() {
            self = self.expiring_at(NOW - 1);
        } else {
            self.last_started_at = at(NOW - 28_800_002);
        }
        self.expiry_recorded = true;
        self
    }

    pub(crate) fn expiring_at(mut self, lease_ms: u64) -> Self {
        let renewal =
            Renewal { last_heartbeat_at: at(RENEWED).wall, expires_at: LeaseInstant(lease_ms) };
        self.lease_mut().renewal = Some(renewal);
        self
    }

    pub(crate) fn supervised_by(mut self, supervisor: &str) -> Self {
        self.lease_mut().supervisor = Some(actor(supervisor));
        self
    }

    pub(crate) fn instance(mut self, instance: &str) -> Self {
        self.lease_mut().instance = Some(InstanceId::imported(instance));
        self
    }

    pub(crate) fn with_ttl(mut self, ttl: Option<Span>) -> Self {
        self.lease_mut().ttl = ttl;
        self
    }

    pub(crate) fn without_heartbeat(mut self) -> Self {
        self.lease_mut().renewal = None;
        self
    }

    pub(crate) fn without_owner(mut self) -> Self {
        self.lease_mut().actor = None;
        self
    }

    /// As old installations stored it. Stale at any time, and recorded as such.
    pub(crate) fn without_id(mut self) -> Self {
        self.id = None;
        self.expiry_recorded = true;
        self
    }
}

/// A transfer to the program `next`, scheduled by the principal `operator` a second ago.
pub(crate) fn transfer_due_at(lease_ms: u64) -> Transfer {
    Transfer {
        successor: Successor::Autonomous {
            actor: actor("next"),
            ttl: Span::from_secs(30),
            supervisor: Some(actor("chief")),
            instance: None,
        },
        successor_session_id: SessionId::imported("ses_reserved"),
        reason: "urgent".into(),
        principal: Principal::imported("operator"),
        revision: Revision(46),
        scheduled_at: at(NOW - 1_000),
        deadline: LeaseInstant(lease_ms),
        machine: Some(machine("next-machine")),
    }
}

pub(crate) fn lease(owner: &str) -> RequestedLease {
    RequestedLease {
        actor: actor(owner),
        ttl: TTL,
        kind: AutonomousKind::RuntimeWorker,
        supervisor: None,
        instance: None,
    }
}

pub(crate) fn lease_of_instance(owner: &str, instance: &str) -> RequestedLease {
    RequestedLease { instance: Some(InstanceId::imported(instance)), ..lease(owner) }
}

pub(crate) fn start_with(lease: RequestedLease) -> Start {
    Start { holder: RequestedHolder::Autonomous(lease), ..start_person() }
}

pub(crate) fn start_person() -> Start {
    Start {
        holder: RequestedHolder::Interactive,
        mode: None,
        supersede: false,
        machine: None,
        expected: Expected::default(),
    }
}

/// Waits to start what `start` asks for.
pub(crate) fn wait_for(start: Start) -> Await {
    Await { start, take_over: None, claim_within: Span::from_secs(10) }
}

/// The same, and takes a stale session over.
pub(crate) fn wait_to_take_over(start: Start) -> Await {
    Await { take_over: Some("it died".into()), ..wait_for(start) }
}

pub(crate) fn beat(owner: &str) -> Heartbeat {
    Heartbeat { actor: actor(owner), session_id: None, activity: None, report: None }
}

pub(crate) fn successor(owner: &str) -> RequestedSuccessor {
    RequestedSuccessor::Autonomous {
        actor: actor(owner),
        ttl: None,
        supervisor: None,
        instance: None,
    }
}

pub(crate) fn take_over(successor: RequestedSuccessor) -> TakeOver {
    TakeOver { successor, reason: "it died".into(), machine: None, expected: Expected::default() }
}

pub(crate) fn force(successor: RequestedSuccessor, grace: Span) -> ForceTakeOver {
    ForceTakeOver {
        successor,
        reason: "urgent".into(),
        grace,
        dry_run: false,
        machine: None,
        expected: Expected::default(),
    }
}

pub(crate) fn give_up(by: Option<&str>) -> Yield {
    Yield { actor: by.map(actor), reason: None, expected: Expected::default() }
}

pub(crate) fn clear(by: Option<&str>) -> Clear {
    Clear { actor: by.map(actor), reason: Some("done".into()), expected: Expected::default() }
}

pub(crate) fn expecting(session_id: Option<&str>, revision: Option<u64>) -> Expected {
    Expected { session_id: session_id.map(SessionId::imported), revision: revision.map(Revision) }
}

macro_rules! into_command {
    ($($name:ident),*) => {
        $(impl From<$name> for Command {
            fn from(request: $name) -> Self {
                Self::$name(request)
            }
        })*
    };
}
into_command!(Start, Await, Heartbeat, Join, TakeOver, ForceTakeOver, Yield, Clear);
into_command!(RaiseEscalation, ResolveEscalation, PutGates, UpdateGate, PutHandoff);
