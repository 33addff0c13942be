//! Sealed entries of the ledger, and the verdict that each holds.

use tenure::v1;
use tenure_core::event::SERVICE_PRINCIPAL;
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{INTERACTIVE_OWNER, Principal};

use super::choice;
use super::machine;
use super::session::{activity, owner};
use super::time::{duration, timestamp};
use super::work;

/// A sealed entry.
#[must_use]
pub fn entry(entry: &LedgerEntry) -> v1::LedgerEntry {
    v1::LedgerEntry {
        session_id: session_id(entry),
        workspace: entry.key.workspace.as_str().to_owned(),
        profile: entry.key.profile.as_str().to_owned(),
        actor_id: owner(entry.lifecycle, entry.actor.as_ref()),
        owner_kind: choice::owner_kind(entry.owner_kind).into(),
        lifecycle: choice::lifecycle(entry.lifecycle).into(),
        supervisor_id: entry
            .supervisor
            .as_ref()
            .map_or_else(String::new, |actor| actor.as_str().to_owned()),
        mode: choice::mode(entry.mode).into(),
        principal: entry.principal.as_str().to_owned(),
        machine: entry.machine.as_ref().map(machine::shown),
        started_at: Some(timestamp(entry.started_at)),
        start_count: entry.start_count.into(),
        beats: entry.beats,
        fencing_token: entry.token.0,
        verdict: Some(verdict(entry)),
        last_activity: entry.last_activity.as_ref().map(activity),
        instance_id: entry.instance.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        last_heartbeat_at: entry.last_heartbeat_at.map(timestamp),
        lease_ttl: entry.lease_ttl.map(duration),
        usage: entry.usage.as_ref().map(work::usage),
        focus: entry.focus.as_ref().map_or_else(String::new, ToString::to_string),
    }
}

/// How a session ended, and who has the workspace since.
#[must_use]
pub fn verdict(entry: &LedgerEntry) -> v1::Verdict {
    let next = entry.successor.as_ref();
    v1::Verdict {
        session_id: session_id(entry),
        cause: choice::end_cause(entry.cause).into(),
        by_actor: entry
            .ended_by_actor
            .as_ref()
            .map_or_else(String::new, |actor| actor.as_str().to_owned()),
        by_principal: unless_service(&entry.ended_by),
        reason: entry.why.as_ref().map_or_else(String::new, ToString::to_string),
        successor_session_id: next
            .map_or_else(String::new, |next| next.session_id.as_str().to_owned()),
        successor_actor_id: next.map_or_else(String::new, |next| {
            next.actor.as_ref().map_or(INTERACTIVE_OWNER, |actor| actor.as_str()).to_owned()
        }),
        // The successor is minted in the step that sealed the entry, at its revision.
        successor_fencing_token: next.map(|_| entry.revision.0),
        revision: entry.revision.0,
        at: Some(timestamp(entry.ended_at)),
        prior_actor_id: owner(entry.lifecycle, entry.actor.as_ref()),
        prior_fencing_token: entry.token.0,
    }
}

/// A principal; empty where the service itself acted.
#[must_use]
pub fn unless_service(principal: &Principal) -> String {
    match principal.as_str() {
        SERVICE_PRINCIPAL => String::new(),
        other => other.to_owned(),
    }
}

fn session_id(entry: &LedgerEntry) -> String {
    entry.session_id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use tenure_core::ledger::NextHolder;
    use tenure_core::name::SessionId;
    use tenure_core::session::Lifecycle;

    use super::*;
    use crate::grpc::convert::samples;

    #[test]
    fn a_verdict_names_cause_parties_and_successor() {
        let verdict = verdict(&samples::ledger_entry());
        assert_eq!(verdict.cause(), v1::EndCause::TakenOver);
        assert_eq!((&*verdict.by_actor, &*verdict.by_principal), ("worker-2", "ops"));
        assert_eq!(verdict.reason, "it was silent");
        assert_eq!((&*verdict.session_id, &*verdict.successor_session_id), ("ses_1", "ses_2"));
        assert_eq!((verdict.prior_fencing_token, verdict.successor_fencing_token), (7, Some(12)));
    }

    #[test]
    fn a_workspace_left_free_has_no_successor() {
        let entry = LedgerEntry { successor: None, ..samples::ledger_entry() };
        let verdict = verdict(&entry);
        assert_eq!((&*verdict.successor_actor_id, verdict.successor_fencing_token), ("", None));
    }

    #[test]
    fn a_person_is_called_interactive_before_and_after() {
        let next = NextHolder { session_id: SessionId::imported("ses_2"), actor: None };
        let sealed = LedgerEntry {
            lifecycle: Lifecycle::Interactive,
            actor: None,
            successor: Some(next),
            ..samples::ledger_entry()
        };
        let shown = entry(&sealed);
        assert_eq!(shown.actor_id, "interactive");
        assert_eq!(shown.verdict.unwrap().successor_actor_id, "interactive");
    }

    #[test]
    fn what_time_alone_ended_names_no_principal() {
        let sealed = LedgerEntry {
            ended_by: Principal::imported(SERVICE_PRINCIPAL),
            ..samples::ledger_entry()
        };
        assert_eq!(verdict(&sealed).by_principal, "");
    }
}
