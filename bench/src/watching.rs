//! Watchers, and events that they all have to be told.
//!
//! Guarantees: every watcher has to read every event, in order and once, or the run fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::watch_sessions_response::Update;
use tenure::v1::{EventType, WatchSessionsRequest, WatchSessionsResponse};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::figure::Stage;
use crate::load::metronome::Metronome;
use crate::load::{Times, connect, connect_all};
use crate::machine::CpuClock;
use crate::measure::{Measure, Sample};
use crate::peer::etcd::api::kv_client::KvClient;
use crate::peer::etcd::api::watch_client::WatchClient;
use crate::peer::etcd::api::{self, watch_request::RequestUnion};
use crate::peer::{Server, etcd, tenured};
use crate::sessions;

/// How many watch.
const WATCHERS: usize = 1_000;

/// The connections that they share.
const CONNECTIONS: usize = 10;

/// From one event to the next.
const PERIOD: Duration = Duration::from_millis(50);

/// How long the last event may take to reach everybody.
const LAST_MAX: Duration = Duration::from_secs(20);

/// What etcd's watchers watch.
const KEY: &[u8] = b"bench/workspace-000000";

/// How watchers of etcd are dealt out to streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Each has its own, as with ours.
    OneEach,
    /// Those of one connection share one.
    Shared,
}

/// When each event was to be caused; the place is its number, from 0.
type Causes = Arc<Mutex<Vec<Instant>>>;

/// How long each event took to each watcher of a stream.
type Latencies = Vec<(usize, Duration)>;

/// Watchers of ours: a session is started again and again by its owner.
///
/// # Errors
/// When the server fails, or a watcher misses an event.
pub async fn ours(stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let server = tenured::start(stage.site).await?;
    sessions::start(server.address(), 1).await?;
    let channels = connect_all(server.address(), CONNECTIONS).await?;
    let events = event_count(stage.times);
    let causes = Causes::default();
    let mut watchers = JoinSet::new();
    for turn in 0..WATCHERS {
        let mut client = LeaseServiceClient::new(channels[turn % CONNECTIONS].clone());
        let told = client.watch_sessions(WatchSessionsRequest::default()).await?.into_inner();
        watchers.spawn(watch_ours(told, Arc::clone(&causes), events));
    }
    let mut client = LeaseServiceClient::new(connect(server.address()).await?);
    let cause = async |number: usize| {
        let request = sessions::request(0, sessions::LEASE_TTL);
        let answer = client.start_session(request).await?.into_inner();
        let starts = answer.session.map_or(0, |session| session.start_count);
        ensure!(starts == number as u64 + 2, "start {starts} where there were {number} before");
        Ok(())
    };
    measure(server, stage.times, causes, watchers, 1, cause).await
}

async fn watch_ours(
    mut told: Streaming<WatchSessionsResponse>,
    causes: Causes,
    events: usize,
) -> anyhow::Result<Latencies> {
    let mut latencies = Vec::with_capacity(events);
    while latencies.len() < events {
        let update = told.message().await?.context("a watch ended")?.update;
        let Some(Update::Event(event)) = update else { continue };
        // A stall of the machine, say, is an event of its own.
        if event.r#type() != EventType::SessionRefreshed {
            continue;
        }
        let number = latencies.len();
        let Some(tenure::v1::event::Payload::SessionRefreshed(refreshed)) = event.payload else {
            bail!("a refresh without its session");
        };
        let starts = refreshed.session.map_or(0, |session| session.start_count);
        ensure!(starts == number as u64 + 2, "a watcher was told start {starts} as event {number}");
        latencies.push((number, since(&causes, number)?));
    }
    Ok(latencies)
}

/// Watchers of etcd: a key is put again and again.
///
/// # Errors
/// When the server fails, or a watcher misses an event.
pub async fn etcd(stage: &Stage<'_>, streams: Streams) -> anyhow::Result<Sample> {
    let server = etcd::start(stage.site).await?;
    let channels = connect_all(server.address(), CONNECTIONS).await?;
    let events = event_count(stage.times);
    let causes = Causes::default();
    let each = match streams {
        Streams::OneEach => 1,
        Streams::Shared => WATCHERS / CONNECTIONS,
    };
    let mut watchers = JoinSet::new();
    for turn in 0..WATCHERS / each {
        let told = open_etcd(channels[turn % CONNECTIONS].clone(), each).await?;
        watchers.spawn(watch_etcd(told, Arc::clone(&causes), each, events));
    }
    let mut kv = KvClient::new(connect(server.address()).await?);
    let cause = async |_| {
        let put = api::PutRequest { key: KEY.to_vec(), value: b"worker".to_vec(), lease: 0 };
        kv.put(put).await?;
        Ok(())
    };
    measure(server, stage.times, causes, watchers, each, cause).await
}

