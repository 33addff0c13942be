//! The figures: what each sends, what it measures, and what is to be reached.
//!
//! Guarantees: every repetition measures each contender once, one after the other, who is first
//! changing from one to the next, so that a slow minute of the machine does not favour anybody.

use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::load::{self, Outcome, Pace, Shape, Times};
use crate::server::{Contender, Server, Site};

/// Worker threads of the load generator, and of the echo; a real server has as many.
pub const WORKERS: usize = 2;

/// Most time that one turn of one contender may take.
const TURN_MAX: Duration = Duration::from_secs(90);

/// Most time that the tasks of a turn may take to end.
const WIND_UP_MAX: Duration = Duration::from_secs(2);

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Figure {
    /// One beat a message, 1,000 streams.
    Stream,
    /// One beat a message, 10,000 streams.
    #[value(name = "stream_10k")]
    Stream10k,
    /// 64 beats a message, 16 streams, 10,000 sessions.
    Batch,
    /// One beat in flight altogether.
    Single,
    /// 10,000 beats a second on 10,000 streams.
    Paced,
}

/// One value taken from an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Acknowledged beats a second.
    BeatsPerS,
    /// Acknowledged beats for each processor second of client and server together: what a rate
    /// becomes when both cores are busy, and steadier than it when other programs disturb.
    BeatsPerCpuS,
    /// Median latency in milliseconds.
    P50Ms,
    /// The latency that 99 % stay within, in milliseconds.
    P99Ms,
    /// Beats that could not be sent in time.
    Missed,
}

/// What a ratio must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// To whom.
    pub peer: Contender,
    /// The least ratio of a rate, the greatest of a latency.
    pub ratio: f64,
}

/// What one contender did in one repetition.
#[derive(Debug)]
pub struct Turn {
    /// Who.
    pub contender: Contender,
    /// What came of it.
    pub outcome: Outcome,
}

impl Figure {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Figure::Stream => "stream",
            Figure::Stream10k => "stream_10k",
            Figure::Batch => "batch",
            Figure::Single => "single",
            Figure::Paced => "paced",
        }
    }

    /// What is sent.
    #[must_use]
    pub fn shape(self) -> Shape {
        let one_each = Shape {
            streams: 1_000,
            connections: 10,
            sessions: 1_000,
            beats: 1,
            pace: Pace::Closed { in_flight: 1 },
            latencies: false,
        };
        match self {
            Figure::Stream => one_each,
            Figure::Stream10k => Shape { streams: 10_000, sessions: 10_000, ..one_each },
            // 8 messages of 64 are 512 beats in flight on a stream of 625 sessions: as much as
            // there can be without a second beat for a session whose first is unanswered.
            Figure::Batch => Shape {
                streams: 16,
                connections: 4,
                sessions: 10_000,
                beats: 64,
                pace: Pace::Closed { in_flight: 8 },
                latencies: false,
            },
            Figure::Single => {
                Shape { streams: 1, connections: 1, sessions: 1, latencies: true, ..one_each }
            }
            Figure::Paced => Shape {
                streams: 10_000,
                sessions: 10_000,
                pace: Pace::Every(Duration::from_secs(1)),
                latencies: true,
                ..one_each
            },
        }
    }

    /// What it is about, and what is reported beside that.
    #[must_use]
    pub fn measures(self) -> (Measure, &'static [Measure]) {
        match self {
            Figure::Stream | Figure::Stream10k | Figure::Batch => {
                (Measure::BeatsPerS, &[Measure::BeatsPerCpuS])
            }
            Figure::Single => (Measure::BeatsPerS, &[Measure::P50Ms, Measure::P99Ms]),
            Figure::Paced => {
                (Measure::P50Ms, &[Measure::P99Ms, Measure::BeatsPerS, Measure::Missed])
            }
        }
    }

    /// What its ratios are to reach; nothing where no aim is set.
    #[must_use]
    pub fn reach(self) -> &'static [Reach] {
        match self {
            Figure::Stream => &[Reach { peer: Contender::Echo, ratio: 0.60 }],
            Figure::Stream10k | Figure::Batch | Figure::Single | Figure::Paced => &[],
        }
    }

    /// Measures it, every contender so many times.
    ///
    /// # Errors
    /// When a server fails, or anything about a run cannot be trusted.
    pub fn measure(self, site: &Site, times: Times, runs: usize) -> anyhow::Result<Vec<Turn>> {
        let mut turns = Vec::with_capacity(runs * Contender::ALL.len());
        for run in 0..runs {
            let mut order = Contender::ALL;
            order.rotate_left(run % Contender::ALL.len());
            for contender in order {
                let outcome = turn(self.shape(), site, times, contender);
                let outcome = outcome.with_context(|| format!("{} failed", self.name()))?;
                turns.push(Turn { contender, outcome });
            }
        }
        Ok(turns)
    }
}

impl Measure {
    /// The unit, as reports say it.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Measure::BeatsPerS => "beats/s",
            Measure::BeatsPerCpuS => "beats/cpu s",
            Measure::P50Ms => "p50 ms",
            Measure::P99Ms => "p99 ms",
            Measure::Missed => "missed beats",
        }
    }

    /// Whether more is better.
    #[must_use]
    pub fn is_rate(self) -> bool {
        matches!(self, Measure::BeatsPerS | Measure::BeatsPerCpuS)
    }

    /// The value in one outcome; not a number if it was not recorded.
    #[must_use]
    pub fn of(self, outcome: &Outcome) -> f64 {
        let quantile_ms = |share| {
            let value = crate::statistics::quantile(&outcome.latencies, share);
            value.map_or(f64::NAN, |value| value.as_secs_f64() * 1e3)
        };
        match self {
            Measure::BeatsPerS => outcome.beats_per_s,
            Measure::BeatsPerCpuS => {
                outcome.beats_per_s * outcome.window_s / (outcome.cpu.client + outcome.cpu.server)
            }
            Measure::P50Ms => quantile_ms(0.50),
            Measure::P99Ms => quantile_ms(0.99),
            Measure::Missed => outcome.missed as f64,
        }
    }
}

/// One contender, from its start to its end, on a runtime that nothing else has used.
fn turn(shape: Shape, site: &Site, times: Times, contender: Contender) -> anyhow::Result<Outcome> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let server = Server::start(site, contender).await?;
        let loaded = tokio::time::timeout(TURN_MAX, async {
            let held = server.sessions(shape.sessions).await?;
            load::run(server.address(), server.pid(), &held, shape, times).await
        });
        let outcome = match loaded.await {
            Ok(outcome) => outcome.map_err(|error| error.context(server.failure("failed")))?,
            Err(_) => return Err(server.failure("took too long")),
        };
        anyhow::Ok((server, outcome))
    });
    runtime.shutdown_timeout(WIND_UP_MAX);
    let (server, outcome) = outcome?;
    if !server.stop()? {
        use std::io::Write as _;
        writeln!(std::io::stderr(), "{} did not end in good order", contender.name())?;
    }
    Ok(outcome)
}

/// The runtime of the load generator and of the echo.
///
/// # Errors
/// When threads cannot be started.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()
}
