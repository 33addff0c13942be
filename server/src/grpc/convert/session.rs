//! A stored session, as every read and every answer shows it.

use tenure::v1;
use tenure_core::context::Clock;
use tenure_core::name::{ActorId, INTERACTIVE_OWNER};
use tenure_core::reply::SessionView;
use tenure_core::session::{Activity, Lifecycle, Session};

use super::choice;
use super::machine;
use super::time::{duration, lease_timestamp, lease_timing, timestamp};
use super::transfer;

/// A session, as it stands at the clock that `view` was made with.
#[must_use]
pub fn shown(view: &SessionView, clock: &Clock) -> v1::Session {
    let session = &view.session;
    let lease = session.autonomous();
    let renewal = lease.and_then(|lease| lease.renewal);
    let has_lease = has_lease(session);
    v1::Session {
        workspace: view.key.workspace.as_str().to_owned(),
        profile: view.key.profile.as_str().to_owned(),
        session_id: session.id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        lifecycle: choice::lifecycle(session.lifecycle()).into(),
        owner_kind: choice::owner_kind(session.owner_kind()).into(),
        actor_id: owner(session.lifecycle(), session.actor()),
        supervisor_id: session.supervisor().map_or_else(String::new, |id| id.as_str().to_owned()),
        instance_id: lease
            .and_then(|lease| lease.instance.as_ref())
            .map_or_else(String::new, |id| id.as_str().to_owned()),
        mode: choice::mode(session.mode).into(),
        revision: view.revision.0,
        fencing_token: session.token.0,
        started_at: Some(timestamp(session.started_at.wall)),
        last_started_at: Some(timestamp(session.last_started_at.wall)),
        start_count: session.start_count.into(),
        last_heartbeat_at: renewal.map(|renewal| timestamp(renewal.last_heartbeat_at)),
        lease_ttl: session.ttl().map(duration),
        lease_expires_at: has_lease.then(|| lease_timestamp(view.effective_expiry, clock)),
        stale: view.stale,
        stalled: !view.stale && session.has_stalled(clock.now.lease),
        activity: session.activity.as_ref().map(activity),
        pending_transfer: view
            .transfer
            .as_ref()
            .map(|pending| transfer::pending(pending, session.id.as_ref(), clock)),
        principal: session.principal.as_str().to_owned(),
        machine: session.machine.as_ref().map(machine::shown),
        beats: session.beats,
    }
}

/// How long the holder of a session may go on; absent without a lease.
#[must_use]
pub fn timing(view: &SessionView, clock: &Clock) -> Option<v1::LeaseTiming> {
    has_lease(&view.session).then(|| lease_timing(view.effective_expiry, clock))
}

/// Whether a session has all that makes a lease: records of older installations may not.
#[must_use]
pub fn has_lease(session: &Session) -> bool {
    session.id.is_some()
        && session.autonomous().is_some_and(|held| held.ttl.is_some() && held.renewal.is_some())
}

/// An owner: the literal `interactive` for a person, empty for an imported record without one.
#[must_use]
pub fn owner(lifecycle: Lifecycle, actor: Option<&ActorId>) -> String {
    match (lifecycle, actor) {
        (Lifecycle::Interactive, _) => INTERACTIVE_OWNER.to_owned(),
        (Lifecycle::Autonomous, actor) => {
            actor.map_or_else(String::new, |actor| actor.as_str().to_owned())
        }
    }
}

/// An activity, with the time and revision at which it was set.
#[must_use]
pub fn activity(activity: &Activity) -> v1::Activity {
    v1::Activity {
        text: activity.text.to_string(),
        set_at: Some(timestamp(activity.set_at)),
        revision: activity.revision.0,
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::session::Holder;

    use super::*;
    use crate::grpc::convert::samples;

    #[test]
    fn a_lease_is_shown_with_its_effective_expiry() {
        let clock = samples::clock_at(samples::NOW + 1_000);
        let view = samples::view_at(&clock);
        let shown = shown(&view, &clock);
        assert_eq!(shown.actor_id, "worker-1");
        assert_eq!(shown.lifecycle(), v1::Lifecycle::Autonomous);
        assert_eq!(shown.lease_ttl.map(|ttl| ttl.seconds), Some(30));
        assert_eq!(
            shown.lease_expires_at,
            Some(timestamp(clock.now.wall.after(tenure_core::time::Span(29_000))))
        );
        assert!(!shown.stale);
        assert_eq!(timing(&view, &clock).and_then(|t| t.expires_in).map(|d| d.seconds), Some(29));
    }

    #[test]
    fn the_instant_of_expiry_is_shown_as_stale() {
        let clock = samples::clock_at(samples::NOW + 30_000);
        assert!(shown(&samples::view_at(&clock), &clock).stale);
    }

    #[test]
    fn a_pending_transfer_clips_the_expiry_that_is_shown() {
        let clock = samples::clock_at(samples::NOW);
        let transfer = samples::transfer();
        let session = samples::session();
        let key = samples::key();
        let deadline = lease_timestamp(transfer.deadline, &clock);
        let revision = tenure_core::session::Revision(9);
        let mut long = session;
        if let Holder::Autonomous(held) = &mut long.holder
            && let Some(renewal) = &mut held.renewal
        {
            renewal.expires_at = tenure_core::time::LeaseInstant(u64::MAX);
        }
        let view = SessionView::new(key, revision, long, Some(transfer), &clock);
        let shown = shown(&view, &clock);
        assert_eq!(shown.lease_expires_at, Some(deadline));
        assert_eq!(shown.pending_transfer.map(|pending| pending.session_id), Some("ses_1".into()));
    }

    #[test]
    fn a_person_has_no_lease_to_show() {
        let clock = samples::clock_at(samples::NOW);
        let session = Session { holder: Holder::Interactive, activity: None, ..samples::session() };
        let revision = tenure_core::session::Revision(1);
        let view = SessionView::new(samples::key(), revision, session, None, &clock);
        let shown = shown(&view, &clock);
        assert_eq!(shown.actor_id, "interactive");
        assert_eq!(shown.owner_kind(), v1::OwnerKind::Interactive);
        assert_eq!(
            (shown.lease_ttl, shown.lease_expires_at, shown.last_heartbeat_at),
            (None, None, None)
        );
        assert_eq!(timing(&view, &clock), None);
    }

    #[test]
    fn an_imported_record_without_id_shows_no_lease() {
        let clock = samples::clock_at(samples::NOW);
        let session = Session { id: None, ..samples::session() };
        let revision = tenure_core::session::Revision(1);
        let view = SessionView::new(samples::key(), revision, session, None, &clock);
        let shown = shown(&view, &clock);
        assert!(shown.stale);
        assert_eq!((&*shown.session_id, shown.lease_expires_at), ("", None));
    }
}
