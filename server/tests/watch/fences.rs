//! Fence checks over the wire: a token is current until its tenure ends or goes stale.

use tenure::v1;
use tenured::store::memory::MemoryOptions;

use crate::rig::Server;

fn check(workspace: &str, fencing_token: u64) -> v1::FenceCheck {
    let workspace = workspace.to_owned();
    v1::FenceCheck { workspace, profile: String::new(), fencing_token }
}

async fn checked(server: &Server, checks: Vec<v1::FenceCheck>) -> Vec<v1::FenceCheckResult> {
    let request = v1::CheckFenceRequest { checks };
    server.lease.clone().check_fence(request).await.unwrap().into_inner().results
}

/// Whether a token is current, which one is stored, and whether that is stale.
async fn one(server: &Server, workspace: &str, token: u64) -> (bool, Option<u64>, bool) {
    let results = checked(server, vec![check(workspace, token)]).await;
    let [result] = &results[..] else { panic!("one check, one result: {results:?}") };
    assert_eq!((&*result.workspace, &*result.profile), (workspace, "main"));
    (result.current, result.stored_fencing_token, result.stale)
}

fn rescuer() -> v1::AutonomousHolder {
    v1::AutonomousHolder { actor_id: "rescuer".to_owned(), ..v1::AutonomousHolder::default() }
}

async fn force(server: &Server, held: &v1::Session, grace_seconds: i64) -> Option<u64> {
    use v1::force_take_over_session_request::Successor;
    let request = v1::ForceTakeOverSessionRequest {
        workspace: held.workspace.clone(),
        expected_session_id: Some(held.session_id.clone()),
        successor: Some(Successor::Autonomous(rescuer())),
        reason: "an incident".to_owned(),
        grace: Some(prost_types::Duration { seconds: grace_seconds, nanos: 0 }),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    let answer = server.lease.clone().force_take_over_session(request).await.unwrap();
    answer.into_inner().session.map(|session| session.fencing_token)
}

async fn a_token_lives_as_long_as_its_tenure(server: Server) {
    assert_eq!(one(&server, "acme/api", 1).await, (false, None, false), "nobody ever came");
    let first = server.start_for("acme/api", "worker", 60).await;
    let token = first.fencing_token;
    assert_eq!(one(&server, "acme/api", token).await, (true, Some(token), false));
    assert_eq!(one(&server, "acme/api", token + 1).await, (false, Some(token), false));
    let beat = v1::HeartbeatRequest {
        workspace: "acme/api".to_owned(),
        actor_id: "worker".to_owned(),
        ..v1::HeartbeatRequest::default()
    };
    let beaten = server.lease.clone().heartbeat(beat).await.unwrap().into_inner();
    assert!(beaten.revision > token);
    assert!(one(&server, "acme/api", token).await.0, "beats leave it as it is");
    assert!(!one(&server, "acme/api", beaten.revision).await.0);

    let forced = force(&server, &first, 0).await.unwrap();
    assert_eq!(one(&server, "acme/api", token).await, (false, Some(forced), false));
    assert_eq!(one(&server, "acme/api", forced).await, (true, Some(forced), false));

    server.give_up("acme/api", "rescuer").await;
    assert_eq!(one(&server, "acme/api", forced).await, (false, None, false), "yielded");

    let third = server.start_for("acme/api", "worker", 60).await.fencing_token;
    assert!(third > forced);
    let clear = v1::ClearSessionRequest {
        workspace: "acme/api".to_owned(),
        actor_id: "worker".to_owned(),
        ..v1::ClearSessionRequest::default()
    };
    server.lease.clone().clear_session(clear).await.unwrap();
    assert_eq!(one(&server, "acme/api", third).await, (false, None, false), "cleared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lives_as_long_as_its_tenure_in_a_file() {
    a_token_lives_as_long_as_its_tenure(Server::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lives_as_long_as_its_tenure_in_memory() {
    a_token_lives_as_long_as_its_tenure(Server::on_memory(MemoryOptions::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_not_current_once_its_lease_has_run_out_nor_after_a_takeover() {
    let server = Server::on_sqlite().await;
    let token = server.start_for("acme/api", "worker", 1).await.fencing_token;
    assert!(one(&server, "acme/api", token).await.0);
    server.expired("acme/api").await;
    assert_eq!(one(&server, "acme/api", token).await, (false, Some(token), true));
    let take_over = v1::TakeOverSessionRequest {
        workspace: "acme/api".to_owned(),
        successor: Some(v1::take_over_session_request::Successor::Autonomous(
            v1::AutonomousHolder {
                lease_ttl: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
                ..rescuer()
            },
        )),
        reason: "it was silent".to_owned(),
        ..v1::TakeOverSessionRequest::default()
    };
    let taken = server.lease.clone().take_over_session(take_over).await.unwrap().into_inner();
    let next = taken.session.unwrap().fencing_token;
    assert_eq!(one(&server, "acme/api", token).await, (false, Some(next), false));
    assert!(one(&server, "acme/api", next).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_transfer_leaves_the_token_until_its_deadline() {
    let server = Server::on_sqlite().await;
    let held = server.start_for("acme/api", "worker", 60).await;
    let token = held.fencing_token;
    assert_eq!(force(&server, &held, 1).await, None, "it is scheduled");
    assert_eq!(one(&server, "acme/api", token).await, (true, Some(token), false));
    let handed_over = async {
        loop {
            let (current, stored, _) = one(&server, "acme/api", token).await;
            match stored {
                Some(stored) if stored > token => return stored,
                stored => assert_eq!(stored, Some(token)),
            }
            // Between the deadline and the step that hands over, nobody's token is current.
            if !current {
                assert!(!one(&server, "acme/api", token).await.0, "it never comes back");
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let next = tokio::time::timeout(crate::rig::WAIT_MAX, handed_over).await.unwrap();
    assert!(one(&server, "acme/api", next).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tokens_are_answered_in_their_order_and_one_more_is_refused() {
    let server = Server::on_sqlite().await;
    let first = server.start_for("acme/w0", "worker", 60).await.fencing_token;
    let other = server.start_for("acme/w1", "worker", 60).await.fencing_token;
    let mut checks: Vec<_> = (0..1_000).map(|n| check(&format!("acme/w{}", n % 4), 1)).collect();
    checks[0].fencing_token = first;
    checks[5].fencing_token = other;
    checks[6].fencing_token = u64::MAX;
    checks[7].profile = "qa".to_owned();
    let results = checked(&server, checks.clone()).await;
    assert_eq!(results.len(), 1_000);
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result.workspace, format!("acme/w{}", n % 4));
        assert_eq!(result.profile, if n == 7 { "qa" } else { "main" });
        let stored = [Some(first), Some(other), None, None][n % 4];
        assert_eq!(result.stored_fencing_token, stored.filter(|_| n != 7), "{n}");
        let current = stored == Some(checks[n].fencing_token) && n != 7;
        assert_eq!((result.current, result.stale), (current, false), "{n}");
    }
    checks.push(check("acme/w0", 1));
    let request = v1::CheckFenceRequest { checks };
    let refused = server.lease.clone().check_fence(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
}
