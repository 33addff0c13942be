//! How an event is shown: one line.

use tenure::v1::event::Payload;
use tenure::v1::{Event, Session, StateImported, Verdict};

use crate::escape::escape;
use crate::output::session::{self, place};
use crate::output::time::{Now, absolute, span};
use crate::output::words;

/// One line: when, what, where, and what there is to say about it; escaped.
#[must_use]
pub fn line(event: &Event, wide: bool) -> String {
    let mut parts = vec![absolute(event.at), words::event_type(event.r#type)];
    if wide {
        parts.insert(1, format!("#{}", event.sequence));
    }
    if !event.workspace.is_empty() {
        parts.push(place(&event.workspace, &event.profile));
    }
    parts.extend(event.payload.as_ref().map(about).filter(|text| !text.is_empty()));
    // An end says by itself who ended it and why.
    if !matches!(event.payload, Some(Payload::SessionEnded(_))) {
        // What a question asks is its own text.
        let is_question = matches!(event.payload, Some(Payload::EscalationRaised(_)));
        if !event.reason.is_empty() && !is_question {
            parts.push(format!("reason: {}", event.reason));
        }
        if wide && !event.actor_id.is_empty() {
            parts.push(format!("by {}", event.actor_id));
        }
    }
    if wide {
        if !event.session_id.is_empty() {
            parts.push(event.session_id.clone());
        }
        if event.revision > 0 {
            parts.push(format!("revision {}", event.revision));
        }
        let who = [event.principal.as_str(), event.address.as_str()];
        let who: Vec<&str> = who.into_iter().filter(|text| !text.is_empty()).collect();
        if !who.is_empty() {
            parts.push(format!("as {}", who.join(" from ")));
        }
    }
    escape(&parts.join("  "))
}

/// What there is to say about an event beside its type.
fn about(payload: &Payload) -> String {
    match payload {
        Payload::SessionStarted(started) => {
            let mut text = holder(started.session.as_ref());
            if !started.prior_session_id.is_empty() {
                let cause = words::end_cause(started.prior_cause);
                text.push_str(&format!(", after {} ({cause})", started.prior_session_id));
            }
            text
        }
        Payload::SessionRefreshed(refreshed) => holder(refreshed.session.as_ref()),
        Payload::SessionExpired(expired) => {
            let owner = expired.session.as_ref().map_or_else(String::new, session::owner);
            let owner = if owner.is_empty() { owner } else { format!("{owner}, ") };
            format!("{owner}at {}", absolute(expired.expired_at))
        }
        Payload::SessionEnded(ended) => ended.verdict.as_ref().map_or_else(String::new, verdict),
        Payload::TransferScheduled(scheduled) => transfer(scheduled.transfer.as_ref()),
        Payload::TransferCancelled(cancelled) => {
            let to = transfer(cancelled.transfer.as_ref());
            if cancelled.replaced { format!("replaced {to}") } else { to }
        }
        Payload::ActivityChanged(changed) => {
            changed.activity.as_ref().map_or_else(String::new, |activity| activity.text.clone())
        }
        Payload::SessionStalled(stalled) => stalled.work_stream.clone(),
        Payload::SessionResumed(resumed) => resumed.work_stream.clone(),
        Payload::ServerStarted(started) => {
            format!("version {}, epoch {}", started.version, started.epoch)
        }
        Payload::ServerDrained(drained) => format!("epoch {}", drained.epoch),
        Payload::ClockStepped(stepped) => format!("by {}", span(stepped.step)),
        Payload::StallSeen(seen) => format!("for {}", span(seen.stalled_for)),
        other => about_surroundings(other),
    }
}

/// What surrounds sessions: escalations, gates, handoff, machines, tokens.
fn about_surroundings(payload: &Payload) -> String {
    match payload {
        Payload::EscalationRaised(raised) => escalation(raised.escalation.as_ref()),
        Payload::EscalationResolved(resolved) => escalation(resolved.escalation.as_ref()),
        Payload::EscalationsCleared(cleared) => cleared.escalation_ids.join(", "),
        Payload::GatesSet(set) => set.gates.as_ref().map_or_else(String::new, gates),
        Payload::GateUpdated(updated) => updated.gate.as_ref().map_or_else(String::new, |gate| {
            format!("{}: {}", gate.name, words::gate_state(gate.state))
        }),
        Payload::HandoffPut(put) => {
            put.handoff.as_ref().map_or_else(String::new, |handoff| handoff.title.clone())
        }
        Payload::WorkspaceDeleted(deleted) => {
            format!("later tokens are above {}", deleted.revision_floor)
        }
        Payload::MachineCordoned(machine) => machine.machine_id.clone(),
        Payload::MachineUncordoned(machine) => machine.machine_id.clone(),
        Payload::StateImported(imported) => brought_in(imported),
        Payload::TokenCreated(token) => format!("{} for {}", token.token_id, token.token_principal),
        Payload::TokenRevoked(token) => format!("{} for {}", token.token_id, token.token_principal),
        Payload::AccessDenied(denied) => {
            format!("{} {}", denied.rpc, words::reason(denied.error_reason()))
        }
        _ => String::new(),
    }
}

/// The file, and what came of it.
fn brought_in(imported: &StateImported) -> String {
    let session = imported.session.as_ref().map(|session| holder(Some(session)));
    let escalations = match imported.escalations.len() {
        0 => None,
        1 => Some("1 escalation".to_owned()),
        count => Some(format!("{count} escalations")),
    };
    let what: Vec<String> = session.into_iter().chain(escalations).collect();
    let what = if what.is_empty() { "nothing new".to_owned() } else { what.join(", ") };
    format!("{}: {what}", imported.file_name)
}

fn holder(started: Option<&Session>) -> String {
    started.map_or_else(String::new, |started| {
        format!("{}, token {}", session::owner(started), started.fencing_token)
    })
}

fn verdict(verdict: &Verdict) -> String {
    let mut text = format!("{}: {}", verdict.prior_actor_id, words::end_cause(verdict.cause));
    let successor = verdict.successor_actor_id.as_str();
    if !verdict.by_actor.is_empty() && verdict.by_actor != successor {
        text.push_str(&format!(" by {}", verdict.by_actor));
    }
    if !successor.is_empty() {
        text.push_str(&format!(", then {successor}"));
    }
    if !verdict.reason.is_empty() {
        text.push_str(&format!("  reason: {}", verdict.reason));
    }
    text
}

fn transfer(transfer: Option<&tenure::v1::PendingTransfer>) -> String {
    transfer.map_or_else(String::new, |transfer| session::pending(transfer, Now::read(), false))
}

fn gates(gates: &tenure::v1::Gates) -> String {
    let names: Vec<&str> = gates.gates.iter().map(|gate| gate.name.as_str()).collect();
    names.join(", ")
}

fn escalation(escalation: Option<&tenure::v1::Escalation>) -> String {
    escalation.map_or_else(String::new, |it| format!("{}  {}", it.escalation_id, it.reason))
}

#[cfg(test)]
mod tests {
    use tenure::v1::{ActivityChanged, EndCause, EventType, SessionEnded};

    use super::*;

    #[test]
    fn an_event_is_one_escaped_line_whatever_callers_wrote() {
        let activity =
            tenure::v1::Activity { text: "a\nb\u{1b}[2J".to_owned(), ..Default::default() };
        let event = Event {
            r#type: EventType::ActivityChanged.into(),
            workspace: "acme/api".to_owned(),
            profile: "main".to_owned(),
            payload: Some(Payload::ActivityChanged(ActivityChanged { activity: Some(activity) })),
            ..Event::default()
        };
        assert_eq!(line(&event, false), r"-  activity_changed  acme/api  a\nb\u{1b}[2J");
    }

    #[test]
    fn an_end_says_how_by_whom_and_who_follows() {
        let verdict = Verdict {
            cause: EndCause::ForceTakenOver.into(),
            prior_actor_id: "w1".to_owned(),
            by_actor: "boss".to_owned(),
            successor_actor_id: "w2".to_owned(),
            reason: "wrong branch".to_owned(),
            ..Verdict::default()
        };
        let ended = SessionEnded { verdict: Some(verdict), ..SessionEnded::default() };
        let event = Event {
            r#type: EventType::SessionEnded.into(),
            workspace: "acme/api".to_owned(),
            payload: Some(Payload::SessionEnded(ended)),
            ..Event::default()
        };
        let text = line(&event, false);
        assert!(
            text.ends_with("w1: force_taken_over by boss, then w2  reason: wrong branch"),
            "{text}"
        );
    }
}
