//! What a drawn call means where it is made: its names are resolved against what is stored.

use tenure_core::command::{
    CancelTransfer, Clear, Command, Expected, ForceTakeOver, Heartbeat, Join, RequestedHolder,
    RequestedLease, RequestedSuccessor, Start, TakeOver, Yield,
};
use tenure_core::name::{ActorId, InstanceId, SessionId};
use tenure_core::session::{AutonomousKind, Mode, Revision};
use tenure_core::time::Span;
use tenure_core::workspace::Tenure;

use crate::ops::{Ask, Expect, Named, Program};

/// The command that `ask` means while `tenure` is stored.
pub fn command(ask: &Ask, tenure: &Tenure) -> Command {
    let actor = |name: &&str| ActorId::imported(name);
    match ask {
        Ask::Start { program, supersede, mode, expect } => Command::Start(Start {
            holder: program.as_ref().map_or(RequestedHolder::Interactive, requested_holder),
            mode: mode.map(|research| if research { Mode::Research } else { Mode::Implement }),
            supersede: *supersede,
            machine: None,
            expected: expected(*expect, tenure),
        }),
        Ask::Beat { actor: name, session, activity } => Command::Heartbeat(Heartbeat {
            actor: actor(name),
            session_id: session_id(*session, tenure),
            activity: activity.map(Into::into),
            report: None,
        }),
        Ask::Join { actor: name, session } => Command::Join(Join {
            actor: actor(name),
            session_id: session_id(*session, tenure)
                .unwrap_or_else(|| SessionId::imported("ses_none")),
        }),
        Ask::TakeOver { program, expect } => Command::TakeOver(TakeOver {
            successor: requested_successor(program.as_ref()),
            reason: "taken".into(),
            machine: None,
            expected: expected(*expect, tenure),
        }),
        Ask::Force { program, grace_ms, dry_run, expect } => {
            Command::ForceTakeOver(ForceTakeOver {
                successor: requested_successor(program.as_ref()),
                reason: "forced".into(),
                grace: Span(*grace_ms),
                dry_run: *dry_run,
                machine: None,
                expected: expected(*expect, tenure),
            })
        }
        Ask::Cancel { expect } => Command::CancelTransfer(CancelTransfer {
            reason: None,
            expected: expected(*expect, tenure),
        }),
        Ask::Yield { actor: name, expect } => Command::Yield(Yield {
            actor: name.as_ref().map(actor),
            reason: None,
            expected: expected(*expect, tenure),
        }),
        Ask::Clear { actor: name, expect } => Command::Clear(Clear {
            actor: name.as_ref().map(actor),
            reason: None,
            expected: expected(*expect, tenure),
        }),
    }
}

fn session_id(named: Named, tenure: &Tenure) -> Option<SessionId> {
    match named {
        Named::Nothing => None,
        Named::Current => tenure.session.as_ref()?.id.clone(),
        Named::Other => Some(SessionId::imported("ses_other")),
    }
}

fn expected(expect: Expect, tenure: &Tenure) -> Expected {
    let revision = match expect.revision {
        Named::Nothing => None,
        Named::Current => tenure.revision,
        Named::Other => Some(Revision(1 << 50)),
    };
    Expected { session_id: session_id(expect.session, tenure), revision }
}

fn requested_holder(program: &Program) -> RequestedHolder {
    RequestedHolder::Autonomous(RequestedLease {
        actor: ActorId::imported(program.actor),
        ttl: Span(program.ttl_ms),
        kind: if program.supervises {
            AutonomousKind::RuntimeSupervisor
        } else {
            AutonomousKind::RuntimeWorker
        },
        supervisor: program.supervisor.map(ActorId::imported),
        instance: program.instance.map(InstanceId::imported),
    })
}

fn requested_successor(program: Option<&Program>) -> RequestedSuccessor {
    program.map_or(RequestedSuccessor::Interactive, |program| RequestedSuccessor::Autonomous {
        actor: ActorId::imported(program.actor),
        ttl: program.ttl_given.then_some(Span(program.ttl_ms)),
        supervisor: program.supervisor.map(ActorId::imported),
        instance: program.instance.map(InstanceId::imported),
    })
}
