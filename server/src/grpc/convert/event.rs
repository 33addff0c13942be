//! Entries of the event log.

use tenure::v1;
use tenure::v1::event::Payload;
use tenure_core::context::Clock;
use tenure_core::event::{Event, What};
use tenure_core::ledger::EndCause;
use tenure_core::name::Key;
use tenure_core::reply::SessionView;
use tenure_core::session::{Revision, Session};
use tenure_core::time::LeaseInstant;

use super::ledger::{self, unless_service};
use super::session;
use super::time::{duration, signed_duration, timestamp};
use super::transfer;
use crate::store::{LogId, Sequenced};

/// An entry of the log `log_id`. `clock` is the present one: instants of the lease clock in the
/// entry are projected with it.
#[must_use]
pub fn shown(sequenced: &Sequenced, log_id: &LogId, clock: &Clock) -> v1::Event {
    let event = &sequenced.event;
    let payload = payload(event, clock);
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
        payload: Some(payload),
    }
}

/// The type of what happened.
#[must_use]
pub const fn event_type(what: &What) -> v1::EventType {
    match what {
        What::SessionStarted(_) => v1::EventType::SessionStarted,
        What::SessionRefreshed(_) => v1::EventType::SessionRefreshed,
        What::SessionExpired(_) => v1::EventType::SessionExpired,
        What::SessionEnded(_) => v1::EventType::SessionEnded,
        What::TransferScheduled { .. } => v1::EventType::TransferScheduled,
        What::TransferCancelled => v1::EventType::TransferCancelled,
        What::ActivityChanged(_) => v1::EventType::ActivityChanged,
        What::ServerStarted { .. } => v1::EventType::ServerStarted,
        What::ServerDrained => v1::EventType::ServerDrained,
        What::ClockStepped { .. } => v1::EventType::ClockStepped,
        What::StallSeen { .. } => v1::EventType::StallSeen,
    }
}

