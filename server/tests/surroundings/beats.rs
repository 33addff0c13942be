use tenure::v1;
use tenure::v1::take_over_session_request::Successor;
use tonic::Code;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused, start};

const CHECKPOINT_MAX: usize = 65_536;

fn section(name: &str, bytes: usize) -> v1::ClientSection {
    v1::ClientSection {
        name: name.to_owned(),
        content: vec![7; bytes],
        content_type: "text/plain".to_owned(),
    }
}

/// Lets [`WORKER`]'s lease of 1 s run out, and takes it over as worker-2.
async fn taken_over(server: &mut Server) -> v1::TakeOverSessionResponse {
    let holder = v1::AutonomousHolder { actor_id: "worker-2".to_owned(), ..Default::default() };
    let request = v1::TakeOverSessionRequest {
        workspace: WORKSPACE.to_owned(),
        successor: Some(Successor::Autonomous(holder)),
        reason: "it was silent".to_owned(),
        ..v1::TakeOverSessionRequest::default()
    };
    let begun = std::time::Instant::now();
    loop {
        match server.lease.take_over_session(request.clone()).await {
            Ok(taken) => return taken.into_inner(),
            Err(status) => assert!(begun.elapsed() < crate::rig::CALL_MAX, "{status:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_finds_checkpoint_and_handoff_and_the_ledger_what_it_cost() {
    let mut server = Server::start().await;
    let started = server.lease.start_session(start(WORKER, 1)).await.unwrap().into_inner();
    let session_id = started.session.unwrap().session_id;
    let usage = v1::Usage {
        input_tokens: 7,
        output_tokens: 8,
        cost_microunits: 9,
        wall_time: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        counters: [("tool_calls".to_owned(), 3)].into(),
    };
    let beaten = server
        .beat(|beat| {
            beat.checkpoint = Some(b"half-way".to_vec());
            beat.usage = Some(usage.clone());
            beat.work_stream = Some("parser".to_owned());
            beat.activity = Some("testing".to_owned());
        })
        .await
        .unwrap();
    let gates = v1::PutGatesRequest {
        workspace: WORKSPACE.to_owned(),
        gates: vec![v1::Gate { name: "review".to_owned(), ..v1::Gate::default() }],
        ..v1::PutGatesRequest::default()
    };
    server.workspace.put_gates(gates).await.unwrap();
    let handoff = v1::Handoff { title: "the parser".to_owned(), ..v1::Handoff::default() };
    let put = v1::PutHandoffRequest {
        workspace: WORKSPACE.to_owned(),
        handoff: Some(handoff),
        ..v1::PutHandoffRequest::default()
    };
    server.workspace.put_handoff(put).await.unwrap();

    let taken = taken_over(&mut server).await;
    assert_eq!(taken.prior_activity.unwrap().text, "testing");
    assert_eq!(taken.handoff.unwrap().title, "the parser");
    assert_eq!(taken.directives.unwrap().gates_revision, 1);
    let checkpoint = taken.checkpoint.unwrap();
    assert_eq!((&*checkpoint.content, &*checkpoint.session_id), (&b"half-way"[..], &*session_id));
    assert_eq!((&*checkpoint.actor_id, checkpoint.revision), (WORKER, beaten.revision));

    let request = v1::GetLedgerEntryRequest { session_id };
    let entry = server.history.get_ledger_entry(request).await.unwrap().into_inner();
    let entry = entry.entry.unwrap();
    assert_eq!((entry.usage, &*entry.focus), (Some(usage), "review"), "the attention anchor");
    let projection = server.projection().await;
    assert_eq!((projection.usage, projection.work_streams.len()), (None, 0), "of the new session");
    assert!(projection.checkpoint.is_some() && projection.gates.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_has_at_most_64_kib_and_an_empty_one_removes_it() {
    let mut server = Server::start().await;
    server.held().await;
    server.beat(|beat| beat.checkpoint = Some(vec![1; CHECKPOINT_MAX])).await.unwrap();
    let before = server.projection().await;
    assert_eq!(before.checkpoint.as_ref().unwrap().content.len(), CHECKPOINT_MAX);
    let past = server.beat(|beat| beat.checkpoint = Some(vec![2; CHECKPOINT_MAX + 1])).await;
    assert_eq!(bad_fields(past), ["checkpoint"]);
    let after = server.projection().await;
    assert_eq!((after.revision, after.checkpoint), (before.revision, before.checkpoint));
    server.beat(|beat| beat.checkpoint = Some(Vec::new())).await.unwrap();
    assert_eq!(server.projection().await.checkpoint, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_at_most_16_sections_of_64_kib() {
    let mut server = Server::start().await;
    server.held().await;
    // Two beats: one with all of it would be larger than a message may be.
    for half in [0..8, 8..16] {
        let sections = half.map(|n| section(&format!("s{n:02}"), CHECKPOINT_MAX));
        server.beat(|beat| beat.client_sections = sections.collect()).await.unwrap();
    }
    let projection = server.projection().await;
    assert_eq!(projection.client_sections.len(), 16);
    assert!(projection.client_sections.iter().all(|it| it.content.len() == CHECKPOINT_MAX));
    let one_more = server.beat(|beat| beat.client_sections = vec![section("s16", 1)]).await;
    assert_eq!(refused(one_more), (Code::ResourceExhausted, "QUOTA_EXCEEDED".to_owned()));
    let too_large = vec![section("s01", CHECKPOINT_MAX + 1)];
    let too_large = server.beat(|beat| beat.client_sections = too_large).await;
    assert_eq!(bad_fields(too_large), ["client_sections[0].content"]);
    let many = (0..17).map(|n| section(&format!("s{n:02}"), 1)).collect();
    let many = server.beat(|beat| beat.client_sections = many).await;
    assert_eq!(bad_fields(many), ["client_sections"]);
    let after = server.projection().await;
    assert_eq!(after.revision, projection.revision, "none of them renewed the lease");
    // One goes, another may come, in the same beat.
    let swap = vec![section("s00", 0), section("s16", 1)];
    server.beat(|beat| beat.client_sections = swap).await.unwrap();
    let names: Vec<_> =
        server.projection().await.client_sections.into_iter().map(|it| it.name).collect();
    assert_eq!((names.len(), &*names[0], &*names[15]), (16, "s01", "s16"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_101st_work_stream_evicts_the_lowest_and_the_beat_succeeds() {
    let mut server = Server::start().await;
    server.held().await;
    server.beat(|beat| beat.work_stream = Some("twice".to_owned())).await.unwrap();
    server.beat(|beat| beat.work_stream = Some("twice".to_owned())).await.unwrap();
    for n in 0..99 {
        server.beat(|beat| beat.work_stream = Some(format!("stream-{n}"))).await.unwrap();
    }
    assert_eq!(server.projection().await.work_streams.len(), 100);
    server.beat(|beat| beat.work_stream = Some("one more".to_owned())).await.unwrap();
    let streams = server.projection().await.work_streams;
    assert_eq!((streams.len(), &*streams[0].name), (100, "twice"), "highest score first");
    assert!(streams.iter().any(|it| it.name == "one more"));
    assert!(!streams.iter().any(|it| it.name == "stream-0"), "the oldest of the lowest went");
    let named = |n: usize| Some("ä".repeat(n));
    server.beat(|beat| beat.work_stream = named(128)).await.unwrap();
    assert_eq!(
        bad_fields(server.beat(|beat| beat.work_stream = named(129)).await),
        ["work_stream"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_never_goes_back_and_has_at_most_16_counters() {
    let mut server = Server::start().await;
    server.held().await;
    let usage = |tokens, counters: std::ops::Range<u64>| v1::Usage {
        input_tokens: tokens,
        counters: counters.map(|n| (format!("c{n:02}"), n + 1)).collect(),
        ..v1::Usage::default()
    };
    server.beat(|beat| beat.usage = Some(usage(9, 0..16))).await.unwrap();
    server.beat(|beat| beat.usage = Some(usage(7, 0..1))).await.unwrap();
    let stored = server.projection().await.usage.unwrap();
    assert_eq!((stored.input_tokens, stored.counters.len()), (9, 16));
    let other = server.beat(|beat| beat.usage = Some(usage(10, 16..17))).await;
    assert_eq!(refused(other), (Code::ResourceExhausted, "QUOTA_EXCEEDED".to_owned()));
    let many = server.beat(|beat| beat.usage = Some(usage(10, 0..17))).await;
    assert_eq!(bad_fields(many), ["usage.counters"]);
    assert_eq!(server.projection().await.usage.unwrap().input_tokens, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_beat_tells_nothing_and_loses_nothing() {
    let mut server = Server::start().await;
    server.held().await;
    server
        .beat(|beat| {
            beat.checkpoint = Some(vec![1]);
            beat.client_sections = vec![section("git", 4)];
            beat.work_stream = Some("parser".to_owned());
        })
        .await
        .unwrap();
    let before = server.projection().await;
    server.beat(|_| ()).await.unwrap();
    let after = server.projection().await;
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(
        (after.checkpoint, after.client_sections),
        (before.checkpoint, before.client_sections)
    );
    assert_eq!(after.work_streams.len(), 1);
    assert!(!after.stalled);
}
