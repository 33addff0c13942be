//! Surroundings to store: as large as the limits allow, and as hostile.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::checkpoint::{CHECKPOINT_MAX_BYTES, Checkpoint, CheckpointOrigin};
use tenure_core::content::{Content, Digest};
use tenure_core::escalation::{Blocking, ESCALATIONS_MAX, Escalation, EscalationKind};
use tenure_core::gate::{GATE_NOTE_MAX_CHARS, GATES_MAX, Gate, GateState, GatesRevision};
use tenure_core::handoff::{
    ActionState, HANDOFF_ACTION_MAX_CHARS, HANDOFF_ACTIONS_MAX, HANDOFF_TITLE_MAX_CHARS, Handoff,
    HandoffAction,
};
use tenure_core::legacy::IMPORTS_REMEMBERED_MAX;
use tenure_core::name::{
    ActorId, CounterName, EscalationId, GateName, Principal, SectionName, SessionId, WorkStreamName,
};
use tenure_core::parts::{Needs, Parts};
use tenure_core::projection::Digests;
use tenure_core::section::{
    CONTENT_TYPE_MAX_CHARS, ClientSection, SECTION_MAX_BYTES, SECTIONS_MAX,
};
use tenure_core::session::Revision;
use tenure_core::surroundings::{Progress, Signals, Surroundings};
use tenure_core::time::{Span, WallTime};
use tenure_core::usage::{COUNTERS_MAX, Usage};
use tenure_core::work_stream::{Score, WORK_STREAMS_MAX, WorkStream, WorkStreams};
use tenure_core::workspace::Workspace;
use tenured::store::{AroundWrite, Load, RowId, Store, Write};

use crate::limits::HOSTILE;
use crate::sample::{beat, key, moment};

/// Every part of the surroundings by itself.
pub const EACH_PART: [Parts; 9] = [
    Parts::ESCALATIONS,
    Parts::GATES,
    Parts::HANDOFF,
    Parts::CHECKPOINT,
    Parts::WORK_STREAMS,
    Parts::USAGE,
    Parts::SECTIONS,
    Parts::BASELINE,
    Parts::IMPORTED,
];

pub fn every_part() -> Parts {
    EACH_PART.into_iter().fold(Parts::NONE, Parts::with)
}

/// A hostile text of exactly `chars` characters, another for each `n`.
pub fn text(n: usize, chars: usize) -> Arc<str> {
    let all = HOSTILE.concat();
    let start = format!("{n} ");
    start.chars().chain(all.chars().cycle().skip(n)).take(chars).collect::<String>().into()
}

/// Bytes of every value, another sequence for each `n`.
pub fn bytes(n: usize, length: usize) -> Content {
    let mut rng = fastrand::Rng::with_seed(n as u64);
    Content::new(std::iter::repeat_with(|| rng.u8(..)).take(length).collect::<Vec<_>>())
}

pub fn escalation(id: &str, kind: EscalationKind) -> Escalation {
    Escalation {
        id: EscalationId::imported(id),
        kind,
        reason: text(id.len(), 500),
        raised_at: WallTime(7),
        actor: Some(ActorId::imported("worker")),
        principal: Principal::imported("local"),
        session_id: Some(SessionId::imported("ses_1")),
    }
}

pub fn section(n: usize, length: usize) -> ClientSection {
    ClientSection {
        name: SectionName::imported(&format!("{n:0>64}")),
        content_type: text(n, CONTENT_TYPE_MAX_CHARS),
        content: bytes(n, length),
    }
}

pub fn sections(sections: impl IntoIterator<Item = ClientSection>) -> Surroundings {
    let by_name = |section: ClientSection| (section.name.clone(), Arc::new(section));
    Surroundings {
        sections: sections.into_iter().map(by_name).collect(),
        ..Surroundings::default()
    }
}

fn gate(n: usize) -> Gate {
    let states = [GateState::Open, GateState::Passed, GateState::Waived, GateState::Failed];
    Gate {
        name: GateName::imported(&text(n, 128)),
        state: states[n % states.len()],
        note: (!n.is_multiple_of(3)).then(|| text(n, GATE_NOTE_MAX_CHARS)),
        updated_at: WallTime(n as u64),
        updated_by_actor: n.is_multiple_of(2).then(|| ActorId::imported(&text(n, 256))),
        updated_by: Principal::imported("operator"),
    }
}

pub fn checkpoint(n: usize, length: usize) -> Checkpoint {
    let origin = CheckpointOrigin {
        set_at: WallTime(n as u64),
        session_id: n.is_multiple_of(2).then(|| SessionId::imported(&text(n, 64))),
        actor: ActorId::imported(&text(n, 256)),
        revision: Revision(u64::MAX),
    };
    Checkpoint { content: bytes(n, length), origin }
}

pub fn work_stream(n: usize) -> WorkStream {
    let (name, score) = (WorkStreamName::imported(&text(n, 128)), Score(u64::MAX - n as u64));
    WorkStream { name, score, touched_at: moment(n as u64) }
}

