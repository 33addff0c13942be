//! How ended sessions are listed, told of and added up.

use tenure::v1::{self, ErrorReason};
use tonic::Code;

use crate::scripted::{Script, Server, refusal, session};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// A session of `actor` that was held for `held` seconds until an hour ago.
fn ended(session_id: &str, actor: &str, held: i64) -> v1::LedgerEntry {
    let ended_at = jiff::Timestamp::now().as_second() - 3_600;
    let verdict = v1::Verdict {
        session_id: session_id.to_owned(),
        cause: v1::EndCause::TakenOver.into(),
        by_actor: "w2".to_owned(),
        by_principal: "local".to_owned(),
        reason: "it was silent".to_owned(),
        successor_session_id: "ses_next".to_owned(),
        successor_actor_id: "w2".to_owned(),
        successor_fencing_token: Some(12),
        revision: 12,
        at: at(ended_at),
        ..v1::Verdict::default()
    };
    v1::LedgerEntry {
        session_id: session_id.to_owned(),
        workspace: "acme/api".to_owned(),
        profile: "main".to_owned(),
        actor_id: actor.to_owned(),
        owner_kind: v1::OwnerKind::RuntimeWorker.into(),
        lifecycle: v1::Lifecycle::Autonomous.into(),
        started_at: at(ended_at - held),
        last_heartbeat_at: at(ended_at - 60),
        beats: 7,
        fencing_token: 5,
        verdict: Some(verdict),
        focus: "the third step".to_owned(),
        usage: Some(v1::Usage { input_tokens: 100, cost_microunits: 12_500, ..Default::default() }),
        ..v1::LedgerEntry::default()
    }
}

/// Answers with pages of entries, one after another.
fn pages(pages: Vec<Vec<v1::LedgerEntry>>, totals: Option<v1::LedgerTotals>) -> Server {
    let answer = move |request: v1::ListLedgerRequest| {
        let page: usize = request.page_token.parse().unwrap_or(0);
        let more = page + 1 < pages.len();
        Ok(v1::ListLedgerResponse {
            entries: pages[page].clone(),
            next_page_token: if more { (page + 1).to_string() } else { String::new() },
            totals: totals.clone().filter(|_| request.totals && page == 0),
        })
    };
    Script::default().on("list_ledger", answer).serve()
}

fn words_of(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()
}

#[test]
fn the_ledger_is_listed_with_its_filters() {
    let server = pages(
        vec![vec![ended("ses_1", "w1", 3_600)], vec![], vec![ended("ses_2", "w3", 60)]],
        None,
    );
    let words = ["ledger", "acme/api", "--profile", "qa", "--owner", "w1", "--prefix", "acme"];
    let more = ["--supervisor", "s", "--machine", "m", "--cause", "taken_over", "--since", "7d"];
    let assert = server.tenure(&[&words[..], &more].concat()).assert().success();
    let shown = text(&assert.get_output().stdout);
    let lines: Vec<_> = shown.lines().map(words_of).collect();
    assert_eq!(lines[0][..5], ["ENDED", "WORKSPACE", "PROFILE", "OWNER", "CAUSE"], "{shown}");
    let first =
        ["1h ago", "acme/api", "main", "w1", "taken_over", "1h", "7", "w2", "it was silent"];
    assert_eq!(lines[1], first, "{shown}");
    assert_eq!((lines.len(), lines[2][3], lines[2][5]), (3, "w3", "1m"), "behind an empty page");
    assert!(assert.get_output().stderr.is_empty());

    let asked: Vec<v1::ListLedgerRequest> = server.asked("list_ledger");
    assert_eq!(asked.len(), 3);
    assert_eq!((&*asked[0].workspace, &*asked[0].profile), ("acme/api", "qa"));
    let filter = asked[0].filter.as_ref().unwrap();
    assert_eq!((&*filter.owner, &*filter.prefix), ("w1", "acme"));
    assert_eq!((&*filter.supervisor, &*filter.machine), ("s", "m"));
    assert_eq!(filter.cause(), v1::EndCause::TakenOver);
    let since = filter.ended_since.unwrap().seconds;
    let week_ago = jiff::Timestamp::now().as_second() - 7 * 86_400;
    assert!((week_ago - 60..=week_ago).contains(&since), "{since}");
    assert!(!asked[0].totals && filter.ended_before.is_none());
}

