//! Entries of the event log.

use prost_types::Duration;
use tenure::v1;
use tenure::v1::event::Payload;
use tenure_core::context::Clock;
use tenure_core::event::{Event, What};
use tenure_core::ledger::EndCause;
use tenure_core::name::Key;
use tenure_core::reply::SessionView;
use tenure_core::session::{Revision, Session, Transfer};
use tenure_core::time::{LeaseInstant, Moment};

use super::choice;
use super::ledger::{self, unless_service};
use super::session;
use super::time::{duration, signed_duration, timestamp};
use super::transfer;
use super::work;
use crate::store::{LogId, Sequenced};

/// An entry of the log `log_id`. It shows what was when it was written, with the clock of then,
/// however late it is read.
#[must_use]
pub fn shown(sequenced: &Sequenced, log_id: &LogId) -> v1::Event {
    let event = &sequenced.event;
    v1::Event {
        sequence: sequenced.sequence,
        log_id: log_id.0.to_string(),
        at: Some(timestamp(event.at)),
        r#type: event_type(&event.what).into(),
        workspace: event.key.as_ref().map_or_else(String::new, |key| key.workspace.as_str().into()),
        profile: event.key.as_ref().map_or_else(String::new, |key| key.profile.as_str().into()),
        session_id: event.session_id.as_ref().map_or_else(String::new, |id| id.as_str().into()),
        principal: unless_service(&event.principal),
        actor_id: event.actor.as_ref().map_or_else(String::new, |actor| actor.as_str().into()),
        reason: event.why.as_ref().map_or_else(String::new, ToString::to_string),
        address: event.address.as_ref().map_or_else(String::new, ToString::to_string),
        revision: event.revision.map_or(0, |revision| revision.0),
        payload: payload(event),
    }
}

/// The type of what happened.
#[must_use]
pub const fn event_type(what: &What) -> v1::EventType {
    match what {
        What::SessionStarted { .. } => v1::EventType::SessionStarted,
        What::SessionRefreshed(_) => v1::EventType::SessionRefreshed,
        What::SessionExpired { .. } => v1::EventType::SessionExpired,
        What::SessionEnded { .. } => v1::EventType::SessionEnded,
        What::TransferScheduled { .. } => v1::EventType::TransferScheduled,
        What::TransferCancelled { .. } => v1::EventType::TransferCancelled,
        What::ActivityChanged(_) => v1::EventType::ActivityChanged,
        What::SessionStalled(_) => v1::EventType::SessionStalled,
        What::SessionResumed(_) => v1::EventType::SessionResumed,
        What::EscalationRaised(_) => v1::EventType::EscalationRaised,
        What::EscalationResolved(_) => v1::EventType::EscalationResolved,
        What::EscalationsCleared { .. } => v1::EventType::EscalationsCleared,
        What::GatesSet(_) => v1::EventType::GatesSet,
        What::GateUpdated { .. } => v1::EventType::GateUpdated,
        What::GatesCleared { .. } => v1::EventType::GatesCleared,
        What::HandoffPut(_) => v1::EventType::HandoffPut,
        What::StateImported(_) => v1::EventType::StateImported,
        What::WorkspaceRegistered => v1::EventType::WorkspaceRegistered,
        What::WorkspaceDeleted { .. } => v1::EventType::WorkspaceDeleted,
        What::MachineCordoned { .. } => v1::EventType::MachineCordoned,
        What::MachineUncordoned { .. } => v1::EventType::MachineUncordoned,
        What::ServerStarted { .. } => v1::EventType::ServerStarted,
        What::ServerDrained { .. } => v1::EventType::ServerDrained,
        What::ClockStepped { .. } => v1::EventType::ClockStepped,
        What::StallSeen { .. } => v1::EventType::StallSeen,
    }
}

