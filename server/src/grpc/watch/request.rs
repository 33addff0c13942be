//! What a caller wants to watch or to list: filters and cursors.

use std::collections::BTreeSet;

use tenure::v1;

use crate::grpc::convert::list::{id, prefix};
use crate::grpc::convert::violation::Violations;
use crate::store::LogId;
use crate::watch::{Cursor, EventFilter, EventType, Start};

/// A request to watch.
///
/// # Errors
/// Every violation.
pub(crate) fn watch(request: v1::WatchSessionsRequest) -> Result<(EventFilter, Start), Violations> {
    let mut violations = Violations::default();
    let filter = filter(request.filter, &mut violations);
    let from = request.from.and_then(|from| cursor(from, &mut violations));
    let start = match (from, request.snapshot) {
        (Some(_), true) => {
            violations.add("from", "must be left out together with `snapshot`, which begins now");
            Start::Now
        }
        (Some(cursor), false) => Start::After(cursor),
        (None, true) => Start::Snapshot,
        (None, false) => Start::Now,
    };
    if violations.is_empty() { Ok((filter, start)) } else { Err(violations) }
}

/// A filter of events; an absent one selects all.
pub(crate) fn filter(filter: Option<v1::EventFilter>, violations: &mut Violations) -> EventFilter {
    let filter = filter.unwrap_or_default();
    EventFilter {
        prefix: prefix(&filter.prefix, violations),
        owner: id("filter.owner", filter.owner, violations),
        supervisor: id("filter.supervisor", filter.supervisor, violations),
        machine: id("filter.machine", filter.machine, violations),
        types: types(&filter.types, violations),
    }
}

/// A cursor. Whether it can be continued from is the log's to say.
pub(crate) fn cursor(cursor: v1::Cursor, violations: &mut Violations) -> Option<Cursor> {
    if cursor.log_id.is_empty() {
        violations.add("from.log_id", "must be given: a cursor is of one log");
        return None;
    }
    Some(Cursor { log_id: LogId(cursor.log_id.into()), sequence: cursor.sequence })
}

fn types(wanted: &[i32], violations: &mut Violations) -> Option<BTreeSet<EventType>> {
    if wanted.is_empty() {
        return None;
    }
    let known = |value: &i32| match v1::EventType::try_from(*value) {
        Err(_) | Ok(v1::EventType::Unspecified) => None,
        Ok(wanted) => Some(event_type(wanted)),
    };
    let Some(known) = wanted.iter().map(known).collect::<Option<Vec<_>>>() else {
        violations.add("filter.types", "holds a type that this server does not know");
        return None;
    };
    Some(known.into_iter().flatten().collect())
}

