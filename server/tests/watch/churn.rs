//! Readers beside busy writers: nobody waits for anybody, and all end up knowing the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure::v1;
use tenured::store::memory::MemoryOptions;

use crate::rig::{Known, Reader, Server, after};

const WRITERS: usize = 4;
const WORKSPACES: usize = 12;
const ROUNDS: usize = 60;

fn workspace(n: usize) -> String {
    format!("acme/w{}", n % WORKSPACES)
}

/// Writers that take workspaces and give them up again. Refusals are part of the game.
async fn churn(server: &Arc<Server>) {
    let write = |writer: usize| {
        let server = Arc::clone(server);
        async move {
            let actor = format!("worker-{writer}");
            for round in 0..ROUNDS {
                let workspace = workspace(writer * 5 + round * 7);
                let start = crate::rig::start(&workspace, &actor);
                let started = server.lease.clone().start_session(start).await.is_ok();
                if started && round % 3 != 0 {
                    let request = v1::YieldSessionRequest {
                        workspace,
                        actor_id: actor.clone(),
                        ..v1::YieldSessionRequest::default()
                    };
                    // A store that loses answers may refuse; the next round goes on.
                    let _ = server.lease.clone().yield_session(request).await;
                }
            }
        }
    };
    let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(writer))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn read_through(reader: &mut Reader, known: &mut Known, sequence: u64) {
    while known.through < sequence {
        known.take(reader.next().await);
    }
}

async fn listed(server: &Server) -> BTreeMap<String, String> {
    let request = v1::ListSessionsRequest { page_size: 1_000, ..Default::default() };
    let page = server.lease.clone().list_sessions(request).await.unwrap().into_inner();
    page.sessions.into_iter().map(|s| (s.workspace, s.session_id)).collect()
}

async fn everybody_ends_up_knowing_the_same(server: Server) {
    let server = Arc::new(server);
    let (beginning, _) = server.watch_from(v1::WatchSessionsRequest::default()).await;
    let writing = tokio::spawn({
        let server = Arc::clone(&server);
        async move { churn(&server).await }
    });
    // Readers come while it goes on: with a snapshot, and from the beginning.
    let mut readers = Vec::new();
    for _ in 0..3 {
        let snapshot = v1::WatchSessionsRequest { snapshot: true, ..Default::default() };
        let mut reader = server.watch(snapshot).await.unwrap();
        let mut known = Known::default();
        // Its cursor and its page; the rest waits until the writers are done.
        for _ in 0..2 {
            known.take(reader.next().await);
        }
        readers.push((reader, known));
        let reader = server.watch(after(beginning.clone())).await.unwrap();
        readers.push((reader, Known::default()));
    }
    writing.await.unwrap();
    let newest = server.newest().await.sequence;
    let stored = listed(&server).await;
    assert!(!stored.is_empty());
    for (mut reader, mut known) in readers {
        read_through(&mut reader, &mut known, newest).await;
        assert_eq!(known.sessions, stored);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beside_busy_writers_end_up_knowing_what_is_stored() {
    everybody_ends_up_knowing_the_same(Server::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_on_a_store_that_loses_answers() {
    for seed in 1..=3 {
        let unkind = MemoryOptions {
            seed,
            refusals_per_mille: 20,
            lost_applied_per_mille: 100,
            lost_unapplied_per_mille: 50,
            ..MemoryOptions::default()
        };
        everybody_ends_up_knowing_the_same(Server::on_memory(unkind).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_on_a_store_with_conflicts() {
    for seed in 1..=3 {
        let unkind = MemoryOptions { seed, conflicts_per_mille: 100, ..MemoryOptions::default() };
        everybody_ends_up_knowing_the_same(Server::on_memory(unkind).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_sleeps_holds_up_no_writer_and_misses_nothing() {
    let server = Server::on_memory(MemoryOptions::default()).await;
    let (cursor, mut sleeper) = server.watch_from(v1::WatchSessionsRequest::default()).await;
    // Several times what its connection and its queue take.
    for n in 0..1_500 {
        let workspace = workspace(n);
        server.start_session(&workspace, &workspace.repeat(20)).await;
    }
    let newest = server.newest().await.sequence;
    assert!(newest >= cursor.sequence + 1_500);
    for expected in cursor.sequence + 1..=newest {
        assert_eq!(sleeper.event().await.sequence, expected);
    }
}
