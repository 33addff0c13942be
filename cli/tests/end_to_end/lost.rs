//! A machine is cordoned, and that outlives a kill of the server; its leases run out, and it is
//! shown as one lost machine.

use std::time::{Duration, Instant};

use crate::command_line::tenure;
use crate::server::Server;

/// The lease of each session.
const LEASE: &str = "5s";
/// How long all of them may take to be found stale.
const LOST_WITHIN: Duration = Duration::from_secs(20);

pub fn a_lost_machine_is_one_incident_and_a_cordon_outlives_the_server() {
    let mut server = Server::start();
    for n in 0..3 {
        let workspace = format!("acme/w{n}");
        let start = tenure(&server, &["start", &workspace, "--actor", "w", "--lease", LEASE]);
        assert_eq!(start.status.code(), Some(0), "{}", text(&start.stderr));
    }
    let machine = this_machine(&server);
    assert_eq!((&*machine.state, machine.live), ("MACHINE_STATE_READY", 3));
    let cordon = tenure(&server, &["machine", "cordon", &machine.id, "--reason", "its disk fails"]);
    assert!(text(&cordon.stdout).contains("draining"), "{}", text(&cordon.stdout));
    let refused = tenure(&server, &["start", "acme/new", "--actor", "w", "--lease", "60s"]);
    assert_eq!(refused.status.code(), Some(7));
    assert!(text(&refused.stderr).contains("MACHINE_CORDONED"), "{}", text(&refused.stderr));

    server.kill_and_restart();
    let refused = tenure(&server, &["start", "acme/new", "--actor", "w", "--lease", "60s"]);
    assert_eq!(refused.status.code(), Some(7), "{}", text(&refused.stderr));
    let begun = Instant::now();
    while this_machine(&server).state != "MACHINE_STATE_LOST" {
        assert!(begun.elapsed() < LOST_WITHIN);
        std::thread::sleep(Duration::from_millis(100));
    }
    let list = tenure(&server, &["list", "--stale"]);
    assert_eq!(text(&list.stdout).lines().count(), 4, "a line for each session and one above");
    let beside = text(&list.stderr);
    assert!(beside.contains("one incident") && beside.contains("3 of these"), "{beside}");

    let uncordon = tenure(&server, &["machine", "uncordon", &machine.id, "--reason", "a new disk"]);
    assert_eq!(uncordon.status.code(), Some(0), "{}", text(&uncordon.stderr));
    let start = tenure(&server, &["start", "acme/new", "--actor", "w", "--lease", "60s"]);
    assert_eq!(start.status.code(), Some(0), "{}", text(&start.stderr));
    assert_eq!(this_machine(&server).state, "MACHINE_STATE_READY");
    let unknown = tenure(&server, &["machine", "forget", "nobody"]);
    assert_eq!(unknown.status.code(), Some(3));
}

struct Known {
    id: String,
    state: String,
    live: u64,
}

/// The only machine there is: all of this runs on it.
fn this_machine(server: &Server) -> Known {
    let listed = tenure(server, &["machine", "list", "-o", "json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let machines = listed["machines"].as_array().expect("machines");
    assert_eq!(machines.len(), 1, "{listed}");
    let text = |name: &str| machines[0][name].as_str().expect("a text").to_owned();
    let live = machines[0]["liveSessions"].as_u64().unwrap_or_default();
    Known { id: text("machineId"), state: text("state"), live }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
