//! A supervisor dies; its sessions, and only those, pass to another.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tenure::{Client, v1};

use crate::command_line::tenure;
use crate::server::Server;
use crate::supervisor::SupervisorProcess;

const SESSIONS: usize = 200;
const TTL: Duration = Duration::from_secs(3);
/// How late an expiry may be noticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(250);

pub fn sessions_of_a_killed_supervisor_expire_in_time_and_no_others() {
    let server = Server::start();
    let survivor = SupervisorProcess::start(&server.url(), "survivor", SESSIONS, TTL);
    let mut victim = SupervisorProcess::start(&server.url(), "victim", SESSIONS, TTL);
    // Long enough that without heartbeats everything would have expired.
    std::thread::sleep(TTL * 2);

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = server.client().await;
        let before = victim.told();
        assert_eq!(before.held.len(), SESSIONS);
        assert_eq!(before.lost, Vec::<String>::new());

        let mut watch = client.watch(v1::WatchSessionsRequest {
            filter: Some(v1::EventFilter {
                owner: "victim".to_owned(),
                types: vec![v1::EventType::SessionExpired.into()],
                ..Default::default()
            }),
            ..Default::default()
        });
        // The first message is the cursor: from then on nothing is missed.
        watch.message().await.expect("a watch");
        let killed_at = Instant::now();
        victim.kill();
        let mut expired = BTreeSet::new();
        while expired.len() < SESSIONS {
            let message = tokio::time::timeout(TTL * 2, watch.message()).await;
            let message = message.expect("expiries in time").expect("a watch");
            if let Some(v1::watch_sessions_response::Update::Event(event)) = message.update {
                let after = killed_at.elapsed();
                assert!(after <= TTL + NOTICED_WITHIN, "{}: {after:?}", event.workspace);
                assert!(after >= TTL / 2, "{} expired early: {after:?}", event.workspace);
                expired.insert(event.workspace);
            }
        }
        take_over_by_command(&server, before.held["victim/0"]);
        for (workspace, old_token) in before.held.iter().filter(|(w, _)| *w != "victim/0") {
            let taken = take_over(&client, workspace).await;
            let token = taken.session.expect("a session").fencing_token;
            assert!(token > *old_token, "{workspace}: {token} after {old_token}");
            assert_eq!(taken.prior_actor_id, "victim");
        }
        assert_eq!(survivor.told().lost, Vec::<String>::new());
        assert_eq!(live_sessions(&client, "survivor").await, SESSIONS);
    });
}

async fn take_over(client: &Client, workspace: &str) -> v1::TakeOverSessionResponse {
    let request = v1::TakeOverSessionRequest {
        workspace: workspace.to_owned(),
        successor: Some(v1::take_over_session_request::Successor::Autonomous(
            v1::AutonomousHolder { actor_id: "rescuer".to_owned(), ..Default::default() },
        )),
        reason: "the supervisor died".to_owned(),
        ..Default::default()
    };
    client.take_over(request).await.expect("a stale lease")
}

/// The same by hand, as an operator would.
fn take_over_by_command(server: &Server, old_token: u64) {
    let takeover = ["takeover", "victim/0", "--actor", "rescuer"];
    let why = ["--reason", "the supervisor died", "-o", "json"];
    let output = tenure(server, &[takeover, why].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let token = answer["session"]["fencingToken"].as_str().expect("a token");
    assert!(token.parse::<u64>().expect("a number") > old_token, "{answer}");
}

async fn live_sessions(client: &Client, owner: &str) -> usize {
    let filter =
        v1::SessionFilter { owner: owner.to_owned(), stale: Some(false), ..Default::default() };
    let request = v1::ListSessionsRequest { filter: Some(filter), ..Default::default() };
    let mut pages = client.list_sessions(request);
    let mut count = 0;
    while let Some(page) = pages.next_page().await.expect("a page") {
        count += page.sessions.len();
    }
    count
}
