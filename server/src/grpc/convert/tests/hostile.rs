//! Arbitrary requests: a converter answers or refuses, and never panics.
//!
//! The strategies are boxed, because nested ones are too large for a test thread's stack.

use proptest::prelude::*;
use tenure::v1::force_take_over_session_request::Successor as Forced;
use tenure::v1::start_session_request::Holder;
use tenure::v1::take_over_session_request::Successor;

use super::super::{
    beat, ending, escalation, forced, gate, handoff, list, projection, start as starts, takeover,
};
use super::*;

/// Texts at and over every bound, with what disturbs a terminal, a path, a query.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just(String::new()),
        Just("acme/api".to_owned()),
        Just("worker-1".to_owned()),
        Just("0190a6f4-7b2c-7def-8123-456789abcdef".to_owned()),
        Just("a\u{0}b\u{1b}[2J\u{202E}\u{2066}".to_owned()),
        Just("../../etc/passwd".to_owned()),
        Just("'; DROP TABLE sessions; --".to_owned()),
        "\\PC{0,40}",
        any::<String>(),
        (0_usize..3_000).prop_map(|n| "é".repeat(n)),
    ]
    .boxed()
}

fn duration() -> BoxedStrategy<Option<prost_types::Duration>> {
    let extreme =
        prop_oneof![Just(0), Just(1), Just(30), Just(i64::MAX), Just(i64::MIN), any::<i64>()];
    let nanos = prop_oneof![Just(0), Just(-1), Just(i32::MAX), Just(i32::MIN), any::<i32>()];
    prop::option::of(
        (extreme, nanos).prop_map(|(seconds, nanos)| prost_types::Duration { seconds, nanos }),
    )
    .boxed()
}

fn machine() -> BoxedStrategy<Option<v1::MachineRef>> {
    let labels = prop::collection::btree_map(text(), text(), 0..40);
    prop::option::of(
        (text(), text(), labels).prop_map(|(machine_id, host, labels)| v1::MachineRef {
            machine_id,
            host,
            labels,
        }),
    )
    .boxed()
}

fn holder() -> BoxedStrategy<v1::AutonomousHolder> {
    let seconds = (prop::option::of(text()), prop::option::of(text()));
    (text(), duration(), any::<i32>(), seconds)
        .prop_map(|(actor_id, lease_ttl, owner_kind, (supervisor_id, instance_id))| {
            v1::AutonomousHolder { actor_id, lease_ttl, owner_kind, supervisor_id, instance_id }
        })
        .boxed()
}

prop_compose! {
    fn start_request()(
        (workspace, profile, request_id) in (text(), text(), text()),
        expected_session_id in prop::option::of(text()),
        expected_revision in any::<Option<u64>>(),
        (holder, person) in (prop::option::of(holder()), any::<bool>()),
        (mode, supersede) in (any::<i32>(), any::<bool>()),
        machine in machine(),
    ) -> v1::StartSessionRequest {
        let holder = match holder {
            _ if person => Some(Holder::Interactive(v1::InteractiveHolder {})),
            other => other.map(Holder::Autonomous),
        };
        v1::StartSessionRequest {
            workspace, profile, request_id, expected_session_id, expected_revision, mode,
            supersede, machine, holder,
        }
    }
}

prop_compose! {
    fn force_request()(
        start in start_request(),
        (reason, grace, dry_run) in (text(), duration(), any::<bool>()),
    ) -> v1::ForceTakeOverSessionRequest {
        let successor = start.holder.map(|holder| match holder {
            Holder::Interactive(person) => Forced::Interactive(person),
            Holder::Autonomous(program) => Forced::Autonomous(program),
        });
        v1::ForceTakeOverSessionRequest {
            workspace: start.workspace,
            profile: start.profile,
            request_id: start.request_id,
            expected_session_id: start.expected_session_id,
            expected_revision: start.expected_revision,
            machine: start.machine,
            successor, reason, grace, dry_run,
        }
    }
}

