//! How what surrounds a session is shown: gates, questions, handoff, checkpoint, usage.

use tenure::v1::{
    Checkpoint, Escalation, EscalationKind, Gate, GateState, Gates, Handoff, HandoffActionState,
    Projection, Usage, WorkStream,
};

use crate::output::details::Details;
use crate::output::table::Table;
use crate::output::time::{Now, span};
use crate::output::{Output, words};

/// How many of the questions that ask nothing of the holder are shown in full.
const QUESTIONS_SHOWN_MAX: usize = 3;
/// How many work streams are shown, unless more was asked for.
const STREAMS_SHOWN_MAX: usize = 3;
/// The unit of cost in the contract is a millionth.
const MICRO: u64 = 1_000_000;

/// The gates in order, the one that needs attention marked.
#[must_use]
pub fn gates_table(gates: &Gates, output: Output) -> String {
    let now = Now::read();
    let or_none =
        |text: &str| if text.is_empty() { words::NONE.to_owned() } else { text.to_owned() };
    let mut headers = vec!["next", "gate", "state", "set", "by", "note"];
    if output.is_wide() {
        headers.push("principal");
    }
    let mut table = Table::new(output, &headers);
    for gate in &gates.gates {
        let mark = if gate.name == gates.attention_anchor { "*" } else { "" };
        let mut cells = vec![
            mark.to_owned(),
            gate.name.clone(),
            words::gate_state(gate.state),
            now.relative(gate.updated_at),
            or_none(&gate.updated_by_actor),
            or_none(&gate.note),
        ];
        if output.is_wide() {
            cells.push(or_none(&gate.updated_by_principal));
        }
        table.add(&cells);
    }
    table.render()
}

/// Adds what there is to know of the work.
pub fn add_facts(details: &mut Details, projection: &Projection, now: Now, wide: bool) {
    add_escalations(details, &projection.escalations, now);
    if let Some(gates) = &projection.gates {
        add_gates(details, gates, wide);
    }
    if let Some(handoff) = &projection.handoff {
        details.fact("handoff", self::handoff(handoff, now));
        let open = handoff.actions.iter().find(|it| is_open(it.state()));
        details.known("", open.map_or_else(String::new, |it| format!("first: {}", it.text)));
    }
    if let Some(checkpoint) = &projection.checkpoint {
        details.fact("checkpoint", self::checkpoint(checkpoint, now));
    }
    if let Some(usage) = &projection.usage {
        details.fact("usage", self::usage(usage));
    }
    add_streams(details, &projection.work_streams, now, wide);
    for section in &projection.client_sections {
        let kind = match section.content_type.as_str() {
            "" => String::new(),
            kind => format!(" ({kind})"),
        };
        let size = section.content.len();
        details.fact("section", format!("{}: {size} bytes{kind}", section.name));
    }
    if projection.waiters > 0 {
        details.fact("waiting", projection.waiters.to_string());
    }
}

fn add_escalations(details: &mut Details, open: &[Escalation], now: Now) {
    let (blocking, others): (Vec<_>, Vec<_>) =
        open.iter().partition(|it| it.kind() == EscalationKind::Blocking);
    for escalation in blocking {
        details.fact("blocked by", question(escalation, now));
    }
    let count = others.len();
    for escalation in others.into_iter().take(QUESTIONS_SHOWN_MAX) {
        details.fact("question", question(escalation, now));
    }
    if count > QUESTIONS_SHOWN_MAX {
        details.fact("", format!("and {} more", count - QUESTIONS_SHOWN_MAX));
    }
}

fn question(escalation: &Escalation, now: Now) -> String {
    let raised = now.relative(escalation.raised_at);
    let by = match escalation.actor_id.as_str() {
        "" => String::new(),
        actor => format!(" by {actor}"),
    };
    format!("{} ({}, {raised}{by})", escalation.reason, escalation.escalation_id)
}

