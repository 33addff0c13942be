//! The load generator: opens the streams of a shape, and counts what is acknowledged.
//!
//! Guarantees: a beat counts when its acknowledgement has been read and agreed with what was
//! sent (see [`dialogue`]); the first disagreement, refusal or lost stream fails the run. Nothing
//! is counted before all streams are open and the warm-up is over. Under a pace, latencies count
//! from the instant at which a message was to be sent, whenever it was. Costs one task for each
//! stream, the one that sends its messages, and none for each message.
//!
//! Must not know: which service it talks to.

pub mod book;
pub mod dialogue;
pub mod lane;
pub mod metronome;
pub mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use tokio::sync::oneshot;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::machine::{CpuClock, CpuReading};
use crate::measure::{Measure, Sample};
use dialogue::Dialogue;
use lane::{Lane, Pace, Start};
use metronome::Metronome;
use tally::{Run, Tally};

/// The flow-control window of a connection, on both sides: many small frames that wait to be
/// read must not end it.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Most streams of one connection that are being opened at a time.
const OPENING_MAX: usize = 64;

/// How long connecting and opening may take altogether.
const SET_UP_MAX: Duration = Duration::from_secs(60);

/// How long answers to the last messages of a paced window are waited for.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How messages follow each other on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// The next is sent as soon as the dialogue lets it; whether the time from sending a message
    /// to its acknowledgement is recorded.
    Closed {
        /// Whether latencies are recorded.
        latencies: bool,
    },
    /// One every so often, the streams evenly staggered over the period; latencies are recorded.
    Every(Duration),
}

/// What is sent how.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections, to which the streams are dealt out evenly.
    pub connections: usize,
    /// When messages are sent.
    pub timing: Timing,
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
    /// Every recorded latency, ascending; empty unless recorded.
    pub latencies: Vec<Duration>,
    /// How late each message of a paced load was sent, ascending.
    pub send_lags: Vec<Duration>,
    /// Seconds that were counted.
    pub window_s: f64,
    /// Processor time in the window; the client is this process.
    pub cpu: CpuReading,
}

/// Streams that are open and wait to be let go.
#[derive(Debug)]
pub struct Opened<D: Dialogue> {
    run: Arc<Run>,
    tallies: Vec<Arc<Tally>>,
    ready: Vec<Ready<D>>,
}

