//! A store that fails while it is served.

use std::process::Command;

use tenure::v1::lease_service_client::LeaseServiceClient;
use tokio::time::timeout;

use crate::harness::{PATIENCE, TENURED, World};
use crate::serving::{ARGUMENTS, connect, get, start};

/// How large a file may become, in the blocks of 512 or 1,024 bytes that `ulimit -f` counts:
/// more than an empty store needs, and less than all these workspaces.
const FILE_BLOCKS_MAX: u32 = 2_048;
const WORKSPACES: u32 = 5_000;

/// A server whose files may not grow beyond the limit. The signal that the system sends then is
/// ignored, so that the server sees a write fail, as it does when a disk breaks.
fn confined(world: &World) -> Command {
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$0\" \"$@\"");
    let mut command = world.program("/bin/sh");
    command.args(["-c", &script, TENURED]).args(ARGUMENTS);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_while_serving_exits_1_and_loses_nothing_that_was_answered() {
    let world = World::new();
    let mut server = world.start_as(confined(&world));
    let mut lease = LeaseServiceClient::new(connect(&mut server).await);
    let mut answered = Vec::new();
    for n in 0..WORKSPACES {
        let call = lease.start_session(start(&format!("w/{n}")));
        let Ok(answer) = timeout(PATIENCE, call).await.unwrap() else { break };
        answered.push(answer.into_inner().session.unwrap());
    }
    assert!(!answered.is_empty() && answered.len() < WORKSPACES as usize, "{}", answered.len());
    let (code, log) = server.end();
    assert_eq!(code, 1, "{log}");
    let last = log.lines().last().unwrap();
    let said = "tenured: the store failed while serving, verify it before serving again: ";
    assert!(last.starts_with(said), "{log}");
    assert!(!log.contains("panicked"), "{log}");

    std::fs::remove_file(world.path("notify")).unwrap();
    let mut server = world.start(&ARGUMENTS);
    let mut lease = LeaseServiceClient::new(connect(&mut server).await);
    for before in answered {
        let found = lease.get_session(get(&before.workspace)).await.unwrap().into_inner();
        let found = found.session.unwrap();
        assert_eq!(
            (found.session_id, found.fencing_token),
            (before.session_id, before.fencing_token)
        );
    }
}
