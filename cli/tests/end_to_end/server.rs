//! A real `tenured` on a database of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;
use tenure::Client;

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server. It is killed when this goes.
pub struct Server {
    folder: TempDir,
    child: Child,
    address: String,
}

impl Server {
    /// Starts a server on a free port and a new database.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (child, address) = spawn(folder.path(), "127.0.0.1:0");
        Self { folder, child, address }
    }

    /// Kills the server with SIGKILL and starts it again on the same port and database.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        (self.child, self.address) = spawn(self.folder.path(), &self.address);
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        Client::connect(self.url().parse().expect("an endpoint")).await.expect("a client")
    }

    fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, listen: &str) -> (Child, String) {
    let binary = tenured();
    let mut child = Command::new(&binary)
        .args(["--listen", listen, "--store"])
        .arg(format!("sqlite:{}", folder.join("tenure.db").display()))
        .env("NO_COLOR", "1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; run: cargo build -p tenured", binary.display())
        });
    let stderr = child.stderr.take().expect("stderr is piped");
    let (said, lines) = mpsc::channel();
    // Reads on to the end, so that the server never waits for its log.
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    let address = address_of(&lines).unwrap_or_else(|said| {
        let _ = child.kill();
        let _ = child.wait();
        panic!("the server did not say where it listens: {said:#?}")
    });
    (child, address)
}

/// Where the server says that it listens; what it said otherwise.
fn address_of(lines: &mpsc::Receiver<String>) -> Result<String, Vec<String>> {
    let mut said = Vec::new();
    while let Ok(line) = lines.recv_timeout(START_TIMEOUT) {
        if let Some((_, address)) = line.split_once("listening address=") {
            return Ok(address.trim().to_owned());
        }
        said.push(line);
    }
    Err(said)
}

/// The server's binary, beside the command line's.
fn tenured() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_tenure")).with_file_name("tenured")
}
