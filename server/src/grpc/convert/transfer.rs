//! Pending transfers, and what a holder is asked.

use tenure::v1;
use tenure_core::context::Clock;
use tenure_core::name::{INTERACTIVE_OWNER, SessionId};
use tenure_core::session::{OwnerKind, Successor, Transfer};
use tenure_core::surroundings::Signals;

use super::choice;
use super::machine;
use super::time::{duration, lease_timestamp, timestamp};

/// A transfer that is pending on the session `losing`, as it stands at `clock`.
#[must_use]
pub fn pending(
    transfer: &Transfer,
    losing: Option<&SessionId>,
    clock: &Clock,
) -> v1::PendingTransfer {
    v1::PendingTransfer {
        session_id: losing.map_or_else(String::new, |id| id.as_str().to_owned()),
        successor: Some(successor(transfer)),
        successor_session_id: transfer.successor_session_id.as_str().to_owned(),
        reason: transfer.reason.to_string(),
        principal: transfer.principal.as_str().to_owned(),
        scheduled_at: Some(timestamp(transfer.scheduled_at.wall)),
        deadline: Some(lease_timestamp(transfer.deadline, clock)),
        grace: Some(duration(transfer.deadline.since(transfer.scheduled_at.lease))),
        due: transfer.deadline <= clock.now.lease,
        revision: transfer.revision.0,
    }
}

fn successor(transfer: &Transfer) -> v1::Successor {
    let machine = transfer.machine.as_ref().map(machine::shown);
    match &transfer.successor {
        Successor::Interactive => v1::Successor {
            actor_id: INTERACTIVE_OWNER.to_owned(),
            owner_kind: choice::owner_kind(OwnerKind::Interactive).into(),
            machine,
            ..v1::Successor::default()
        },
        Successor::Autonomous { actor, ttl, supervisor, instance } => v1::Successor {
            actor_id: actor.as_str().to_owned(),
            owner_kind: choice::owner_kind(OwnerKind::RuntimeWorker).into(),
            lease_ttl: Some(duration(*ttl)),
            supervisor_id: supervisor
                .as_ref()
                .map_or_else(String::new, |id| id.as_str().to_owned()),
            instance_id: instance.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
            machine,
        },
    }
}

/// What the service asks of a holder on whose session `transfer` is pending, and in whose
/// workspace `signals` hold.
#[must_use]
pub fn directives(transfer: Option<&Transfer>, signals: &Signals, clock: &Clock) -> v1::Directives {
    let blocking = signals.blocking.as_deref();
    v1::Directives {
        blocked: blocking.is_some(),
        blocking_escalations: blocking.map_or(0, |blocking| blocking.count),
        blocking_escalation_id: blocking
            .map_or_else(String::new, |blocking| blocking.oldest.as_str().to_owned()),
        blocking_reason: blocking.map_or_else(String::new, |blocking| blocking.reason.to_string()),
        gates_revision: signals.gates_revision.0,
        yield_requested: transfer.map(|transfer| yield_requested(transfer, clock)),
    }
}

/// The request to yield before the deadline of `transfer`.
#[must_use]
pub fn yield_requested(transfer: &Transfer, clock: &Clock) -> v1::YieldRequested {
    v1::YieldRequested {
        deadline: Some(lease_timestamp(transfer.deadline, clock)),
        grace_left: Some(duration(transfer.deadline.since(clock.now.lease))),
        reason: transfer.reason.to_string(),
        by_principal: transfer.principal.as_str().to_owned(),
        successor_actor_id: transfer
            .successor
            .actor()
            .map_or(INTERACTIVE_OWNER, |actor| actor.as_str())
            .to_owned(),
        successor_session_id: transfer.successor_session_id.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::convert::samples;

    #[test]
    fn a_transfer_is_due_from_its_deadline_on() {
        let transfer = samples::transfer();
        let at = |ms| samples::clock_at(transfer.deadline.0 - 1 + ms);
        assert!(!pending(&transfer, None, &at(0)).due);
        assert!(pending(&transfer, None, &at(1)).due);
    }

    #[test]
    fn a_transfer_shows_its_grace_and_the_time_left_of_it() {
        let transfer = samples::transfer();
        let clock = samples::clock_at(transfer.deadline.0 - 5_000);
        let shown = pending(&transfer, Some(&SessionId::imported("ses_old")), &clock);
        assert_eq!((&*shown.session_id, shown.revision), ("ses_old", 9));
        assert_eq!(shown.grace.map(|grace| grace.seconds), Some(30));
        let asked = directives(Some(&transfer), &Signals::default(), &clock);
        let asked = asked.yield_requested.unwrap();
        assert_eq!(asked.grace_left.map(|left| left.seconds), Some(5));
        assert_eq!(asked.deadline, shown.deadline);
    }

    #[test]
    fn a_holder_is_told_the_oldest_question_and_how_many_there_are() {
        let clock = samples::clock_at(samples::NOW);
        let nothing = directives(None, &Signals::default(), &clock);
        assert_eq!(nothing, v1::Directives::default());
        let asked = directives(None, &samples::signals(), &clock);
        assert!(asked.blocked && asked.yield_requested.is_none());
        assert_eq!((asked.blocking_escalations, asked.gates_revision), (2, 5));
        assert_eq!((&*asked.blocking_escalation_id, &*asked.blocking_reason), ("esc_1", "which?"));
    }

    #[test]
    fn a_person_who_is_to_take_over_is_called_interactive() {
        let transfer = Transfer { successor: Successor::Interactive, ..samples::transfer() };
        let clock = samples::clock_at(0);
        let shown = pending(&transfer, None, &clock).successor.unwrap();
        assert_eq!(shown.actor_id, "interactive");
        assert_eq!(shown.owner_kind(), v1::OwnerKind::Interactive);
        assert_eq!(yield_requested(&transfer, &clock).successor_actor_id, "interactive");
    }
}
