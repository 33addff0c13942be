use tenure::v1;
use tonic::Code;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused, start};

fn handoff(title: &str, actions: usize, chars: usize) -> v1::PutHandoffRequest {
    let action =
        v1::HandoffAction { text: "ä".repeat(chars), state: v1::HandoffActionState::Done.into() };
    let handoff = v1::Handoff {
        title: title.to_owned(),
        actions: vec![action; actions],
        ..v1::Handoff::default()
    };
    v1::PutHandoffRequest {
        workspace: WORKSPACE.to_owned(),
        actor_id: WORKER.to_owned(),
        handoff: Some(handoff),
        ..v1::PutHandoffRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handoff_outlives_every_session_and_greets_the_next() {
    let mut server = Server::start().await;
    let session = server.held().await;
    let put = server.workspace.put_handoff(handoff("the parser", 2, 3)).await.unwrap();
    let stored = put.into_inner().handoff.unwrap();
    assert_eq!((&*stored.title, stored.actions.len()), ("the parser", 2));
    assert_eq!((&*stored.actor_id, &*stored.principal), (WORKER, "local"));
    assert_eq!(stored.session_id, session.session_id);
    assert!(stored.put_at.is_some());
    server.clear().await;
    assert_eq!(server.projection().await.handoff, Some(stored.clone()));
    let started = server.lease.start_session(start("worker-2", 30)).await.unwrap().into_inner();
    assert_eq!(started.handoff, Some(stored));
    server.workspace.put_handoff(handoff("another", 0, 0)).await.unwrap();
    assert_eq!(server.projection().await.handoff.unwrap().title, "another", "as a whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn title_and_actions_are_bounded() {
    let mut server = Server::start().await;
    server.workspace.put_handoff(handoff(&"ä".repeat(200), 100, 500)).await.unwrap();
    let refusals = [
        (handoff(&"ä".repeat(201), 0, 0), "handoff.title"),
        (handoff("", 0, 0), "handoff.title"),
        (handoff("t", 101, 1), "handoff.actions"),
        (handoff("t", 1, 501), "handoff.actions[0].text"),
        (handoff("t", 1, 0), "handoff.actions[0].text"),
        (v1::PutHandoffRequest { handoff: None, ..handoff("t", 0, 0) }, "handoff"),
    ];
    for (request, field) in refusals {
        assert_eq!(bad_fields(server.workspace.put_handoff(request).await), [field]);
    }
    assert_eq!(server.projection().await.handoff.unwrap().actions.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handoff_for_another_session_is_refused() {
    let mut server = Server::start().await;
    let expecting = v1::PutHandoffRequest {
        expected_session_id: Some("ses_x".to_owned()),
        ..handoff("t", 0, 0)
    };
    let answer = server.workspace.put_handoff(expecting.clone()).await;
    assert_eq!(refused(answer), (Code::NotFound, "NO_SESSION".to_owned()));
    server.held().await;
    let answer = server.workspace.put_handoff(expecting).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "SESSION_MISMATCH".to_owned()));
    assert_eq!(server.projection().await.handoff, None);
}