/// The state that the event set.
fn payload(event: &Event) -> Option<Payload> {
    Some(match &event.what {
        What::SessionStarted { session, prior } => Payload::SessionStarted(v1::SessionStarted {
            session: as_it_started(event, session),
            prior_session_id: prior
                .as_ref()
                .and_then(|prior| prior.session_id.as_ref())
                .map_or_else(String::new, |id| id.as_str().into()),
            prior_cause: prior
                .as_ref()
                .map_or(v1::EndCause::Unspecified, |prior| choice::end_cause(prior.cause))
                .into(),
            granted: session.unclaimed,
        }),
        What::SessionRefreshed(session) => Payload::SessionRefreshed(v1::SessionRefreshed {
            session: as_it_started(event, session),
        }),
        What::SessionExpired { session, expired_at } => {
            Payload::SessionExpired(v1::SessionExpired {
                session: as_it_expired(event, session, *expired_at),
                expired_at: Some(timestamp(expired_at.wall)),
            })
        }
        What::SessionEnded { entry, transfer_completed } => {
            Payload::SessionEnded(v1::SessionEnded {
                verdict: Some(ledger::verdict(entry)),
                entry: Some(ledger::entry(entry)),
                transfer_completed: *transfer_completed,
                checkpoint_dropped: entry.cause == EndCause::Cleared,
            })
        }
        What::TransferScheduled { transfer } => {
            let transfer = Some(as_it_was_ordered(event, transfer));
            Payload::TransferScheduled(v1::TransferScheduled { transfer })
        }
        What::TransferCancelled { transfer, replaced } => {
            let transfer = Some(as_it_was_ordered(event, transfer));
            Payload::TransferCancelled(v1::TransferCancelled { transfer, replaced: *replaced })
        }
        What::ActivityChanged(activity) => Payload::ActivityChanged(v1::ActivityChanged {
            activity: Some(session::activity(activity)),
        }),
        What::StateImported(what) => Payload::StateImported(v1::StateImported {
            file_name: what.file_name.to_string(),
            blake3: what.digest.0.to_vec(),
            session: what.session.as_ref().and_then(|session| as_it_came(event, session)),
            escalations: what.escalations.iter().map(work::escalation).collect(),
        }),
        What::WorkspaceRegistered => Payload::WorkspaceRegistered(v1::WorkspaceRegistered {}),
        What::WorkspaceDeleted { revision_floor } => {
            Payload::WorkspaceDeleted(v1::WorkspaceDeleted { revision_floor: revision_floor.0 })
        }
        What::MachineCordoned { .. }
        | What::MachineUncordoned { .. }
        | What::ServerStarted { .. }
        | What::ServerDrained { .. }
        | What::ClockStepped { .. }
        | What::StallSeen { .. } => return of_the_service(&event.what),
        what => return of_the_work(what),
    })
}

/// What became of the work around a session.
fn of_the_work(what: &What) -> Option<Payload> {
    Some(match what {
        What::SessionStalled(best) => Payload::SessionStalled(v1::SessionStalled {
            best_score: best.score.as_f64(),
            work_stream: best.stream.as_ref().map_or_else(String::new, |s| s.as_str().into()),
        }),
        What::SessionResumed(best) => Payload::SessionResumed(v1::SessionResumed {
            best_score: best.score.as_f64(),
            work_stream: best.stream.as_ref().map_or_else(String::new, |s| s.as_str().into()),
        }),
        What::EscalationRaised(raised) => Payload::EscalationRaised(v1::EscalationRaised {
            escalation: Some(work::escalation(raised)),
        }),
        What::EscalationResolved(resolved) => Payload::EscalationResolved(v1::EscalationResolved {
            escalation: Some(work::escalation(resolved)),
        }),
        What::EscalationsCleared { ids } => Payload::EscalationsCleared(v1::EscalationsCleared {
            escalation_ids: ids.iter().map(|id| id.as_str().to_owned()).collect(),
        }),
        What::GatesSet(gates) => {
            Payload::GatesSet(v1::GatesSet { gates: Some(work::gates(gates)) })
        }
        What::GateUpdated { gate, prior, revision } => Payload::GateUpdated(v1::GateUpdated {
            gate: Some(work::gate(gate)),
            prior_state: work::gate_state(*prior).into(),
            gates_revision: revision.0,
        }),
        What::GatesCleared { revision } => {
            Payload::GatesCleared(v1::GatesCleared { gates_revision: revision.0 })
        }
        What::HandoffPut(handoff) => {
            Payload::HandoffPut(v1::HandoffPut { handoff: Some(work::handoff(handoff)) })
        }
        _ => return None,
    })
}

