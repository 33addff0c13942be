//! `tenure hold`: its command, its signals, and every way of losing the lease.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tenure::v1::{self, ErrorReason, push};
use tonic::Code;

use crate::granting::{Granting, granting};
use crate::scripted::{Script, Server, refusal};

/// `tenure hold`, running.
struct Holding {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Holding {
    /// Runs a script of a shell under `hold`.
    fn new(server: &Server, flags: &[&str], script: &str) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tenure"))
            .args(["hold", "acme/api", "--actor", "w1", "--lease", "30s", "--server", &server.url])
            .args(flags)
            .args(["--", "sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A process id that the script printed.
    fn pid(&mut self) -> Pid {
        Pid::from_raw(self.line().parse().unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        let output: Output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn yields(server: &Server) -> Vec<v1::YieldSessionRequest> {
    server.asked("yield_session")
}

/// Waits until a process has gone.
fn gone_within(pid: Pid, limit: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        // Where nobody buries orphans, the dead stay as zombies.
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        let is_zombie = status.is_ok_and(|status| status.contains(") Z "));
        if is_zombie || test_kill_process(pid).is_err() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn hold_exits_with_the_code_of_its_command_and_gives_the_session_up() {
    let Granting { server, .. } = granting(LONG);
    let (code, told) = Holding::new(&server, &[], "exit 17").ended();
    assert_eq!((code, told.as_str()), (Some(17), ""));
    let yields = yields(&server);
    assert_eq!(yields.len(), 1);
    assert_eq!(yields[0].expected_session_id.as_deref(), Some("ses_01"));
    assert_eq!(yields[0].actor_id, "w1");
    assert_eq!(Holding::new(&server, &[], "true").ended().0, Some(0));
}

#[test]
fn the_command_knows_its_session_and_leads_a_group_of_its_own() {
    let Granting { server, .. } = granting(LONG);
    let script = "echo $TENURE_WORKSPACE $TENURE_PROFILE $TENURE_SESSION_ID $TENURE_FENCING_TOKEN; \
                  echo $$; cut -d' ' -f5 /proc/$$/stat";
    let mut holding = Holding::new(&server, &[], script);
    assert_eq!(holding.line(), "acme/api main ses_01 7");
    assert_eq!(holding.line(), holding.line(), "its process id is its group's");
    assert_eq!(holding.ended().0, Some(0));
    let asked: Vec<v1::StartSessionRequest> = server.asked("start_session");
    let Some(v1::start_session_request::Holder::Autonomous(holder)) = &asked[0].holder else {
        panic!("{asked:?}")
    };
    assert!(holder.instance_id.is_some() && asked[0].machine.is_some());
}

#[test]
fn signals_are_passed_on_and_a_death_by_signal_is_128_and_its_number() {
    let Granting { server, .. } = granting(LONG);
    let script =
        "trap 'echo usr1' USR1; trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done";
    let mut holding = Holding::new(&server, &[], script);
    assert_eq!(holding.line(), "ready");
    holding.signal(Signal::USR1);
    assert_eq!(holding.line(), "usr1");
    holding.signal(Signal::TERM);
    assert_eq!(holding.ended().0, Some(9));

    let mut holding = Holding::new(&server, &[], "echo ready; exec sleep 60");
    assert_eq!(holding.line(), "ready");
    holding.signal(Signal::INT);
    assert_eq!(holding.ended().0, Some(130));
    assert_eq!(yields(&server).len(), 2);
}

#[test]
fn a_command_that_does_not_exist_ends_with_127_and_the_session_is_given_up() {
    let Granting { server, .. } = granting(LONG);
    let words = ["hold", "w", "--actor", "a", "--lease", "30s", "--", "/no/such/command"];
    let assert = server.tenure(&words).assert().code(127);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.starts_with("error: cannot run /no/such/command"), "{told}");
    assert_eq!(yields(&server).len(), 1);
}

#[test]
fn a_workspace_that_is_held_by_another_runs_nothing() {
    let server = Script::default()
        .on("start_session", |_: v1::StartSessionRequest| -> Result<v1::StartSessionResponse, _> {
            Err(refusal(Code::FailedPrecondition, ErrorReason::LeaseHeld, "held by w2", "wait"))
        })
        .serve();
    let (code, told) = Holding::new(&server, &[], "echo ran >&2").ended();
    assert_eq!((code, told.as_str()), (Some(4), "error: held by w2 [LEASE_HELD]\nhint: wait\n"));
}

/// A script that says its own id and that of a process in the background, and heeds no signal.
const STUBBORN: &str =
    "trap '' TERM INT; sleep 60 & echo $!; echo $$; while :; do sleep 0.05; done";

#[test]
fn a_lost_lease_ends_the_whole_group_within_the_time_to_kill() {
    let granting = granting(Duration::from_secs(6));
    let mut holding = Holding::new(&granting.server, &[], STUBBORN);
    let (background, leader) = (holding.pid(), holding.pid());
    let begun = Instant::now();
    let verdict = v1::Verdict {
        session_id: "ses_01".to_owned(),
        cause: v1::EndCause::ForceTakenOver.into(),
        reason: "wrong branch".to_owned(),
        successor_actor_id: "w2\u{1b}".to_owned(),
        ..v1::Verdict::default()
    };
    granting.pushes.send(push::Kind::Lost(v1::Lost { verdict: Some(verdict) })).unwrap();
    let (code, told) = holding.ended();
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains("taken over by force") && told.contains("wrong branch"), "{told}");
    assert!(told.contains(r"w2\u{1b}"), "{told:?}");
    // A sixth of 6 s until SIGKILL, and what it takes to hear of all that.
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(2), "{took:?}");
    assert!(gone_within(leader, Duration::ZERO.max(Duration::from_millis(50))));
    assert!(gone_within(background, Duration::from_millis(50)));
    assert!(yields(&granting.server).is_empty(), "there is nothing left to give up");
}

#[test]
fn a_command_that_heeds_sigterm_ends_at_once_when_the_lease_is_lost() {
    let granting = granting(LONG);
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let mut holding = Holding::new(&granting.server, &[], script);
    assert_eq!(holding.line(), "ready");
    let begun = Instant::now();
    granting.pushes.send(push::Kind::Expired(v1::Expired::default())).unwrap();
    assert_eq!(holding.line(), "bye");
    assert_eq!(holding.ended().0, Some(5));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn without_answers_the_command_is_dead_before_the_lease_can_expire() {
    let ttl = Duration::from_secs(3);
    let granting = granting(ttl);
    let mut holding = Holding::new(&granting.server, &["--kill-after", "1h"], STUBBORN);
    let (background, leader) = (holding.pid(), holding.pid());
    // Whatever was answered last was asked before now, so the lease runs until then at most.
    granting.silent.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let (code, told) = holding.ended();
    assert_eq!(code, Some(5), "{told}");
    assert!(begun.elapsed() < ttl, "{:?}", begun.elapsed());
    assert!(gone_within(leader, Duration::from_millis(50)));
    assert!(gone_within(background, Duration::from_millis(50)));
    assert_eq!(yields(&granting.server).len(), 1, "nobody works under it any more");
}

#[test]
fn an_outage_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let granting = granting(Duration::from_secs(9));
    let mut holding = Holding::new(
        &granting.server,
        &[],
        "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done",
    );
    assert_eq!(holding.line(), "ready");
    let mut told = BufReader::new(holding.child.stderr.take().unwrap()).lines();
    granting.silent.store(true, Ordering::SeqCst);
    let outage = told.next().unwrap().unwrap();
    assert!(outage.starts_with("tenure: no answer for "), "{outage}");
    assert!(outage.contains("the command is ended in "), "{outage}");
    granting.silent.store(false, Ordering::SeqCst);
    assert_eq!(told.next().unwrap().unwrap(), "tenure: answers come again");
    holding.signal(Signal::TERM);
    assert_eq!(holding.ended().0, Some(3));
    let rest: Vec<_> = told.map_while(Result::ok).filter(|line| line.contains("tenure")).collect();
    assert!(rest.is_empty(), "nothing else: {rest:?}");
}

#[test]
fn a_pending_transfer_ends_the_command_before_its_deadline_and_yields() {
    let granting = granting(LONG);
    let mut holding = Holding::new(&granting.server, &[], STUBBORN);
    let (_, leader) = (holding.pid(), holding.pid());
    let begun = Instant::now();
    let asked = v1::YieldRequested {
        grace_left: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
        reason: "wrong branch".to_owned(),
        successor_actor_id: "w2".to_owned(),
        ..v1::YieldRequested::default()
    };
    granting.pushes.send(push::Kind::YieldRequested(asked)).unwrap();
    let (code, told) = holding.ended();
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains("passes to w2") && told.contains("wrong branch"), "{told}");
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1_800) && took < Duration::from_secs(3), "{took:?}");
    assert!(gone_within(leader, Duration::from_millis(50)));
    assert_eq!(yields(&granting.server).len(), 1, "the successor need not wait");
}

#[test]
fn the_command_dies_with_hold_even_when_that_is_killed() {
    let Granting { server, .. } = granting(LONG);
    let script = "trap '' TERM HUP; echo $$; while :; do sleep 0.05; done";
    let mut holding = Holding::new(&server, &[], script);
    let leader = holding.pid();
    holding.signal(Signal::KILL);
    assert!(gone_within(leader, Duration::from_secs(2)));
    assert_eq!(holding.ended().0, None);
}

#[test]
fn what_the_command_leaves_running_ends_before_the_session_is_given_up() {
    let Granting { server, .. } = granting(LONG);
    let mut holding = Holding::new(&server, &[], "sleep 60 >/dev/null & echo $!; exit 3");
    let left = holding.pid();
    assert_eq!(holding.ended().0, Some(3));
    assert!(gone_within(left, Duration::from_millis(50)));
}

#[test]
fn the_shim_runs_nothing_for_a_parent_that_has_gone() {
    let words = ["__exec", "--parent", "1", "--", "echo", "ran"];
    let assert = crate::scripted::tenure(&words).assert().code(1);
    assert!(assert.get_output().stdout.is_empty());
}
