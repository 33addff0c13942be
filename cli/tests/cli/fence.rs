//! How a fence check is shown, and how it ends.

use tenure::v1::{self, ErrorReason};
use tonic::Code;

use crate::scripted::{Script, Server, refusal, session};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A workspace `acme/api` whose session has the token 7, and `free`, which nobody holds.
fn server() -> Server {
    Script::default()
        .on("check_fence", |request: v1::CheckFenceRequest| {
            let [check] = &request.checks[..] else { panic!("{request:?}") };
            let stored = (check.workspace == "acme/api").then_some(7);
            let result = v1::FenceCheckResult {
                workspace: check.workspace.clone(),
                profile: check.profile.clone(),
                current: stored == Some(check.fencing_token),
                stored_fencing_token: stored,
                stale: false,
            };
            Ok(v1::CheckFenceResponse { results: vec![result] })
        })
        .on("get_session", |request: v1::GetSessionRequest| match request.workspace.as_str() {
            "free" => Err(refusal(Code::NotFound, ErrorReason::NoSession, "no session", "")),
            name => Ok(v1::GetSessionResponse { session: Some(session(name, "w1")) }),
        })
        .serve()
}

#[test]
fn a_current_token_ends_with_0_and_names_the_holder() {
    let server = server();
    let words = ["fence", "check", "acme/api", "7", "--profile", "qa"];
    let assert = server.tenure(&words).assert().success();
    let shown = text(&assert.get_output().stdout);
    let expected = "acme/api (profile qa)\n  token  7: current\n  now    w1 (runtime_worker), live, \
                    since 1h 1m ago, session ses_01, token 7\n";
    assert_eq!(shown, expected);
    assert!(assert.get_output().stderr.is_empty());
    let asked: Vec<v1::CheckFenceRequest> = server.asked("check_fence");
    assert_eq!((&*asked[0].checks[0].profile, asked[0].checks[0].fencing_token), ("qa", 7));
}

#[test]
fn a_token_that_is_not_current_ends_with_5_and_says_who_holds_the_workspace() {
    let server = server();
    for (workspace, token, said, now) in [
        ("acme/api", "6", "a later tenure has token 7", "w1 (runtime_worker), live"),
        ("acme/api", "8", "newer than the stored token 7", "w1 (runtime_worker), live"),
        ("free", "7", "no session is stored", "nobody holds the workspace"),
    ] {
        let assert = server.tenure(&["fence", "check", workspace, token]).assert().code(5);
        let shown = text(&assert.get_output().stdout);
        assert!(shown.contains(&format!("{token}: not current: {said}\n")), "{shown}");
        assert!(shown.contains(&format!("now    {now}")), "{shown}");
        let told = text(&assert.get_output().stderr);
        assert_eq!(told, format!("error: token {token} of {workspace} is not current\n"));
    }
}

#[test]
fn json_is_the_answer_of_the_check_and_ends_the_same_way() {
    let server = server();
    for (token, code) in [("7", 0), ("6", 5)] {
        let words = ["fence", "check", "acme/api", token, "-o", "json"];
        let json = server.tenure(&words).assert().code(code);
        let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
        assert_eq!(json["results"][0]["storedFencingToken"], "7");
        assert_eq!(json["results"][0]["current"] == true, code == 0, "{json}");
    }
    assert!(server.asked::<v1::GetSessionRequest>("get_session").is_empty());
}
