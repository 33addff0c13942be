use tenure::v1;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, start};

fn info<'a>(projection: &'a v1::Projection, name: &str) -> &'a v1::SectionInfo {
    projection.sections.iter().find(|it| it.name == name).unwrap()
}

fn known(projection: &v1::Projection) -> v1::GetProjectionRequest {
    let digests = projection
        .sections
        .iter()
        .map(|it| v1::SectionDigest { name: it.name.clone(), digest: it.digest.clone() });
    v1::GetProjectionRequest { known_sections: digests.collect(), ..Default::default() }
}

async fn put_handoff(server: &mut Server, title: &str) {
    let handoff = v1::Handoff { title: title.to_owned(), ..v1::Handoff::default() };
    let request = v1::PutHandoffRequest {
        workspace: WORKSPACE.to_owned(),
        handoff: Some(handoff),
        ..v1::PutHandoffRequest::default()
    };
    server.workspace.put_handoff(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_comes_without_body_and_beats_change_nothing() {
    let mut server = Server::start().await;
    server.held().await;
    put_handoff(&mut server, "the parser").await;
    let git = v1::ClientSection {
        name: "git".to_owned(),
        content: b"main".to_vec(),
        content_type: String::new(),
    };
    server.beat(|beat| beat.client_sections = vec![git]).await.unwrap();
    let first = server.projection().await;
    assert_eq!(first.sections.len(), 6);
    assert!(first.sections.iter().all(|it| it.digest.len() == 32 && !it.unchanged));

    server.beat(|_| ()).await.unwrap();
    let second = server.projection_for(known(&first)).await;
    assert!(second.sections.iter().all(|it| it.unchanged), "{:?}", second.sections);
    assert_eq!(second.status(), v1::WorkspaceStatus::Active);
    assert_eq!(second.revision, first.revision + 1);
    assert_eq!((second.session, second.handoff), (None, None));
    assert!(second.client_sections.is_empty());

    put_handoff(&mut server, "another").await;
    let third = server.projection_for(known(&first)).await;
    let changed: Vec<_> =
        third.sections.iter().filter(|it| !it.unchanged).map(|it| it.name.as_str()).collect();
    assert_eq!(changed, ["handoff"]);
    assert_eq!(third.handoff.unwrap().title, "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_what_changed_since_it_started() {
    let mut server = Server::start().await;
    put_handoff(&mut server, "the parser").await;
    let missing = server.projection().await;
    assert_eq!(missing.status(), v1::WorkspaceStatus::Missing);
    assert_eq!((missing.revision, missing.age_minutes, missing.session.is_none()), (0, None, true));
    assert_eq!(info(&missing, "handoff").changed_since_start, None, "nothing to compare with");
    server.held().await;
    let fresh = server.projection().await;
    assert!(fresh.sections.iter().all(|it| it.changed_since_start == Some(false)), "{fresh:?}");
    assert_eq!(fresh.age_minutes, Some(0));
    server.beat(|beat| beat.activity = Some("reading".to_owned())).await.unwrap();
    let raise = v1::RaiseEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        kind: v1::EscalationKind::NonBlocking.into(),
        reason: "?".to_owned(),
        ..v1::RaiseEscalationRequest::default()
    };
    server.workspace.raise_escalation(raise).await.unwrap();
    let later = server.projection().await;
    let changed = |name| info(&later, name).changed_since_start;
    assert_eq!((changed("session"), changed("escalations")), (Some(true), Some(true)));
    assert_eq!((changed("gates"), changed("handoff")), (Some(false), Some(false)));
    server.held().await;
    let refreshed = server.projection().await;
    assert!(refreshed.sections.iter().all(|it| it.changed_since_start == Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_named_caller_is_told_of_a_conflict() {
    let mut server = Server::start().await;
    let asking = |actor: &str| v1::GetProjectionRequest {
        actor_id: Some(actor.to_owned()),
        ..v1::GetProjectionRequest::default()
    };
    assert_eq!(server.projection_for(asking(WORKER)).await.ownership_conflict, Some(false));
    server.held().await;
    assert_eq!(server.projection().await.ownership_conflict, None);
    assert_eq!(server.projection_for(asking(WORKER)).await.ownership_conflict, Some(false));
    assert_eq!(server.projection_for(asking("worker-2")).await.ownership_conflict, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_stands_at_a_place_in_the_log() {
    let mut server = Server::start().await;
    server.held().await;
    let cursor = server.projection().await.cursor.unwrap();
    put_handoff(&mut server, "the parser").await;
    let request = v1::ListEventsRequest { from: Some(cursor), ..v1::ListEventsRequest::default() };
    let events = server.history.list_events(request).await.unwrap().into_inner().events;
    let types: Vec<_> = events.iter().map(v1::Event::r#type).collect();
    assert_eq!(types, [v1::EventType::HandoffPut], "exactly what came after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_shows_machine_and_pending_transfer() {
    let mut server = Server::start().await;
    let machine = v1::MachineRef { machine_id: "m-1".to_owned(), ..v1::MachineRef::default() };
    let request = v1::StartSessionRequest { machine: Some(machine.clone()), ..start(WORKER, 30) };
    let started = server.lease.start_session(request).await.unwrap().into_inner();
    let force = v1::ForceTakeOverSessionRequest {
        workspace: WORKSPACE.to_owned(),
        expected_session_id: Some(started.session.unwrap().session_id),
        successor: Some(v1::force_take_over_session_request::Successor::Interactive(
            v1::InteractiveHolder {},
        )),
        reason: "maintenance".to_owned(),
        grace: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    server.lease.force_take_over_session(force).await.unwrap();
    let first = server.projection().await;
    let again = server.projection_for(known(&first)).await;
    assert_eq!(again.session, None, "the caller has it");
    assert_eq!(again.machine, Some(machine), "always there");
    assert_eq!(again.pending_transfer.unwrap().reason, "maintenance");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_a_request_is_told_at_once() {
    let mut server = Server::start().await;
    let digest = v1::SectionDigest { name: "gates".to_owned(), digest: vec![0; 31] };
    let request = v1::GetProjectionRequest {
        actor_id: Some(String::new()),
        known_sections: vec![digest],
        ..v1::GetProjectionRequest::default()
    };
    assert_eq!(
        bad_fields(server.workspace.get_projection(request).await),
        ["workspace", "actor_id", "known_sections[0].digest"]
    );
}
