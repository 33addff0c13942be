//! Refusals: what stands in a caller's way.

use tenure::v1;
use tenure_core::context::Clock;
use tenure_core::refusal::{Reason, Refusal};

use super::choice;
use super::ledger;
use super::session::{has_lease, owner};
use super::time::lease_timestamp;
use super::transfer;

/// The contract's name of a reason.
#[must_use]
pub const fn error_reason(reason: Reason) -> v1::ErrorReason {
    match reason {
        Reason::ActorRequired => v1::ErrorReason::ActorRequired,
        Reason::RequestIdReused => v1::ErrorReason::RequestIdReused,
        Reason::NoSession => v1::ErrorReason::NoSession,
        Reason::WorkspaceNotRegistered => v1::ErrorReason::WorkspaceNotRegistered,
        Reason::WorkspaceInUse => v1::ErrorReason::WorkspaceInUse,
        Reason::NoSuchEscalation => v1::ErrorReason::NoSuchEscalation,
        Reason::NoSuchGate => v1::ErrorReason::NoSuchGate,
        Reason::NoTransfer => v1::ErrorReason::NoTransfer,
        Reason::LeaseHeld => v1::ErrorReason::LeaseHeld,
        Reason::StaleLeaseHeld => v1::ErrorReason::StaleLeaseHeld,
        Reason::InteractiveSessionActive => v1::ErrorReason::InteractiveSessionActive,
        Reason::AutonomousSessionActive => v1::ErrorReason::AutonomousSessionActive,
        Reason::StaleAutonomousSession => v1::ErrorReason::StaleAutonomousSession,
        Reason::NotAutonomous => v1::ErrorReason::NotAutonomous,
        Reason::NotHolder => v1::ErrorReason::NotHolder,
        Reason::SessionMismatch => v1::ErrorReason::SessionMismatch,
        Reason::LeaseExpired => v1::ErrorReason::LeaseExpired,
        Reason::LeaseNotStale => v1::ErrorReason::LeaseNotStale,
        Reason::LeaseIncomplete => v1::ErrorReason::LeaseIncomplete,
        Reason::TakeoverSameActor => v1::ErrorReason::TakeoverSameActor,
        Reason::MachineCordoned => v1::ErrorReason::MachineCordoned,
        Reason::RevisionMismatch => v1::ErrorReason::RevisionMismatch,
        Reason::NotAuthorizedToClear => v1::ErrorReason::NotAuthorizedToClear,
        Reason::QuotaExceeded(_) => v1::ErrorReason::QuotaExceeded,
        Reason::RevisionExhausted => v1::ErrorReason::RevisionExhausted,
    }
}

/// What stands in the way, as typed detail. `clock` projects its instants.
#[must_use]
pub fn shown(refusal: &Refusal, clock: &Clock) -> v1::Refusal {
    let mut shown = v1::Refusal {
        reason: error_reason(refusal.reason).into(),
        workspace: refusal.key.workspace.as_str().to_owned(),
        profile: refusal.key.profile.as_str().to_owned(),
        verdict: refusal.verdict.as_deref().map(ledger::verdict),
        hint: refusal.hint.clone().unwrap_or_default(),
        ..v1::Refusal::default()
    };
    if let Some(view) = refusal.standing.as_deref() {
        let session = &view.session;
        shown.holder_actor_id = owner(session.lifecycle(), session.actor());
        shown.holder_owner_kind = choice::owner_kind(session.owner_kind()).into();
        shown.holder_lifecycle = choice::lifecycle(session.lifecycle()).into();
        shown.session_id =
            session.id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned());
        shown.revision = Some(view.revision.0);
        shown.fencing_token = Some(session.token.0);
        shown.effective_expires_at =
            has_lease(session).then(|| lease_timestamp(view.effective_expiry, clock));
        shown.stale = view.stale;
        shown.pending_transfer = view
            .transfer
            .as_ref()
            .map(|pending| transfer::pending(pending, session.id.as_ref(), clock));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::convert::samples;

    fn refusal() -> Refusal {
        let clock = samples::clock_at(samples::NOW);
        Refusal {
            reason: Reason::LeaseHeld,
            key: samples::key(),
            message: "workspace acme/api is held".to_owned(),
            hint: Some("wait".to_owned()),
            standing: Some(Box::new(samples::view_at(&clock))),
            meant: None,
            verdict: None,
        }
    }

    #[test]
    fn a_refusal_names_the_holder_and_when_its_lease_ends() {
        let shown = shown(&refusal(), &samples::clock_at(samples::NOW));
        assert_eq!(shown.reason(), v1::ErrorReason::LeaseHeld);
        assert_eq!((&*shown.holder_actor_id, &*shown.session_id), ("worker-1", "ses_1"));
        assert_eq!((shown.revision, shown.fencing_token), (Some(9), Some(7)));
        assert_eq!(
            shown.effective_expires_at,
            Some(super::super::time::timestamp(samples::moment(samples::NOW + 30_000).wall))
        );
        assert_eq!((&*shown.hint, shown.verdict), ("wait", None));
    }

    #[test]
    fn a_refusal_without_session_names_no_holder() {
        let empty = Refusal { standing: None, hint: None, ..refusal() };
        let shown = shown(&empty, &samples::clock_at(samples::NOW));
        assert_eq!(
            (&*shown.holder_actor_id, shown.revision, shown.fencing_token),
            ("", None, None)
        );
        assert_eq!((&*shown.workspace, &*shown.profile), ("acme/api", "main"));
    }

    #[test]
    fn the_verdict_on_the_named_session_is_added() {
        let known = Refusal { verdict: Some(Box::new(samples::ledger_entry())), ..refusal() };
        let shown = shown(&known, &samples::clock_at(samples::NOW));
        assert_eq!(shown.verdict.map(|verdict| verdict.revision), Some(12));
    }
}
