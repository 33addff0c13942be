//! What only happens on a terminal: questions, and stopping and continuing a job.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{forced, granting};

/// A terminal: the end that a person would sit at, and the end for programs.
fn terminal() -> (File, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let programs =
        rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
            .unwrap();
    (File::from(person), programs)
}

/// Runs a forced takeover on a terminal, answers its question, and returns how it ended, with
/// what the terminal showed.
fn answered(url: &str, answer: &str) -> (Option<i32>, String) {
    let (mut person, programs) = terminal();
    let words = ["takeover", "acme/api", "--actor", "w2", "--reason", "r", "--force"];
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("tenure"))
        .args(words)
        .args(["--expect-session", "ses_01", "--server", url])
        .stdin(Stdio::from(programs.try_clone().unwrap()))
        .stderr(Stdio::from(programs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut shown = String::new();
    let mut bytes = [0; 1024];
    while !shown.contains("[y/N]") {
        let read = person.read(&mut bytes).unwrap();
        assert!(read > 0, "{shown}");
        shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    person.write_all(answer.as_bytes()).unwrap();
    (child.wait().unwrap().code(), shown)
}

#[test]
fn a_person_sees_whom_force_would_evict_and_is_asked() {
    let server = forced::forcing();
    let (code, shown) = answered(&server.url, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    for part in ["w1", "ses_01", "migrating", "build-7", "1h 1m ago", "in 2"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let asked: Vec<tenure::v1::ForceTakeOverSessionRequest> =
        server.asked("force_take_over_session");
    let dry: Vec<bool> = asked.iter().map(|request| request.dry_run).collect();
    assert_eq!(dry, [true, false], "looked first, then evicted");
}

#[test]
fn anything_but_yes_evicts_nobody() {
    for answer in ["n\n", "\n", "\u{4}"] {
        let server = forced::forcing();
        let (code, shown) = answered(&server.url, answer);
        assert_eq!(code, Some(1), "{answer:?}: {shown}");
        let asked: Vec<tenure::v1::ForceTakeOverSessionRequest> =
            server.asked("force_take_over_session");
        assert!(asked.iter().all(|request| request.dry_run), "{answer:?}");
    }
}

/// A shell with job control, as a person uses it.
struct Shell {
    keyboard: File,
    screen: Receiver<String>,
    shown: String,
    child: Child,
}

impl Shell {
    fn new() -> Self {
        let (person, programs) = terminal();
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"])
            .stdin(Stdio::from(programs.try_clone().unwrap()))
            .stdout(Stdio::from(programs.try_clone().unwrap()))
            .stderr(Stdio::from(programs))
            .env("PS1", "$ ")
            .spawn()
            .expect("setsid of util-linux is needed: install util-linux");
        let (into, screen) = channel();
        let mut reads = person.try_clone().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = reads.read(&mut bytes) {
                let _ = into.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            }
        });
        Self { keyboard: person, screen, shown: String::new(), child }
    }

    /// Types, and waits until the terminal has shown `expected` so often since.
    fn types(&mut self, keys: &str, expected: &str, times: usize) {
        self.shown.clear();
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.shown.matches(expected).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(more) => self.shown.push_str(&more),
                Err(_) => panic!("{expected:?} was not shown {times} times: {:?}", self.shown),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line that runs a command which says that it is up, and then repeats what is typed.
fn reading(tenure: &str, url: &str) -> String {
    let script = "echo u''p; exec cat";
    format!("{tenure} hold w --actor a --lease 60s --server {url} -- sh -c \"{script}\"\n")
}

#[test]
fn the_command_has_the_terminal_and_stops_and_goes_on_as_a_job() {
    let granting = granting::granting(Duration::from_secs(60));
    let tenure = assert_cmd::cargo::cargo_bin!("tenure").display().to_string();
    let url = &granting.server.url;
    let mut shell = Shell::new();
    shell.types(&reading(&tenure, url), "up\r\n", 1);
    // Once as typed, once by `cat`, which could not read were it in the background.
    shell.types("hello\n", "hello\r\n", 2);
    shell.types("\u{1a}", "Stopped", 1);
    // The shell has the terminal now, and hold sleeps with its command.
    shell.types("echo in-$((1+1))-shell\n", "in-2-shell", 1);
    shell.types("fg\n", "hold w", 1);
    shell.types("again\n", "again\r\n", 2);
    // The end of the input ends `cat`, and with it hold; the shell goes on.
    shell.types("\u{4}", "$ ", 1);
    shell.types("echo code=$?\n", "code=0", 1);
    assert_eq!(granting.server.asked::<tenure::v1::YieldSessionRequest>("yield_session").len(), 1);
}

#[test]
fn an_interrupt_from_the_keyboard_ends_the_command_and_hold_yields() {
    let granting = granting::granting(Duration::from_secs(60));
    let tenure = assert_cmd::cargo::cargo_bin!("tenure").display().to_string();
    let url = &granting.server.url;
    let mut shell = Shell::new();
    shell.types(&reading(&tenure, url), "up\r\n", 1);
    shell.types("\u{3}", "$ ", 1);
    shell.types("echo code=$?\n", "code=130", 1);
    assert_eq!(granting.server.asked::<tenure::v1::YieldSessionRequest>("yield_session").len(), 1);
}
