//! How ended sessions are shown: as lines of a list, and one of them as facts.

use tenure::v1::{GetLedgerEntryResponse, LedgerEntry, Lifecycle, Session, Usage, Verdict};

use crate::output::details::Details;
use crate::output::session::{self, place};
use crate::output::table::Table;
use crate::output::time::{Now, absolute, between, humane, span};
use crate::output::{Output, words};

/// A line for each ended session.
#[must_use]
pub fn table(entries: &[LedgerEntry], output: Output) -> String {
    let now = Now::read();
    let wide = output.is_wide();
    let mut headers =
        vec!["ended", "workspace", "profile", "owner", "cause", "held", "beats", "next", "reason"];
    if wide {
        headers.extend(["session", "token", "kind", "supervisor", "machine", "by", "focus", "at"]);
    }
    let mut table = Table::new(output, &headers);
    for entry in entries {
        table.add(&cells(entry, now, wide));
    }
    table.render()
}

fn cells(entry: &LedgerEntry, now: Now, wide: bool) -> Vec<String> {
    let unknown = Verdict::default();
    let verdict = entry.verdict.as_ref().unwrap_or(&unknown);
    let mut cells = vec![
        now.relative(verdict.at),
        entry.workspace.clone(),
        entry.profile.clone(),
        or_none(&entry.actor_id),
        words::end_cause(verdict.cause),
        held(entry),
        entry.beats.to_string(),
        or_none(&verdict.successor_actor_id),
        or_none(&verdict.reason),
    ];
    if wide {
        cells.extend([
            or_none(&entry.session_id),
            entry.fencing_token.to_string(),
            words::owner_kind(entry.owner_kind),
            or_none(&entry.supervisor_id),
            session::machine(entry.machine.as_ref(), true),
            by(verdict),
            or_none(&entry.focus),
            absolute(verdict.at),
        ]);
    }
    cells
}

/// Why a session ended, what it had come to, and who holds its workspace now.
#[must_use]
pub fn end(answer: &GetLedgerEntryResponse, wide: bool) -> String {
    let Some(entry) = &answer.entry else { return String::new() };
    let now = Now::read();
    let mut details = Details::new(place(&entry.workspace, &entry.profile));
    details.known("session", entry.session_id.as_str());
    details.fact("owner", owner(entry));
    if let Some(verdict) = &entry.verdict {
        add_verdict(&mut details, verdict, now, wide);
    }
    details.fact("token", entry.fencing_token.to_string());
    details.fact("started", now.shown(entry.started_at, wide));
    details.fact("held", held(entry));
    if entry.lifecycle() == Lifecycle::Autonomous {
        let last = now.shown(entry.last_heartbeat_at, wide);
        details.fact("beats", format!("{}, the last {last}", entry.beats));
    }
    if let Some(activity) = &entry.last_activity {
        let at = now.relative(activity.set_at);
        details.fact("last activity", format!("{} ({at})", activity.text));
    }
    details.known("focus", entry.focus.as_str());
    details.known("usage", entry.usage.as_ref().map_or_else(String::new, usage));
    details.known("machine", session::machine(entry.machine.as_ref(), wide));
    if wide {
        details.known("supervisor", entry.supervisor_id.as_str());
        details.known("instance", entry.instance_id.as_str());
        details.fact("mode", words::mode(entry.mode));
        details.known("principal", entry.principal.as_str());
        details.fact("starts", entry.start_count.to_string());
    }
    details.fact("now", holder(answer.current.as_ref(), now));
    details.render()
}

/// Who holds a workspace, in one line.
#[must_use]
pub fn holder(current: Option<&Session>, now: Now) -> String {
    let Some(current) = current else { return "nobody holds the workspace".to_owned() };
    let state = session::state(current);
    let since = now.relative(current.started_at);
    let mut text = format!("{}, {state}, since {since}", session::owner(current));
    if !current.session_id.is_empty() {
        text.push_str(&format!(", session {}", current.session_id));
    }
    text.push_str(&format!(", token {}", current.fencing_token));
    text
}

