//! The process itself: exit codes, what it says, and what it leaves behind.

#![expect(clippy::unwrap_used, reason = "all of it is tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder that stands for everything the server finds outside itself.
struct World(TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenured"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs what ends by itself.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a server, and waits until it says that it is ready.
    fn start(&self, arguments: &[&str]) -> Running {
        let told = UnixDatagram::bind(self.path("notify")).unwrap();
        told.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = self.command(arguments);
        let mut child = command.env("NOTIFY_SOCKET", self.path("notify")).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let running = Running { child, stderr: BufReader::new(stderr), told };
        assert_eq!(running.told(), "READY=1");
        running
    }
}

/// A server that is killed if a test fails.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    told: UnixDatagram,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// What systemd is told next.
    fn told(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.told.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The lines that it has logged, up to the one that says that it serves.
    fn announcement(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "it has ended: {lines:?}");
            let serving = line.contains("serving");
            lines.push(line);
            if serving {
                return lines;
            }
        }
    }

    fn tcp_address(&mut self) -> SocketAddr {
        let lines = self.announcement();
        let listening = lines.iter().find(|line| line.contains("listening")).unwrap();
        listening.trim().rsplit_once("address=").unwrap().1.parse().unwrap()
    }

    /// Waits for the end: the exit code, and what else it has logged.
    fn end(mut self) -> (i32, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (status.code().unwrap(), rest)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_config_prints_the_effective_configuration_and_exits_0() {
    let world = World::new();
    fs::write(world.path("tenured.toml"), "[limits]\nwatches = 7\n").unwrap();
    let output = world.run(&["check-config", "--config", "tenured.toml", "--drain-deadline=3s"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("watches = 7  # file \"tenured.toml\", line 2\n"), "{shown}");
    assert!(shown.contains("deadline = \"3s\"  # flag --drain-deadline\n"), "{shown}");
    assert!(shown.contains("listen = [\"127.0.0.1:7420\"]  # default\n"), "{shown}");
    assert!(output.stderr.is_empty());
    assert!(!world.path(".local").exists(), "checking makes nothing");
}

#[test]
fn a_bad_configuration_exits_2_with_all_errors_and_nothing_bound_or_made() {
    let world = World::new();
    let socket = format!("unix:{}", world.path("t.sock").display());
    let bad = ["--listen", &socket, "--listen", "0.0.0.0:7420", "--drain-deadline", "1h"];
    for arguments in [&bad[..], &[&["check-config"], &bad[..]].concat()] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let errors = text(&output.stderr);
        assert!(errors.contains("\n  listen: \"0.0.0.0:7420\" is refused"), "{errors}");
        assert!(errors.contains("\n  drain.deadline: \"1h\" is refused"), "{errors}");
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_dir(world.0.path()).unwrap().count(), 0);
    }
}

#[test]
fn help_exits_0_and_a_flag_that_does_not_exist_2() {
    let world = World::new();
    assert_eq!(world.run(&["--help"]).status.code(), Some(0));
    let output = world.run(&["--lisen", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--listen"), "{}", text(&output.stderr));
}

#[test]
fn it_says_where_it_listens_and_keeps_its_state_in_a_folder_of_its_user() {
    let world = World::new();
    let mut server = world.start(&["--listen", "127.0.0.1:0"]);
    let lines = server.announcement().concat();
    let folder = world.path(".local/share/tenure");
    assert!(lines.contains("listening address=127.0.0.1:"), "{lines}");
    let store = format!("path={:?}", folder.join("tenure.db"));
    assert!(lines.contains(&store), "{lines}");
    assert!(!lines.contains('\u{1b}'), "no colours without a terminal: {lines:?}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("tenure.db")), 0o600);

    server.signal(Signal::TERM);
    assert_eq!(server.told(), "STOPPING=1");
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("draining cause=Signal(\"SIGTERM\")"), "{log}");
}

/// A client that says enough of HTTP/2 to be one, and then nothing, so that it does not let go
/// when it is asked to.
fn mute_client(address: SocketAddr) -> TcpStream {
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    client.write_all(&EMPTY_SETTINGS).unwrap();
    client.write_all(&PING).unwrap();
    // The ping's answer says that the server has understood all of it.
    let mut received = Vec::new();
    while !received.ends_with(&PING[9..]) {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        received.extend(byte);
    }
    client
}

#[test]
fn a_second_signal_ends_a_drain_that_waits() {
    let world = World::new();
    let mut server = world.start(&[
        "--listen=127.0.0.1:0",
        "--drain-deadline=10m",
        "--connection-handshake=5m",
        "--connection-keepalive-interval=1h",
    ]);
    let _client = mute_client(server.tcp_address());
    server.signal(Signal::INT);
    assert_eq!(server.told(), "STOPPING=1");
    server.signal(Signal::TERM);
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("ending at once signal=\"SIGTERM\""), "{log}");
}

#[test]
fn a_unix_socket_is_private_replaces_a_stale_one_and_goes_with_the_process() {
    let world = World::new();
    let socket = world.path("t.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let listen = format!("unix:{}", socket.display());
    let server = world.start(&["--listen", &listen, "--store=sqlite:one.db"]);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    UnixStream::connect(&socket).unwrap();

    let second = world.run(&["--listen", &listen, "--store=sqlite:two.db"]);
    assert_eq!(second.status.code(), Some(1));
    let errors = text(&second.stderr);
    assert!(errors.contains("another process is listening there"), "{errors}");

    server.signal(Signal::TERM);
    assert_eq!(server.end().0, 0);
    assert!(!socket.exists());
}

#[test]
fn what_cannot_be_bound_or_opened_exits_1_with_one_clear_line() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(world.path("notes"), "precious").unwrap();
    let in_the_way = format!("unix:{}", world.path("notes").display());
    for (arguments, expected) in [
        (["--listen", &address, "--store=sqlite:t.db"], format!("cannot listen on {address}: ")),
        (["--listen", &in_the_way, "--store=sqlite:t.db"], "is no socket".to_owned()),
        (["--listen", "127.0.0.1:0", "--store=sqlite:no/t.db"], "no/t.db".to_owned()),
    ] {
        let output = world.command(&arguments).env("TENURE_LOG_FILTER", "error").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = text(&output.stderr);
        assert!(errors.starts_with("tenured: ") && errors.contains(&expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    assert_eq!(fs::read_to_string(world.path("notes")).unwrap(), "precious");
}

#[test]
fn a_server_that_has_drained_leaves_its_store_to_the_next_one() {
    let world = World::new();
    for _ in 0..2 {
        let server = world.start(&["--listen=127.0.0.1:0", "--store=sqlite:t.db"]);
        server.signal(Signal::TERM);
        assert_eq!(server.end().0, 0);
        assert!(!world.path("t.db-wal").exists(), "closed in good order");
        fs::remove_file(world.path("notify")).unwrap();
    }
}

#[test]
fn the_log_can_be_json() {
    let world = World::new();
    let mut server =
        world.start(&["--listen=127.0.0.1:0", "--store=sqlite:t.db", "--log-format=json"]);
    for line in server.announcement() {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["level"], "INFO", "{line}");
    }
    server.signal(Signal::TERM);
    let (code, rest) = server.end();
    assert_eq!(code, 0);
    for line in rest.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}
