//! What surrounds a session: how it is sent, and how it is shown.

use std::fs;

use tenure::v1::{self, ErrorReason};
use tonic::Code;

use crate::scripted::{Script, Server, projected, projection, refusal, session};

const HOSTILE: &str = "w\u{1b}[31m1\u{202e}\u{9b}2J\nerror: forged";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn shown(server: &Server, words: &[&str]) -> String {
    text(&server.tenure(words).assert().success().get_output().stdout)
}

fn ago(seconds: i64) -> Option<prost_types::Timestamp> {
    let now = jiff::Timestamp::now().as_second();
    Some(prost_types::Timestamp { seconds: now - seconds, nanos: 0 })
}

/// A workspace with all that there can be, in which each text is `text` or holds it.
fn surrounded(text: &str) -> v1::Projection {
    let gate = |name: &str, state: v1::GateState| v1::Gate {
        name: name.to_owned(),
        state: state.into(),
        note: text.to_owned(),
        updated_at: ago(3_600),
        updated_by_actor: text.to_owned(),
        ..v1::Gate::default()
    };
    let gates = v1::Gates {
        gates: vec![gate("build", v1::GateState::Passed), gate(text, v1::GateState::Failed)],
        gates_revision: 3,
        applied_gates_revision: Some(2),
        attention_anchor: text.to_owned(),
    };
    let escalation = |kind: v1::EscalationKind| v1::Escalation {
        escalation_id: "esc_1".to_owned(),
        kind: kind.into(),
        reason: text.to_owned(),
        raised_at: ago(7_200),
        actor_id: text.to_owned(),
        ..v1::Escalation::default()
    };
    let action = |state: v1::HandoffActionState| v1::HandoffAction {
        text: text.to_owned(),
        state: state.into(),
    };
    let handoff = v1::Handoff {
        title: text.to_owned(),
        actions: vec![action(v1::HandoffActionState::Done), action(v1::HandoffActionState::Open)],
        put_at: ago(10_800),
        actor_id: text.to_owned(),
        ..v1::Handoff::default()
    };
    let checkpoint = v1::Checkpoint {
        content: text.as_bytes().to_vec(),
        set_at: ago(14_400),
        actor_id: text.to_owned(),
        ..v1::Checkpoint::default()
    };
    let usage = v1::Usage { input_tokens: 5, output_tokens: 6, ..v1::Usage::default() };
    let stream = v1::WorkStream { name: text.to_owned(), score: 1.5, last_touched_at: ago(18_000) };
    let held = v1::Session { stalled: true, ..session("acme/api", "w1") };
    v1::Projection {
        escalations: vec![
            escalation(v1::EscalationKind::Blocking),
            escalation(v1::EscalationKind::NonBlocking),
        ],
        gates: Some(gates),
        handoff: Some(handoff),
        checkpoint: Some(checkpoint),
        usage: Some(usage),
        work_streams: vec![stream],
        ..projection(held)
    }
}

fn serving(text: &'static str) -> Server {
    Script::default()
        .on("get_projection", move |_: v1::GetProjectionRequest| Ok(projected(surrounded(text))))
        .on("list_escalations", move |_: v1::ListEscalationsRequest| {
            let escalations = surrounded(text).escalations.into_iter();
            let escalations = escalations.map(|escalation| v1::WorkspaceEscalation {
                workspace: "acme/api".to_owned(),
                profile: "main".to_owned(),
                escalation: Some(escalation),
            });
            let escalations = escalations.collect();
            Ok(v1::ListEscalationsResponse { escalations, ..Default::default() })
        })
        .serve()
}

#[test]
fn status_tells_a_person_how_the_work_stands() {
    let server = serving("the parser");
    let status = shown(&server, &["status", "acme/api"]);
    let lines: Vec<String> =
        status.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        "progress stalled: it beats, but touches no work stream",
        "blocked by the parser (esc_1, 2h ago by the parser)",
        "question the parser (esc_1, 2h ago by the parser)",
        "gates 1 of 2 passed, next: the parser (failed)",
        "changed, and the holder has not applied it yet",
        "handoff the parser, 1 of 2 actions open (3h ago by the parser)",
        "checkpoint 10 bytes, 4h ago by the parser",
        "usage 5 tokens in, 6 out",
        "work the parser, score 1.50, 5h ago",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{status}");
    }
}

