//! What a drawn call means where it is made: its names are resolved against what is stored.

use tenure_core::command::{
    Await, CancelTransfer, Clear, Command, Expected, ForceTakeOver, Heartbeat, Join, PutGates,
    PutHandoff, RaiseEscalation, Report, RequestedGate, RequestedHolder, RequestedLease,
    RequestedSuccessor, ResolveEscalation, Start, TakeOver, UpdateGate, Yield,
};
use tenure_core::content::Content;
use tenure_core::escalation::EscalationKind;
use tenure_core::gate::{GateState, GatesRevision};
use tenure_core::name::{
    ActorId, EscalationId, GateName, InstanceId, SectionName, SessionId, WorkStreamName,
};
use tenure_core::section::ClientSection;
use tenure_core::session::{AutonomousKind, Mode, Revision};
use tenure_core::time::Span;
use tenure_core::usage::Usage;
use tenure_core::workspace::{Tenure, Workspace};

use crate::ops::{Ask, Expect, Named, Program, Told};

/// The command that `ask` means while `workspace` is stored.
pub fn command(ask: &Ask, workspace: &Workspace) -> Command {
    let tenure = &workspace.tenure;
    let actor = |name: &&str| ActorId::imported(name);
    match ask {
        Ask::Start { program, supersede, mode, expect } => Command::Start(Start {
            mode: mode.map(|research| if research { Mode::Research } else { Mode::Implement }),
            ..start(program.as_ref(), *supersede, expected(*expect, tenure))
        }),
        Ask::Await { program, supersede, take_over, claim_ms, expect } => Command::Await(Await {
            start: start(program.as_ref(), *supersede, expected(*expect, tenure)),
            take_over: take_over.then(|| "taken".into()),
            claim_within: Span(*claim_ms),
        }),
        Ask::Beat { actor: name, session, activity, told } => Command::Heartbeat(Heartbeat {
            actor: actor(name),
            session_id: session_id(*session, tenure),
            activity: activity.map(Into::into),
            report: report(told),
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
        Ask::Raise { blocking, .. } => Command::RaiseEscalation(RaiseEscalation {
            actor: None,
            kind: if *blocking { EscalationKind::Blocking } else { EscalationKind::NonBlocking },
            reason: "why?".into(),
        }),
        Ask::Resolve { at } => Command::ResolveEscalation(ResolveEscalation {
            actor: None,
            id: workspace
                .around()
                .escalations
                .get(*at)
                .map_or_else(|| EscalationId::imported("esc_none"), |open| open.id.clone()),
            reason: None,
        }),
        Ask::PutGates { names, expect } => Command::PutGates(PutGates {
            actor: None,
            gates: names.iter().map(|name| requested_gate(name)).collect(),
            expected: expected(*expect, tenure),
        }),
        Ask::UpdateGate { name, state, note, expect } => Command::UpdateGate(UpdateGate {
            actor: None,
            name: GateName::imported(name),
            state: [GateState::Open, GateState::Passed, GateState::Waived, GateState::Failed]
                [usize::from(*state)],
            note: note.map(Into::into),
            expected: expected(*expect, tenure),
        }),
        Ask::Register => Command::Register,
        Ask::PutHandoff { title, expect } => Command::PutHandoff(PutHandoff {
            actor: None,
            title: (*title).into(),
            actions: Vec::new(),
            expected: expected(*expect, tenure),
        }),
    }
}

fn start(program: Option<&Program>, supersede: bool, expected: Expected) -> Start {
    let holder = program.map_or(RequestedHolder::Interactive, requested_holder);
    Start { holder, mode: None, supersede, machine: None, expected }
}

fn requested_gate(name: &str) -> RequestedGate {
    RequestedGate { name: GateName::imported(name), state: GateState::Open, note: None }
}

fn report(told: &Told) -> Option<Box<Report>> {
    let usage = told.tokens.map(|input_tokens| Usage { input_tokens, ..Usage::default() });
    let section = |number: u8, full: bool| ClientSection {
        name: SectionName::imported(&format!("s{number}")),
        content_type: "".into(),
        content: Content::new(if full { &b"content"[..] } else { b"" }),
    };
    let sections = told.sections.map_or_else(Vec::new, |(from, count, full)| {
        (from..from + count).map(|number| section(number, full)).collect()
    });
    let report = Report {
        work_stream: told.stream.map(WorkStreamName::imported),
        usage,
        gates_revision: told.gates.map(GatesRevision),
        checkpoint: told.checkpoint.map(|byte| Content::new(&[byte][..])),
        sections,
    };
    (report != Report::default()).then(|| Box::new(report))
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
