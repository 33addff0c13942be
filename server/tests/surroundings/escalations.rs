use tenure::v1;
use tonic::Code;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused};

fn raise(workspace: &str, kind: v1::EscalationKind, reason: &str) -> v1::RaiseEscalationRequest {
    v1::RaiseEscalationRequest {
        workspace: workspace.to_owned(),
        kind: kind.into(),
        reason: reason.to_owned(),
        actor_id: "boss".to_owned(),
        ..v1::RaiseEscalationRequest::default()
    }
}

fn resolve(id: &str) -> v1::ResolveEscalationRequest {
    v1::ResolveEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        escalation_id: id.to_owned(),
        reason: "the newer one".to_owned(),
        ..v1::ResolveEscalationRequest::default()
    }
}

async fn raised(server: &mut Server, request: v1::RaiseEscalationRequest) -> v1::Escalation {
    server.workspace.raise_escalation(request).await.unwrap().into_inner().escalation.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_question_holds_its_holder_up_until_it_is_resolved() {
    let mut server = Server::start().await;
    let session = server.held().await;
    let blocking = raise(WORKSPACE, v1::EscalationKind::Blocking, "which schema?");
    let first = raised(&mut server, blocking.clone()).await;
    assert!(first.escalation_id.starts_with("esc_"));
    assert_eq!((&*first.actor_id, &*first.principal), ("boss", "local"));
    assert_eq!(first.session_id, session.session_id);
    let second = raised(&mut server, blocking).await;
    raised(&mut server, raise(WORKSPACE, v1::EscalationKind::NonBlocking, "by the way")).await;

    let directives = server.beat(|_| ()).await.unwrap().directives.unwrap();
    assert!(directives.blocked);
    assert_eq!(directives.blocking_escalations, 2);
    assert_eq!(directives.blocking_escalation_id, first.escalation_id, "the oldest");
    assert_eq!(directives.blocking_reason, "which schema?");
    let projection = server.projection().await;
    assert_eq!(projection.escalations.len(), 3);
    assert_eq!(projection.revision, session.revision + 1, "only the beat raised the revision");

    let answer = server.workspace.resolve_escalation(resolve(&first.escalation_id)).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!((answer.escalation, answer.blocking_escalations), (Some(first.clone()), 1));
    let again = server.workspace.resolve_escalation(resolve(&first.escalation_id)).await;
    assert_eq!(refused(again), (Code::NotFound, "NO_SUCH_ESCALATION".to_owned()));
    server.workspace.resolve_escalation(resolve(&second.escalation_id)).await.unwrap();
    let directives = server.beat(|_| ()).await.unwrap().directives.unwrap();
    assert!(!directives.blocked && directives.blocking_escalation_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_questions_may_be_open_and_one_more_is_refused() {
    let mut server = Server::start().await;
    let question = raise(WORKSPACE, v1::EscalationKind::NonBlocking, "?");
    for _ in 0..100 {
        raised(&mut server, question.clone()).await;
    }
    let answer = server.workspace.raise_escalation(question.clone()).await;
    assert_eq!(refused(answer), (Code::ResourceExhausted, "QUOTA_EXCEEDED".to_owned()));
    let projection = server.projection().await;
    assert_eq!(projection.escalations.len(), 100, "nothing was stored");
    assert_eq!(projection.status(), v1::WorkspaceStatus::Missing, "no session is needed");
    let oldest = projection.escalations[0].escalation_id.clone();
    server.workspace.resolve_escalation(resolve(&oldest)).await.unwrap();
    raised(&mut server, question).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_has_at_most_500_characters() {
    let mut server = Server::start().await;
    let reason = |n| raise(WORKSPACE, v1::EscalationKind::NonBlocking, &"ä".repeat(n));
    assert_eq!(raised(&mut server, reason(500)).await.reason, "ä".repeat(500));
    assert_eq!(bad_fields(server.workspace.raise_escalation(reason(501)).await), ["reason"]);
    let id = server.projection().await.escalations[0].escalation_id.clone();
    let long = v1::ResolveEscalationRequest { reason: "ä".repeat(501), ..resolve(&id) };
    assert_eq!(bad_fields(server.workspace.resolve_escalation(long).await), ["reason"]);
    let empty = v1::RaiseEscalationRequest::default();
    assert_eq!(
        bad_fields(server.workspace.raise_escalation(empty).await),
        ["workspace", "kind", "reason"]
    );
    let empty = v1::ResolveEscalationRequest::default();
    assert_eq!(
        bad_fields(server.workspace.resolve_escalation(empty).await),
        ["workspace", "escalation_id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_and_raises_nothing_more() {
    let mut server = Server::start().await;
    let request = v1::RaiseEscalationRequest {
        request_id: "0190a6f4-7b2c-7def-8123-456789abcdef".to_owned(),
        ..raise(WORKSPACE, v1::EscalationKind::Blocking, "which?")
    };
    let first = server.workspace.raise_escalation(request.clone()).await.unwrap().into_inner();
    let again = server.workspace.raise_escalation(request.clone()).await.unwrap().into_inner();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.escalation, again.escalation);
    assert_eq!(server.projection().await.escalations.len(), 1);
    let other = v1::RaiseEscalationRequest { reason: "what?".to_owned(), ..request };
    let answer = server.workspace.raise_escalation(other).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_listed_over_workspaces_in_pages_and_by_kind() {
    let mut server = Server::start().await;
    let (blocking, other) = (v1::EscalationKind::Blocking, v1::EscalationKind::NonBlocking);
    let mut expected = Vec::new();
    for workspace in ["acme/api", "acme/web", "zeta"] {
        for kind in [blocking, other] {
            let raised = raised(&mut server, raise(workspace, kind, "?")).await;
            expected.push((workspace.to_owned(), raised.escalation_id));
        }
    }
    let request = v1::ListEscalationsRequest { page_size: 4, ..Default::default() };
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = v1::ListEscalationsRequest { page_token: token, ..request.clone() };
        let page = server.workspace.list_escalations(request).await.unwrap().into_inner();
        pages += 1;
        assert!(page.escalations.len() <= 4 && pages < 5, "{page:?}");
        listed.extend(page.escalations);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let told: Vec<_> = listed
        .iter()
        .map(|it| (it.workspace.clone(), it.escalation.as_ref().unwrap().escalation_id.clone()))
        .collect();
    assert_eq!(told, expected, "by workspace, profile and id, which rises with time");

    let filter = v1::EscalationFilter { prefix: "acme".to_owned(), kind: blocking.into() };
    let filtered = v1::ListEscalationsRequest { filter: Some(filter), ..request.clone() };
    let page = server.workspace.list_escalations(filtered).await.unwrap().into_inner();
    assert_eq!(page.escalations.len(), 2, "{page:?}");
    let one = v1::ListEscalationsRequest { workspace: "zeta".to_owned(), ..request };
    let page = server.workspace.list_escalations(one).await.unwrap().into_inner();
    assert!(page.escalations.iter().all(|it| it.workspace == "zeta" && it.profile == "main"));
    assert_eq!(page.escalations.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_drops_all_questions_and_a_yield_none() {
    let mut server = Server::start().await;
    let session = server.held().await;
    raised(&mut server, raise(WORKSPACE, v1::EscalationKind::Blocking, "which?")).await;
    let give_up = v1::YieldSessionRequest {
        workspace: WORKSPACE.to_owned(),
        actor_id: WORKER.to_owned(),
        expected_session_id: Some(session.session_id),
        ..v1::YieldSessionRequest::default()
    };
    server.lease.yield_session(give_up).await.unwrap();
    assert_eq!(server.projection().await.escalations.len(), 1);
    let answer = server.lease.start_session(crate::rig::start(WORKER, 30)).await.unwrap();
    assert!(answer.into_inner().directives.unwrap().blocked, "told from the outset");
    server.clear().await;
    assert!(server.projection().await.escalations.is_empty());
}
