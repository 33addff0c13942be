//! What clients ask for. Each request carries a mark that the log keeps, so that whatever it did
//! can be told from what any other request did: the supervisor of a session that it starts, the
//! reason of everything else.

use std::sync::Arc;

use tenure_core::command::{
    Await, CancelTransfer, Clear, Command, Expected, ForceTakeOver, Heartbeat, PutGates,
    RaiseEscalation, RequestedGate, RequestedHolder, RequestedLease, RequestedSuccessor,
    ResolveEscalation, Start, TakeOver, Yield,
};
use tenure_core::escalation::EscalationKind;
use tenure_core::gate::GateState;
use tenure_core::name::{ActorId, EscalationId, GateName, InstanceId, SessionId};
use tenure_core::session::AutonomousKind;
use tenure_core::time::Span;

/// A start of a program.
#[must_use]
pub fn start(mark: &str, actor: &ActorId, instance: &str, ttl: Span, supersede: bool) -> Start {
    Start {
        holder: RequestedHolder::Autonomous(RequestedLease {
            actor: actor.clone(),
            ttl,
            kind: AutonomousKind::RuntimeWorker,
            supervisor: Some(ActorId::imported(mark)),
            instance: Some(InstanceId::imported(instance)),
        }),
        mode: None,
        supersede,
        machine: None,
        expected: Expected::default(),
    }
}

/// A person's start.
#[must_use]
pub fn start_interactive() -> Command {
    Command::Start(Start {
        holder: RequestedHolder::Interactive,
        mode: None,
        supersede: false,
        machine: None,
        expected: Expected::default(),
    })
}

/// A wait.
#[must_use]
pub fn wait(start: Start, take_over: bool, claim_within: Span) -> Await {
    Await { start, take_over: take_over.then(|| "it is stale".into()), claim_within }
}

/// A heartbeat of a holder.
#[must_use]
pub fn beat(actor: &ActorId, session_id: &SessionId, activity: Option<Arc<str>>) -> Command {
    let (actor, session_id) = (actor.clone(), Some(session_id.clone()));
    Command::Heartbeat(Heartbeat { actor, session_id, activity, report: None })
}

/// A takeover of a stale session.
#[must_use]
pub fn take_over(mark: &str, actor: &ActorId, instance: &str, ttl: Span) -> Command {
    Command::TakeOver(TakeOver {
        successor: successor(mark, actor, Some(instance), ttl),
        reason: mark.into(),
        machine: None,
        expected: Expected::default(),
    })
}

/// A forced takeover of this very session.
#[must_use]
pub fn force(mark: &str, actor: &ActorId, session: &SessionId, ttl: Span, grace: Span) -> Command {
    Command::ForceTakeOver(ForceTakeOver {
        successor: successor(mark, actor, None, ttl),
        reason: mark.into(),
        grace,
        dry_run: false,
        machine: None,
        expected: expecting(session),
    })
}

fn successor(mark: &str, actor: &ActorId, instance: Option<&str>, ttl: Span) -> RequestedSuccessor {
    RequestedSuccessor::Autonomous {
        actor: actor.clone(),
        ttl: Some(ttl),
        supervisor: Some(ActorId::imported(mark)),
        instance: instance.map(InstanceId::imported),
    }
}

/// Removes a pending transfer.
#[must_use]
pub fn cancel(mark: &str) -> Command {
    Command::CancelTransfer(CancelTransfer {
        reason: Some(mark.into()),
        expected: Expected::default(),
    })
}

/// Gives a session up.
#[must_use]
pub fn give_up(mark: &str, actor: &ActorId, session: &SessionId) -> Command {
    let (actor, reason) = (Some(actor.clone()), Some(mark.into()));
    Command::Yield(Yield { actor, reason, expected: expecting(session) })
}

/// Ends whatever session there is, or this one.
#[must_use]
pub fn clear(mark: &str, actor: Option<&ActorId>, session: Option<&SessionId>) -> Command {
    let expected = session.map(expecting).unwrap_or_default();
    Command::Clear(Clear { actor: actor.cloned(), reason: Some(mark.into()), expected })
}

/// Opens an escalation.
#[must_use]
pub fn raise(mark: &str) -> Command {
    let kind = EscalationKind::Blocking;
    Command::RaiseEscalation(RaiseEscalation { actor: None, kind, reason: mark.into() })
}

/// Closes an escalation.
#[must_use]
pub fn resolve(mark: &str, id: EscalationId) -> Command {
    Command::ResolveEscalation(ResolveEscalation { actor: None, id, reason: Some(mark.into()) })
}

/// Sets a gate, with the mark as its note.
#[must_use]
pub fn put_gates(mark: &str) -> Command {
    let gate = RequestedGate {
        name: GateName::imported("review"),
        state: GateState::Open,
        note: Some(mark.into()),
    };
    let expected = Expected::default();
    Command::PutGates(PutGates { actor: None, gates: vec![gate], expected })
}

fn expecting(session: &SessionId) -> Expected {
    Expected { session_id: Some(session.clone()), revision: None }
}