/// One of them.
#[derive(Debug)]
struct Ready<D: Dialogue> {
    responses: Streaming<D::Response>,
    dialogue: D,
    start: oneshot::Sender<Start<D>>,
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

/// So many connections.
///
/// # Errors
/// When the server cannot be reached.
pub async fn connect_all(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::with_capacity(count);
    for _ in 0..count {
        channels.push(connect(address).await?);
    }
    Ok(channels)
}

/// Opens a stream for each dialogue, puts the load on the server whose process is `pid`, and
/// ends it.
///
/// # Errors
/// When a stream cannot be opened, something is refused, or an acknowledgement is wrong.
pub async fn run<D: Dialogue>(
    address: SocketAddr,
    pid: u32,
    dialogues: Vec<D>,
    load: Load,
    times: Times,
) -> anyhow::Result<Outcome> {
    let opened = open(address, dialogues, load).await?;
    opened.measure(pid, load, times, async || Ok(())).await
}

/// Opens a stream for each dialogue.
///
/// # Errors
/// When that fails, or takes too long.
pub async fn open<D: Dialogue>(
    address: SocketAddr,
    dialogues: Vec<D>,
    load: Load,
) -> anyhow::Result<Opened<D>> {
    let streams = dialogues.len();
    ensure!(
        streams > 0 && streams.is_multiple_of(load.connections),
        "streams are dealt out evenly"
    );
    let latencies = load.timing != (Timing::Closed { latencies: false });
    let run = Arc::new(Run::default());
    let mut opened = Opened { run, tallies: Vec::new(), ready: Vec::with_capacity(streams) };
    let opening = async {
        let mut dialogues = dialogues.into_iter();
        for _ in 0..load.connections {
            let tally = Arc::new(Tally::new(Arc::clone(&opened.run)));
            let channel = connect(address).await?;
            let its = dialogues.by_ref().take(streams / load.connections);
            let mut opening = FuturesUnordered::new();
            for dialogue in its {
                if opening.len() == OPENING_MAX {
                    opened.ready.extend(opening.next().await.transpose()?);
                }
                opening.push(open_one(channel.clone(), dialogue, latencies, Arc::clone(&tally)));
            }
            while let Some(one) = opening.next().await {
                opened.ready.push(one?);
            }
            opened.tallies.push(tally);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(SET_UP_MAX, opening).await.context("opening streams took too long")??;
    Ok(opened)
}

/// Opens one stream and reads until all that it opens with is answered.
async fn open_one<D: Dialogue>(
    channel: Channel,
    mut dialogue: D,
    latencies: bool,
    tally: Arc<Tally>,
) -> anyhow::Result<Ready<D>> {
    let (start, started) = oneshot::channel();
    let lane = Lane::new(dialogue.openings(), started, tally, latencies);
    let mut responses = D::call(channel, lane).await?;
    loop {
        let Some(response) = responses.message().await? else {
            bail!("the server ended a stream before it was open");
        };
        if dialogue.opened(&response)? {
            return Ok(Ready { responses, dialogue, start });
        }
    }
}

impl<D: Dialogue> Opened<D> {
    /// Lets all streams go, counts, and ends them. `beside` runs while it counts, and ends it
    /// early if it fails.
    ///
    /// # Errors
    /// When something is refused or an acknowledgement is wrong, or `beside` fails.
    pub async fn measure(
        self,
        pid: u32,
        load: Load,
        times: Times,
        beside: impl AsyncFnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Outcome> {
        let Opened { run, tallies, ready } = self;
        let _ended = StopAtEnd(&run);
        let pacer = begin(ready, load.timing)?;
        let counting = async {
            let (outcome, ()) =
                tokio::try_join!(count(&run, &tallies, pid, load.timing, times), beside())?;
            anyhow::Ok(outcome)
        };
        match pacer {
            None => counting.await,
            Some(pacer) => {
                // A task of its own, so that it wakes lanes on the thread that it is woken on.
                let pacing = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(pacer.run()));
                tokio::select! {
                    outcome = counting => outcome,
                    failed = pacing => Err(failed?),
                }
            }
        }
    }

    /// Ends them without any load.
    pub fn close(self) {
        self.run.stop();
    }

    /// How many streams are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ready.len()
    }
}

/// Ends the lanes of a run however it comes to its end.
struct StopAtEnd<'a>(&'a Run);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Wakes paced lanes one after another, each when it is due.
struct Pacer {
    metronome: Metronome,
    gates: Vec<Arc<AtomicWaker>>,
}

impl Pacer {
    async fn run(mut self) -> anyhow::Error {
        loop {
            for gate in &self.gates {
                if let Err(error) = self.metronome.tick().await {
                    return error;
                }
                gate.wake();
            }
        }
    }
}

/// Lets all streams go.
fn begin<D: Dialogue>(ready: Vec<Ready<D>>, timing: Timing) -> anyhow::Result<Option<Pacer>> {
    let mut pacer = match timing {
        Timing::Closed { .. } => None,
        Timing::Every(period) => {
            let streams = u32::try_from(ready.len())?;
            let step = period / streams;
            let pacer = Pacer { metronome: Metronome::new(step)?, gates: Vec::new() };
            // The period is that of the pacer's round to the nanosecond.
            Some((pacer, step, step * streams))
        }
    };
    let from = pacer.as_ref().map_or_else(Instant::now, |(pacer, ..)| pacer.metronome.last_due());
    for (turn, one) in (1..).zip(ready) {
        let pace = pacer.as_mut().map(|(pacer, step, period)| {
            let gate = Arc::new(AtomicWaker::new());
            pacer.gates.push(Arc::clone(&gate));
            Pace { due: from + *step * turn, period: *period, gate }
        });
        let go = Start { responses: one.responses, dialogue: one.dialogue, pace };
        // A lane that is gone has raised the alarm already.
        let _gone = one.start.send(go);
    }
    Ok(pacer.map(|(pacer, ..)| pacer))
}

/// Waits out the warm-up, then counts for the length of the window.
async fn count(
    run: &Run,
    tallies: &[Arc<Tally>],
    pid: u32,
    timing: Timing,
    times: Times,
) -> anyhow::Result<Outcome> {
    let cpu = CpuClock::new(pid);
    run.alarm.quiet_for(times.warm_up).await?;
    let total = || tallies.iter().map(|tally| tally.acknowledged()).sum::<u64>();
    let (cpu_before, from) = (cpu.read()?, Instant::now());
    let beats_before = total();
    run.record(from, from + times.window);
    run.alarm.quiet_for(times.window).await?;
    let beats = total() - beats_before;
    let (window_s, cpu_after) = (from.elapsed().as_secs_f64(), cpu.read()?);
    ensure!(beats > 0, "not one beat was acknowledged in {window_s:.1} s");
    if let Timing::Every(_) = timing {
        // The slowest answers to what was due in the window come after it.
        run.alarm.quiet_for(LAST_ANSWERS).await?;
    }
    let (mut latencies, mut send_lags) = (Vec::new(), Vec::new());
    for tally in tallies {
        let timed = tally.take_timed();
        latencies.extend(timed.latencies);
        send_lags.extend(timed.send_lags);
    }
    latencies.sort_unstable();
    send_lags.sort_unstable();
    let beats_per_s = beats as f64 / window_s;
    Ok(Outcome { beats_per_s, latencies, send_lags, window_s, cpu: cpu_after - cpu_before })
}

impl Outcome {
    /// The rate under `measure`, and whatever else was recorded.
    #[must_use]
    pub fn sample(&self, measure: Measure) -> Sample {
        let cpu_s = self.cpu.client + self.cpu.server;
        let mut sample = Sample::new(self.window_s, self.cpu).with(measure, self.beats_per_s);
        if measure == Measure::BEATS_PER_S && cpu_s > 0.0 {
            let per_cpu_s = self.beats_per_s * self.window_s / cpu_s;
            sample = sample.with(Measure::BEATS_PER_CPU_S, per_cpu_s);
        }
        sample
            .with_quantile(Measure::P50_MS, &self.latencies, 0.50)
            .with_quantile(Measure::P99_MS, &self.latencies, 0.99)
            .with_quantile(Measure::SEND_LAG_P99_MS, &self.send_lags, 0.99)
    }
}

#[cfg(test)]
mod tests;
