//! Workspaces with something around their session, and the commands about it.

use std::sync::Arc;

use super::{NOW, Scene, actor, at};
use crate::checkpoint::{Checkpoint, CheckpointOrigin};
use crate::command::{
    Expected, Heartbeat, PutGates, PutHandoff, RaiseEscalation, Report, RequestedGate,
    ResolveEscalation, UpdateGate,
};
use crate::content::Content;
use crate::escalation::{Blocking, Escalation, EscalationKind};
use crate::gate::{Gate, GateState, GatesRevision};
use crate::handoff::{ActionState, Handoff, HandoffAction};
use crate::name::{CounterName, EscalationId, GateName, Principal, SectionName, WorkStreamName};
use crate::projection::Digests;
use crate::section::ClientSection;
use crate::session::Revision;
use crate::surroundings::Surroundings;
use crate::time::Span;
use crate::usage::Usage;
use crate::work_stream::HALF_LIFE_DEFAULT;

/// The revision of the gates of a workspace that has some.
pub(crate) const GATES_REVISION: GatesRevision = GatesRevision(7);

pub(crate) fn escalation(id: &str, kind: EscalationKind) -> Escalation {
    Escalation {
        id: EscalationId::imported(id),
        kind,
        reason: "may I?".into(),
        raised_at: at(NOW - 5_000).wall,
        actor: Some(actor("a")),
        principal: Principal::imported("starter"),
        session_id: None,
    }
}

pub(crate) fn gate(name: &str, state: GateState) -> Gate {
    Gate {
        name: GateName::imported(name),
        state,
        note: Some("as it was".into()),
        updated_at: at(NOW - 5_000).wall,
        updated_by_actor: Some(actor("a")),
        updated_by: Principal::imported("starter"),
    }
}

pub(crate) fn section(name: &str, content: &[u8]) -> ClientSection {
    ClientSection {
        name: SectionName::imported(name),
        content_type: "text/plain".into(),
        content: Content::new(content),
    }
}

pub(crate) fn usage(input_tokens: u64, counters: &[(&str, u64)]) -> Usage {
    let counters = counters.iter().map(|(name, value)| (CounterName::imported(name), *value));
    Usage { input_tokens, counters: counters.collect(), ..Usage::default() }
}

pub(crate) fn stream(name: &str) -> WorkStreamName {
    WorkStreamName::imported(name)
}

impl Scene {
    pub(crate) fn around(&mut self) -> &mut Surroundings {
        self.workspace.surroundings.as_mut().unwrap()
    }

    /// With all that a session may leave behind: escalations of both kinds, gates of which the
    /// second is open, handoff, checkpoint.
    pub(crate) fn surrounded(mut self) -> Self {
        let checkpoint = Checkpoint {
            content: Content::new(&b"half-way"[..]),
            origin: CheckpointOrigin {
                set_at: at(NOW - 5_000).wall,
                session_id: None,
                actor: actor("a"),
                revision: Revision(41),
            },
        };
        let handoff = Handoff {
            title: "the parser".into(),
            actions: vec![HandoffAction { text: "test it".into(), state: ActionState::Open }],
            put_at: at(NOW - 5_000).wall,
            actor: None,
            principal: Principal::imported("starter"),
            session_id: None,
        };
        let around = self.around();
        around.escalations = vec![
            escalation("esc_asks", EscalationKind::NonBlocking),
            escalation("esc_waits", EscalationKind::Blocking),
        ];
        around.gates = vec![gate("build", GateState::Passed), gate("review", GateState::Open)];
        around.checkpoint = Some(Arc::new(checkpoint));
        around.handoff = Some(Arc::new(handoff));
        let blocking = Blocking::among(&around.escalations);
        self.workspace.tenure.signals.gates_revision = GATES_REVISION;
        self.workspace.tenure.signals.blocking = blocking.map(Arc::new);
        self
    }

    /// With what the stored session has done so far: a work stream, usage, a client section and
    /// a baseline from before all of it.
    pub(crate) fn worked(mut self) -> Self {
        let digests = Digests::of(&self.workspace);
        let around = self.around();
        around.baseline = Some(Arc::new(digests));
        let streams = &mut around.progress.work_streams;
        let touch = streams.touch(&stream("parsing"), at(NOW - 5_000), HALF_LIFE_DEFAULT);
        streams.apply(&touch);
        around.progress.usage = Some(usage(1_000, &[("calls", 3)]));
        around.sections.insert(SectionName::imported("git"), Arc::new(section("git", b"main")));
        if let Some(session) = &mut self.workspace.tenure.session {
            session.stalls_at = Some(touch.stalls_at);
            session.applied_gates_revision = Some(GatesRevision(6));
        }
        self
    }
}

pub(crate) fn report(owner: &str, report: Report) -> Heartbeat {
    Heartbeat { report: Some(Box::new(report)), ..super::beat(owner) }
}

pub(crate) fn touching(owner: &str, name: &str) -> Heartbeat {
    report(owner, Report { work_stream: Some(stream(name)), ..Report::default() })
}

pub(crate) fn raise(kind: EscalationKind) -> RaiseEscalation {
    RaiseEscalation { actor: Some(actor("w")), kind, reason: "which one?".into() }
}

pub(crate) fn resolve(id: &str) -> ResolveEscalation {
    ResolveEscalation {
        actor: Some(actor("w")),
        id: EscalationId::imported(id),
        reason: Some("the left one".into()),
    }
}

pub(crate) fn put_gates(gates: &[(&str, GateState)]) -> PutGates {
    let gates = gates.iter().map(|&(name, state)| RequestedGate {
        name: GateName::imported(name),
        state,
        note: None,
    });
    PutGates { actor: Some(actor("w")), gates: gates.collect(), expected: Expected::default() }
}

pub(crate) fn update_gate(name: &str, state: GateState, note: Option<&str>) -> UpdateGate {
    UpdateGate {
        actor: Some(actor("w")),
        name: GateName::imported(name),
        state,
        note: note.map(Into::into),
        expected: Expected::default(),
    }
}

pub(crate) fn put_handoff(title: &str) -> PutHandoff {
    PutHandoff {
        actor: Some(actor("w")),
        title: title.into(),
        actions: vec![HandoffAction { text: "go on".into(), state: ActionState::Open }],
        expected: Expected::default(),
    }
}

/// Half a half-life, so that scores are uneven numbers.
pub(crate) const A_WHILE: Span = Span(HALF_LIFE_DEFAULT.0 / 2);
