//! The words of refusals: what is the case, and what to do about it.
//!
//! Guarantees: text from callers is escaped and shortened; it is never pasted into a command
//! (placeholders only); only an operator reads how to force.

use std::fmt::{self, Write as _};

use crate::context::Context;
use crate::escalation::ESCALATIONS_MAX;
use crate::legacy::IMPORTS_REMEMBERED_MAX;
use crate::name::{INTERACTIVE_OWNER, Key, is_unsafe_to_show};
use crate::refusal::{Quota, Reason};
use crate::reply::SessionView;
use crate::section::SECTIONS_MAX;
use crate::time::Span;
use crate::usage::COUNTERS_MAX;

/// The most characters of a caller's text that a message repeats.
pub const SHOWN_MAX_CHARS: usize = 64;

/// Displays a caller's text in quotes, with everything that could disturb a terminal escaped,
/// and shortened to [`SHOWN_MAX_CHARS`].
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut characters = self.0.chars();
        for c in characters.by_ref().take(SHOWN_MAX_CHARS) {
            if is_unsafe_to_show(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else if matches!(c, '"' | '\\') {
                write!(f, "\\{c}")?;
            } else {
                f.write_char(c)?;
            }
        }
        f.write_str(if characters.next().is_some() { "…\"" } else { "\"" })
    }
}

struct Seconds(Span);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0.0 / 1_000, self.0.0 % 1_000)
    }
}

/// One sentence, without final stop, of what is the case.
#[must_use]
pub fn message(
    reason: Reason,
    key: &Key,
    standing: Option<&SessionView>,
    context: &Context,
) -> String {
    let mut text = format!("workspace {}", key.workspace.as_str());
    if key.profile != crate::name::ProfileName::default() {
        // Writing into a String cannot fail.
        let _ = write!(text, " (profile {})", key.profile.as_str());
    }
    let owner = Owner(standing);
    let _ = match reason {
        Reason::ActorRequired => {
            write!(text, " is held by {owner}, so the call must name the acting actor")
        }
        Reason::RequestIdReused => {
            write!(text, ": this request_id was used before with other content")
        }
        Reason::NoSession => write!(text, " has no session"),
        Reason::WorkspaceNotRegistered => {
            write!(text, " is not registered, which this service requires")
        }
        Reason::WorkspaceInUse => {
            write!(text, " has a session of {owner}, so it cannot be deleted")
        }
        Reason::NoSuchEscalation => write!(text, " has no open escalation with this id"),
        Reason::NoSuchGate => write!(text, " has no gate with this name"),
        Reason::NoTransfer => write!(text, " has no pending transfer"),
        Reason::LeaseHeld | Reason::AutonomousSessionActive => {
            write!(text, " is held by {owner}, {}", remaining(standing, context))
        }
        Reason::StaleLeaseHeld | Reason::StaleAutonomousSession => {
            write!(text, " has a stale session of {owner}")
        }
        Reason::InteractiveSessionActive => write!(text, " is held by a person"),
        Reason::NotAutonomous => write!(text, " is held by a person and has no lease"),
        Reason::NotHolder => write!(text, " is held by {owner}, not by the calling actor"),
        Reason::SessionMismatch if standing.is_none() => {
            write!(text, " no longer has the session that was meant")
        }
        Reason::SessionMismatch => write!(text, " has another session than the one meant"),
        Reason::LeaseExpired => write!(text, ": the session of {owner} has run out"),
        Reason::LeaseNotStale => {
            write!(text, " has a live lease of {owner}, {}", remaining(standing, context))
        }
        Reason::LeaseIncomplete => {
            write!(text, " has a session without id, or no lease length is known on either side")
        }
        Reason::TakeoverSameActor => write!(text, " is held by {owner} itself"),
        Reason::MachineCordoned => {
            write!(text, ": the calling machine is cordoned and gets no new session")
        }
        Reason::RevisionMismatch => write!(
            text,
            " is at revision {}, not at the one named",
            standing.map_or(0, |view| view.revision.0)
        ),
        Reason::NotAuthorizedToClear => {
            write!(text, " is held by {owner}: only its owner and its supervisor may clear it")
        }
        Reason::QuotaExceeded(Quota::Escalations) => {
            write!(text, " has {ESCALATIONS_MAX} open escalations, and no more are kept")
        }
        Reason::QuotaExceeded(Quota::ClientSections) => {
            write!(text, ": a session has at most {SECTIONS_MAX} client sections")
        }
        Reason::QuotaExceeded(Quota::UsageCounters) => {
            write!(text, ": a session has at most {COUNTERS_MAX} usage counters")
        }
        Reason::QuotaExceeded(Quota::ImportedEscalations { open, new }) => write!(
            text,
            " has {open} open escalations, and the file would add {new}: at most \
             {ESCALATIONS_MAX} are kept"
        ),
        Reason::QuotaExceeded(Quota::Imports) => {
            write!(text, " has imported {IMPORTS_REMEMBERED_MAX} files, and no more are remembered")
        }
        Reason::RevisionExhausted => write!(text, " has used up its revisions"),
    };
    text
}

