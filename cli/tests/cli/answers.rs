//! How answers and refusals are shown, and how the command ends with them.

use tenure::v1::{self, ErrorReason};
use tonic::Code;

use crate::scripted::{Script, projected, projection, refusal, session};

const HOSTILE: &str = "w\u{1b}[31m1\u{202e}\u{9b}2J\nerror: forged";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn is_safe(shown: &str) -> bool {
    shown.chars().all(|c| c == '\n' || !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c))
}

fn hostile_session() -> v1::Session {
    let activity = v1::Activity { text: HOSTILE.to_owned(), ..v1::Activity::default() };
    v1::Session {
        supervisor_id: HOSTILE.to_owned(),
        activity: Some(activity),
        machine: Some(v1::MachineRef { host: HOSTILE.to_owned(), ..v1::MachineRef::default() }),
        principal: HOSTILE.to_owned(),
        ..session("acme/api", HOSTILE)
    }
}

#[test]
fn hostile_text_never_reaches_a_terminal_in_any_format() {
    let server = Script::default()
        .on("get_projection", |_: v1::GetProjectionRequest| {
            Ok(projected(projection(hostile_session())))
        })
        .on("list_sessions", |_: v1::ListSessionsRequest| {
            let sessions = vec![hostile_session()];
            Ok(v1::ListSessionsResponse { sessions, next_page_token: String::new() })
        })
        .on("clear_session", |_: v1::ClearSessionRequest| -> Result<v1::ClearSessionResponse, _> {
            Err(refusal(Code::FailedPrecondition, ErrorReason::LeaseHeld, HOSTILE, HOSTILE))
        })
        .serve();
    for format in ["table", "wide", "json"] {
        for words in [&["status", "acme/api", "-o", format][..], &["list", "-o", format]] {
            let shown = text(&server.tenure(words).assert().success().get_output().stdout);
            assert!(is_safe(&shown), "{words:?}: {shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with("error:")), "{shown}");
            assert!(shown.contains("forged"), "it is shown all the same: {shown}");
        }
        let assert = server.tenure(&["clear", "acme/api", "-o", format]).assert().code(4);
        let told = text(&assert.get_output().stderr);
        assert!(is_safe(&told) && told.lines().count() == 2, "{told:?}");
    }
}

#[test]
fn status_is_read_as_a_person_wants_it() {
    let server = Script::default()
        .on("get_projection", |request: v1::GetProjectionRequest| {
            assert_eq!((request.workspace.as_str(), request.profile.as_str()), ("acme/api", "qa"));
            assert_eq!(request.actor_id.as_deref(), Some("w2"));
            let session = v1::Session { profile: "qa".to_owned(), ..session("acme/api", "w1") };
            let whole = v1::Projection { ownership_conflict: Some(true), ..projection(session) };
            Ok(projected(whole))
        })
        .serve();
    let words = ["status", "acme/api", "--profile", "qa", "--actor", "w2"];
    let shown = text(&server.tenure(&words).assert().success().get_output().stdout);
    let facts: Vec<(&str, &str)> =
        shown.lines().skip(1).filter_map(|line| line.trim().split_once("  ")).collect();
    let fact =
        |label: &str| facts.iter().find(|(it, _)| *it == label).map(|(_, value)| value.trim());
    assert!(shown.starts_with("acme/api (profile qa)\n"), "{shown}");
    assert_eq!(fact("state"), Some("live"), "{shown}");
    assert_eq!(fact("owner"), Some("w1 (runtime_worker)"));
    assert_eq!(fact("since"), Some("1h 1m ago"));
    assert!(fact("expires").unwrap().starts_with("in 2"), "{shown}");
    assert_eq!((fact("token"), fact("revision")), (Some("7"), Some("9")));
    assert_eq!(fact("conflict"), Some("yes: another holds the lease"));
}

#[test]
fn status_ends_with_3_without_a_session_and_with_0_for_a_stale_one() {
    let server = Script::default()
        .on("get_projection", |request: v1::GetProjectionRequest| {
            let missing = v1::Projection {
                workspace: request.workspace.clone(),
                profile: "main".to_owned(),
                status: v1::WorkspaceStatus::Missing.into(),
                ..v1::Projection::default()
            };
            Ok(projected(match request.workspace.as_str() {
                "stale" => projection(v1::Session { stale: true, ..session("stale", "w1") }),
                "left" => {
                    let handoff = v1::Handoff { title: "go on".to_owned(), ..Default::default() };
                    v1::Projection { handoff: Some(handoff), ..missing }
                }
                _ => missing,
            }))
        })
        .serve();
    let stale = server.tenure(&["status", "stale"]).assert().code(0);
    assert!(text(&stale.get_output().stdout).contains("stale"));
    let none = server.tenure(&["status", "none"]).assert().code(3);
    assert_eq!(text(&none.get_output().stderr), "error: none has no session [NO_SESSION]\n");
    assert!(none.get_output().stdout.is_empty());
    let left = server.tenure(&["status", "left"]).assert().code(3);
    assert!(text(&left.get_output().stdout).contains("go on"), "the work is shown all the same");
    let json = server.tenure(&["status", "none", "-o", "json"]).assert().code(3);
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(json["projection"]["status"], "WORKSPACE_STATUS_MISSING");
}

#[test]
fn each_kind_of_refusal_ends_with_its_code() {
    let server = Script::default()
        .on("yield_session", |request: v1::YieldSessionRequest| {
            let (code, reason) = match request.workspace.as_str() {
                "actor" => (Code::InvalidArgument, ErrorReason::ActorRequired),
                "held" => (Code::FailedPrecondition, ErrorReason::LeaseHeld),
                "lost" => (Code::FailedPrecondition, ErrorReason::NotHolder),
                "conflict" => (Code::FailedPrecondition, ErrorReason::SessionMismatch),
                "denied" => (Code::PermissionDenied, ErrorReason::RoleRequired),
                "busy" => (Code::ResourceExhausted, ErrorReason::Overloaded),
                _ => return Err(tonic::Status::unimplemented("not yet")),
            };
            Err::<v1::YieldSessionResponse, _>(refusal(code, reason, "no", ""))
        })
        .serve();
    let expected = [
        ("actor", 2),
        ("held", 4),
        ("lost", 5),
        ("conflict", 6),
        ("denied", 7),
        ("busy", 8),
        ("x", 1),
    ];
    for (workspace, code) in expected {
        server.tenure(&["yield", workspace, "--actor", "a"]).assert().code(code);
    }
}

#[test]
fn json_is_the_canonical_json_of_the_answer() {
    let server = Script::default()
        .on("start_session", |_: v1::StartSessionRequest| {
            let warning = v1::Warning {
                code: v1::WarningCode::SessionRefreshed.into(),
                message: "refreshed".to_owned(),
                ..v1::Warning::default()
            };
            Ok(v1::StartSessionResponse {
                session: Some(session("acme/api", "w1")),
                warnings: vec![warning],
                ..v1::StartSessionResponse::default()
            })
        })
        .serve();
    let words = ["start", "acme/api", "--actor", "w1", "--lease", "30s"];
    let assert = server.tenure(&[&words[..], &["-o", "json"]].concat()).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(json["session"]["fencingToken"], "7");
    assert_eq!(json["session"]["ownerKind"], "OWNER_KIND_RUNTIME_WORKER");
    assert_eq!(json["session"]["leaseTtl"], "30s");
    assert!(assert.get_output().stderr.is_empty());

    let assert = server.tenure(&words).assert().success();
    assert!(text(&assert.get_output().stdout).starts_with("refreshed acme/api\n"));
    assert_eq!(text(&assert.get_output().stderr), "warning: refreshed\n");
}

#[test]
fn a_start_sends_who_takes_the_workspace_and_the_machine() {
    use v1::start_session_request::Holder;
    let server = Script::default()
        .on("start_session", |_: v1::StartSessionRequest| Ok(v1::StartSessionResponse::default()))
        .serve();
    let words = ["start", "acme/api", "--actor", "w1", "--lease", "90s", "--supervisor", "s"];
    let more = ["--owner-kind", "runtime_supervisor", "--mode", "research"];
    server.tenure(&[&words[..], &more].concat()).assert().success();
    server.tenure(&["start", "acme/api"]).assert().success();
    let asked: Vec<v1::StartSessionRequest> = server.asked("start_session");
    let Some(Holder::Autonomous(holder)) = &asked[0].holder else { panic!("{asked:?}") };
    assert_eq!((holder.actor_id.as_str(), holder.supervisor_id.as_deref()), ("w1", Some("s")));
    assert_eq!(holder.lease_ttl.map(|ttl| ttl.seconds), Some(90));
    assert_eq!(holder.owner_kind(), v1::OwnerKind::RuntimeSupervisor);
    assert_eq!((asked[0].mode(), asked[0].profile.as_str()), (v1::Mode::Research, "main"));
    assert!(!asked[0].machine.as_ref().unwrap().host.is_empty());
    assert!(!asked[0].request_id.is_empty() && asked[0].request_id != asked[1].request_id);
    assert!(matches!(asked[1].holder, Some(Holder::Interactive(_))), "{asked:?}");
}

#[test]
fn list_reads_all_pages_with_its_filters() {
    let server = Script::default()
        .on("list_sessions", |request: v1::ListSessionsRequest| {
            let filter = request.filter.unwrap();
            assert_eq!((filter.owner.as_str(), filter.stale), ("w1", Some(true)));
            let (name, next) =
                if request.page_token.is_empty() { ("a", "more") } else { ("b", "") };
            let sessions = vec![session(name, "w1")];
            Ok(v1::ListSessionsResponse { sessions, next_page_token: next.to_owned() })
        })
        .serve();
    let words = ["list", "--owner", "w1", "--stale"];
    let shown = text(&server.tenure(&words).assert().success().get_output().stdout);
    let first: Vec<&str> =
        shown.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(first, ["WORKSPACE", "a", "b"], "{shown}");
    let json = server.tenure(&[&words[..], &["-o", "json"]].concat()).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(json["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_the_timeout() {
    let server = Script::default()
        .on("get_projection", |_: v1::GetProjectionRequest| {
            std::thread::sleep(std::time::Duration::from_secs(3));
            Ok(v1::GetProjectionResponse::default())
        })
        .serve();
    let begun = std::time::Instant::now();
    let assert = server.tenure(&["status", "w", "--timeout", "500ms"]).assert().code(8);
    assert!(begun.elapsed() < std::time::Duration::from_millis(2_500), "{:?}", begun.elapsed());
    assert!(text(&assert.get_output().stderr).contains("no answer"));
}
