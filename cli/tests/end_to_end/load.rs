//! The server dies under load, again and again; what it acknowledged stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tenure::{Client, ClientOptions, Error, Reason, v1};

use crate::server::Server;
use crate::supervisor::SupervisorProcess;

const SESSIONS: usize = 200;
const HELD_TTL: Duration = Duration::from_secs(3);
const WORKERS: usize = 8;
const KILLS: usize = 3;
const SHORT_TTL: Duration = Duration::from_secs(1);

/// What a worker knows of a workspace that nobody else touches.
#[derive(Debug, Default, Clone)]
struct Known {
    /// The tokens of all acknowledged sessions, in order.
    tokens: Vec<u64>,
    /// Whether the last acknowledged step left a session there.
    held: bool,
    steps: usize,
}

pub fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let mut server = Server::start();
    let supervisor = SupervisorProcess::start(&server.url(), "supervisor", SESSIONS, HELD_TTL);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> =
            (0..WORKERS).map(|n| tokio::spawn(work(server.url(), n, Arc::clone(&stop)))).collect();
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            server.kill_and_restart();
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.store(true, Ordering::Relaxed);

        let client = server.client().await;
        let mut steps = 0;
        for worker in workers {
            for (workspace, known) in worker.await.expect("a worker that ends") {
                steps += known.steps;
                let rising = known.tokens.windows(2).all(|pair| pair[0] < pair[1]);
                assert!(rising, "{workspace}: a token was repeated: {:?}", known.tokens);
                let stored = stored_token(&client, &workspace).await;
                let expected = known.tokens.last().copied().filter(|_| known.held);
                assert_eq!(stored, expected, "{workspace}: {known:?}");
            }
        }
        assert!(steps > 100, "only {steps} steps were acknowledged");
        assert_eq!(supervisor.told().lost, Vec::<String>::new());
        for (workspace, token) in supervisor.told().held {
            assert_eq!(stored_token(&client, &workspace).await, Some(token), "{workspace}");
        }
    });
}

/// Starts, clears and takes over its own workspaces until it is told to stop. A step whose
/// answer is lost is repeated by the client, with the same request id, until it is answered.
async fn work(url: String, n: usize, stop: Arc<AtomicBool>) -> BTreeMap<String, Known> {
    let mut options = ClientOptions::default();
    options.call_timeout = Duration::from_secs(60);
    options.attempts_max = 1_000;
    let endpoints = url.parse().expect("an endpoint");
    let client = Client::connect_with(endpoints, options).await.expect("a client");
    let mut workspaces: BTreeMap<String, Known> = BTreeMap::new();
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let workspace = format!("load/{n}/{}", turn % 16);
        let known = workspaces.entry(workspace.clone()).or_default();
        if known.held {
            clear(&client, &workspace).await;
            known.held = false;
        } else {
            let token = start(&client, &workspace, Duration::from_secs(600)).await;
            known.tokens.push(token);
            known.held = true;
        }
        known.steps += 1;
        if turn % 64 == 0 {
            let workspace = format!("load/{n}/stale-{turn}");
            let known = workspaces.entry(workspace.clone()).or_default();
            known.tokens.push(start(&client, &workspace, SHORT_TTL).await);
            known.tokens.push(take_over_when_stale(&client, &workspace).await);
            known.held = true;
            known.steps += 2;
        }
    }
    workspaces
}

async fn start(client: &Client, workspace: &str, ttl: Duration) -> u64 {
    let request = v1::StartSessionRequest {
        workspace: workspace.to_owned(),
        holder: Some(v1::start_session_request::Holder::Autonomous(v1::AutonomousHolder {
            actor_id: "worker".to_owned(),
            lease_ttl: prost_types::Duration::try_from(ttl).ok(),
            ..Default::default()
        })),
        ..Default::default()
    };
    let started = client.start(request).await.expect("a free workspace");
    started.session.expect("a session").fencing_token
}

async fn clear(client: &Client, workspace: &str) {
    let request = v1::ClearSessionRequest {
        workspace: workspace.to_owned(),
        actor_id: "worker".to_owned(),
        ..Default::default()
    };
    assert!(client.clear(request).await.expect("the owner clears").cleared);
}

async fn take_over_when_stale(client: &Client, workspace: &str) -> u64 {
    loop {
        let request = v1::TakeOverSessionRequest {
            workspace: workspace.to_owned(),
            successor: Some(v1::take_over_session_request::Successor::Autonomous(
                v1::AutonomousHolder {
                    actor_id: "successor".to_owned(),
                    lease_ttl: prost_types::Duration::try_from(Duration::from_secs(600)).ok(),
                    ..Default::default()
                },
            )),
            reason: "it is stale".to_owned(),
            ..Default::default()
        };
        match client.take_over(request).await {
            Ok(taken) => return taken.session.expect("a session").fencing_token,
            Err(Error::Refused(refused)) if refused.reason == Reason::LeaseNotStale => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{workspace}: {error:?}"),
        }
    }
}

async fn stored_token(client: &Client, workspace: &str) -> Option<u64> {
    let request = v1::GetSessionRequest { workspace: workspace.to_owned(), ..Default::default() };
    match client.get_session(request).await {
        Ok(answer) => Some(answer.session.expect("a session").fencing_token),
        Err(Error::Refused(refused)) if refused.reason == Reason::NoSession => None,
        Err(error) => panic!("{workspace}: {error:?}"),
    }
}