/// What the log calls a type of the contract; absent for a type that is not written yet.
const fn event_type(wanted: v1::EventType) -> Option<EventType> {
    Some(match wanted {
        v1::EventType::SessionStarted => EventType::SessionStarted,
        v1::EventType::SessionRefreshed => EventType::SessionRefreshed,
        v1::EventType::SessionExpired => EventType::SessionExpired,
        v1::EventType::SessionEnded => EventType::SessionEnded,
        v1::EventType::TransferScheduled => EventType::TransferScheduled,
        v1::EventType::TransferCancelled => EventType::TransferCancelled,
        v1::EventType::ActivityChanged => EventType::ActivityChanged,
        v1::EventType::SessionStalled => EventType::SessionStalled,
        v1::EventType::SessionResumed => EventType::SessionResumed,
        v1::EventType::EscalationRaised => EventType::EscalationRaised,
        v1::EventType::EscalationResolved => EventType::EscalationResolved,
        v1::EventType::EscalationsCleared => EventType::EscalationsCleared,
        v1::EventType::GatesSet => EventType::GatesSet,
        v1::EventType::GateUpdated => EventType::GateUpdated,
        v1::EventType::GatesCleared => EventType::GatesCleared,
        v1::EventType::HandoffPut => EventType::HandoffPut,
        v1::EventType::WorkspaceRegistered => EventType::WorkspaceRegistered,
        v1::EventType::WorkspaceDeleted => EventType::WorkspaceDeleted,
        v1::EventType::StateImported => EventType::StateImported,
        v1::EventType::MachineCordoned => EventType::MachineCordoned,
        v1::EventType::MachineUncordoned => EventType::MachineUncordoned,
        v1::EventType::ServerStarted => EventType::ServerStarted,
        v1::EventType::ServerDrained => EventType::ServerDrained,
        v1::EventType::ClockStepped => EventType::ClockStepped,
        v1::EventType::StallSeen => EventType::StallSeen,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tenure_core::event::What;
    use tenure_core::gate::{GateState, GatesRevision};
    use tenure_core::time::{LeaseInstant, Span};
    use tenure_core::work_stream::{Best, Score};

    use super::*;
    use crate::grpc::convert::{event, samples};

    fn fields(request: v1::WatchSessionsRequest) -> Vec<&'static str> {
        let violations = watch(request).err().unwrap_or_default();
        violations.iter().map(|violation| violation.field).collect()
    }

    fn at(sequence: u64) -> Option<v1::Cursor> {
        Some(v1::Cursor { log_id: "log".to_owned(), sequence })
    }

    fn of_types(types: Vec<i32>) -> v1::WatchSessionsRequest {
        let filter = v1::EventFilter { types, ..v1::EventFilter::default() };
        v1::WatchSessionsRequest { filter: Some(filter), ..v1::WatchSessionsRequest::default() }
    }

    #[test]
    fn a_watch_begins_now_at_a_cursor_or_with_a_snapshot() {
        let start = |from, snapshot| {
            let request = v1::WatchSessionsRequest { from, snapshot, filter: None };
            watch(request).unwrap().1
        };
        assert_eq!(start(None, false), Start::Now);
        assert_eq!(start(None, true), Start::Snapshot);
        let cursor = Cursor { log_id: LogId("log".into()), sequence: 7 };
        assert_eq!(start(at(7), false), Start::After(cursor));
    }

    #[test]
    fn a_cursor_is_refused_together_with_a_snapshot() {
        let request = v1::WatchSessionsRequest { from: at(7), snapshot: true, filter: None };
        assert_eq!(fields(request), ["from"]);
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let filter = v1::EventFilter {
            prefix: "acme//api".to_owned(),
            owner: "o".repeat(257),
            supervisor: "s".repeat(257),
            machine: "m".repeat(257),
            types: vec![0],
        };
        let from = Some(v1::Cursor { log_id: String::new(), sequence: 1 });
        let request = v1::WatchSessionsRequest { from, snapshot: false, filter: Some(filter) };
        assert_eq!(
            fields(request),
            [
                "filter.prefix",
                "filter.owner",
                "filter.supervisor",
                "filter.machine",
                "filter.types",
                "from.log_id"
            ]
        );
    }

    #[test]
    fn an_empty_filter_selects_everything() {
        let (filter, _) = watch(v1::WatchSessionsRequest::default()).unwrap();
        assert_eq!(filter, EventFilter::default());
    }

    #[test]
    fn a_type_that_is_not_written_yet_selects_nothing_rather_than_everything() {
        let (filter, _) = watch(of_types(vec![v1::EventType::TokenCreated.into()])).unwrap();
        assert_eq!(filter.types, Some(BTreeSet::new()));
    }

    #[test]
    fn a_type_that_is_not_known_is_refused() {
        for value in [0, -1, 999] {
            assert_eq!(fields(of_types(vec![1, value])), ["filter.types"]);
        }
    }

    #[test]
    fn every_type_that_is_written_can_be_asked_for_by_the_name_that_it_is_sent_with() {
        for what in [
            What::ServerDrained { epoch: 1, lease_clock: LeaseInstant(0) },
            What::StallSeen { stalled_for: Span(1) },
            What::SessionStalled(Box::new(Best { score: Score::ZERO, stream: None })),
            What::SessionResumed(Box::new(Best { score: Score::ONE, stream: None })),
            What::EscalationRaised(Box::new(samples::escalation())),
            What::EscalationResolved(Box::new(samples::escalation())),
            What::EscalationsCleared { ids: Box::default() },
            What::GatesSet(Box::new(samples::gates())),
            What::GateUpdated {
                gate: Box::new(samples::gate("build", GateState::Open)),
                prior: GateState::Open,
                revision: GatesRevision(1),
            },
            What::GatesCleared { revision: GatesRevision(1) },
            What::HandoffPut(samples::handoff().into()),
            What::WorkspaceRegistered,
            What::WorkspaceDeleted { revision_floor: tenure_core::session::Revision(7) },
            What::StateImported(Box::new(samples::brought_in())),
            What::MachineCordoned { machine: samples::machine().id },
            What::MachineUncordoned { machine: samples::machine().id },
            What::ClockStepped { by_ms: 1 },
            What::ServerStarted { version: String::new(), epoch: 1, lease_clock: LeaseInstant(0) },
        ] {
            assert_eq!(event_type(event::event_type(&what)), Some(EventType::of(&what)));
        }
        let asked = (1..=28).filter_map(|n| v1::EventType::try_from(n).ok()).filter_map(event_type);
        assert_eq!(asked.collect::<BTreeSet<_>>().len(), 25, "each type has one name");
    }
}
