//! The ledger over the wire: what ended, in pages, with filters and totals.

use tenure::v1;
use tenured::store::memory::MemoryOptions;

use crate::rig::Server;

/// Workers come and go: the session ids, in the order of their ends.
async fn seven_ends(server: &Server) -> Vec<String> {
    let mut ended = Vec::new();
    for n in 0..6 {
        let (workspace, actor) = (format!("acme/w{}", n % 2), format!("worker-{}", n % 3));
        ended.push(server.start_session(&workspace, &actor).await);
        server.give_up(&workspace, &actor).await;
    }
    ended.push(server.start_session("acme/other", "worker-0").await);
    let clear = v1::ClearSessionRequest {
        workspace: "acme/other".to_owned(),
        actor_id: "worker-0".to_owned(),
        reason: "not needed".to_owned(),
        ..v1::ClearSessionRequest::default()
    };
    server.lease.clone().clear_session(clear).await.unwrap();
    ended
}

async fn listed(server: &Server, mut request: v1::ListLedgerRequest) -> Vec<v1::LedgerEntry> {
    let mut entries = Vec::new();
    loop {
        let page = server.history.clone().list_ledger(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.totals.is_some(), request.totals && request.page_token.is_empty());
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        request.page_token = page.next_page_token;
    }
}

fn ids(entries: &[v1::LedgerEntry]) -> Vec<&str> {
    entries.iter().map(|entry| &*entry.session_id).collect()
}

fn filtered(filter: v1::LedgerFilter) -> v1::ListLedgerRequest {
    v1::ListLedgerRequest { filter: Some(filter), page_size: 2, totals: true, ..Default::default() }
}

async fn every_end_is_listed_once(server: Server) {
    let mut ended = seven_ends(&server).await;
    server.start_session("acme/live", "worker-9").await;
    ended.reverse();
    for page_size in [0, 1, 3, 7] {
        let request = v1::ListLedgerRequest { page_size, ..Default::default() };
        assert_eq!(ids(&listed(&server, request).await), ended, "in pages of {page_size}");
    }
    let owner = filtered(v1::LedgerFilter { owner: "worker-0".to_owned(), ..Default::default() });
    assert_eq!(ids(&listed(&server, owner).await), [&*ended[0], &ended[3], &ended[6]]);
    let cause = v1::EndCause::Cleared.into();
    let cleared = listed(&server, filtered(v1::LedgerFilter { cause, ..Default::default() })).await;
    assert_eq!(ids(&cleared), [&*ended[0]]);
    let verdict = cleared[0].verdict.as_ref().unwrap();
    assert_eq!((&*verdict.reason, verdict.cause()), ("not needed", v1::EndCause::Cleared));
    let prefix = filtered(v1::LedgerFilter { prefix: "acme/w1".to_owned(), ..Default::default() });
    assert_eq!(ids(&listed(&server, prefix).await), [&*ended[1], &ended[3], &ended[5]]);
    let one = v1::ListLedgerRequest { workspace: "acme/w0".to_owned(), ..Default::default() };
    assert_eq!(ids(&listed(&server, one).await), [&*ended[2], &ended[4], &ended[6]]);
    let at = cleared[0].verdict.as_ref().unwrap().at;
    let before = filtered(v1::LedgerFilter { ended_before: at, ..Default::default() });
    let since = filtered(v1::LedgerFilter { ended_since: at, ..Default::default() });
    let (before, since) = (listed(&server, before).await, listed(&server, since).await);
    assert_eq!(ids(&[since, before].concat()), ended, "each instant is in one of two periods");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_listed_once_from_a_file() {
    every_end_is_listed_once(Server::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_listed_once_from_memory() {
    every_end_is_listed_once(Server::on_memory(MemoryOptions::default()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_are_of_all_pages_and_do_not_hold_writers_up() {
    let server = Server::on_sqlite().await;
    for n in 0..3 {
        server.start_session("acme/api", "worker").await;
        for _ in 0..n {
            let beat = v1::HeartbeatRequest {
                workspace: "acme/api".to_owned(),
                actor_id: "worker".to_owned(),
                ..v1::HeartbeatRequest::default()
            };
            server.lease.clone().heartbeat(beat).await.unwrap();
        }
        server.give_up("acme/api", "worker").await;
    }
    let request = v1::ListLedgerRequest { page_size: 1, totals: true, ..Default::default() };
    // More at once than there are readers: they take turns, and starts go on.
    let asked = (0..12).map(|_| {
        let (mut history, request) = (server.history.clone(), request.clone());
        tokio::spawn(async move { history.list_ledger(request).await.unwrap().into_inner() })
    });
    let asked: Vec<_> = asked.collect();
    server.start_session("acme/live", "worker").await;
    for answer in asked {
        let answer = answer.await.unwrap();
        let totals = answer.totals.unwrap();
        assert_eq!((answer.entries.len(), totals.sessions, totals.beats), (1, 3, 3));
        assert!(totals.held.is_some() && totals.usage.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_taken_by_force_is_told_with_its_successor() {
    let server = Server::on_sqlite().await;
    let old = server.start_session("acme/api", "worker").await;
    let force = v1::ForceTakeOverSessionRequest {
        workspace: "acme/api".to_owned(),
        expected_session_id: Some(old.clone()),
        successor: Some(v1::force_take_over_session_request::Successor::Autonomous(
            v1::AutonomousHolder { actor_id: "rescuer".to_owned(), ..Default::default() },
        )),
        reason: "an incident".to_owned(),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    server.lease.clone().force_take_over_session(force).await.unwrap();
    let cause = v1::EndCause::ForceTakenOver.into();
    let listed = listed(&server, filtered(v1::LedgerFilter { cause, ..Default::default() })).await;
    assert_eq!(ids(&listed), [&*old]);
    assert_eq!(listed[0].verdict.as_ref().unwrap().successor_actor_id, "rescuer");
}