fn add_gates(details: &mut Details, gates: &Gates, wide: bool) {
    let passed = |gate: &&Gate| matches!(gate.state(), GateState::Passed | GateState::Waived);
    let mut text =
        format!("{} of {} passed", gates.gates.iter().filter(passed).count(), gates.gates.len());
    let anchor = gates.gates.iter().find(|gate| gate.name == gates.attention_anchor);
    if let Some(anchor) = anchor {
        text.push_str(&format!(", next: {} ({})", anchor.name, words::gate_state(anchor.state)));
    }
    details.fact("gates", text);
    if let Some(anchor) = anchor {
        details.known("", anchor.note.as_str());
    }
    match gates.applied_gates_revision {
        Some(applied) if applied < gates.gates_revision => {
            details.fact("", "changed, and the holder has not applied it yet");
        }
        _ if wide => {
            details.fact("", format!("revision {}", gates.gates_revision));
        }
        _ => {}
    }
    if wide {
        for gate in &gates.gates {
            details.fact("", format!("{}: {}", gate.name, words::gate_state(gate.state)));
        }
    }
}

/// A handoff in one line.
#[must_use]
pub fn handoff(handoff: &Handoff, now: Now) -> String {
    let all = handoff.actions.len();
    let open = handoff.actions.iter().filter(|it| is_open(it.state())).count();
    let by = match handoff.actor_id.as_str() {
        "" => String::new(),
        actor => format!(" by {actor}"),
    };
    let put = now.relative(handoff.put_at);
    format!("{}, {open} of {all} actions open ({put}{by})", handoff.title)
}

fn is_open(state: HandoffActionState) -> bool {
    matches!(state, HandoffActionState::Unspecified | HandoffActionState::Open)
}

/// A checkpoint in one line.
#[must_use]
pub fn checkpoint(checkpoint: &Checkpoint, now: Now) -> String {
    let by = match checkpoint.actor_id.as_str() {
        "" => String::new(),
        actor => format!(" by {actor}"),
    };
    let set = now.relative(checkpoint.set_at);
    format!("{} bytes, {set}{by}", checkpoint.content.len())
}

/// Usage totals in one line.
#[must_use]
pub fn usage(usage: &Usage) -> String {
    let mut parts = vec![format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens)];
    if usage.cost_microunits > 0 {
        let (whole, part) = (usage.cost_microunits / MICRO, usage.cost_microunits % MICRO);
        let part = format!("{part:06}");
        // At least two places, as money is written.
        let part = part.trim_end_matches('0');
        parts.push(format!("cost {whole}.{part:0<2}"));
    }
    if usage.wall_time.is_some() {
        parts.push(format!("worked {}", span(usage.wall_time)));
    }
    parts.extend(usage.counters.iter().map(|(name, total)| format!("{name} {total}")));
    parts.join(", ")
}

fn add_streams(details: &mut Details, streams: &[WorkStream], now: Now, wide: bool) {
    let shown = if wide { streams.len() } else { STREAMS_SHOWN_MAX };
    for stream in streams.iter().take(shown) {
        let touched = now.relative(stream.last_touched_at);
        details.fact("work", format!("{}, score {:.2}, {touched}", stream.name, stream.score));
    }
    if streams.len() > shown {
        details.fact("", format!("and {} more", streams.len() - shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_one_line_with_money_as_people_write_it() {
        let all = Usage {
            input_tokens: 1_200,
            output_tokens: 30,
            cost_microunits: 2_500_000,
            wall_time: Some(prost_types::Duration { seconds: 3_725, nanos: 0 }),
            counters: [("tool_calls".to_owned(), 7)].into(),
        };
        let expected = "1200 tokens in, 30 out, cost 2.50, worked 1h 2m, tool_calls 7";
        assert_eq!(usage(&all), expected);
        let cheap = Usage { cost_microunits: 123, ..Usage::default() };
        assert_eq!(usage(&cheap), "0 tokens in, 0 out, cost 0.000123");
    }
}
