//! What a heartbeat stream sends: results in groups that share their timing, and pushes.

use tenure::v1;

use crate::engine::outbox::{
    Delivery, JoinedResult, Misuse, Push, RefusedResult, RenewedResult, WhyRefused,
};
use crate::grpc::convert::{ledger, session, time, transfer};
use crate::grpc::status::Fault;

/// How many of the latest groups a result may still join.
const GROUPS_OPEN: usize = 8;

/// The message that carries `delivery`.
pub fn shown(delivery: Delivery) -> v1::StreamHeartbeatsResponse {
    v1::StreamHeartbeatsResponse {
        joined: delivery.joined.iter().map(joined).collect(),
        renewed: renewed(delivery.renewed),
        refused: delivery.refused.into_iter().map(refused).collect(),
        pushes: delivery.pushes.iter().map(|(handle, push)| pushed(*handle, push)).collect(),
    }
}

fn joined(result: &JoinedResult) -> v1::Joined {
    let JoinedResult { handle, message_id, session: view, signals, clock } = result;
    let held = &view.session;
    v1::Joined {
        handle: *handle,
        message_id: *message_id,
        session_id: held.id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        actor_id: held.actor().map_or_else(String::new, |actor| actor.as_str().to_owned()),
        fencing_token: held.token.0,
        revision: view.revision.0,
        timing: Some(time::lease_timing(view.effective_expiry, clock)),
        activity: held.activity.as_ref().map(session::activity),
        directives: Some(transfer::directives(view.transfer.as_ref(), signals, clock)),
    }
}

/// Results of beats of equal leases that one message and one batch carried share everything
/// but handle and revision. A result that was overtaken by a final push has handle 0.
fn renewed(results: Vec<RenewedResult>) -> Vec<v1::Renewed> {
    let mut groups: Vec<(GroupKey, v1::Renewed)> = Vec::new();
    let expected = results.len();
    for result in results.into_iter().filter(|result| result.handle != 0) {
        let key = GroupKey::of(&result);
        let open = groups.iter_mut().rev().take(GROUPS_OPEN).find(|(other, _)| *other == key);
        let renewal = renewal(&result);
        if let Some((_, group)) = open {
            group.renewals.push(renewal);
            continue;
        }
        let mut renewals = Vec::with_capacity(if groups.is_empty() { expected } else { 1 });
        renewals.push(renewal);
        let group = v1::Renewed {
            message_id: result.message_id,
            timing: Some(time::lease_timing(result.effective_expiry, &result.clock)),
            last_heartbeat_at: Some(time::timestamp(result.last_heartbeat_at)),
            renewals,
        };
        groups.push((key, group));
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[derive(PartialEq)]
struct GroupKey {
    message_id: u64,
    effective_expiry: u64,
    decided_at: u64,
}

impl GroupKey {
    const fn of(result: &RenewedResult) -> Self {
        Self {
            message_id: result.message_id,
            effective_expiry: result.effective_expiry.0,
            decided_at: result.clock.now.lease.0,
        }
    }
}

fn renewal(result: &RenewedResult) -> v1::Renewal {
    let RenewedResult { transfer: pending, signals, clock, .. } = result;
    let asked = || Box::new(transfer::directives(pending.as_deref(), signals, clock));
    v1::Renewal {
        handle: result.handle,
        revision: result.revision.0,
        activity: result.activity.as_deref().map(|activity| Box::new(session::activity(activity))),
        directives: result.directives_changed.then(asked),
    }
}

fn refused(result: RefusedResult) -> v1::BeatRefused {
    let RefusedResult { handle, message_id, why, clock } = result;
    let fault = match why {
        WhyRefused::Rules(rules) => Fault::refused(&rules, &clock),
        WhyRefused::Failed(failure) => Fault::failed(&failure, &clock),
        WhyRefused::Misuse(misuse) => {
            let reason = match misuse {
                Misuse::TooManyJoins { .. } => v1::ErrorReason::TooManyStreams,
                _ => v1::ErrorReason::InvalidArgument,
            };
            Fault::new(reason, misuse.to_string())
        }
    };
    fault.into_beat_refused(handle, message_id)
}

fn pushed(handle: u32, push: &Push) -> v1::Push {
    use v1::push::Kind;
    let kind = match push {
        Push::Lost(entry) => Kind::Lost(v1::Lost { verdict: Some(ledger::verdict(entry)) }),
        Push::Expired { at, revision } => {
            Kind::Expired(v1::Expired { at: Some(time::timestamp(*at)), revision: revision.0 })
        }
        Push::YieldRequested { transfer: pending, clock } => {
            Kind::YieldRequested(transfer::yield_requested(pending, clock))
        }
        Push::Blocked(Some(blocking)) => Kind::Blocked(v1::Blocked {
            escalation_id: blocking.oldest.as_str().to_owned(),
            reason: blocking.reason.to_string(),
            blocking_escalations: blocking.count,
        }),
        Push::Blocked(None) => Kind::Unblocked(v1::Unblocked {}),
        Push::GatesChanged(revision) => {
            Kind::GatesChanged(v1::GatesChanged { gates_revision: revision.0 })
        }
        Push::Draining { reconnect_after } => {
            Kind::Draining(v1::Draining { reconnect_after: Some(time::duration(*reconnect_after)) })
        }
    };
    v1::Push { handle, kind: Some(kind) }
}
