//! A `tenured` of its own, in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The server's program.
pub const TENURED: &str = env!("CARGO_BIN_EXE_tenured");

/// A folder that stands for everything the server finds outside itself.
pub struct World(pub TempDir);

impl World {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(TENURED);
        command.args(arguments);
        command
    }

    /// Another program, in the surroundings of the server.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.0.path())
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs what ends by itself.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a server, and waits until it says that it is ready.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_as(self.command(arguments))
    }

    /// Starts a server by a command of its own, and waits until it says that it is ready.
    pub fn start_as(&self, mut command: Command) -> Running {
        let told = UnixDatagram::bind(self.path("notify")).unwrap();
        told.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = command.env("NOTIFY_SOCKET", self.path("notify")).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let running = Running { child, stderr: BufReader::new(stderr), told };
        assert_eq!(running.told(), "READY=1");
        running
    }
}

/// A server that is killed if a test fails.
pub struct Running {
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
    pub fn told(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.told.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The lines that it has logged, up to the one that says that it serves.
    pub fn announcement(&mut self) -> Vec<String> {
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

    pub fn tcp_address(&mut self) -> SocketAddr {
        let lines = self.announcement();
        let listening = lines.iter().find(|line| line.contains("listening")).unwrap();
        listening.trim().rsplit_once("address=").unwrap().1.parse().unwrap()
    }

    /// Waits for the end: the exit code, and what else it has logged.
    pub fn end(mut self) -> (i32, String) {
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

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