#[test]
fn hostile_text_around_a_session_never_reaches_a_terminal() {
    let server = serving(HOSTILE);
    let is_safe = |shown: &str| {
        shown
            .chars()
            .all(|c| c == '\n' || !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c))
    };
    for format in ["table", "wide", "json"] {
        for words in [
            &["status", "acme/api"][..],
            &["gate", "list", "acme/api"],
            &["handoff", "show", "acme/api"],
            &["checkpoint", "show", "acme/api"],
            &["escalation", "list"],
        ] {
            let shown = shown(&server, &[words, &["-o", format]].concat());
            assert!(is_safe(&shown), "{words:?}: {shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with("error:")), "{shown}");
            assert!(shown.contains("forged") || words[0] == "checkpoint", "{words:?}: {shown}");
        }
    }
    let raw = server.tenure(&["checkpoint", "show", "acme/api", "--raw"]).assert().success();
    assert_eq!(raw.get_output().stdout, HOSTILE.as_bytes(), "the very bytes, into a pipe");
}

#[test]
fn what_is_not_there_ends_with_3_and_an_empty_list_does_not() {
    let server = Script::default()
        .on("get_projection", |_: v1::GetProjectionRequest| {
            Ok(projected(v1::Projection::default()))
        })
        .serve();
    for words in [["handoff", "show", "acme/api"], ["checkpoint", "show", "acme/api"]] {
        let told = server.tenure(&words).assert().code(3);
        assert!(told.get_output().stdout.is_empty());
        assert!(text(&told.get_output().stderr).contains(&format!("has no {}", words[0])));
    }
    assert_eq!(shown(&server, &["gate", "list", "acme/api"]).lines().count(), 1);
}

#[test]
fn gates_are_set_in_order_and_updated_with_a_note() {
    let server = Script::default()
        .on("put_gates", |request: v1::PutGatesRequest| {
            let gates = v1::Gates { gates: request.gates, ..v1::Gates::default() };
            Ok(v1::PutGatesResponse { gates: Some(gates), replayed: false })
        })
        .on("update_gate", |request: v1::UpdateGateRequest| {
            if request.name == "deploy" {
                return Err(refusal(Code::NotFound, ErrorReason::NoSuchGate, "no gate", ""));
            }
            Ok(v1::UpdateGateResponse::default())
        })
        .serve();
    let set = ["gate", "set", "acme/api", "build", "test", "--actor", "w1", "--session", "ses_1"];
    let table = shown(&server, &set);
    assert_eq!(table.lines().count(), 3, "{table}");
    shown(&server, &["gate", "set", "acme/api", "--none"]);
    server.tenure(&["gate", "set", "acme/api"]).assert().code(2);
    let asked: Vec<v1::PutGatesRequest> = server.asked("put_gates");
    let names: Vec<&str> = asked[0].gates.iter().map(|gate| gate.name.as_str()).collect();
    assert_eq!(names, ["build", "test"]);
    let by = (asked[0].actor_id.as_str(), asked[0].expected_session_id.as_deref());
    assert_eq!(by, ("w1", Some("ses_1")));
    assert!(asked[1].gates.is_empty() && asked[1].expected_session_id.is_none());

    let update = ["gate", "update", "acme/api", "build", "--state", "waived", "--note", ""];
    shown(&server, &update);
    shown(&server, &["gate", "update", "acme/api", "build", "--state", "open"]);
    let asked: Vec<v1::UpdateGateRequest> = server.asked("update_gate");
    assert_eq!((asked[0].state(), asked[0].note.as_deref()), (v1::GateState::Waived, Some("")));
    assert_eq!(asked[1].note, None, "the note is kept");
    server.tenure(&["gate", "update", "acme/api", "deploy", "--state", "open"]).assert().code(3);
    server.tenure(&["gate", "update", "acme/api", "build", "--state", "nope"]).assert().code(2);
}

