//! A supervisor in a process of its own, which holds many sessions on one stream.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenure::{Client, StartRequest, Supervisor};

/// The first argument of a process that plays a supervisor.
pub const ROLE: &str = "play-supervisor";

const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A supervisor's process. It is killed when this goes.
pub struct SupervisorProcess {
    child: Child,
    told: Arc<Mutex<Told>>,
}

/// What a supervisor has told so far.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// The token of each workspace that it holds.
    pub held: BTreeMap<String, u64>,
    /// Lines about losses.
    pub lost: Vec<String>,
    ready: bool,
}

impl SupervisorProcess {
    /// Starts a supervisor named `actor` that holds `count` workspaces under `actor/`.
    pub fn start(url: &str, actor: &str, count: usize, ttl: Duration) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test has a path"))
            .args([ROLE, url, actor, &count.to_string(), &ttl.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test can start itself");
        let told = Arc::new(Mutex::new(Told::default()));
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let sink = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let mut told = sink.lock().expect("nobody panics with it");
                match line.split(' ').collect::<Vec<_>>()[..] {
                    ["held", workspace, token] => {
                        told.held.insert(workspace.to_owned(), token.parse().expect("a token"));
                    }
                    ["ready"] => told.ready = true,
                    _ => told.lost.push(line),
                }
            }
        });
        let supervisor = Self { child, told };
        let started = Instant::now();
        while !supervisor.told().ready {
            assert!(started.elapsed() < READY_TIMEOUT, "not ready: {:?}", supervisor.told());
            std::thread::sleep(Duration::from_millis(5));
        }
        supervisor
    }

    /// What it has told so far.
    pub fn told(&self) -> Told {
        self.told.lock().expect("nobody panics with it").clone()
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }
}

impl Drop for SupervisorProcess {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays a supervisor until stdin is closed.
pub fn play(arguments: &[String]) {
    let [url, actor, count, ttl_ms] = arguments else { panic!("usage: {arguments:?}") };
    let count: usize = count.parse().expect("a count");
    let ttl = Duration::from_millis(ttl_ms.parse().expect("milliseconds"));
    std::thread::spawn(|| {
        // The parent has gone when stdin ends, killed or not.
        let _ = std::io::stdin().lines().count();
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(hold(url, actor, count, ttl));
}

async fn hold(url: &str, actor: &str, count: usize, ttl: Duration) {
    let client = Client::connect(url.parse().expect("an endpoint")).await.expect("a client");
    let supervisor = Supervisor::new(client);
    let mut losses = tokio::task::JoinSet::new();
    for n in 0..count {
        let workspace = format!("{actor}/{n}");
        let request = StartRequest::new(&workspace, actor, ttl);
        let holder = supervisor.hold(request).await.expect("the workspace is free");
        say(&format!("held {workspace} {}", holder.fencing_token()));
        losses.spawn(async move {
            let loss = holder.lost().await;
            say(&format!("lost {workspace}: {loss:?}"));
        });
    }
    say("ready");
    while losses.join_next().await.is_some() {}
    std::future::pending::<()>().await;
}

fn say(line: &str) {
    // Whole lines, flushed at once: the parent may kill this process at any moment.
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).expect("the parent reads");
}
