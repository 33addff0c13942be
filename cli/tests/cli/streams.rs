//! Watch, live list and history.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tenure::v1::watch_sessions_response::Update;
use tenure::v1::{self, ErrorReason, EventType, event::Payload};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use crate::scripted::{Script, Server, refusal, session};

fn cursor(sequence: u64) -> Option<v1::Cursor> {
    Some(v1::Cursor { log_id: "log1".to_owned(), sequence })
}

fn progress(sequence: u64) -> v1::WatchSessionsResponse {
    let progress = v1::Progress { cursor: cursor(sequence) };
    v1::WatchSessionsResponse { update: Some(Update::Progress(progress)) }
}

fn started(sequence: u64, workspace: &str) -> v1::Event {
    let started =
        v1::SessionStarted { session: Some(session(workspace, "w1")), ..Default::default() };
    v1::Event {
        sequence,
        log_id: "log1".to_owned(),
        r#type: EventType::SessionStarted.into(),
        workspace: workspace.to_owned(),
        profile: "main".to_owned(),
        payload: Some(Payload::SessionStarted(started)),
        ..v1::Event::default()
    }
}

fn event(sequence: u64, workspace: &str) -> v1::WatchSessionsResponse {
    let update = Update::Event(Box::new(started(sequence, workspace)));
    v1::WatchSessionsResponse { update: Some(update) }
}

/// Sends these, and then nothing more.
fn lasting(
    messages: Vec<v1::WatchSessionsResponse>,
) -> impl tokio_stream::Stream<Item = Result<v1::WatchSessionsResponse, Status>> + Send {
    tokio_stream::iter(messages.into_iter().map(Ok)).chain(tokio_stream::pending())
}

struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn new(server: &Server, words: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tenure"))
            .args(words)
            .args(["--server", &server.url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Interrupts it, and returns its exit code with what it said beside the data.
    fn interrupt(self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn watch_shows_a_line_an_event_and_says_at_the_end_from_where_to_go_on() {
    let server = Script::default()
        .on_watch(|_| lasting(vec![progress(4), event(5, "a"), event(9, "b")]))
        .serve();
    let mut watch = Running::new(&server, &["watch"]);
    assert!(watch.line().contains("session_started  a  w1 (runtime_worker), token 7"));
    assert!(watch.line().contains("session_started  b"));
    let (code, told) = watch.interrupt();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.ends_with("--from log1:9\n"), "{told}");
}

#[test]
fn watch_passes_its_cursor_and_filters_on() {
    let server = Script::default().on_watch(|_| lasting(vec![event(8, "acme/a")])).serve();
    let words = ["watch", "--from", "log1:7", "--prefix", "acme", "--owner", "w1"];
    let more = ["--type", "session_started,session_ended", "-o", "json"];
    let mut watch = Running::new(&server, &[&words[..], &more].concat());
    let json: serde_json::Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!(
        (&json["sequence"], &json["type"]),
        (&"8".into(), &"EVENT_TYPE_SESSION_STARTED".into())
    );
    watch.interrupt();
    let asked: Vec<v1::WatchSessionsRequest> = server.asked("watch_sessions");
    let filter = asked[0].filter.clone().unwrap();
    assert_eq!((asked[0].from.clone(), asked[0].snapshot), (cursor(7), false));
    assert_eq!((filter.prefix.as_str(), filter.owner.as_str()), ("acme", "w1"));
    assert_eq!(filter.types, [EventType::SessionStarted as i32, EventType::SessionEnded as i32]);
}

#[test]
fn watch_goes_on_from_its_last_event_when_the_server_drops_it() {
    let server = Script::default()
        .on_watch(|request: v1::WatchSessionsRequest| match request.from {
            None => {
                let broken = Err(Status::unavailable("the server went away"));
                let first = [Ok(progress(4)), Ok(event(5, "a")), broken];
                Box::pin(tokio_stream::iter(first))
                    as std::pin::Pin<Box<dyn tokio_stream::Stream<Item = _> + Send>>
            }
            Some(from) => {
                Box::pin(lasting(vec![progress(from.sequence), event(from.sequence + 1, "b")]))
            }
        })
        .serve();
    let mut watch = Running::new(&server, &["watch"]);
    assert!(watch.line().contains("  a  "));
    assert!(watch.line().contains("  b  "));
    let (_, told) = watch.interrupt();
    assert!(told.ends_with("--from log1:6\n"), "{told}");
}

#[test]
fn watch_ends_when_its_events_are_gone_or_the_server_is_not_there() {
    let gone = refusal(Code::OutOfRange, ErrorReason::SequenceCompacted, "compacted", "begin anew");
    let server =
        Script::default().on_watch(move |_| tokio_stream::iter([Err(gone.clone())])).serve();
    let assert = server.tenure(&["watch", "--from", "log1:1"]).assert().code(1);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.contains("[SEQUENCE_COMPACTED]"), "{told}");
    let nobody = ["watch", "--server", "http://127.0.0.1:1", "--timeout", "1s"];
    crate::scripted::tenure(&nobody).assert().code(8);
}

#[test]
fn a_live_list_shows_what_is_stored_and_then_each_change() {
    let page = v1::SnapshotPage {
        sessions: vec![session("a", "w1"), session("b", "w2")],
        cursor: cursor(4),
        last: true,
    };
    let page = v1::WatchSessionsResponse { update: Some(Update::SnapshotPage(page)) };
    let server = Script::default()
        .on_watch(move |request| {
            assert!(request.snapshot);
            lasting(vec![progress(4), page.clone(), event(5, "c")])
        })
        .serve();
    let mut list = Running::new(&server, &["list", "--watch"]);
    let lines = [list.line(), list.line(), list.line()];
    let expected = ["live  a  w1", "live  b  w2", "live  c  w1"];
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{lines:?}");
    }
    list.interrupt();
}

/// Two pages of two events each.
fn paging(request: v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Status> {
    let v1::ListEventsRequest { workspace, profile, page_token, .. } = request;
    assert_eq!((workspace.as_str(), profile.as_str()), ("a", "main"));
    let (first, next) = if page_token.is_empty() { (1, "more") } else { (3, "") };
    Ok(v1::ListEventsResponse {
        events: vec![started(first, "a"), started(first + 1, "a")],
        next_page_token: next.to_owned(),
        cursor: cursor(first + 1),
    })
}

#[test]
fn history_shows_the_newest_events_newest_last() {
    let server = Script::default().on("list_events", paging).serve();
    let assert = server.tenure(&["history", "a", "--limit", "3", "-o", "wide"]).assert().success();
    let shown = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let sequences: Vec<&str> = shown.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    assert_eq!(sequences, ["#2", "#3", "#4"], "{shown}");
    let assert = server.tenure(&["history", "a", "-o", "json"]).assert().success();
    let json: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(json["events"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["cursor"]["sequence"], "4");
}

#[test]
fn history_that_follows_goes_on_where_the_pages_ended_and_only_in_its_workspace() {
    let server = Script::default()
        .on("list_events", paging)
        .on_watch(|_| lasting(vec![progress(4), event(5, "a/below"), event(6, "a")]))
        .serve();
    let words = ["history", "a", "--follow", "--limit", "1", "-o", "json"];
    let mut history = Running::new(&server, &words);
    for expected in ["4", "6"] {
        let json: serde_json::Value = serde_json::from_str(&history.line()).unwrap();
        assert_eq!(json["sequence"], expected);
    }
    history.interrupt();
    let asked: Vec<v1::WatchSessionsRequest> = server.asked("watch_sessions");
    assert_eq!(asked[0].from, cursor(4));
}