/// The violations of an unfit request are few, name fields, and repeat nothing of the caller's.
fn check(parsed: Result<Parsed, Violations>) -> Result<(), TestCaseError> {
    let Err(violations) = parsed else {
        return Ok(());
    };
    prop_assert!((1..=16).contains(&violations.iter().count()));
    for violation in violations.iter() {
        let is_path = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '[' | ']')
        };
        prop_assert!(violation.path().chars().all(is_path));
        prop_assert!(violation.description.len() < 200);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_start_is_parsed_or_refused(request in start_request()) {
        check(starts::parse(request, &bounds()))?;
    }

    #[test]
    fn any_forced_takeover_is_parsed_or_refused(request in force_request()) {
        let mild = v1::TakeOverSessionRequest {
            workspace: request.workspace.clone(),
            profile: request.profile.clone(),
            request_id: request.request_id.clone(),
            expected_session_id: request.expected_session_id.clone(),
            expected_revision: request.expected_revision,
            successor: request.successor.clone().map(|successor| match successor {
                Forced::Interactive(person) => Successor::Interactive(person),
                Forced::Autonomous(program) => Successor::Autonomous(program),
            }),
            reason: request.reason.clone(),
            machine: request.machine.clone(),
        };
        check(takeover::parse(mild, &bounds()))?;
        check(forced::parse(request, &bounds()))?;
    }

    #[test]
    fn any_beat_yield_clear_and_cancel_is_parsed_or_refused(
        (workspace, profile, request_id) in (text(), text(), text()),
        (actor_id, reason) in (text(), text()),
        expected_session_id in prop::option::of(text()),
        expected_revision: Option<u64>,
        activity in prop::option::of(text()),
    ) {
        check(beat::parse(&v1::HeartbeatRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            actor_id: actor_id.clone(),
            session_id: expected_session_id.clone(),
            activity,
            ..v1::HeartbeatRequest::default()
        }))?;
        check(forced::parse_cancel(v1::CancelForcedTakeoverRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            expected_session_id: expected_session_id.clone(),
            expected_revision,
            reason: reason.clone(),
        }))?;
        check(ending::parse_yield(v1::YieldSessionRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            expected_session_id: expected_session_id.clone(),
            expected_revision,
            actor_id: actor_id.clone(),
            reason: reason.clone(),
        }))?;
        check(ending::parse_clear(v1::ClearSessionRequest {
            workspace, profile, request_id, expected_session_id, expected_revision, actor_id, reason,
        }))?;
    }

    #[test]
    fn any_change_of_the_surroundings_is_parsed_or_refused(
        (workspace, profile, request_id) in (text(), text(), text()),
        (actor_id, reason, name) in (text(), text(), text()),
        expected_session_id in prop::option::of(text()),
        note in prop::option::of(text()),
        (state, items) in (any::<i32>(), prop::collection::vec((text(), any::<i32>()), 0..4)),
    ) {
        let gates = items.iter().map(|(text, state)| v1::Gate {
            name: text.clone(),
            state: *state,
            note: text.clone(),
            ..v1::Gate::default()
        });
        check(gate::parse_put(v1::PutGatesRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            expected_session_id: expected_session_id.clone(),
            actor_id: actor_id.clone(),
            gates: gates.collect(),
        }))?;
        check(gate::parse_update(v1::UpdateGateRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            expected_session_id: expected_session_id.clone(),
            actor_id: actor_id.clone(),
            name: name.clone(),
            state,
            note,
        }))?;
        let actions = items.into_iter().map(|(text, state)| v1::HandoffAction { text, state });
        let handoff =
            v1::Handoff { title: name.clone(), actions: actions.collect(), ..v1::Handoff::default() };
        check(handoff::parse_put(v1::PutHandoffRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            expected_session_id,
            actor_id: actor_id.clone(),
            handoff: Some(handoff),
        }))?;
        check(escalation::parse_raise(v1::RaiseEscalationRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            request_id: request_id.clone(),
            actor_id: actor_id.clone(),
            kind: state,
            reason: reason.clone(),
        }))?;
        check(escalation::parse_resolve(v1::ResolveEscalationRequest {
            workspace, profile, request_id, actor_id, escalation_id: name, reason,
        }))?;
    }

    #[test]
    fn any_report_of_a_beat_is_parsed_or_refused(
        (work_stream, gates_revision) in (prop::option::of(text()), any::<Option<u64>>()),
        (wall_time, counters) in
            (duration(), prop::collection::btree_map(text(), any::<u64>(), 0..20)),
        checkpoint in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        sections in prop::collection::vec((text(), text()), 0..20),
    ) {
        let usage = v1::Usage { wall_time, counters, ..v1::Usage::default() };
        let sections = sections.into_iter().map(|(name, content_type)| v1::ClientSection {
            name,
            content: Vec::new(),
            content_type,
        });
        let request = v1::HeartbeatRequest {
            workspace: "acme/api".to_owned(),
            actor_id: "worker-1".to_owned(),
            work_stream,
            usage: Some(usage),
            gates_revision,
            checkpoint,
            client_sections: sections.collect(),
            ..v1::HeartbeatRequest::default()
        };
        if let Err(violations) = beat::parse(&request) {
            // Three of the report itself, and two for each section.
            prop_assert!((1..=3 + 2 * 16).contains(&violations.iter().count()));
        }
    }

    #[test]
    fn any_projection_and_list_of_escalations_is_parsed_or_refused(
        (workspace, profile, page_token, prefix) in (text(), text(), text(), text()),
        (page_size, kind) in any::<(i32, i32)>(),
        actor_id in prop::option::of(text()),
        known in prop::collection::vec((text(), 30_usize..34), 0..5),
    ) {
        let known = known.into_iter().map(|(name, bytes)| v1::SectionDigest {
            name,
            digest: vec![0; bytes],
        });
        let _ = projection::parse(v1::GetProjectionRequest {
            workspace: workspace.clone(),
            profile: profile.clone(),
            actor_id,
            known_sections: known.collect(),
        });
        let filter = v1::EscalationFilter { prefix, kind };
        let request = v1::ListEscalationsRequest {
            workspace, profile, page_size, page_token, filter: Some(filter),
        };
        if let Ok(listing) = escalation::parse_list(request) {
            prop_assert!((1..=list::PAGE_SIZE_MAX).contains(&listing.page_size));
        }
    }

    #[test]
    fn any_list_is_parsed_or_refused(
        (prefix, owner, supervisor, machine) in (text(), text(), text(), text()),
        (page_size, lifecycle, page_token) in (any::<i32>(), any::<i32>(), text()),
        (stale, stalled) in any::<(Option<bool>, Option<bool>)>(),
    ) {
        let filter = v1::SessionFilter {
            prefix, lifecycle, owner, supervisor, machine, stale, stalled,
        };
        let request = v1::ListSessionsRequest { page_size, page_token, filter: Some(filter) };
        if let Ok(listing) = list::parse(request) {
            prop_assert!((1..=list::PAGE_SIZE_MAX).contains(&listing.page_size));
        }
    }
}
