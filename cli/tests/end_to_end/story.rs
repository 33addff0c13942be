//! The story of `docs/story.md`, played on a real server: what each side saw, and all of it from
//! one watch. What the page shows is compared with what is seen here, so it stays true.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tenure::{Client, LeaseHolder, Reason, StartRequest, v1};

use crate::command_line::command;
use crate::server::Server;
use crate::waits::{begin, end};

const WORKSPACE: &str = "acme/api";
const TTL: Duration = Duration::from_secs(2);
/// What must happen soon has happened by then.
const SOON: Duration = Duration::from_secs(20);

/// `tenure watch`, as somebody has it open beside the work.
struct Watching {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Watching {
    /// Watches what happens in the log from its beginning, whenever the watch comes to be open.
    fn begin(server: &Server, log_id: &str) -> Self {
        let from = format!("{log_id}:0");
        let mut child = command(server, &["watch", "--prefix", "acme", "--from", &from])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command line runs");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Until the watch has told of this.
    fn until(&mut self, what: &str) {
        let began = Instant::now();
        while !self.seen.last().is_some_and(|line| line.contains(what)) {
            let left = SOON.saturating_sub(began.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no {what} after {:#?}", self.seen));
            self.seen.push(line);
        }
    }

    /// Everything that was told, without the times, with ids named in the order of appearance.
    fn told(self) -> String {
        let untimed = |line: &String| line.split("  ").skip(1).collect::<Vec<_>>().join("  ");
        let untimed: Vec<String> = self.seen.iter().map(untimed).collect();
        named(&without_time_of_expiry(&untimed.join("\n")))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ses_` and `esc_` with a ULID become `ses_1`, `ses_2`, `esc_1`; tokens, which beats raise, are
/// counted, too.
fn named(text: &str) -> String {
    let mut text = text.to_owned();
    for prefix in ["ses_", "esc_"] {
        for number in 1.. {
            let id = text.match_indices(prefix).map(|(at, _)| &text[at..]).find_map(|rest| {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let id = &rest[..length.unwrap_or(rest.len())];
                (id.len() == prefix.len() + 26).then(|| id.to_owned())
            });
            let Some(id) = id else { break };
            text = text.replace(&id, &format!("{prefix}{number}"));
        }
    }
    let mut parts = text.split(", token ");
    let mut counted = parts.next().unwrap_or_default().to_owned();
    for (number, part) in (1..).zip(parts) {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        counted.push_str(&format!(", token {number}{rest}"));
    }
    counted
}

fn without_time_of_expiry(text: &str) -> String {
    let untimed = |line: &str| match line.split_once(", at ") {
        Some((before, _)) if line.contains("session_expired") => before.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(untimed).collect::<Vec<_>>().join("\n")
}

/// The block of the page that is shown as `name`.
fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/story.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let (_, rest) = text.split_once(&format!("<!-- {name} -->")).expect("the block");
    let block = rest.split("```").nth(1).expect("a fenced block");
    block.trim_start_matches("text").trim().to_owned()
}

/// Every line of the page's block is in what was seen; but for what differs each time.
fn assert_shows(name: &str, seen: &str) {
    let seen = named(seen);
    for line in named(&page(name)).lines().filter(|line| !differs(line)) {
        assert!(seen.contains(line.trim_end()), "{name} shows {line:?}, and seen was\n{seen}");
    }
}

/// Times, and what depends on the machine or on how often somebody beat.
fn differs(line: &str) -> bool {
    let label = line.split_whitespace().next().unwrap_or_default();
    ["now", " ago", "in 2s"].iter().any(|time| line.contains(time))
        || ["machine", "token", "revision", "session", "from", "next"].contains(&label)
}

/// Owner, sessions and tokens used of each line; held times and beats differ.
fn totals(table: &str) -> Vec<[String; 4]> {
    let column = |line: &str, at: usize| {
        let cells: Vec<&str> =
            line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        cells.get(at).copied().unwrap_or_default().to_owned()
    };
    table.lines().map(|line| [0, 1, 4, 5].map(|at| column(line, at))).collect()
}

fn by_command(server: &Server, words: &[&str]) -> String {
    let (output, said) = end(begin(server, words));
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn beat(actor: &str) -> v1::HeartbeatRequest {
    v1::HeartbeatRequest {
        workspace: WORKSPACE.to_owned(),
        actor_id: actor.to_owned(),
        ..Default::default()
    }
}

pub fn a_worker_dies_and_another_goes_on() {
    let server = Server::start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = server.client().await;
        let info = client.server_info(v1::GetServerInfoRequest {}).await.expect("an answer");
        let mut watch = Watching::begin(&server, &info.log_id);
        by_command(&server, &["gate", "set", WORKSPACE, "build", "review", "ship"]);
        watch.until("gates_set");
        let old = first_worker(&server, &client, &mut watch).await;
        watch.until("session_expired");
        assert_shows("status", &by_command(&server, &["status", WORKSPACE]));
        take_over(&server, &client, &mut watch).await;
        the_first_wakes_up(&client, &old).await;
        finish(&server, &client, &mut watch).await;
        let ledger = by_command(&server, &["ledger", WORKSPACE, "--totals"]);
        assert_eq!(totals(&ledger), totals(&page("ledger")), "{ledger}");
        let told = watch.told();
        assert_eq!(told, named(&page("watch")), "the page should show:\n{told}");
    });
}

/// Works, asks a question, and dies. The session that it had.
async fn first_worker(server: &Server, client: &Client, watch: &mut Watching) -> v1::Session {
    let start = StartRequest::new(WORKSPACE, "worker-1", TTL);
    let lease = LeaseHolder::start(client.clone(), start).await.expect("a free workspace");
    watch.until("session_started");
    lease.set_activity("reading the failing test").expect("a short text");
    lease.touch_work_stream("tests").expect("a short name");
    lease.report_usage(v1::Usage { input_tokens: 1_200, output_tokens: 300, ..Default::default() });
    lease.report_gates_revision(1);
    watch.until("activity_changed");
    let checkpoint = Some(b"{\"next\": \"write the fix\"}".to_vec());
    let saved = v1::HeartbeatRequest { checkpoint, ..beat("worker-1") };
    client.heartbeat(saved).await.expect("its own lease");

    let before = lease.directives();
    by_command(server, &["gate", "update", WORKSPACE, "build", "--state", "passed"]);
    let told = lease.directives_other_than(&before).await;
    assert_eq!((told.gates_revision, told.blocked), (2, false), "told to read the gates again");
    watch.until("gate_updated");

    let words = ["--kind", "blocking", "--reason", "which of the two schemas?"];
    let ask = ["escalation", "raise", WORKSPACE, "--actor", "worker-1"];
    by_command(server, &[&ask[..], &words].concat());
    let told = lease.directives_other_than(&told).await;
    assert!(told.blocked, "told to wait for an answer");
    assert_eq!(told.blocking_reason, "which of the two schemas?");
    watch.until("escalation_raised");
    assert!(lease.is_held(), "the lease goes on meanwhile");
    // It dies here: nobody beats any more, and nobody gives the lease back.
    lease.session().clone()
}

/// Another takes over, and finds everything.
async fn take_over(server: &Server, client: &Client, watch: &mut Watching) {
    let words = ["--actor", "worker-2", "--lease", "30s", "--reason", "worker-1 is gone"];
    let taken = by_command(server, &[&["takeover", WORKSPACE][..], &words].concat());
    assert_shows("takeover", &taken);
    watch.until("session_started");
    let blocked = client.heartbeat(beat("worker-2")).await.expect("its own lease");
    assert!(blocked.directives.expect("directives").blocked, "the question is still open");
}

/// The question is answered, and the work is done.
async fn finish(server: &Server, client: &Client, watch: &mut Watching) {
    let escalations = client
        .list_escalations(v1::ListEscalationsRequest::default())
        .next_page()
        .await
        .expect("a page")
        .expect("one page");
    let open = escalations.escalations[0].escalation.clone().expect("an escalation");
    let words = ["resolve", WORKSPACE, &open.escalation_id, "--reason", "the newer one"];
    by_command(server, &[&["escalation"][..], &words].concat());
    watch.until("escalation_resolved");
    let free = client.heartbeat(beat("worker-2")).await.expect("its own lease");
    assert!(!free.directives.expect("directives").blocked, "answered");
    for gate in ["review", "ship"] {
        by_command(server, &["gate", "update", WORKSPACE, gate, "--state", "passed"]);
        watch.until(&format!("{gate}: passed"));
    }
    by_command(server, &["yield", WORKSPACE, "--actor", "worker-2"]);
    watch.until("session_ended");
}

/// Whoever was only asleep is told what became of its session.
async fn the_first_wakes_up(client: &Client, old: &v1::Session) {
    let session_id = Some(old.session_id.clone());
    let late = v1::HeartbeatRequest { session_id, ..beat("worker-1") };
    let error = client.heartbeat(late).await.expect_err("its session has ended");
    let refused = error.refused().expect("a refusal");
    assert_eq!(refused.reason, Reason::NotHolder);
    let verdict = refused.refusal.verdict.as_ref().expect("how it ended");
    assert_eq!(verdict.cause(), v1::EndCause::TakenOver);
    assert_eq!((&*verdict.successor_actor_id, &*verdict.reason), ("worker-2", "worker-1 is gone"));
    let fence = v1::FenceCheck {
        workspace: WORKSPACE.to_owned(),
        fencing_token: old.fencing_token,
        ..Default::default()
    };
    let request = v1::CheckFenceRequest { checks: vec![fence] };
    let answer = client.check_fence(request).await.expect("an answer");
    assert!(!answer.results[0].current, "its token counts no more");
}