/// What befell the service itself, or a machine.
fn of_the_service(what: &What) -> Option<Payload> {
    Some(match what {
        What::MachineCordoned { machine } => Payload::MachineCordoned(v1::MachineCordoned {
            machine_id: machine.as_str().to_owned(),
        }),
        What::MachineUncordoned { machine } => Payload::MachineUncordoned(v1::MachineUncordoned {
            machine_id: machine.as_str().to_owned(),
        }),
        What::ServerStarted { version, epoch, lease_clock } => {
            Payload::ServerStarted(v1::ServerStarted {
                version: version.clone(),
                epoch: *epoch,
                lease_clock: Some(reading(*lease_clock)),
            })
        }
        What::ServerDrained { epoch, lease_clock } => Payload::ServerDrained(v1::ServerDrained {
            epoch: *epoch,
            lease_clock: Some(reading(*lease_clock)),
        }),
        What::ClockStepped { by_ms } => {
            Payload::ClockStepped(v1::ClockStepped { step: Some(signed_duration(*by_ms)) })
        }
        What::StallSeen { stalled_for } => {
            Payload::StallSeen(v1::StallSeen { stalled_for: Some(duration(*stalled_for)) })
        }
        _ => return None,
    })
}

/// A reading of the lease clock, as the time since it began.
fn reading(instant: LeaseInstant) -> Duration {
    duration(instant.since_it_began())
}

/// A session at the moment of its start: an entry that is read later shows what was then, not
/// a session that has gone stale since.
fn as_it_started(event: &Event, session: &Session) -> Option<v1::Session> {
    let key: Key = event.key.clone()?;
    let then = Clock { now: session.last_started_at, boot_mark: LeaseInstant(0) };
    let revision: Revision = event.revision.unwrap_or_default();
    let view = SessionView::new(key, revision, session.clone(), None, &then);
    Some(session::shown(&view, &then))
}

/// An imported session at the moment of the import, which is later than its last start: the
/// start's two readings tell what the lease clock was then.
fn as_it_came(event: &Event, session: &Session) -> Option<v1::Session> {
    let key: Key = event.key.clone()?;
    let Moment { lease, wall } = session.last_started_at;
    let now = Moment { lease: lease.after(event.at.since(wall)), wall: event.at };
    let then = Clock { now, boot_mark: LeaseInstant(u64::MAX) };
    let revision: Revision = event.revision.unwrap_or_default();
    let view = SessionView::new(key, revision, session.clone(), None, &then);
    Some(session::shown(&view, &then))
}

/// A session at the moment of its expiry, which the entry holds: the session alone does not
/// tell of a boot grace that has since been forgotten.
fn as_it_expired(event: &Event, session: &Session, expired_at: Moment) -> Option<v1::Session> {
    let view = SessionView {
        key: event.key.clone()?,
        revision: event.revision.unwrap_or_default(),
        session: session.clone(),
        transfer: None,
        effective_expiry: expired_at.lease,
        stale: true,
    };
    Some(session::shown(&view, &Clock { now: expired_at, boot_mark: LeaseInstant(0) }))
}

/// A transfer at the moment of its order: an old entry must not look due.
fn as_it_was_ordered(event: &Event, transfer: &Transfer) -> v1::PendingTransfer {
    let then = Clock { now: transfer.scheduled_at, boot_mark: LeaseInstant(0) };
    transfer::pending(transfer, event.session_id.as_ref(), &then)
}

#[cfg(test)]
mod tests;
