//! Takeovers, and what stands between a person and evicting somebody by force.

use tenure::v1::{self, ErrorReason, ForcedTakeoverOutcome};
use tonic::Code;

use crate::scripted::{Script, Server, refusal, session};

const FORCE: [&str; 9] = [
    "takeover",
    "acme/api",
    "--actor",
    "w2",
    "--reason",
    "wrong branch",
    "--force",
    "--expect-session",
    "ses_01",
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Answers forced takeovers: of nothing but `ses_01`, with a grace by scheduling.
pub fn forcing() -> Server {
    Script::default()
        .on("force_take_over_session", |request: v1::ForceTakeOverSessionRequest| {
            if request.expected_session_id.as_deref() != Some("ses_01") {
                let reason = ErrorReason::SessionMismatch;
                return Err(refusal(Code::FailedPrecondition, reason, "another session", ""));
            }
            let activity = v1::Activity { text: "migrating".to_owned(), ..v1::Activity::default() };
            let machine =
                v1::MachineRef { host: "build-7".to_owned(), ..v1::MachineRef::default() };
            let prior = v1::Session {
                activity: Some(activity),
                machine: Some(machine),
                ..session("acme/api", "w1")
            };
            let new = v1::Session {
                session_id: if request.dry_run { String::new() } else { "ses_02".to_owned() },
                ..session("acme/api", "w2")
            };
            Ok(v1::ForceTakeOverSessionResponse {
                outcome: ForcedTakeoverOutcome::TakenOver.into(),
                dry_run: request.dry_run,
                session: Some(new),
                prior_session: Some(prior),
                reason: request.reason,
                ..v1::ForceTakeOverSessionResponse::default()
            })
        })
        .serve()
}

fn asked(server: &Server) -> Vec<v1::ForceTakeOverSessionRequest> {
    server.asked("force_take_over_session")
}

#[test]
fn force_without_terminal_and_without_yes_is_refused_before_anything_is_sent() {
    let server = forcing();
    let assert = server.tenure(&FORCE).write_stdin("y\n").assert().code(2);
    let told = text(&assert.get_output().stderr);
    assert!(told.contains("no terminal") && told.contains("--yes"), "{told}");
    assert!(asked(&server).is_empty(), "a piped yes is no person");
}

#[test]
fn force_with_yes_asks_nothing_and_says_whom_it_evicted() {
    let server = forcing();
    let assert = server.tenure(&[&FORCE[..], &["--yes"]].concat()).assert().success();
    let shown = text(&assert.get_output().stdout);
    for part in ["took over acme/api by force", "w1", "ses_01", "migrating", "build-7", "ses_02"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let asked = asked(&server);
    assert_eq!((asked.len(), asked[0].dry_run), (1, false));
}

#[test]
fn a_dry_run_asks_nothing_and_changes_nothing() {
    let server = forcing();
    let words = [&FORCE[..], &["--dry-run", "--grace", "30s"]].concat();
    let assert = server.tenure(&words).assert().success();
    assert!(text(&assert.get_output().stdout).starts_with("would take over acme/api"));
    let asked = asked(&server);
    assert!(asked.len() == 1 && asked[0].dry_run, "{asked:?}");
    assert_eq!(asked[0].grace.map(|grace| grace.seconds), Some(30));
}

#[test]
fn a_newcomer_is_not_evicted_by_accident() {
    let server = forcing();
    let mut words = FORCE;
    words[8] = "ses_00";
    server.tenure(&[&words[..], &["-y"]].concat()).assert().code(6);
}

#[test]
fn a_takeover_names_its_successor_and_says_what_it_took_over() {
    use v1::take_over_session_request::Successor;
    let server = Script::default()
        .on("take_over_session", |request: v1::TakeOverSessionRequest| {
            Ok(v1::TakeOverSessionResponse {
                session: Some(session("acme/api", "w2")),
                reason: request.reason,
                prior_session_id: "ses_00".to_owned(),
                prior_actor_id: "w1".to_owned(),
                ..v1::TakeOverSessionResponse::default()
            })
        })
        .serve();
    let program = ["takeover", "acme/api", "--actor", "w2", "--reason", "died", "--lease", "20s"];
    let assert = server.tenure(&program).assert().success();
    assert!(text(&assert.get_output().stdout).contains("w1 (ses_00)"));
    let person = ["takeover", "acme/api", "--interactive", "--reason", "mine"];
    server.tenure(&person).assert().success();
    let asked: Vec<v1::TakeOverSessionRequest> = server.asked("take_over_session");
    let Some(Successor::Autonomous(holder)) = &asked[0].successor else { panic!("{asked:?}") };
    assert_eq!(holder.actor_id, "w2");
    assert_eq!(holder.lease_ttl.map(|ttl| ttl.seconds), Some(20));
    assert!(asked[0].machine.is_some());
    assert!(matches!(asked[1].successor, Some(Successor::Interactive(_))));
}
