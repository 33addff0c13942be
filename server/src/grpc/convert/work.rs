//! What surrounds a session, as every read and every event shows it.

use tenure::v1;
use tenure_core::checkpoint::Checkpoint;
use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::gate::{self, Gate, GateState, Gates};
use tenure_core::handoff::{ActionState, Handoff};
use tenure_core::name::{ActorId, SessionId};
use tenure_core::usage::Usage;

use super::time::{duration, timestamp};

/// An escalation.
#[must_use]
pub fn escalation(escalation: &Escalation) -> v1::Escalation {
    v1::Escalation {
        escalation_id: escalation.id.as_str().to_owned(),
        kind: escalation_kind(escalation.kind).into(),
        reason: escalation.reason.to_string(),
        raised_at: Some(timestamp(escalation.raised_at)),
        actor_id: actor_id(escalation.actor.as_ref()),
        principal: escalation.principal.as_str().to_owned(),
        session_id: session_id(escalation.session_id.as_ref()),
    }
}

/// The gates, with their attention anchor.
#[must_use]
pub fn gates(gates: &Gates) -> v1::Gates {
    v1::Gates {
        gates: gates.list.iter().map(gate).collect(),
        gates_revision: gates.revision.0,
        applied_gates_revision: gates.applied.map(|applied| applied.0),
        attention_anchor: gate::attention_anchor(&gates.list)
            .map_or_else(String::new, |gate| gate.name.as_str().to_owned()),
    }
}

/// One gate.
#[must_use]
pub fn gate(gate: &Gate) -> v1::Gate {
    v1::Gate {
        name: gate.name.as_str().to_owned(),
        state: gate_state(gate.state).into(),
        note: gate.note.as_ref().map_or_else(String::new, ToString::to_string),
        updated_at: Some(timestamp(gate.updated_at)),
        updated_by_actor: actor_id(gate.updated_by_actor.as_ref()),
        updated_by_principal: gate.updated_by.as_str().to_owned(),
    }
}

/// A handoff.
#[must_use]
pub fn handoff(handoff: &Handoff) -> v1::Handoff {
    let actions = handoff.actions.iter().map(|action| v1::HandoffAction {
        text: action.text.to_string(),
        state: action_state(action.state).into(),
    });
    v1::Handoff {
        title: handoff.title.to_string(),
        actions: actions.collect(),
        put_at: Some(timestamp(handoff.put_at)),
        actor_id: actor_id(handoff.actor.as_ref()),
        principal: handoff.principal.as_str().to_owned(),
        session_id: session_id(handoff.session_id.as_ref()),
    }
}

/// A checkpoint, with its content.
#[must_use]
pub fn checkpoint(checkpoint: &Checkpoint) -> v1::Checkpoint {
    let origin = &checkpoint.origin;
    v1::Checkpoint {
        content: checkpoint.content.bytes().to_vec(),
        set_at: Some(timestamp(origin.set_at)),
        session_id: session_id(origin.session_id.as_ref()),
        actor_id: origin.actor.as_str().to_owned(),
        revision: origin.revision.0,
    }
}

/// Usage totals.
#[must_use]
pub fn usage(usage: &Usage) -> v1::Usage {
    let counters = usage.counters.iter().map(|(name, total)| (name.as_str().to_owned(), *total));
    v1::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_microunits: usage.cost_microunits,
        wall_time: usage.wall_time.map(duration),
        counters: counters.collect(),
    }
}

/// How far a gate has come.
#[must_use]
pub const fn gate_state(state: GateState) -> v1::GateState {
    match state {
        GateState::Open => v1::GateState::Open,
        GateState::Passed => v1::GateState::Passed,
        GateState::Waived => v1::GateState::Waived,
        GateState::Failed => v1::GateState::Failed,
    }
}

const fn escalation_kind(kind: EscalationKind) -> v1::EscalationKind {
    match kind {
        EscalationKind::Blocking => v1::EscalationKind::Blocking,
        EscalationKind::NonBlocking => v1::EscalationKind::NonBlocking,
    }
}

const fn action_state(state: ActionState) -> v1::HandoffActionState {
    match state {
        ActionState::Open => v1::HandoffActionState::Open,
        ActionState::Done => v1::HandoffActionState::Done,
        ActionState::Dropped => v1::HandoffActionState::Dropped,
    }
}

fn actor_id(actor: Option<&ActorId>) -> String {
    actor.map_or_else(String::new, |actor| actor.as_str().to_owned())
}

fn session_id(id: Option<&SessionId>) -> String {
    id.map_or_else(String::new, |id| id.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use tenure_core::name::CounterName;
    use tenure_core::time::Span;

    use super::*;
    use crate::grpc::convert::samples;

    #[test]
    fn an_escalation_names_who_raised_it_when_and_in_which_session() {
        let shown = escalation(&samples::escalation());
        assert_eq!((&*shown.escalation_id, shown.kind()), ("esc_1", v1::EscalationKind::Blocking));
        assert_eq!((&*shown.reason, &*shown.actor_id), ("may I?", "worker-1"));
        assert_eq!((&*shown.principal, &*shown.session_id), ("local", "ses_1"));
        assert_eq!(shown.raised_at, Some(timestamp(samples::moment(samples::NOW).wall)));
    }

    #[test]
    fn gates_are_shown_in_order_with_the_attention_anchor() {
        let shown = gates(&samples::gates());
        let gates: Vec<_> = shown.gates.iter().map(|gate| (&*gate.name, gate.state())).collect();
        let expected = [("build", v1::GateState::Waived), ("review", v1::GateState::Failed)];
        assert_eq!(gates, expected);
        assert_eq!((shown.gates_revision, shown.applied_gates_revision), (3, Some(2)));
        assert_eq!(shown.attention_anchor, "review");
        assert_eq!((&*shown.gates[0].note, &*shown.gates[0].updated_by_actor), ("by hand", ""));
    }

    #[test]
    fn a_handoff_and_a_checkpoint_are_shown_whole() {
        let shown = handoff(&samples::handoff());
        assert_eq!(
            (&*shown.title, &*shown.actor_id, &*shown.session_id),
            ("the parser", "worker-1", "")
        );
        let [action] = &shown.actions[..] else { panic!() };
        assert_eq!((&*action.text, action.state()), ("test it", v1::HandoffActionState::Dropped));
        let shown = checkpoint(&samples::checkpoint());
        assert_eq!((&*shown.content, shown.revision), (&b"half-way"[..], 8));
        assert_eq!((&*shown.session_id, &*shown.actor_id), ("ses_1", "worker-1"));
    }

    #[test]
    fn usage_shows_each_total_and_no_time_that_was_not_reported() {
        let counters = [(CounterName::imported("calls"), 3)].into();
        let mut totals = Usage {
            input_tokens: 1,
            output_tokens: 2,
            cost_microunits: 4,
            counters,
            wall_time: None,
        };
        let shown = usage(&totals);
        assert_eq!((shown.input_tokens, shown.output_tokens, shown.cost_microunits), (1, 2, 4));
        assert_eq!((shown.counters["calls"], shown.wall_time), (3, None));
        totals.wall_time = Some(Span::from_secs(5));
        assert_eq!(usage(&totals).wall_time.map(|time| time.seconds), Some(5));
    }
}
