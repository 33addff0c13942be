use tenure::v1;
use tonic::{Code, Response, Status};

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused, start};

impl Server {
    async fn register(&mut self, workspace: &str) -> v1::RegisterWorkspaceResponse {
        let workspace = workspace.to_owned();
        let request = v1::RegisterWorkspaceRequest { workspace, ..Default::default() };
        self.workspace.register_workspace(request).await.unwrap().into_inner()
    }

    async fn delete(&mut self, workspace: &str) -> Result<v1::DeleteWorkspaceResponse, Status> {
        let workspace = workspace.to_owned();
        let request = v1::DeleteWorkspaceRequest { workspace, ..Default::default() };
        self.workspace.delete_workspace(request).await.map(Response::into_inner)
    }

    async fn known(&mut self, request: v1::ListWorkspacesRequest) -> v1::ListWorkspacesResponse {
        self.workspace.list_workspaces(request).await.unwrap().into_inner()
    }
}

fn names(page: &v1::ListWorkspacesResponse) -> Vec<&str> {
    page.workspaces.iter().map(|info| info.workspace.as_str()).collect()
}

fn with_status(status: v1::WorkspaceStatus) -> v1::ListWorkspacesRequest {
    let filter = v1::WorkspaceFilter { status: status.into(), ..Default::default() };
    v1::ListWorkspacesRequest { filter: Some(filter), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_known_from_its_first_start_or_its_registration() {
    let mut server = Server::start().await;
    let held = server.held().await;
    let registered = server.register("acme/web").await;
    assert!(registered.created);
    assert!(!server.register("acme/web").await.created);
    let page = server.known(v1::ListWorkspacesRequest::default()).await;
    assert_eq!(names(&page), [WORKSPACE, "acme/web"]);
    let [started, web] = &page.workspaces[..] else { panic!() };
    assert_eq!(started.status(), v1::WorkspaceStatus::Active);
    assert_eq!((&*started.session_id, &*started.actor_id), (&*held.session_id, WORKER));
    assert_eq!((started.registered, &*started.principal), (false, "local"));
    assert_eq!(started.revision, held.revision);
    assert_eq!((web.status(), web.registered), (v1::WorkspaceStatus::Missing, true));
    assert_eq!(Some(web), registered.info.as_ref());
    // Registering what came into being by itself says so from then on.
    assert!(server.register(WORKSPACE).await.info.unwrap().registered);
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_listed_by_status_and_page_by_page() {
    let mut server = Server::start().await;
    server.held().await;
    for workspace in ["a", "b", "c"] {
        server.register(workspace).await;
    }
    let page = server.known(with_status(v1::WorkspaceStatus::Missing)).await;
    assert_eq!(names(&page), ["a", "b", "c"]);
    assert_eq!(names(&server.known(with_status(v1::WorkspaceStatus::Active)).await), [WORKSPACE]);
    assert!(server.known(with_status(v1::WorkspaceStatus::Stale)).await.workspaces.is_empty());
    let first = v1::ListWorkspacesRequest { page_size: 3, ..Default::default() };
    let first = server.known(first).await;
    let page_token = first.next_page_token.clone();
    let rest = v1::ListWorkspacesRequest { page_size: 3, page_token, ..Default::default() };
    assert_eq!(names(&first), ["a", WORKSPACE, "b"]);
    let rest = server.known(rest).await;
    assert_eq!((names(&rest), &*rest.next_page_token), (vec!["c"], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_with_a_session_is_not_deleted() {
    let mut server = Server::start().await;
    server.held().await;
    let refusal = refused(server.delete(WORKSPACE).await);
    assert_eq!(refusal, (Code::FailedPrecondition, "WORKSPACE_IN_USE".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_never_come_again_after_a_deletion() {
    let mut server = Server::start().await;
    let mut last = 0;
    for _ in 0..3 {
        let held = server.held().await;
        assert!(held.fencing_token > last, "{} after {last}", held.fencing_token);
        server.beat(|_| ()).await.unwrap();
        last = server.beat(|_| ()).await.unwrap().revision;
        server.clear().await;
        let deleted = server.delete(WORKSPACE).await.unwrap();
        assert!(deleted.deleted && deleted.revision_floor > last);
        last = deleted.revision_floor;
        // Nothing is left, and its history is still told.
        let page = server.known(v1::ListWorkspacesRequest::default()).await;
        assert!(page.workspaces.is_empty());
        let workspace = WORKSPACE.to_owned();
        let request = v1::ListEventsRequest { workspace, ..Default::default() };
        let events = server.history.list_events(request).await.unwrap().into_inner().events;
        assert_eq!(events.last().unwrap().r#type(), v1::EventType::WorkspaceDeleted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_what_is_unknown_succeeds() {
    let mut server = Server::start().await;
    assert!(!server.delete("nobody/knows").await.unwrap().deleted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_takes_what_surrounded_the_session() {
    let mut server = Server::start().await;
    let raise = v1::RaiseEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        kind: v1::EscalationKind::Blocking.into(),
        reason: "which one?".to_owned(),
        ..Default::default()
    };
    server.workspace.raise_escalation(raise).await.unwrap();
    let page = server.known(v1::ListWorkspacesRequest::default()).await;
    assert_eq!(page.workspaces[0].open_escalations, 1);
    assert!(server.delete(WORKSPACE).await.unwrap().deleted);
    assert!(server.projection().await.escalations.is_empty());
    let all = server.workspace.list_escalations(v1::ListEscalationsRequest::default()).await;
    assert!(all.unwrap().into_inner().escalations.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_a_deletion_is_answered_and_deletes_nothing() {
    let mut server = Server::start().await;
    server.register(WORKSPACE).await;
    let request = v1::DeleteWorkspaceRequest {
        workspace: WORKSPACE.to_owned(),
        request_id: "01HZXK3V9Q8J7M6N5P4R3S2T1W".to_owned(),
        ..Default::default()
    };
    let first = server.workspace.delete_workspace(request.clone()).await.unwrap().into_inner();
    server.register(WORKSPACE).await;
    let again = server.workspace.delete_workspace(request).await.unwrap().into_inner();
    assert!(first.deleted && again.deleted && again.replayed);
    assert_eq!(server.known(v1::ListWorkspacesRequest::default()).await.workspaces.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_registration_is_required_nothing_else_makes_a_workspace_known() {
    let mut server = Server::start_with(&[("TENURE_REGISTRATION", "required")]).await;
    let refusal = refused(server.lease.start_session(start(WORKER, 30)).await);
    assert_eq!(refusal, (Code::NotFound, "WORKSPACE_NOT_REGISTERED".to_owned()));
    let put = v1::PutHandoffRequest {
        workspace: WORKSPACE.to_owned(),
        handoff: Some(v1::Handoff { title: "later".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let refusal = refused(server.workspace.put_handoff(put).await);
    assert_eq!(refusal, (Code::NotFound, "WORKSPACE_NOT_REGISTERED".to_owned()));
    server.register(WORKSPACE).await;
    server.held().await;
    server.clear().await;
    server.delete(WORKSPACE).await.unwrap();
    let refusal = refused(server.lease.start_session(start(WORKER, 30)).await);
    assert_eq!(refusal.1, "WORKSPACE_NOT_REGISTERED");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_named_at_once() {
    let mut server = Server::start().await;
    let request = v1::DeleteWorkspaceRequest {
        workspace: "/".to_owned(),
        profile: "a/b".to_owned(),
        request_id: "x".to_owned(),
    };
    let bad = bad_fields(server.workspace.delete_workspace(request).await);
    assert_eq!(bad, ["request_id", "workspace", "profile"]);
    let filter = v1::WorkspaceFilter { prefix: "//".to_owned(), status: 9 };
    let request = v1::ListWorkspacesRequest {
        filter: Some(filter),
        page_size: -1,
        page_token: "x".to_owned(),
    };
    let bad = bad_fields(server.workspace.list_workspaces(request).await);
    assert_eq!(bad, ["filter.status", "filter.prefix", "page_size", "page_token"]);
}