#[test]
fn a_limit_keeps_the_last_ended_and_says_that_there_are_more() {
    let all =
        vec![vec![ended("ses_1", "w1", 1), ended("ses_2", "w1", 1)], vec![ended("ses_3", "w1", 1)]];
    let server = pages(all, None);
    let list = |limit: &str| {
        let words = ["ledger", "--limit", limit, "-o", "wide"];
        let assert = server.tenure(&words).assert().success();
        let output = assert.get_output();
        (text(&output.stdout), text(&output.stderr))
    };
    let (shown, told) = list("2");
    assert!(shown.contains("ses_2") && !shown.contains("ses_3"), "{shown}");
    assert!(told.starts_with("these are the last 2;"), "{told}");
    let (shown, told) = list("3");
    assert!(shown.contains("ses_3") && told.is_empty(), "{shown}{told}");
}

#[test]
fn an_empty_ledger_is_said_so_beside_the_data() {
    let server = pages(vec![vec![]], None);
    let assert = server.tenure(&["ledger"]).assert().success();
    assert_eq!(text(&assert.get_output().stderr), "no ended session is known that fits\n");
    let json = server.tenure(&["ledger", "-o", "json"]).assert().success();
    assert_eq!(text(&json.get_output().stdout).trim(), "{}");
}

#[test]
fn json_of_the_ledger_is_one_document_over_all_pages() {
    let server = pages(vec![vec![ended("ses_1", "w1", 1)], vec![ended("ses_2", "w1", 1)]], None);
    let json = server.tenure(&["ledger", "-o", "json"]).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(json["entries"].as_array().unwrap().len(), 2);
    assert_eq!(json["entries"][0]["verdict"]["cause"], "END_CAUSE_TAKEN_OVER");
    assert!(json.get("nextPageToken").is_none());
}

fn told_of(current: Option<v1::Session>) -> Server {
    Script::default()
        .on("get_ledger_entry", move |request: v1::GetLedgerEntryRequest| {
            if request.session_id != "ses_1" {
                let (reason, hint) = (ErrorReason::NoSuchLedgerEntry, "see GetSession");
                return Err(refusal(Code::NotFound, reason, "no ended session has this id", hint));
            }
            let entry = Some(ended("ses_1", "w1", 3_600));
            Ok(v1::GetLedgerEntryResponse { entry, current: current.clone() })
        })
        .serve()
}

fn facts(shown: &str) -> Vec<(String, String)> {
    let pairs = shown.lines().skip(1).filter_map(|line| line.trim().split_once("  "));
    pairs.map(|(label, value)| (label.to_owned(), value.trim().to_owned())).collect()
}

