//! Handoffs.

use tenure::v1;
use tenure_core::command::{Command, PutHandoff};
use tenure_core::handoff::{
    HANDOFF_ACTION_MAX_CHARS, HANDOFF_ACTIONS_MAX, HANDOFF_TITLE_MAX_CHARS, Handoff, HandoffAction,
};
use tenure_core::name::ActorId;

use super::text::required;
use super::violation::{Parsed, Violations};
use super::{choice, once, work};

/// A handoff.
///
/// # Errors
/// Every violation.
pub fn parse_put(mut request: v1::PutHandoffRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let expected = once::expected(request.expected_session_id.as_deref(), None, &mut violations);
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let Some(handoff) = request.handoff else {
        violations.add("handoff", "must be given");
        return Err(violations);
    };
    let title = required("handoff.title", &handoff.title, HANDOFF_TITLE_MAX_CHARS, &mut violations);
    let actions = actions(&handoff.actions, &mut violations);
    match (key, title) {
        (Some(key), Some(title)) if violations.is_empty() => {
            let command = PutHandoff { actor, title, actions, expected };
            Ok(Parsed { key, command: Command::PutHandoff(command), once })
        }
        _ => Err(violations),
    }
}

fn actions(actions: &[v1::HandoffAction], violations: &mut Violations) -> Vec<HandoffAction> {
    if actions.len() > HANDOFF_ACTIONS_MAX {
        violations.add("handoff.actions", "must be at most 100");
        return Vec::new();
    }
    let actions = actions.iter().enumerate().filter_map(|(at, action)| {
        violations.in_item("handoff.actions", at, |violations| {
            let state = choice::action_state(action.state, violations);
            let text = required("text", &action.text, HANDOFF_ACTION_MAX_CHARS, violations)?;
            Some(HandoffAction { text, state })
        })
    });
    actions.collect()
}

/// The answer of a handoff that was put.
#[must_use]
pub fn put(handoff: &Handoff, replayed: bool) -> v1::PutHandoffResponse {
    v1::PutHandoffResponse { handoff: Some(work::handoff(handoff)), replayed }
}

#[cfg(test)]
mod tests {
    use tenure_core::handoff::ActionState;

    use super::*;
    use crate::grpc::convert::tests::paths;

    fn request(title: &str, actions: Vec<v1::HandoffAction>) -> v1::PutHandoffRequest {
        let handoff = v1::Handoff { title: title.to_owned(), actions, ..v1::Handoff::default() };
        v1::PutHandoffRequest {
            workspace: "acme/api".to_owned(),
            handoff: Some(handoff),
            ..v1::PutHandoffRequest::default()
        }
    }

    fn action(text: &str, state: i32) -> v1::HandoffAction {
        v1::HandoffAction { text: text.to_owned(), state }
    }

    #[test]
    fn a_handoff_has_a_title_and_its_actions_in_order() {
        let done = v1::HandoffActionState::Done.into();
        let actions = vec![action("first", 0), action("second", done)];
        let parsed = parse_put(request("the parser", actions)).unwrap();
        let Command::PutHandoff(put) = parsed.command else { panic!("a handoff") };
        let told: Vec<_> = put.actions.iter().map(|it| (&*it.text, it.state)).collect();
        assert_eq!(told, [("first", ActionState::Open), ("second", ActionState::Done)]);
        assert_eq!(&*put.title, "the parser");
    }

    #[test]
    fn title_and_actions_are_bounded_and_each_bad_one_is_named() {
        let none = v1::PutHandoffRequest { handoff: None, ..request("", vec![]) };
        assert_eq!(paths(parse_put(none)), ["handoff"]);
        let actions = vec![action("", 0), action("ok", 0), action(&"x".repeat(501), 9)];
        assert_eq!(
            paths(parse_put(request(&"t".repeat(201), actions))),
            [
                "handoff.title",
                "handoff.actions[0].text",
                "handoff.actions[2].state",
                "handoff.actions[2].text"
            ]
        );
        let longest = action(&"ä".repeat(500), 0);
        assert!(parse_put(request(&"ä".repeat(200), vec![longest.clone(); 100])).is_ok());
        let many = request("t", vec![longest; 101]);
        assert_eq!(paths(parse_put(many)), ["handoff.actions"]);
    }
}
