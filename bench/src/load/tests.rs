//! The generator against the echo, in one process.

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::heartbeats::Shape;
use crate::peer::echo;
use crate::{rounds, sessions};

const SHAPE: Shape = Shape {
    streams: 4,
    connections: 2,
    sessions: 12,
    beats: 1,
    in_flight: 2,
    timing: Timing::Closed { latencies: false },
    shuffled: false,
};

const TIMES: Times =
    Times { warm_up: Duration::from_millis(50), window: Duration::from_millis(300) };

async fn echo() -> (SocketAddr, JoinHandle<anyhow::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), tokio::spawn(echo::serve_on(listener)))
}

async fn load(address: SocketAddr, shape: Shape, times: Times) -> anyhow::Result<Outcome> {
    let held = sessions::made_up(shape.sessions);
    let load = Load { connections: shape.connections, timing: shape.timing };
    run(address, std::process::id(), shape.books(held), load, times).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_loop_counts_beats() {
    let (address, _echo) = echo().await;
    let outcome = load(address, SHAPE, TIMES).await.unwrap();
    assert!(outcome.beats_per_s > 100.0, "{outcome:?}");
    assert!(outcome.latencies.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_many_beats_counts_them_all() {
    let (address, _echo) = echo().await;
    let shape = Shape { sessions: 64, beats: 8, ..SHAPE };
    let outcome = load(address, shape, TIMES).await.unwrap();
    let beats = (outcome.beats_per_s * outcome.window_s).round();
    assert!(beats > 100.0 && beats % 8.0 == 0.0, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paced_load_sends_what_was_asked_for_and_times_it() {
    let (address, _echo) = echo().await;
    let shape = Shape { timing: Timing::Every(Duration::from_millis(20)), ..SHAPE };
    let times = Times { window: Duration::from_secs(1), ..TIMES };
    let outcome = load(address, shape, times).await.unwrap();
    // 4 streams × 50 a second; a busy machine may send late, never more.
    assert!((100.0..=210.0).contains(&outcome.beats_per_s), "{outcome:?}");
    let timed = outcome.latencies.len() as f64 / outcome.window_s;
    assert!((timed - outcome.beats_per_s).abs() < 20.0, "{outcome:?}");
    assert!(outcome.latencies.is_sorted() && !outcome.latencies[0].is_zero());
    assert!(!outcome.send_lags.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_fails_the_run_at_once() {
    // A runtime of its own, because its end takes the open connections with it.
    let theirs = rounds::runtime().unwrap();
    let (address, _echo) = theirs.spawn(echo()).await.unwrap();
    let times = Times { window: Duration::from_secs(60), ..TIMES };
    let load = Load { connections: SHAPE.connections, timing: SHAPE.timing };
    let books = SHAPE.books(sessions::made_up(SHAPE.sessions));
    let opened = open(address, books, load).await.unwrap();
    let from = Instant::now();
    let measuring = opened.measure(std::process::id(), load, times, async || Ok(()));
    let ending = async {
        tokio::time::sleep(TIMES.warm_up * 4).await;
        theirs.shutdown_background();
    };
    let (failed, ()) = tokio::join!(measuring, ending);
    let failed = failed.unwrap_err();
    assert!(from.elapsed() < Duration::from_secs(20));
    assert!(failed.to_string().contains("ended"), "{failed:?}");
}