/// A stream of etcd with so many watchers, all of them there.
struct EtcdWatch {
    told: Streaming<api::WatchResponse>,
    /// Kept, because etcd ends the watch when the requests end.
    _requests: mpsc::Sender<api::WatchRequest>,
}

async fn open_etcd(channel: Channel, watchers: usize) -> anyhow::Result<EtcdWatch> {
    let (requests, queue) = mpsc::channel(watchers);
    for _ in 0..watchers {
        let create = api::WatchCreateRequest { key: KEY.to_vec(), ..Default::default() };
        let request =
            api::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        requests.send(request).await?;
    }
    let mut told = WatchClient::new(channel).watch(ReceiverStream::new(queue)).await?.into_inner();
    for _ in 0..watchers {
        let answer = told.message().await?.context("a watch ended")?;
        ensure!(answer.created && !answer.canceled, "a watch was not made: {answer:?}");
    }
    Ok(EtcdWatch { told, _requests: requests })
}

async fn watch_etcd(
    mut watch: EtcdWatch,
    causes: Causes,
    watchers: usize,
    events: usize,
) -> anyhow::Result<Latencies> {
    let mut latencies = Vec::with_capacity(events * watchers);
    let mut told = vec![0; watchers];
    while latencies.len() < events * watchers {
        let answer = watch.told.message().await?.context("a watch ended")?;
        ensure!(!answer.canceled, "etcd ended a watch");
        let watcher = usize::try_from(answer.watch_id)?;
        for event in answer.events {
            let count = told.get_mut(watcher).context("a watch that nobody asked for")?;
            let number = *count;
            *count += 1;
            let version = event.kv.map_or(0, |kv| kv.version);
            ensure!(version == number as i64 + 1, "version {version} as event {number}");
            latencies.push((number, since(&causes, number)?));
        }
    }
    Ok(latencies)
}

fn since(causes: &Causes, number: usize) -> anyhow::Result<Duration> {
    let causes = causes.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(causes.get(number).context("an event that nobody has caused")?.elapsed())
}

fn event_count(times: Times) -> usize {
    let load = times.warm_up + times.window;
    (load.as_secs_f64() / PERIOD.as_secs_f64()) as usize
}

/// Causes one event after another, and collects how long they took to everybody. Those of the
/// warm-up do not count.
async fn measure(
    server: Server,
    times: Times,
    causes: Causes,
    mut watchers: JoinSet<anyhow::Result<Latencies>>,
    watchers_each: usize,
    mut cause: impl AsyncFnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Sample> {
    let events = event_count(times);
    let warm_up = (times.warm_up.as_secs_f64() / PERIOD.as_secs_f64()) as usize;
    let cpu = CpuClock::new(server.pid());
    let (cpu_before, from) = (cpu.read()?, Instant::now());
    let mut metronome = Metronome::new(PERIOD)?;
    for number in 0..events {
        let due = metronome.tick().await?;
        causes.lock().unwrap_or_else(PoisonError::into_inner).push(due);
        cause(number).await?;
    }
    let mut counted = Vec::with_capacity((events - warm_up) * WATCHERS);
    let collecting = async {
        while let Some(latencies) = watchers.join_next().await {
            let latencies = latencies??;
            ensure!(latencies.len() == events * watchers_each, "a watcher missed an event");
            let late = latencies.into_iter().filter(|(number, _)| *number >= warm_up);
            counted.extend(late.map(|(_, latency)| latency));
        }
        anyhow::Ok(())
    };
    let collected = tokio::time::timeout(LAST_MAX, collecting).await;
    collected.map_err(|_| server.failure("did not tell every watcher of every event"))??;
    let (window_s, cpu_after) = (from.elapsed().as_secs_f64(), cpu.read()?);
    counted.sort_unstable();
    server.stop()?;
    Ok(Sample::new(window_s, cpu_after - cpu_before)
        .with_quantile(Measure::P99_MS, &counted, 0.99)
        .with_quantile(Measure::P50_MS, &counted, 0.50)
        .with(Measure::EVENTS_PER_S, events as f64 / window_s))
}
