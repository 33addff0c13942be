//! What works without a server, and what is said when none is there.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::scripted::tenure;

#[test]
fn version_is_printed_in_both_forms() {
    let text = tenure(&["version"]).assert().success().get_output().stdout.clone();
    let expected = format!("tenure {} (contract tenure.v1)\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&text), expected);
    let json = tenure(&["version", "-o", "json"]).assert().success().get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn usage_errors_end_with_2_and_leave_stdout_empty() {
    for words in [
        &["status"][..],
        &["frobnicate"],
        &["start", "w", "--lease", "1h"],
        &["list", "--timeout", "0s"],
        &[],
    ] {
        let assert = tenure(words).assert().code(2);
        assert!(assert.get_output().stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn help_goes_to_stdout_and_ends_with_0() {
    let assert = tenure(&["takeover", "--help"]).assert().success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(text.contains("--force") && text.contains("Examples:"), "{text}");
    let all = tenure(&["--help"]).assert().success();
    let all = String::from_utf8_lossy(&all.get_output().stdout).into_owned();
    assert!(!all.contains("__exec"), "the shim is hidden: {all}");
}

#[test]
fn a_completion_script_is_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let assert = tenure(&["completion", shell]).assert().success();
        assert!(assert.get_output().stdout.len() > 1_000, "{shell}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly_with_success() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tenure"))
        .args(["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.is_empty(), "{:?}: {told}", output.status);
}

#[test]
fn a_server_that_is_not_there_is_named_with_a_way_to_start_one() {
    // A port that was just free: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let assert = tenure(&["status", "w", "--server", &url, "--timeout", "2s"]).assert().code(8);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.starts_with("error: cannot reach "), "{told}");
    assert!(told.contains(&url) && told.contains("tenured"), "{told}");
    assert!(told.contains("Connection refused"), "the cause is told: {told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn a_server_of_another_kind_is_unreachable_and_the_address_is_doubted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    // It greets in words of its own and hangs up, as a mail or a shell server does. It ends
    // with the test's process.
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let _ = caller.write_all(b"220 this is something else\r\n");
        }
    });
    let assert = tenure(&["list", "--server", &server]).assert().code(8);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.starts_with(&format!("error: cannot reach {server}: ")), "{told}");
    assert!(told.contains("name the right address with --server"), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn a_variable_without_a_server_is_refused_by_its_name() {
    let assert = tenure(&["list"]).env("TENURE_SERVER", " , ").assert().code(2);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.contains("TENURE_SERVER names no server"), "{told}");
}

#[test]
fn a_bad_server_is_refused_with_the_accepted_form() {
    let assert = tenure(&["status", "w", "--server", "localhost:7420"]).assert().code(2);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.contains("http://HOST:PORT") && told.contains("unix:PATH"), "{told}");
}

#[test]
fn contexts_are_set_used_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/contexts.toml");
    let run = |words: &[&str]| {
        let mut command = tenure(words);
        command.env("TENURE_CONTEXTS", &file);
        command.assert()
    };
    run(&["context", "set", "prod"]).code(2);
    run(&["context", "set", "prod", "--server", "nonsense"]).code(2);
    run(&["context", "set", "prod", "--server", "http://127.0.0.1:1,unix:/run/t.sock"]).success();
    run(&["context", "set", "test", "--server", "http://127.0.0.1:2"]).success();
    run(&["context", "use", "test"]).success();
    let listed = run(&["context", "list", "-o", "json"]).success().get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    let servers = serde_json::json!(["http://127.0.0.1:1", "unix:/run/t.sock"]);
    assert_eq!(
        (&json["current"], &json["contexts"]["prod"]["servers"]),
        (&"test".into(), &servers)
    );
    let listed = run(&["context", "list"]).success().get_output().stdout.clone();
    let listed = String::from_utf8_lossy(&listed).into_owned();
    assert!(listed.lines().any(|line| line.starts_with("*       test ")), "{listed}");

    let unknown = run(&["context", "use", "nope"]).code(2);
    let told = String::from_utf8_lossy(&unknown.get_output().stderr).into_owned();
    assert!(told.contains("nope") && told.contains("prod, test"), "{told}");
    // The context is what commands talk to.
    let away = run(&["status", "w", "--timeout", "1s"]).code(8);
    let told = String::from_utf8_lossy(&away.get_output().stderr).into_owned();
    assert!(told.contains("http://127.0.0.1:2"), "{told}");

    fs::write(&file, "contexts = 7").unwrap();
    let broken = run(&["context", "list"]).code(1);
    let told = String::from_utf8_lossy(&broken.get_output().stderr).into_owned();
    assert!(told.contains("contexts.toml") && told.lines().count() <= 2, "{told}");
}