#[test]
fn one_session_is_told_with_why_it_ended_and_who_holds_the_workspace_now() {
    let server = told_of(Some(session("acme/api", "w9")));
    let assert = server.tenure(&["ledger", "--session", "ses_1"]).assert().success();
    let shown = text(&assert.get_output().stdout);
    let facts = facts(&shown);
    let fact = |label: &str| {
        facts
            .iter()
            .find(|(it, _)| it == label)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    assert!(shown.starts_with("acme/api\n"), "{shown}");
    assert_eq!(fact("owner"), "w1 (runtime_worker)");
    assert_eq!(fact("ended"), "1h ago, taken_over");
    assert_eq!(fact("by"), "w2 (principal local)");
    assert_eq!(fact("reason"), "it was silent");
    assert_eq!(fact("next"), "w2, session ses_next, token 12");
    assert_eq!((fact("held"), fact("token")), ("1h", "5"));
    assert_eq!(fact("usage"), "100 tokens in, 0 out, cost 0.0125");
    assert_eq!(fact("focus"), "the third step");
    let now = "w9 (runtime_worker), live, since 1h 1m ago, session ses_01, token 7";
    assert_eq!(fact("now"), now, "{shown}");
    let json = server.tenure(&["ledger", "--session", "ses_1", "-o", "json"]).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(
        (&json["entry"]["sessionId"], &json["current"]["actorId"]),
        (&"ses_1".into(), &"w9".into())
    );
}

#[test]
fn a_workspace_that_nobody_holds_is_said_so_and_an_unknown_session_ends_with_3() {
    let server = told_of(None);
    let assert = server.tenure(&["ledger", "--session", "ses_1"]).assert().success();
    let shown = text(&assert.get_output().stdout);
    assert!(shown.ends_with("nobody holds the workspace\n"), "{shown}");
    let assert = server.tenure(&["ledger", "--session", "ses_9"]).assert().code(3);
    assert_eq!(
        text(&assert.get_output().stderr),
        "error: no ended session has this id [NO_SUCH_LEDGER_ENTRY]\nhint: see GetSession\n"
    );
    assert!(assert.get_output().stdout.is_empty());
}

fn totals(sessions: u64) -> v1::LedgerTotals {
    v1::LedgerTotals {
        sessions,
        beats: 21,
        held: Some(prost_types::Duration { seconds: 7_260, nanos: 0 }),
        usage: Some(v1::Usage { input_tokens: 300, cost_microunits: 37_500, ..Default::default() }),
    }
}

#[test]
fn totals_are_told_for_each_owner_and_in_all() {
    let mut person = ended("ses_3", "interactive", 7_200);
    person.usage = None;
    let all = vec![vec![ended("ses_1", "w1", 30), ended("ses_2", "w1", 30)], vec![person]];
    let server = pages(all, Some(totals(3)));
    let assert = server.tenure(&["ledger", "--totals", "--since", "1d"]).assert().success();
    let shown = text(&assert.get_output().stdout);
    let lines: Vec<_> = shown.lines().map(words_of).collect();
    let headers = ["OWNER", "SESSIONS", "BEATS", "HELD", "TOKENS IN", "TOKENS OUT", "COST"];
    assert_eq!(lines[0], headers, "{shown}");
    assert_eq!(lines[1], ["interactive", "1", "7", "2h", "0", "0", "0"], "who held longest first");
    assert_eq!(lines[2], ["w1", "2", "14", "1m", "200", "0", "0.025"]);
    assert_eq!(lines[3], ["in all", "3", "21", "2h 1m", "300", "0", "0.0375"]);
    assert_eq!(lines.len(), 4);
    assert!(assert.get_output().stderr.is_empty());
}

#[test]
fn json_of_totals_is_what_the_server_has_added_up() {
    let server = pages(vec![vec![ended("ses_1", "w1", 30)], vec![]], Some(totals(2)));
    let json = server.tenure(&["ledger", "--totals", "-o", "json"]).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(
        (&json["totals"]["sessions"], &json["totals"]["held"]),
        (&"2".into(), &"7260s".into())
    );
    assert!(json.get("entries").is_none());
    let asked: Vec<v1::ListLedgerRequest> = server.asked("list_ledger");
    assert_eq!((asked.len(), asked[0].page_size), (1, 1), "no more is read than is shown");
}

#[test]
fn owners_of_more_sessions_than_are_read_are_said_to_be_left_out() {
    let many = |count| vec![ended("ses_1", "w1", 1); count];
    let mut all = vec![many(1_000); 100];
    all.push(vec![ended("ses_0", "left-out", 1)]);
    let server = pages(all, Some(totals(100_001)));
    let assert = server.tenure(&["ledger", "--totals"]).assert().success();
    let (shown, told) = (text(&assert.get_output().stdout), text(&assert.get_output().stderr));
    assert!(shown.contains("100001") && !shown.contains("left-out"), "{shown}");
    let expected = "the owners are those of the last 100000 sessions; the total is of all 100001\n";
    assert!(told.ends_with(expected), "{told}");
    assert_eq!(server.asked::<v1::ListLedgerRequest>("list_ledger").len(), 100);
}

#[test]
fn hostile_text_of_the_ledger_never_reaches_a_terminal() {
    const HOSTILE: &str = "w\u{1b}[31m1\u{202e}\nerror: forged";
    let mut entry = ended("ses_1", HOSTILE, 1);
    entry.focus = HOSTILE.to_owned();
    let verdict = entry.verdict.as_mut().unwrap();
    verdict.reason = HOSTILE.to_owned();
    verdict.by_actor = HOSTILE.to_owned();
    verdict.successor_actor_id = HOSTILE.to_owned();
    let of_one = entry.clone();
    let server = Script::default()
        .on("list_ledger", move |request: v1::ListLedgerRequest| {
            let totals = request.totals.then(|| totals(1));
            Ok(v1::ListLedgerResponse {
                entries: vec![entry.clone()],
                totals,
                ..Default::default()
            })
        })
        .on("get_ledger_entry", move |_: v1::GetLedgerEntryRequest| {
            Ok(v1::GetLedgerEntryResponse { entry: Some(of_one.clone()), current: None })
        })
        .serve();
    for format in ["table", "wide", "json"] {
        for words in [&["ledger"][..], &["ledger", "--session", "s"], &["ledger", "--totals"]] {
            let words = [words, &["-o", format]].concat();
            let shown = text(&server.tenure(&words).assert().success().get_output().stdout);
            let is_safe = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
            assert!(shown.chars().all(is_safe), "{words:?}: {shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with("error:")), "{shown}");
        }
    }
}
