//! How watches end.

use std::time::{Duration, Instant};

use tenure::v1;
use tenured::drain::Cause;
use tonic::Code;

use crate::rig::{Server, WATCHES_MAX, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_ends_every_watch_with_its_status() {
    let server = Server::on_sqlite().await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(server.watch_from(v1::WatchSessionsRequest::default()).await.1);
    }
    let begun = Instant::now();
    server.drain.begin(Cause::Asked);
    for reader in readers {
        let (code, reason, _) = told(&reader.end().await);
        assert_eq!((code, &*reason), (Code::Unavailable, "DRAINING"));
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "well before the deadline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_too_many_is_refused_and_a_client_that_leaves_makes_room() {
    let server = Server::on_sqlite().await;
    let mut readers = Vec::new();
    for _ in 0..WATCHES_MAX {
        readers.push(server.watch_from(v1::WatchSessionsRequest::default()).await.1);
    }
    let refused = server.watch(v1::WatchSessionsRequest::default()).await.err().unwrap();
    let (code, reason, _) = told(&refused);
    assert_eq!((code, &*reason), (Code::ResourceExhausted, "TOO_MANY_STREAMS"));
    readers.pop();
    let begun = Instant::now();
    // The server learns of it with the client's reset.
    while server.watch(v1::WatchSessionsRequest::default()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the place of a client that left");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_request_is_refused_with_every_violation() {
    let server = Server::on_sqlite().await;
    let request = v1::WatchSessionsRequest {
        from: Some(v1::Cursor::default()),
        snapshot: true,
        filter: Some(v1::EventFilter {
            prefix: "//".to_owned(),
            types: vec![0],
            ..v1::EventFilter::default()
        }),
    };
    let refused = server.watch(request).await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in ["filter.prefix", "filter.types", "from.log_id"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
}