/// How much of everything.
struct Size {
    /// How many of each kind, at most.
    many: usize,
    chars: usize,
    bytes: usize,
}

/// All that can surround a session at once, another for each `n`.
pub fn at_the_limits(n: usize) -> Surroundings {
    around(n, &Size { many: usize::MAX, chars: usize::MAX, bytes: usize::MAX })
}

/// A little of everything, another for each `n`.
pub fn a_little(n: usize) -> Surroundings {
    around(n, &Size { many: 3, chars: 9, bytes: 100 })
}

fn around(n: usize, size: &Size) -> Surroundings {
    let upto = |max: usize| 0..max.min(size.many);
    let text = |at, max: usize| text(at, max.min(size.chars));
    let kinds = [EscalationKind::NonBlocking, EscalationKind::Blocking];
    let action = |at| HandoffAction {
        text: text(at + n, HANDOFF_ACTION_MAX_CHARS),
        state: [ActionState::Open, ActionState::Done, ActionState::Dropped][at % 3],
    };
    let counter = |at| (CounterName::imported(&format!("{at:0>64}")), u64::MAX - (at + n) as u64);
    let handoff = Handoff {
        title: text(n, HANDOFF_TITLE_MAX_CHARS),
        actions: upto(HANDOFF_ACTIONS_MAX).map(action).collect(),
        put_at: WallTime(n as u64),
        actor: None,
        principal: Principal::imported("local"),
        session_id: None,
    };
    let mut around = Surroundings {
        // Their ids fall, so that the order in which they were raised is not that of ids.
        escalations: upto(ESCALATIONS_MAX)
            .map(|at| escalation(&format!("esc_{n}_{:03}", 999 - at), kinds[at % 2]))
            .collect(),
        gates: upto(GATES_MAX).map(|at| gate(at + n)).collect(),
        handoff: Some(Arc::new(handoff)),
        checkpoint: Some(Arc::new(checkpoint(n, CHECKPOINT_MAX_BYTES.min(size.bytes)))),
        progress: Progress {
            work_streams: WorkStreams {
                half_life: Span(n as u64 + 1),
                streams: upto(WORK_STREAMS_MAX).map(|at| work_stream(at + n)).collect(),
            },
            usage: Some(Usage {
                input_tokens: u64::MAX,
                output_tokens: n as u64,
                cost_microunits: u64::MAX - 1,
                wall_time: Some(Span(u64::MAX)),
                counters: upto(COUNTERS_MAX).map(counter).collect(),
            }),
        },
        sections: sections(
            upto(SECTIONS_MAX).map(|at| section(at + n, SECTION_MAX_BYTES.min(size.bytes))),
        )
        .sections,
        baseline: None,
        imported: upto(IMPORTS_REMEMBERED_MAX)
            .map(|at| Digest::of(format!("{n} {at}").as_bytes()))
            .collect(),
    };
    let workspace = Workspace {
        surroundings: Some(Box::new(around.clone())),
        ..Workspace::unknown(key("any"))
    };
    around.baseline = Some(Arc::new(Digests::of(&workspace)));
    around
}

pub fn signals(n: u64) -> Signals {
    let oldest = EscalationId::imported("esc_1");
    let blocking = Blocking { count: 3, oldest, reason: text(1, 500) };
    Signals { gates_revision: GatesRevision(n), blocking: Some(Arc::new(blocking)) }
}

/// A write that changes `parts` of what surrounds the session, and the hot row as a beat does.
pub fn put(
    workspace: &str,
    row: RowId,
    version: u64,
    parts: Parts,
    surroundings: Surroundings,
) -> Write {
    let around = Some(AroundWrite { parts, surroundings: Arc::new(surroundings) });
    Write { around, ..beat(workspace, row, version) }
}

/// What surrounds the session of a stored workspace.
pub async fn surrounded(store: &impl Store, workspace: &str) -> Surroundings {
    let load = Load { keys: vec![(key(workspace), Needs::Everything)], outcomes: Vec::new() };
    let stored = store.load(load).await.unwrap().workspaces.remove(0).unwrap();
    *stored.surroundings.unwrap()
}

/// `before`, with the parts that are written taken from `after`.
pub fn replaced(before: &Surroundings, parts: Parts, after: &Surroundings) -> Surroundings {
    let of = |part| if parts.meets(part) { after } else { before };
    Surroundings {
        escalations: of(Parts::ESCALATIONS).escalations.clone(),
        gates: of(Parts::GATES).gates.clone(),
        handoff: of(Parts::HANDOFF).handoff.clone(),
        checkpoint: of(Parts::CHECKPOINT).checkpoint.clone(),
        progress: Progress {
            work_streams: of(Parts::WORK_STREAMS).progress.work_streams.clone(),
            usage: of(Parts::USAGE).progress.usage.clone(),
        },
        sections: BTreeMap::clone(&of(Parts::SECTIONS).sections),
        baseline: of(Parts::BASELINE).baseline.clone(),
        imported: of(Parts::IMPORTED).imported.clone(),
    }
}
