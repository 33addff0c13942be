//! A worker is evicted: its token is refused from then on, and its session id tells why, also
//! after the server was killed.

use std::process::Output;

use crate::command_line::tenure;
use crate::server::Server;

pub fn an_evicted_worker_learns_by_token_and_by_session_id() {
    let mut server = Server::start();
    let first = start(&server, "worker-1");
    assert_eq!(fence(&server, &first), Some(0));
    let force =
        ["takeover", "acme/api", "--actor", "worker-2", "--lease", "60s", "--force", "--yes"];
    let why = ["--reason", "an incident", "--expect-session", &first.session_id, "-o", "json"];
    let second = held(&tenure(&server, &[&force[..], &why].concat()));
    assert_eq!((fence(&server, &first), fence(&server, &second)), (Some(5), Some(0)));

    server.kill_and_restart();
    assert_eq!((fence(&server, &first), fence(&server, &second)), (Some(5), Some(0)));
    let told = text(&tenure(&server, &["ledger", "--session", &first.session_id]));
    assert!(told.contains("force_taken_over") && told.contains("an incident"), "{told}");
    let now = told.lines().find(|line| line.trim().starts_with("now")).unwrap_or_default();
    assert!(now.contains("worker-2") && now.contains(&second.session_id), "{told}");
    let unknown = tenure(&server, &["ledger", "--session", &second.session_id]);
    assert_eq!(unknown.status.code(), Some(3), "it has not ended");

    tenure(&server, &["yield", "acme/api", "--actor", "worker-2"]);
    assert_eq!(fence(&server, &second), Some(5));
    let listed = text(&tenure(&server, &["ledger", "--since", "1h"]));
    let owners: Vec<&str> = listed.lines().skip(1).filter_map(|line| owner(line)).collect();
    assert_eq!(owners, ["worker-2", "worker-1"], "the last ended first: {listed}");
    let totals = text(&tenure(&server, &["ledger", "--totals", "--prefix", "acme"]));
    let in_all = totals.lines().last().unwrap_or_default();
    assert_eq!(in_all.split_whitespace().nth(2), Some("2"), "{totals}");
}

struct Held {
    session_id: String,
    token: String,
}

fn start(server: &Server, actor: &str) -> Held {
    held(&tenure(server, &["start", "acme/api", "--actor", actor, "--lease", "60s", "-o", "json"]))
}

fn held(output: &Output) -> Held {
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let field = |name: &str| answer["session"][name].as_str().expect("a session").to_owned();
    Held { session_id: field("sessionId"), token: field("fencingToken") }
}

fn fence(server: &Server, held: &Held) -> Option<i32> {
    tenure(server, &["fence", "check", "acme/api", &held.token]).status.code()
}

fn owner(line: &str) -> Option<&str> {
    let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
    columns.nth(3)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