/// What to do about it.
#[must_use]
pub fn hint(reason: Reason, standing: Option<&SessionView>, context: &Context) -> Option<String> {
    let text = match reason {
        Reason::ActorRequired => "name it with --actor <actor-id>",
        Reason::RequestIdReused => "use a new request_id for a new request",
        Reason::NoSession => "start one first",
        Reason::LeaseHeld
        | Reason::AutonomousSessionActive
        | Reason::InteractiveSessionActive
        | Reason::LeaseNotStale => return Some(while_live(context)),
        Reason::StaleLeaseHeld => return Some(once_stale("--actor <actor-id>", standing, context)),
        Reason::StaleAutonomousSession => {
            return Some(once_stale("--interactive", standing, context));
        }
        Reason::SessionMismatch | Reason::RevisionMismatch => {
            "read the workspace again and decide anew"
        }
        Reason::LeaseExpired => "stop the work and start again",
        Reason::LeaseIncomplete if standing.is_some_and(|view| view.session.id.is_some()) => {
            "give the lease's length with --lease <duration>"
        }
        Reason::LeaseIncomplete => return Some(without_id(context)),
        Reason::TakeoverSameActor => "start again instead of taking over",
        Reason::NotAuthorizedToClear => match standing {
            Some(view)
                if view.stale && view.session.id.is_some() && view.session.ttl().is_some() =>
            {
                let takeover = once_stale("--actor <actor-id>", standing, context);
                return Some(format!("the session of {} is stale: {takeover}", Owner(standing)));
            }
            _ => ASK_THE_HOLDER,
        },
        Reason::MachineCordoned => "use another machine, or have this one uncordoned",
        Reason::WorkspaceNotRegistered => {
            "check its name, or have it registered with: tenure workspace register <workspace>"
        }
        Reason::WorkspaceInUse => "have it yielded or cleared first",
        Reason::NoSuchEscalation => "list the open escalations: it may be resolved already",
        Reason::NoSuchGate => "read the gates again",
        Reason::QuotaExceeded(Quota::Escalations) => "resolve some first",
        Reason::QuotaExceeded(Quota::ClientSections) => {
            "remove a section first, by sending it with empty content"
        }
        Reason::QuotaExceeded(Quota::UsageCounters) => "report under the names that are in use",
        Reason::QuotaExceeded(Quota::ImportedEscalations { .. }) => {
            "resolve some, or split the file, and import it again"
        }
        Reason::QuotaExceeded(Quota::Imports) => "import into another workspace or profile",
        Reason::NoTransfer | Reason::NotAutonomous | Reason::NotHolder => return None,
        Reason::RevisionExhausted => "use another workspace name",
    };
    Some(text.to_owned())
}

const ASK_THE_HOLDER: &str = "ask its owner or its supervisor";

fn while_live(context: &Context) -> String {
    let wait = "wait until it ends or expires";
    if context.operator {
        format!(
            "{wait}, or, as an operator, force a takeover with --force --actor <actor-id> \
             --expect-session <session-id> --reason <reason>"
        )
    } else {
        wait.to_owned()
    }
}

/// How to take a stale session over, where that can succeed.
fn once_stale(successor: &str, standing: Option<&SessionView>, context: &Context) -> String {
    let Some(session) = standing.map(|view| &view.session).filter(|s| s.id.is_some()) else {
        return without_id(context);
    };
    let person = successor == "--interactive";
    let lease = if person || session.ttl().is_some() { "" } else { " --lease <duration>" };
    format!("take it over with {successor} --reason <reason>{lease}")
}

/// A record of an older installation without session id cannot be taken over.
fn without_id(context: &Context) -> String {
    if context.operator {
        "as an operator, force a takeover that expects the current revision".to_owned()
    } else {
        ASK_THE_HOLDER.to_owned()
    }
}

struct Owner<'a>(Option<&'a SessionView>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nobody"),
            Some(view) => match (view.session.autonomous(), view.session.actor()) {
                (None, _) => write!(f, "{}", Shown(INTERACTIVE_OWNER)),
                (Some(_), None) => f.write_str("an unnamed owner"),
                (Some(_), Some(actor)) => write!(f, "{}", Shown(actor.as_str())),
            },
        }
    }
}

fn remaining(standing: Option<&SessionView>, context: &Context) -> String {
    standing.map_or_else(String::new, |view| {
        let left = view.effective_expiry.since(context.clock.now.lease);
        format!("whose lease runs for {} more", Seconds(left))
    })
}

#[cfg(test)]
mod tests;
