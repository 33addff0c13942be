//! The past, in pages, and how sessions ended.

use tenure::v1;
use tonic::Code;

use crate::rig::{Server, after, start, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_hold_every_event_and_a_watch_goes_on_from_the_last_one() {
    let server = Server::on_sqlite().await;
    for n in 0..7 {
        server.start_session(&format!("acme/w{n}"), "worker").await;
        server.give_up(&format!("acme/w{n}"), "worker").await;
    }
    let mut history = server.history.clone();
    let mut request = v1::ListEventsRequest { page_size: 4, ..Default::default() };
    let mut events: Vec<v1::Event> = Vec::new();
    let cursor = loop {
        let page = history.list_events(request.clone()).await.unwrap().into_inner();
        assert!(page.events.len() <= 4);
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            break page.cursor.unwrap();
        }
        request.page_token = page.next_page_token;
    };
    let of_sessions = events.iter().filter(|event| !event.workspace.is_empty()).count();
    assert_eq!(of_sessions, 14);
    assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    server.start_session("acme/next", "worker").await;
    let (_, mut reader) = server.watch_from(after(cursor)).await;
    assert_eq!(reader.event().await.workspace, "acme/next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_workspace_has_its_own_history() {
    let server = Server::on_sqlite().await;
    for name in ["acme/api", "acme/web", "acme/api"] {
        server.start_session(name, "worker").await;
        server.give_up(name, "worker").await;
    }
    let types = vec![v1::EventType::SessionEnded.into()];
    let request = v1::ListEventsRequest {
        workspace: "acme/api".to_owned(),
        filter: Some(v1::EventFilter { types, ..v1::EventFilter::default() }),
        ..v1::ListEventsRequest::default()
    };
    let page = server.history.clone().list_events(request).await.unwrap().into_inner();
    let ends: Vec<_> = page.events.iter().map(|e| (&*e.workspace, e.r#type())).collect();
    assert_eq!(ends, [("acme/api", v1::EventType::SessionEnded); 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_has_an_entry_and_a_stored_one_has_none() {
    let server = Server::on_sqlite().await;
    let mut history = server.history.clone();
    let old = server.start_session("acme/api", "worker").await;
    let ask = |session_id: &str| v1::GetLedgerEntryRequest { session_id: session_id.to_owned() };
    let refused = history.get_ledger_entry(ask(&old)).await.unwrap_err();
    let (code, reason, refusal) = told(&refused);
    assert_eq!((code, &*reason), (Code::NotFound, "NO_SUCH_LEDGER_ENTRY"));
    assert!(refusal.hint.contains("GetSession"), "{}", refusal.hint);

    server.give_up("acme/api", "worker").await;
    let found = history.get_ledger_entry(ask(&old)).await.unwrap().into_inner();
    let entry = found.entry.unwrap();
    assert_eq!((&*entry.session_id, &*entry.actor_id), (&*old, "worker"));
    assert_eq!(entry.verdict.unwrap().cause(), v1::EndCause::Yielded);
    assert_eq!(found.current, None);

    let answer = server.lease.clone().start_session(start("acme/api", "other")).await.unwrap();
    let next = answer.into_inner().session.unwrap();
    let found = history.get_ledger_entry(ask(&old)).await.unwrap().into_inner();
    assert_eq!(found.current.unwrap().session_id, next.session_id);
}
