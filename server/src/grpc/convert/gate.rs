//! Gates: the list as a whole, and one of it.

use std::collections::HashSet;

use tenure::v1;
use tenure_core::command::{Command, PutGates, RequestedGate, UpdateGate};
use tenure_core::gate::{GATE_NOTE_MAX_CHARS, GATES_MAX, Gates};
use tenure_core::name::{ActorId, GateName};

use super::text::at_most;
use super::violation::{Parsed, Violations};
use super::{choice, once, work};

/// A list of gates.
///
/// # Errors
/// Every violation.
pub fn parse_put(mut request: v1::PutGatesRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(request.expected_session_id.as_deref(), None, &mut violations);
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let gates = list(&request.gates, &mut violations);
    let (Some(key), true) = (key, violations.is_empty()) else {
        return Err(violations);
    };
    Ok(Parsed { key, command: Command::PutGates(PutGates { actor, gates, expected }), once })
}

fn list(gates: &[v1::Gate], violations: &mut Violations) -> Vec<RequestedGate> {
    if gates.len() > GATES_MAX {
        violations.add("gates", "must be at most 100");
        return Vec::new();
    }
    let mut names = HashSet::with_capacity(gates.len());
    let gates = gates.iter().enumerate().filter_map(|(at, gate)| {
        violations.in_item("gates", at, |violations| {
            if !names.insert(gate.name.as_str()) {
                violations.add("name", "must be unique in the list");
            }
            let state = choice::gate_state(gate.state, violations).unwrap_or_default();
            let note = at_most("note", &gate.note, GATE_NOTE_MAX_CHARS, violations);
            let name = violations.required("name", &gate.name, GateName::parse)?;
            Some(RequestedGate { name, state, note: Some(note).filter(|note| !note.is_empty()) })
        })
    });
    gates.collect()
}

/// One gate, set.
///
/// # Errors
/// Every violation.
pub fn parse_update(mut request: v1::UpdateGateRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(request.expected_session_id.as_deref(), None, &mut violations);
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let name = violations.required("name", &request.name, GateName::parse);
    let state = choice::gate_state(request.state, &mut violations);
    if request.state == i32::from(v1::GateState::Unspecified) {
        violations.add("state", "must be given: open, passed, waived or failed");
    }
    let note = request.note.as_deref();
    let note = note.map(|note| at_most("note", note, GATE_NOTE_MAX_CHARS, &mut violations));
    match (key, name, state) {
        (Some(key), Some(name), Some(state)) if violations.is_empty() => {
            let command = UpdateGate { actor, name, state, note, expected };
            Ok(Parsed { key, command: Command::UpdateGate(command), once })
        }
        _ => Err(violations),
    }
}

/// The answer of a list that was set.
#[must_use]
pub fn put(gates: &Gates, replayed: bool) -> v1::PutGatesResponse {
    v1::PutGatesResponse { gates: Some(work::gates(gates)), replayed }
}

/// The answer of a gate that was set.
#[must_use]
pub fn updated(gates: &Gates, replayed: bool) -> v1::UpdateGateResponse {
    v1::UpdateGateResponse { gates: Some(work::gates(gates)), replayed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::convert::tests::paths;

    fn gate(name: &str, state: v1::GateState) -> v1::Gate {
        v1::Gate { name: name.to_owned(), state: state.into(), ..v1::Gate::default() }
    }

    fn request(gates: Vec<v1::Gate>) -> v1::PutGatesRequest {
        v1::PutGatesRequest { workspace: "acme/api".to_owned(), gates, ..Default::default() }
    }

    #[test]
    fn a_list_keeps_its_order_and_an_unspecified_state_is_open() {
        let gates = vec![
            gate("build", v1::GateState::Passed),
            v1::Gate { note: "now".to_owned(), ..gate("test", v1::GateState::Unspecified) },
        ];
        let Command::PutGates(put) = parse_put(request(gates)).unwrap().command else {
            panic!("gates")
        };
        let told: Vec<_> = put
            .gates
            .iter()
            .map(|gate| (gate.name.as_str(), gate.state, gate.note.as_deref()))
            .collect();
        use tenure_core::gate::GateState;
        assert_eq!(
            told,
            [("build", GateState::Passed, None), ("test", GateState::Open, Some("now"))]
        );
    }

    #[test]
    fn each_bad_gate_is_named_by_its_place() {
        let gates = vec![
            gate("", v1::GateState::Open),
            gate("build", v1::GateState::Open),
            v1::Gate { state: 42, note: "n".repeat(501), ..gate("build", v1::GateState::Open) },
            gate("a\u{1b}b", v1::GateState::Open),
        ];
        assert_eq!(
            paths(parse_put(request(gates))),
            ["gates[0].name", "gates[2].name", "gates[2].state", "gates[2].note", "gates[3].name"]
        );
    }

    #[test]
    fn a_list_has_at_most_100_gates() {
        let many = |n: usize| (0..n).map(|n| gate(&n.to_string(), v1::GateState::Open)).collect();
        assert!(parse_put(request(many(100))).is_ok());
        assert_eq!(paths(parse_put(request(many(101)))), ["gates"]);
    }

    #[test]
    fn an_update_names_gate_and_state_and_may_remove_the_note() {
        let empty =
            v1::UpdateGateRequest { workspace: "acme/api".to_owned(), ..Default::default() };
        assert_eq!(paths(parse_update(empty.clone())), ["name", "state"]);
        let request = v1::UpdateGateRequest {
            name: "build".to_owned(),
            state: v1::GateState::Waived.into(),
            note: Some(String::new()),
            ..empty
        };
        let Command::UpdateGate(update) = parse_update(request).unwrap().command else {
            panic!("a gate")
        };
        assert_eq!(update.note.as_deref(), Some(""));
    }
}
