use tenure::v1;
use tonic::Code;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused};

fn put(names: impl IntoIterator<Item = String>) -> v1::PutGatesRequest {
    let gates = names.into_iter().map(|name| v1::Gate { name, ..v1::Gate::default() });
    v1::PutGatesRequest {
        workspace: WORKSPACE.to_owned(),
        actor_id: WORKER.to_owned(),
        gates: gates.collect(),
        ..v1::PutGatesRequest::default()
    }
}

fn build_and_test() -> v1::PutGatesRequest {
    put(["build", "test"].map(str::to_owned))
}

fn update(name: &str, state: v1::GateState) -> v1::UpdateGateRequest {
    v1::UpdateGateRequest {
        workspace: WORKSPACE.to_owned(),
        name: name.to_owned(),
        state: state.into(),
        ..v1::UpdateGateRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_are_set_and_updated_and_the_holder_learns_of_it() {
    let mut server = Server::start().await;
    let session = server.held().await;
    assert_eq!(server.beat(|_| ()).await.unwrap().directives.unwrap().gates_revision, 0);
    let gates = server.workspace.put_gates(build_and_test()).await.unwrap().into_inner();
    let gates = gates.gates.unwrap();
    assert_eq!((gates.gates_revision, &*gates.attention_anchor), (1, "build"));
    assert_eq!(gates.applied_gates_revision, None);
    assert_eq!(gates.gates[0].state(), v1::GateState::Open, "unspecified means open");
    assert_eq!(
        (&*gates.gates[0].updated_by_actor, &*gates.gates[0].updated_by_principal),
        (WORKER, "local")
    );

    let noted = v1::UpdateGateRequest {
        note: Some("on the second try".to_owned()),
        ..update("build", v1::GateState::Passed)
    };
    let gates = server.workspace.update_gate(noted).await.unwrap().into_inner().gates.unwrap();
    assert_eq!((gates.gates_revision, &*gates.attention_anchor), (2, "test"));
    assert_eq!(server.beat(|_| ()).await.unwrap().directives.unwrap().gates_revision, 2);
    server.beat(|beat| beat.gates_revision = Some(2)).await.unwrap();
    let kept = update("build", v1::GateState::Failed);
    let gates = server.workspace.update_gate(kept).await.unwrap().into_inner().gates.unwrap();
    assert_eq!(gates.applied_gates_revision, Some(2), "what the holder echoed");
    assert_eq!(gates.gates[0].note, "on the second try", "left out, it is kept");
    let removed = v1::UpdateGateRequest {
        note: Some(String::new()),
        ..update("build", v1::GateState::Waived)
    };
    let gates = server.workspace.update_gate(removed).await.unwrap().into_inner().gates.unwrap();
    assert_eq!(gates.gates[0].note, "");

    let projection = server.projection().await;
    assert_eq!(projection.gates, Some(gates));
    assert_eq!(projection.revision, session.revision + 3, "only the beats raised the revision");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_at_most_100_gates_and_notes_500_characters() {
    let mut server = Server::start().await;
    let many = |n: usize| put((0..n).map(|n| format!("gate-{n}")));
    let gates = server.workspace.put_gates(many(100)).await.unwrap().into_inner().gates.unwrap();
    assert_eq!(gates.gates.len(), 100);
    assert_eq!(bad_fields(server.workspace.put_gates(many(101)).await), ["gates"]);
    let noted = |n| v1::UpdateGateRequest {
        note: Some("ä".repeat(n)),
        ..update("gate-7", v1::GateState::Passed)
    };
    server.workspace.update_gate(noted(500)).await.unwrap();
    assert_eq!(bad_fields(server.workspace.update_gate(noted(501)).await), ["note"]);
    let twice = put(["a", "b", "a"].map(str::to_owned));
    assert_eq!(bad_fields(server.workspace.put_gates(twice).await), ["gates[2].name"]);
    let gates = server.projection().await.gates.unwrap();
    assert_eq!((gates.gates.len(), gates.gates_revision), (100, 2), "nothing of it was stored");
    let none = server.workspace.put_gates(put([])).await.unwrap().into_inner().gates.unwrap();
    assert_eq!((none.gates.len(), none.gates_revision), (0, 3));
    assert_eq!(server.projection().await.gates, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_not_there_and_another_session_are_refused() {
    let mut server = Server::start().await;
    let not_there = update("deploy", v1::GateState::Passed);
    let answer = server.workspace.update_gate(not_there.clone()).await;
    assert_eq!(refused(answer), (Code::NotFound, "NO_SUCH_GATE".to_owned()));
    let expecting =
        v1::PutGatesRequest { expected_session_id: Some("ses_x".to_owned()), ..build_and_test() };
    let answer = server.workspace.put_gates(expecting.clone()).await;
    assert_eq!(refused(answer), (Code::NotFound, "NO_SESSION".to_owned()));
    let session = server.held().await;
    let answer = server.workspace.put_gates(expecting.clone()).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "SESSION_MISMATCH".to_owned()));
    let right = v1::PutGatesRequest { expected_session_id: Some(session.session_id), ..expecting };
    server.workspace.put_gates(right).await.unwrap();
    let answer = server.workspace.update_gate(not_there).await;
    assert_eq!(refused(answer), (Code::NotFound, "NO_SUCH_GATE".to_owned()));
    let unspecified = update("build", v1::GateState::Unspecified);
    assert_eq!(bad_fields(server.workspace.update_gate(unspecified).await), ["state"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_outlive_a_yield_and_go_with_a_clear_which_raises_their_revision() {
    let mut server = Server::start().await;
    server.held().await;
    server.workspace.put_gates(build_and_test()).await.unwrap();
    server.beat(|beat| beat.gates_revision = Some(1)).await.unwrap();
    server.clear().await;
    assert_eq!(server.projection().await.gates, None);
    server.held().await;
    let directives = server.beat(|_| ()).await.unwrap().directives.unwrap();
    assert_eq!(directives.gates_revision, 2);
    let gates = server.workspace.put_gates(build_and_test()).await.unwrap().into_inner();
    let gates = gates.gates.unwrap();
    assert_eq!((gates.gates_revision, gates.applied_gates_revision), (3, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_a_list_is_answered_as_it_was() {
    let mut server = Server::start().await;
    let request = v1::PutGatesRequest {
        request_id: "0190a6f4-7b2c-7def-8123-456789abcdef".to_owned(),
        ..build_and_test()
    };
    let first = server.workspace.put_gates(request.clone()).await.unwrap().into_inner();
    server.workspace.update_gate(update("build", v1::GateState::Passed)).await.unwrap();
    let again = server.workspace.put_gates(request).await.unwrap().into_inner();
    assert!(again.replayed && !first.replayed);
    assert_eq!(again.gates, first.gates);
    let now = server.projection().await.gates.unwrap();
    assert_eq!((now.gates_revision, now.gates[0].state()), (2, v1::GateState::Passed));
}