#[test]
fn questions_are_raised_listed_and_resolved() {
    let server = Script::default()
        .on("raise_escalation", |request: v1::RaiseEscalationRequest| {
            if request.reason == "one too many" {
                let (code, reason) = (Code::ResourceExhausted, ErrorReason::QuotaExceeded);
                return Err(refusal(code, reason, "100 are open", "resolve some"));
            }
            let escalation = v1::Escalation {
                escalation_id: "esc_1".to_owned(),
                kind: request.kind,
                reason: request.reason,
                ..v1::Escalation::default()
            };
            Ok(v1::RaiseEscalationResponse { escalation: Some(escalation), replayed: false })
        })
        .on("list_escalations", |request: v1::ListEscalationsRequest| {
            assert_eq!(request.filter.as_ref().unwrap().kind(), v1::EscalationKind::Blocking);
            let next = if request.page_token.is_empty() { "more" } else { "" };
            let listed = v1::WorkspaceEscalation {
                workspace: "acme/api".to_owned(),
                escalation: Some(v1::Escalation::default()),
                ..v1::WorkspaceEscalation::default()
            };
            let next_page_token = next.to_owned();
            Ok(v1::ListEscalationsResponse { escalations: vec![listed], next_page_token })
        })
        .on("resolve_escalation", |_: v1::ResolveEscalationRequest| {
            Ok(v1::ResolveEscalationResponse { blocking_escalations: 2, ..Default::default() })
        })
        .serve();
    let raise = ["escalation", "raise", "acme/api", "--kind"];
    let raised = shown(&server, &[&raise[..], &["non_blocking", "--reason", "which?"]].concat());
    assert!(raised.contains("esc_1") && raised.contains("non_blocking"), "{raised}");
    let many = [&raise[..], &["blocking", "--reason", "one too many"]].concat();
    server.tenure(&many).assert().code(1);
    let list = ["escalation", "list", "--kind", "blocking"];
    assert_eq!(shown(&server, &list).lines().count(), 3, "all pages");
    server.tenure(&["escalation", "list", "--profile", "qa"]).assert().code(2);
    let resolve = ["escalation", "resolve", "acme/api", "esc_1", "--reason", "the newer one"];
    assert!(shown(&server, &resolve).contains("2 still open"));
    let asked: Vec<v1::ResolveEscalationRequest> = server.asked("resolve_escalation");
    assert_eq!((&*asked[0].escalation_id, &*asked[0].reason), ("esc_1", "the newer one"));
}

#[test]
fn a_handoff_is_put_from_a_file_or_from_standard_input() {
    let server = Script::default()
        .on("put_handoff", |request: v1::PutHandoffRequest| {
            Ok(v1::PutHandoffResponse { handoff: request.handoff, replayed: false })
        })
        .serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("handoff.md");
    fs::write(&file, "# The parser\n- [x] tests\n- [ ] lexer\n").unwrap();
    let shown = shown(&server, &["handoff", "put", "acme/api", file.to_str().unwrap()]);
    assert!(shown.starts_with("# The parser\n- [x] tests\n- [ ] lexer\n"), "{shown}");
    let words = ["handoff", "put", "acme/api", "-"];
    server.tenure(&words).write_stdin("title\nnext\n").assert().success();
    let asked: Vec<v1::PutHandoffRequest> = server.asked("put_handoff");
    let handoff = asked[1].handoff.as_ref().unwrap();
    assert_eq!((&*handoff.title, &*handoff.actions[0].text), ("title", "next"));
    server.tenure(&words).write_stdin("").assert().code(2);
    server.tenure(&words).write_stdin(vec![b'x'; 512 * 1024 + 1]).assert().code(2);
    let missing = ["handoff", "put", "acme/api", "/nonexistent/handoff.md"];
    let told = server.tenure(&missing).assert().code(1);
    assert!(text(&told.get_output().stderr).contains("/nonexistent/handoff.md"));
    assert_eq!(server.asked::<v1::PutHandoffRequest>("put_handoff").len(), 2);
}

#[test]
fn a_heartbeat_carries_work_stream_and_checkpoint() {
    let server = Script::default()
        .on("heartbeat", |_: v1::HeartbeatRequest| Ok(v1::HeartbeatResponse::default()))
        .serve();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    fs::write(&file, b"\x00state").unwrap();
    let words = ["heartbeat", "acme/api", "--actor", "w1", "--work-stream", "parser"];
    let path = file.to_str().unwrap();
    shown(&server, &[&words[..], &["--checkpoint", path]].concat());
    shown(&server, &words);
    let asked: Vec<v1::HeartbeatRequest> = server.asked("heartbeat");
    assert_eq!(asked[0].work_stream.as_deref(), Some("parser"));
    assert_eq!(asked[0].checkpoint.as_deref(), Some(&b"\x00state"[..]));
    assert_eq!(asked[1].checkpoint, None, "unchanged");
    fs::write(&file, vec![0; 64 * 1024 + 1]).unwrap();
    server.tenure(&[&words[..], &["--checkpoint", path]].concat()).assert().code(2);
}

#[test]
fn list_asks_for_stalled_sessions_and_shows_them_as_such() {
    let server = Script::default()
        .on("list_sessions", |request: v1::ListSessionsRequest| {
            assert_eq!(request.filter.unwrap().stalled, Some(true));
            let stalled = v1::Session { stalled: true, ..session("acme/api", "w1") };
            Ok(v1::ListSessionsResponse { sessions: vec![stalled], ..Default::default() })
        })
        .serve();
    let list = shown(&server, &["list", "--stalled"]);
    assert!(list.lines().nth(1).unwrap().contains(" stalled "), "{list}");
}
