//! Those who wait with the command line, on a real server.

use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use tenure::v1;

use crate::command_line::command;
use crate::server::Server;

/// What must happen soon has happened by then.
const SOON: Duration = Duration::from_secs(20);

pub fn begin(server: &Server, words: &[&str]) -> Child {
    let mut command = command(server, words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command line runs")
}

pub fn end(child: Child) -> (Output, String) {
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// Until so many wait for the workspace.
fn await_waiters(server: &Server, workspace: &str, count: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = server.client().await;
        let began = Instant::now();
        loop {
            let workspace = workspace.to_owned();
            let request = v1::ListWaitersRequest { workspace, ..Default::default() };
            let page = client.list_waiters(request).next_page().await.expect("a page");
            if page.is_some_and(|page| page.waiters.len() == count) {
                return;
            }
            assert!(began.elapsed() < SOON, "{count} should wait");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

pub fn holders_wait_for_each_other_in_the_order_in_which_they_came() {
    let server = Server::start();
    let hold = ["hold", "acme/api", "--lease", "5s", "--wait", "1m", "--actor"];
    let run = |actor: &'static str| {
        let script = format!("echo {actor} >> {}", server.path("order").display());
        let words = [&hold[..], &[actor, "--", "sh", "-c", &script]].concat();
        begin(&server, &words)
    };
    // A person has the workspace while they come.
    assert!(end(begin(&server, &["start", "acme/api"])).0.status.success());
    let mut all = Vec::new();
    for (count, actor) in (1..).zip(["w1", "w2", "w3"]) {
        all.push(run(actor));
        await_waiters(&server, "acme/api", count);
    }
    assert!(end(begin(&server, &["clear", "acme/api"])).0.status.success());
    let said: Vec<_> = all.into_iter().map(end).collect();
    assert!(said.iter().all(|(output, _)| output.status.success()), "{said:?}");
    assert!(said[2].1.contains("waiting for acme/api, place 3 of 3: held by a person"), "{said:?}");
    let order = std::fs::read_to_string(server.path("order")).expect("they ran");
    assert_eq!(order, "w1\nw2\nw3\n");
}

pub fn a_standby_takes_over_from_a_killed_holder() {
    let server = Server::start();
    let words = ["hold", "acme/api", "--actor", "w1", "--lease", "2s", "--", "sleep", "60"];
    let mut killed = begin(&server, &words);
    let words = ["hold", "acme/api", "--actor", "w2", "--lease", "5s", "--wait", "1m"];
    let rest = ["--take-over", "--reason", "standby", "--", "echo", "here"];
    // Whichever comes first has it; the standby must come second.
    let began = Instant::now();
    while !end(begin(&server, &["status", "acme/api"])).0.status.success() {
        assert!(began.elapsed() < SOON, "w1 should have it");
    }
    let standby = begin(&server, &[&words[..], &rest[..]].concat());
    await_waiters(&server, "acme/api", 1);
    killed.kill().expect("it can be killed");
    killed.wait().expect("it can be waited for");
    let (output, said) = end(standby);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"here\n"[..]), "{said}");
    assert!(said.contains("took over from w1"), "{said}");
}

pub fn who_waits_to_start_is_told_how_a_stale_session_is_taken_over() {
    let server = Server::start();
    let words = ["start", "acme/api", "--actor", "w1", "--lease", "1s"];
    assert!(end(begin(&server, &words)).0.status.success());
    let words = ["start", "acme/api", "--actor", "w2", "--lease", "5s", "--wait", "3s"];
    let (output, said) = end(begin(&server, &words));
    assert_eq!(output.status.code(), Some(8), "{said}");
    // The flag is one of `hold`.
    assert!(said.contains("left it stale") && !said.contains("--take-over"), "{said}");
    assert!(said.contains("hint: tenure takeover takes it over"), "{said}");
}

pub fn a_wait_that_comes_to_nothing_ends_with_8_and_leaves_the_queue() {
    let server = Server::start();
    assert!(end(begin(&server, &["start", "acme/api"])).0.status.success());
    let words = ["start", "acme/api", "--actor", "w1", "--lease", "5s", "--wait", "300ms"];
    let (output, said) = end(begin(&server, &words));
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("was not to be had within 300ms: it is held by a person"), "{said}");
    assert!(output.stdout.is_empty());
    await_waiters(&server, "acme/api", 0);
}