/// Money, whose unit is the installation's own: `0.0125`.
#[must_use]
pub fn cost(microunits: u64) -> String {
    let text = format!("{}.{:06}", microunits / 1_000_000, microunits % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn add_verdict(details: &mut Details, verdict: &Verdict, now: Now, wide: bool) {
    details.fact(
        "ended",
        format!("{}, {}", now.shown(verdict.at, wide), words::end_cause(verdict.cause)),
    );
    details.known("by", by(verdict));
    details.known("reason", verdict.reason.as_str());
    let next = match verdict.successor_actor_id.as_str() {
        "" => words::NONE.to_owned(),
        actor => {
            let token = verdict.successor_fencing_token.unwrap_or_default();
            format!("{actor}, session {}, token {token}", verdict.successor_session_id)
        }
    };
    details.known("next", next);
    if wide {
        details.fact("revision", verdict.revision.to_string());
    }
}

/// Who ended a session: the actor, and who was authenticated.
fn by(verdict: &Verdict) -> String {
    match (verdict.by_actor.as_str(), verdict.by_principal.as_str()) {
        ("", "") => words::NONE.to_owned(),
        ("", principal) => format!("principal {principal}"),
        (actor, "") => actor.to_owned(),
        (actor, principal) => format!("{actor} (principal {principal})"),
    }
}

fn owner(entry: &LedgerEntry) -> String {
    if entry.lifecycle() == Lifecycle::Interactive {
        return "a person".to_owned();
    }
    let actor = if entry.actor_id.is_empty() { "unnamed" } else { &entry.actor_id };
    format!("{actor} ({})", words::owner_kind(entry.owner_kind))
}

fn held(entry: &LedgerEntry) -> String {
    let ended_at = entry.verdict.as_ref().and_then(|verdict| verdict.at);
    between(entry.started_at, ended_at).map_or_else(|| words::NONE.to_owned(), humane)
}

/// What a session has consumed, as far as it has said.
fn usage(usage: &Usage) -> String {
    let mut parts = Vec::new();
    if usage.input_tokens > 0 || usage.output_tokens > 0 {
        parts.push(format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens));
    }
    if usage.cost_microunits > 0 {
        parts.push(format!("cost {}", cost(usage.cost_microunits)));
    }
    if usage.wall_time.is_some() {
        parts.push(format!("{} of work", span(usage.wall_time)));
    }
    parts.extend(usage.counters.iter().map(|(name, total)| format!("{name} {total}")));
    parts.join(", ")
}

fn or_none(text: &str) -> String {
    if text.is_empty() { words::NONE.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_without_needless_zeros() {
        for (microunits, shown) in
            [(0, "0"), (1, "0.000001"), (12_500, "0.0125"), (3_000_000, "3"), (3_100_000, "3.1")]
        {
            assert_eq!(cost(microunits), shown);
        }
        assert_eq!(cost(u64::MAX), "18446744073709.551615");
    }

    #[test]
    fn usage_says_only_what_was_reported() {
        let some = Usage {
            input_tokens: 5,
            wall_time: Some(prost_types::Duration { seconds: 90, nanos: 0 }),
            counters: [("calls".to_owned(), 3)].into(),
            ..Usage::default()
        };
        assert_eq!(usage(&some), "5 tokens in, 0 out, 1m 30s of work, calls 3");
        assert_eq!(usage(&Usage::default()), "");
    }

    #[test]
    fn whoever_ended_a_session_is_told_as_far_as_known() {
        let verdict = |actor: &str, principal: &str| Verdict {
            by_actor: actor.to_owned(),
            by_principal: principal.to_owned(),
            ..Verdict::default()
        };
        assert_eq!(by(&verdict("w2", "ops")), "w2 (principal ops)");
        assert_eq!(by(&verdict("", "ops")), "principal ops");
        assert_eq!(by(&verdict("w2", "")), "w2");
        assert_eq!(by(&verdict("", "")), "-", "time alone ended it");
    }
}
