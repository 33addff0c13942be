//! Workspaces are registered, listed and deleted with the command line, on a real server.

use crate::server::Server;
use crate::waits::{begin, end};

fn said(server: &Server, words: &[&str]) -> (Option<i32>, String) {
    let (output, said) = end(begin(server, words));
    (output.status.code(), said + &String::from_utf8_lossy(&output.stdout))
}

fn token(server: &Server) -> u64 {
    let (code, answer) = said(server, &["start", "acme/api", "-o", "json"]);
    assert_eq!(code, Some(0), "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    answer["session"]["fencingToken"].as_str().expect("a token").parse().expect("a number")
}

pub fn a_workspace_is_registered_listed_and_deleted() {
    let server = Server::start();
    let (code, answer) = said(&server, &["workspace", "register", "acme/api"]);
    assert_eq!((code, answer.starts_with("registered acme/api")), (Some(0), true), "{answer}");
    let first = token(&server);
    let (code, answer) = said(&server, &["workspace", "list", "--status", "active", "-o", "wide"]);
    assert_eq!(code, Some(0));
    assert!(answer.contains("acme/api") && answer.contains("yes"), "{answer}");
    let (code, answer) = said(&server, &["workspace", "delete", "acme/api"]);
    assert_eq!(code, Some(4));
    assert!(answer.contains("[WORKSPACE_IN_USE]"), "{answer}");
    assert_eq!(said(&server, &["clear", "acme/api"]).0, Some(0));
    let (code, answer) = said(&server, &["workspace", "delete", "acme/api"]);
    assert_eq!((code, answer.starts_with("deleted acme/api")), (Some(0), true), "{answer}");
    let (code, answer) = said(&server, &["workspace", "delete", "acme/api"]);
    assert_eq!((code, &*answer), (Some(0), "acme/api was not known\n"));
    assert!(token(&server) > first + 1, "tokens never come again");
}