fn payload(event: &Event, clock: &Clock) -> Payload {
    match &event.what {
        What::SessionStarted(session) => Payload::SessionStarted(v1::SessionStarted {
            session: as_it_started(event, session),
            ..v1::SessionStarted::default()
        }),
        What::SessionRefreshed(session) => Payload::SessionRefreshed(v1::SessionRefreshed {
            session: as_it_started(event, session),
        }),
        What::SessionExpired(expired_at) => Payload::SessionExpired(v1::SessionExpired {
            session: None,
            // Downtime makes the projection of an old instant too late, but never was an
            // expiry noticed before it came.
            expired_at: Some(timestamp(clock.now.wall_at(*expired_at).min(event.at))),
        }),
        What::SessionEnded(entry) => Payload::SessionEnded(v1::SessionEnded {
            verdict: Some(ledger::verdict(entry)),
            entry: Some(ledger::entry(entry)),
            transfer_completed: false,
            checkpoint_dropped: entry.cause == EndCause::Cleared,
        }),
        What::TransferScheduled { transfer: scheduled, .. } => {
            // As it was when it was scheduled: an old entry must not look due.
            let then = Clock { now: scheduled.scheduled_at, ..*clock };
            let losing = event.session_id.as_ref();
            let mut shown = transfer::pending(scheduled, losing, &then);
            shown.revision = event.revision.unwrap_or_default().0;
            Payload::TransferScheduled(v1::TransferScheduled { transfer: Some(shown) })
        }
        What::TransferCancelled => Payload::TransferCancelled(v1::TransferCancelled::default()),
        What::ActivityChanged(activity) => Payload::ActivityChanged(v1::ActivityChanged {
            activity: Some(session::activity(activity)),
        }),
        What::ServerStarted { version, epoch } => Payload::ServerStarted(v1::ServerStarted {
            version: version.clone(),
            epoch: *epoch,
            lease_clock: None,
        }),
        What::ServerDrained => Payload::ServerDrained(v1::ServerDrained::default()),
        What::ClockStepped { by_ms } => {
            Payload::ClockStepped(v1::ClockStepped { step: Some(signed_duration(*by_ms)) })
        }
        What::StallSeen { stalled_for } => {
            Payload::StallSeen(v1::StallSeen { stalled_for: Some(duration(*stalled_for)) })
        }
    }
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

#[cfg(test)]
mod tests {
    use tenure_core::name::{Principal, SessionId};
    use tenure_core::time::Span;

    use super::*;
    use crate::grpc::convert::samples;

    fn sequenced(what: What) -> Sequenced {
        let event = Event {
            at: samples::moment(samples::NOW).wall,
            key: Some(samples::key()),
            session_id: Some(SessionId::imported("ses_1")),
            revision: Some(Revision(9)),
            principal: Principal::imported("local"),
            actor: None,
            why: None,
            address: None,
            before: None,
            after: None,
            what,
        };
        Sequenced { sequence: 41, event }
    }

    fn show(what: What, clock: &Clock) -> v1::Event {
        shown(&sequenced(what), &LogId("log".into()), clock)
    }

    #[test]
    fn every_kind_of_event_has_the_payload_of_its_type() {
        let clock = samples::clock_at(samples::NOW);
        let session = Box::new(samples::session());
        let cases = [
            (What::SessionStarted(session.clone()), v1::EventType::SessionStarted),
            (What::SessionRefreshed(session), v1::EventType::SessionRefreshed),
            (What::SessionExpired(LeaseInstant(5)), v1::EventType::SessionExpired),
            (What::SessionEnded(Box::new(samples::ledger_entry())), v1::EventType::SessionEnded),
            (
                What::TransferScheduled {
                    transfer: Box::new(samples::transfer()),
                    replaced: false,
                },
                v1::EventType::TransferScheduled,
            ),
            (What::TransferCancelled, v1::EventType::TransferCancelled),
            (What::ActivityChanged(Box::new(samples::activity())), v1::EventType::ActivityChanged),
            (
                What::ServerStarted { version: "1".to_owned(), epoch: 2 },
                v1::EventType::ServerStarted,
            ),
            (What::ServerDrained, v1::EventType::ServerDrained),
            (What::ClockStepped { by_ms: -1_500 }, v1::EventType::ClockStepped),
            (What::StallSeen { stalled_for: Span(1_500) }, v1::EventType::StallSeen),
        ];
        for (what, expected) in cases {
            let event = show(what, &clock);
            assert_eq!((event.sequence, &*event.log_id), (41, "log"));
            assert_eq!(event.r#type(), expected);
            let payload = format!("{:?}", event.payload);
            let name = expected.as_str_name().trim_start_matches("EVENT_TYPE_").replace('_', "");
            assert!(payload.to_uppercase().contains(&format!("SOME({name}(")), "{payload}");
        }
    }

    #[test]
    fn a_start_is_shown_as_it_was_however_late_it_is_read() {
        let later = samples::clock_at(samples::NOW + 9_000_000);
        let event = show(What::SessionStarted(Box::new(samples::session())), &later);
        let Some(Payload::SessionStarted(started)) = event.payload else { panic!("a start") };
        let session = started.session.unwrap();
        assert!(!session.stale);
        let expiry = samples::moment(samples::NOW + 30_000).wall;
        assert_eq!(session.lease_expires_at, Some(timestamp(expiry)));
    }

    #[test]
    fn a_scheduled_transfer_is_not_due_however_late_it_is_read() {
        let later = samples::clock_at(samples::NOW + 9_000_000);
        let transfer = Box::new(samples::transfer());
        let event = show(What::TransferScheduled { transfer, replaced: false }, &later);
        let Some(Payload::TransferScheduled(scheduled)) = event.payload else {
            panic!("scheduled")
        };
        let shown = scheduled.transfer.unwrap();
        assert!(!shown.due);
        assert_eq!((&*shown.session_id, shown.revision), ("ses_1", 9));
    }

    #[test]
    fn an_expiry_is_never_shown_after_it_was_noticed() {
        let clock = samples::clock_at(samples::NOW);
        let event = show(What::SessionExpired(LeaseInstant(samples::NOW + 99_000)), &clock);
        let Some(Payload::SessionExpired(expired)) = &event.payload else { panic!("expired") };
        assert_eq!(expired.expired_at, event.at);
    }
}
