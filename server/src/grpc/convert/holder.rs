//! Who asks to hold a workspace, or is named to take it over.

use tenure::v1;
use tenure::v1::force_take_over_session_request::Successor as ForcedSuccessor;
use tenure::v1::start_session_request::Holder;
use tenure::v1::take_over_session_request::Successor;
use tenure_core::command::{RequestedHolder, RequestedLease, RequestedSuccessor};
use tenure_core::context::LeaseBounds;
use tenure_core::name::{ActorId, InstanceId};

use super::choice;
use super::time::lease_ttl;
use super::violation::Violations;

const TTL: &str = "autonomous.lease_ttl";

/// A party, as three messages of the contract name it.
#[derive(Debug)]
pub enum Party {
    /// A person.
    Interactive,
    /// A program.
    Autonomous(v1::AutonomousHolder),
}

impl From<Holder> for Party {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Interactive(_) => Self::Interactive,
            Holder::Autonomous(program) => Self::Autonomous(program),
        }
    }
}

impl From<Successor> for Party {
    fn from(successor: Successor) -> Self {
        match successor {
            Successor::Interactive(_) => Self::Interactive,
            Successor::Autonomous(program) => Self::Autonomous(program),
        }
    }
}

impl From<ForcedSuccessor> for Party {
    fn from(successor: ForcedSuccessor) -> Self {
        match successor {
            ForcedSuccessor::Interactive(_) => Self::Interactive,
            ForcedSuccessor::Autonomous(program) => Self::Autonomous(program),
        }
    }
}

/// The holder of a start; a program must say how long its lease is to live.
pub fn requested(
    holder: Option<Party>,
    bounds: &LeaseBounds,
    violations: &mut Violations,
) -> Option<RequestedHolder> {
    let program = match holder {
        Some(Party::Interactive) => return Some(RequestedHolder::Interactive),
        Some(Party::Autonomous(program)) => program,
        None => {
            violations.add("holder", "must be given: `interactive` or `autonomous`");
            return None;
        }
    };
    let actor = actor(&program, violations);
    let ttl = match &program.lease_ttl {
        Some(ttl) => lease_ttl(TTL, ttl, bounds, violations),
        None => {
            violations.add(TTL, "must be given");
            None
        }
    };
    let kind = choice::requested_kind(program.owner_kind, violations);
    let (supervisor, instance) = seconds(&program, violations);
    Some(RequestedHolder::Autonomous(RequestedLease {
        actor: actor?,
        ttl: ttl?,
        kind,
        supervisor,
        instance,
    }))
}

/// The successor of a takeover; what a program leaves out is inherited.
pub fn requested_successor(
    successor: Option<Party>,
    bounds: &LeaseBounds,
    violations: &mut Violations,
) -> Option<RequestedSuccessor> {
    let program = match successor {
        Some(Party::Interactive) => return Some(RequestedSuccessor::Interactive),
        Some(Party::Autonomous(program)) => program,
        None => {
            violations.add("successor", "must be given: `interactive` or `autonomous`");
            return None;
        }
    };
    let actor = actor(&program, violations);
    let ttl = program.lease_ttl.as_ref().and_then(|ttl| lease_ttl(TTL, ttl, bounds, violations));
    choice::require_worker(program.owner_kind, violations);
    let (supervisor, instance) = seconds(&program, violations);
    Some(RequestedSuccessor::Autonomous { actor: actor?, ttl, supervisor, instance })
}

fn actor(program: &v1::AutonomousHolder, violations: &mut Violations) -> Option<ActorId> {
    violations.required("autonomous.actor_id", &program.actor_id, ActorId::parse)
}

fn seconds(
    program: &v1::AutonomousHolder,
    violations: &mut Violations,
) -> (Option<ActorId>, Option<InstanceId>) {
    let supervisor = program.supervisor_id.as_deref();
    let instance = program.instance_id.as_deref();
    (
        violations.optional("autonomous.supervisor_id", supervisor, ActorId::parse),
        violations.optional("autonomous.instance_id", instance, InstanceId::parse),
    )
}
