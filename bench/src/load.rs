//! The load generator: opens the streams of a shape, joins every session, and counts beats.
//!
//! Guarantees: a beat counts when its acknowledgement has been read and agreed with what was
//! sent (see [`book`]); the first disagreement, refusal or lost stream fails the run. Nothing is
//! counted before all sessions have joined and the warm-up is over. Costs one task for each
//! stream, the one that sends its messages, and none for each message.
//!
//! Must not know: which server it talks to.

pub mod book;
mod lane;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::{StreamHeartbeatsRequest, StreamHeartbeatsResponse};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::machine::{CpuClock, CpuReading};
use crate::sessions::Held;
use book::Book;
use lane::{Lane, Start};
use tally::{Run, Tally};

/// The flow-control window of a connection, on both sides: many small frames that wait to be
/// read must not end it.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Most streams of one connection that are being opened at a time.
const OPENING_MAX: usize = 64;

/// How long connecting and joining may take altogether.
const SET_UP_MAX: Duration = Duration::from_secs(30);

/// How messages follow each other on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The next is sent as soon as less than so many messages are unanswered.
    Closed {
        /// Messages in flight a stream, at least 1.
        in_flight: usize,
    },
    /// One every so often, the streams evenly staggered over the period.
    Every(Duration),
}

/// What is sent how.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Streams altogether, dealt out evenly to the connections.
    pub streams: usize,
    /// Connections.
    pub connections: usize,
    /// Sessions altogether, dealt out evenly to the streams.
    pub sessions: usize,
    /// Beats a message, each for another session.
    pub beats: usize,
    /// When messages are sent.
    pub pace: Pace,
    /// Whether the time from sending a beat to its acknowledgement is recorded; only with one
    /// message in flight.
    pub latencies: bool,
}

/// For how long.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Load that is not counted yet.
    pub warm_up: Duration,
    /// Load that is counted.
    pub window: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Acknowledged beats a second.
    pub beats_per_s: f64,
    /// Every recorded latency, ascending; empty unless asked for.
    pub latencies: Vec<Duration>,
    /// Beats that a pace asked for while the one before was still unanswered.
    pub missed: u64,
    /// Seconds that were counted.
    pub window_s: f64,
    /// Processor time in the window; the client is this process.
    pub cpu: CpuReading,
}

/// One stream, opened and joined, that waits for its start.
struct Ready {
    responses: Streaming<StreamHeartbeatsResponse>,
    start: oneshot::Sender<Start>,
}

/// Connects to a server.
///
/// # Errors
/// When it cannot be reached.
pub async fn connect(address: SocketAddr) -> anyhow::Result<Channel> {
    Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .connect_timeout(SET_UP_MAX)
        .connect()
        .await
        .with_context(|| format!("cannot connect to {address}"))
}

/// Puts the load of `shape` on the server at `address`, whose process is `pid`.
///
/// # Errors
/// When a stream cannot be opened, a join or beat is refused, or an acknowledgement is wrong.
pub async fn run(
    address: SocketAddr,
    pid: u32,
    held: &[Held],
    shape: Shape,
    times: Times,
) -> anyhow::Result<Outcome> {
    ensure!(held.len() == shape.sessions, "one session for each asked for");
    let run = Arc::new(Run::default());
    let mut tallies = Vec::new();
    let opening = async {
        let mut ready = Vec::with_capacity(shape.streams);
        let sessions_per_stream = shape.sessions / shape.streams;
        let per_connection = sessions_per_stream * (shape.streams / shape.connections);
        for held in held.chunks(per_connection) {
            let tally = Arc::new(Tally::new(Arc::clone(&run)));
            let channel = connect(address).await?;
            ready.extend(open(&channel, held, sessions_per_stream, shape, &tally).await?);
            tallies.push(tally);
        }
        anyhow::Ok(ready)
    };
    let opened = tokio::time::timeout(SET_UP_MAX, opening).await;
    let ready = opened.context("opening the streams took too long")??;
    ensure!(ready.len() == shape.streams, "one stream for each asked for");
    begin(ready, shape);
    let outcome = measure(&run, &tallies, pid, times).await;
    run.stop();
    outcome
}

/// Opens the streams of one connection and joins their sessions.
async fn open(
    channel: &Channel,
    held: &[Held],
    sessions_per_stream: usize,
    shape: Shape,
    tally: &Arc<Tally>,
) -> anyhow::Result<Vec<Ready>> {
    let mut ready = Vec::new();
    let mut opening = FuturesUnordered::new();
    for held in held.chunks(sessions_per_stream) {
        if opening.len() == OPENING_MAX {
            ready.extend(opening.next().await.transpose()?);
        }
        opening.push(join(LeaseServiceClient::new(channel.clone()), held, shape, tally));
    }
    while let Some(opened) = opening.next().await {
        ready.push(opened?);
    }
    Ok(ready)
}

/// Opens one stream and reads until all its sessions have joined.
async fn join(
    mut client: LeaseServiceClient<Channel>,
    held: &[Held],
    shape: Shape,
    tally: &Arc<Tally>,
) -> anyhow::Result<Ready> {
    let (start, started) = oneshot::channel();
    let joins: StreamHeartbeatsRequest = Book::joins(held);
    let lane = Lane::new(joins, started, Arc::clone(tally), shape.latencies);
    let mut responses = client.stream_heartbeats(lane).await?.into_inner();
    let mut joined = 0;
    while joined < held.len() {
        let Some(response) = responses.message().await? else {
            bail!("the server ended a stream before its sessions had joined");
        };
        joined += book::joined(&response)?;
    }
    Ok(Ready { responses, start })
}

/// Lets all streams go.
fn begin(ready: Vec<Ready>, shape: Shape) {
    let streams = u32::try_from(shape.streams).unwrap_or(u32::MAX);
    let now = Instant::now();
    for (index, stream) in (0_u32..).zip(ready) {
        let (in_flight, first_at) = match shape.pace {
            Pace::Closed { in_flight } => (in_flight, None),
            Pace::Every(period) => (1, Some((now + period * index / streams, period))),
        };
        let sessions = shape.sessions / shape.streams;
        let book = Book::new(sessions, shape.beats, in_flight);
        let go = Start { responses: stream.responses, book, first_at };
        // A lane that is gone has raised the alarm already.
        let _gone = stream.start.send(go);
    }
}

/// Waits out the warm-up, then counts for the length of the window.
async fn measure(
    run: &Run,
    tallies: &[Arc<Tally>],
    pid: u32,
    times: Times,
) -> anyhow::Result<Outcome> {
    let cpu = CpuClock::new(pid);
    run.alarm.quiet_for(times.warm_up).await?;
    let total = || tallies.iter().map(|tally| tally.acknowledged()).sum::<u64>();
    let missed = || tallies.iter().map(|tally| tally.missed()).sum::<u64>();
    let (cpu_before, from) = (cpu.read()?, std::time::Instant::now());
    let (beats_before, missed_before) = (total(), missed());
    run.record(true);
    run.alarm.quiet_for(times.window).await?;
    run.record(false);
    let beats = total() - beats_before;
    let (window_s, cpu_after) = (from.elapsed().as_secs_f64(), cpu.read()?);
    let mut latencies: Vec<Duration> = tallies.iter().flat_map(|tally| tally.latencies()).collect();
    latencies.sort_unstable();
    ensure!(beats > 0, "not one beat was acknowledged in {window_s:.1} s");
    Ok(Outcome {
        beats_per_s: beats as f64 / window_s,
        latencies,
        missed: missed() - missed_before,
        window_s,
        cpu: cpu_after - cpu_before,
    })
}

#[cfg(test)]
mod tests;
