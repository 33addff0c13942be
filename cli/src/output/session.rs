//! How a session is shown: as facts, and as a line of a list.

use tenure::v1::{Lifecycle, MachineRef, PendingTransfer, Session};

use crate::output::details::Details;
use crate::output::time::{Now, absolute, span};
use crate::output::words;

/// A workspace with its profile, unless that is the one meant when none is given.
#[must_use]
pub fn place(workspace: &str, profile: &str) -> String {
    if profile.is_empty() || profile == "main" {
        workspace.to_owned()
    } else {
        format!("{workspace} (profile {profile})")
    }
}

/// `live` or `stale`.
#[must_use]
pub fn state(session: &Session) -> &'static str {
    if session.stale { "stale" } else { "live" }
}

/// `live`, `stalled` or `stale`, for a list.
#[must_use]
pub fn standing(session: &Session) -> &'static str {
    if session.stalled && !session.stale { "stalled" } else { state(session) }
}

/// Who owns a session, in words.
#[must_use]
pub fn owner(session: &Session) -> String {
    if session.lifecycle() == Lifecycle::Interactive {
        return "a person".to_owned();
    }
    let actor = if session.actor_id.is_empty() { "unnamed" } else { &session.actor_id };
    format!("{actor} ({})", words::owner_kind(session.owner_kind))
}

/// A machine by its host name, or by its id where no host is known.
#[must_use]
pub fn machine(machine: Option<&MachineRef>, wide: bool) -> String {
    let Some(machine) = machine else { return words::NONE.to_owned() };
    match (machine.host.as_str(), machine.machine_id.as_str()) {
        ("", "") => words::NONE.to_owned(),
        ("", id) => id.to_owned(),
        (host, "") => host.to_owned(),
        (host, id) if wide => format!("{host} ({id})"),
        (host, _) => host.to_owned(),
    }
}

/// Adds what there is to know of a session.
pub fn add_facts(details: &mut Details, session: &Session, now: Now, wide: bool) {
    let autonomous = session.lifecycle() == Lifecycle::Autonomous;
    details.fact("state", state(session));
    details.fact("owner", owner(session));
    details.known("supervisor", session.supervisor_id.as_str());
    details.fact("since", now.shown(session.started_at, wide));
    if autonomous {
        let label = if session.stale { "expired" } else { "expires" };
        details.fact(label, expiry(session, now, wide));
        details.known("last beat", now.shown(session.last_heartbeat_at, wide));
    }
    if session.start_count > 1 {
        let last = now.shown(session.last_started_at, wide);
        details.fact("starts", format!("{}, the last {last}", session.start_count));
    }
    if let Some(activity) = &session.activity {
        details.fact("activity", format!("{} ({})", activity.text, now.relative(activity.set_at)));
    }
    if session.stalled {
        details.fact("progress", "stalled: it beats, but touches no work stream");
    }
    if let Some(transfer) = &session.pending_transfer {
        details.fact("transfer", pending(transfer, now, wide));
        details.known("", transfer_reason(transfer));
    }
    details.fact("mode", words::mode(session.mode));
    details.known("machine", machine(session.machine.as_ref(), wide));
    details.known("session", session.session_id.as_str());
    details.fact("token", session.fencing_token.to_string());
    details.fact("revision", session.revision.to_string());
    if wide {
        details.known("instance", session.instance_id.as_str());
        details.known("principal", session.principal.as_str());
        if autonomous {
            details.fact("beats", session.beats.to_string());
        }
    }
}

/// A pending transfer in one line: to whom, and until when.
#[must_use]
pub fn pending(transfer: &PendingTransfer, now: Now, wide: bool) -> String {
    let successor = transfer.successor.as_ref().map_or("", |successor| &successor.actor_id);
    let to = match successor {
        "" => "an unnamed successor".to_owned(),
        "interactive" => "a person".to_owned(),
        actor => actor.to_owned(),
    };
    if transfer.due {
        format!("due: to {to} at any moment")
    } else {
        format!("to {to} {} at the latest", now.shown(transfer.deadline, wide))
    }
}

/// Why a transfer was ordered, and by whom.
#[must_use]
pub fn transfer_reason(transfer: &PendingTransfer) -> String {
    if transfer.principal.is_empty() {
        transfer.reason.clone()
    } else {
        format!("ordered by {}: {}", transfer.principal, transfer.reason)
    }
}

/// When the lease expires, by a lease of which length.
fn expiry(session: &Session, now: Now, wide: bool) -> String {
    let Some(at) = session.lease_expires_at else { return "no lease is known".to_owned() };
    let of =
        session.lease_ttl.map_or_else(String::new, |ttl| format!(", lease {}", span(Some(ttl))));
    let relative = now.relative(Some(at));
    if wide {
        format!("{relative} ({}){of}", absolute(Some(at)))
    } else {
        format!("{relative}{of}")
    }
}
