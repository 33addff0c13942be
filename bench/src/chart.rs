//! How cost grows: beats/s and p99 against streams, sessions and beats a message, as a drawing
//! each, ours beside the echo.

mod scale;
mod svg;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::contender::Contender;
use crate::figure::{Stage, batch, stream};
use crate::heartbeats::{self, Shape};
use crate::load::{Outcome, Times, Timing};
use crate::measure::{Measure, Sample};
use crate::population::Population;
use crate::rounds::{TURN_MAX, on_a_new_runtime};
use crate::site::Site;
use crate::statistics::Spread;
use svg::{Drawing, Panel, Point, Series};

/// How often each point is measured.
const ROUNDS: usize = 3;

/// Who is drawn.
const CONTENDERS: [Contender; 2] = [Contender::Ours, Contender::Echo];

/// What is drawn, one above the other.
const PANELS: [(Measure, &str); 2] =
    [(Measure::BEATS_PER_S, "beats a second"), (Measure::P99_MS, "p99 of a message, ms")];

/// Beats that a stream has in flight at most, however many go in a message.
const BEATS_IN_FLIGHT: usize = 512;

/// How the drawings are made.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder for the drawings; `docs/img` of the sources if absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Draw only this one; may be repeated.
    #[arg(long, value_name = "CHART")]
    chart: Vec<Chart>,
    /// Shorter counts.
    #[arg(long)]
    quick: bool,
}

/// What cost is drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Chart {
    /// 1 to 10,000 streams with one beat in flight each.
    Streams,
    /// 1,024 to 990,000 sessions on 16 streams, 64 beats a message, in random order.
    Sessions,
    /// 1 to 256 beats a message on 16 streams for 10,000 sessions.
    Batch,
}

impl Chart {
    const ALL: [Chart; 3] = [Chart::Streams, Chart::Sessions, Chart::Batch];

    fn file(self) -> &'static str {
        match self {
            Chart::Streams => "cost-streams.svg",
            Chart::Sessions => "cost-sessions.svg",
            Chart::Batch => "cost-batch.svg",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Chart::Streams => "1 beat in flight on each stream, at most 10 connections",
            Chart::Sessions => "64 beats a message on 16 streams, sessions in random order",
            Chart::Batch => "10,000 sessions on 16 streams, 512 beats in flight on each",
        }
    }

    fn axis(self) -> &'static str {
        match self {
            Chart::Streams => "streams",
            Chart::Sessions => "sessions",
            Chart::Batch => "beats a message",
        }
    }

    fn places(self) -> &'static [usize] {
        match self {
            Chart::Streams => &[1, 10, 100, 1_000, 10_000],
            // 16 streams of 64, and all that are live of a million.
            Chart::Sessions => &[1_024, 10_000, 100_000, 990_000],
            Chart::Batch => &[1, 4, 16, 64, 256],
        }
    }

    fn shape(self, place: usize) -> Shape {
        let timing = Timing::Closed { latencies: true };
        match self {
            Chart::Streams => Shape { connections: place.min(10), ..stream::shape(place, timing) },
            Chart::Sessions => Shape { timing, shuffled: true, ..batch::shape(place) },
            Chart::Batch => Shape {
                timing,
                beats: place,
                in_flight: BEATS_IN_FLIGHT / place,
                ..batch::shape(batch::SESSIONS)
            },
        }
    }
}

/// Measures and draws.
///
/// # Errors
/// When a server fails, or a drawing cannot be written.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let site = Site::prepare()?;
    let folder = options.out.clone().unwrap_or_else(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        sources.parent().unwrap_or(sources).join("docs/img")
    });
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let millis = Duration::from_millis;
    let times = match options.quick {
        true => Times { warm_up: millis(500), window: millis(1_500) },
        false => Times { warm_up: millis(2_000), window: millis(5_000) },
    };
    let stage = Stage { site: &site, times };
    let charts = if options.chart.is_empty() { &Chart::ALL[..] } else { &options.chart };
    for &chart in charts {
        let drawing = measure(chart, &stage)?;
        let path = folder.join(chart.file());
        fs::write(&path, drawing.to_svg()).with_context(|| format!("{}", path.display()))?;
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}

fn measure(chart: Chart, stage: &Stage<'_>) -> anyhow::Result<Drawing> {
    let mut panels = PANELS.map(|(_, title)| Panel {
        title,
        series: CONTENDERS.map(|who| Series { name: who.name(), points: Vec::new() }).into(),
    });
    for &place in chart.places() {
        let mut samples: [Vec<Sample>; CONTENDERS.len()] = Default::default();
        for _ in 0..ROUNDS {
            for (who, samples) in CONTENDERS.iter().zip(&mut samples) {
                let turn = turn(chart, place, *who, stage);
                let outcome = on_a_new_runtime(TURN_MAX, turn)
                    .with_context(|| format!("{} with {place} {}", who.name(), chart.axis()))?;
                samples.push(outcome.sample(Measure::BEATS_PER_S));
            }
        }
        for (panel, (measure, title)) in panels.iter_mut().zip(PANELS) {
            for (series, samples) in panel.series.iter_mut().zip(&samples) {
                let values = samples.iter().filter_map(|sample| sample.value(measure));
                let Some(spread) = Spread::of(values) else { continue };
                series.points.push(Point { x: place as f64, spread });
                writeln!(
                    std::io::stdout(),
                    "{place} {}: {} {title} {:.3} ({:.3} to {:.3})",
                    chart.axis(),
                    series.name,
                    spread.median,
                    spread.min,
                    spread.max
                )?;
            }
        }
    }
    Ok(Drawing { title: chart.title(), axis: chart.axis(), panels: panels.into() })
}

async fn turn(
    chart: Chart,
    place: usize,
    who: Contender,
    stage: &Stage<'_>,
) -> anyhow::Result<Outcome> {
    let shape = chart.shape(place);
    if who == Contender::Echo {
        return heartbeats::echo(stage, shape).await;
    }
    if shape.sessions <= batch::SESSIONS_100K {
        return heartbeats::ours(stage, shape).await;
    }
    // So many are not started anew for each turn.
    let population = Population::make(stage.site).await?;
    let server = population.serve(stage.site).await?;
    let held = Population::live(&server, shape.sessions).await?;
    let outcome = heartbeats::on(&server, shape.books(held), shape, stage).await?;
    population.take_back(server)?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_deals_its_sessions_out_evenly() {
        for chart in Chart::ALL {
            for &place in chart.places() {
                let shape = chart.shape(place);
                assert_eq!(shape.streams % shape.connections, 0, "{chart:?} {place}");
                assert_eq!(shape.sessions % shape.streams, 0, "{chart:?} {place}");
                assert!(shape.beats <= shape.sessions / shape.streams, "{chart:?} {place}");
            }
        }
    }
}
