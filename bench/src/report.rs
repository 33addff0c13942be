//! What was measured, as one JSON line a figure or as a table for people.
//!
//! Guarantees: a ratio is the quotient of the two medians beside it; its spread is that of the
//! quotients of each repetition. `met` is there exactly when something was to be reached.
//!
//! Must not know: how it was measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::figure::{Figure, Measure, Turn};
use crate::load::{Pace, Shape};
use crate::machine::{CpuReading, Machine};
use crate::server::Contender;
use crate::statistics::Spread;

/// The share of all cores that other programs may use before a figure counts as disturbed.
const DISTURBED_OVER: f64 = 0.05;

/// Values by the name of a peer.
type ByPeer<T> = BTreeMap<&'static str, T>;

/// One figure.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Its name.
    pub figure: &'static str,
    /// What it is about.
    #[serde(flatten)]
    pub main: Comparison,
    /// The ratios that were to be reached.
    pub reach: ByPeer<f64>,
    /// Whether they all were; absent if none was asked for.
    pub met: Option<bool>,
    /// Whether other programs used so much of the machine that rates and latencies say little.
    pub disturbed: bool,
    /// What was measured beside it.
    pub also: Vec<Comparison>,
    /// Repetitions.
    pub runs: usize,
    /// Seconds of each that were counted.
    pub window_s: f64,
    /// Median processor seconds in that window, by contender.
    pub cpu_s: ByPeer<CpuReading>,
    /// What was sent.
    pub shape: ShapeReport,
    /// Where.
    pub machine: Machine,
}

/// One measure of all contenders.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Its unit.
    pub unit: &'static str,
    /// Whether more is better, or less.
    pub better: &'static str,
    /// The median of ours.
    pub ours: f64,
    /// The medians of the others.
    pub peers: ByPeer<f64>,
    /// Ours over theirs.
    pub ratios: ByPeer<f64>,
    /// Least and greatest of each of these.
    pub spread: Spreads,
}

/// The spreads of a comparison.
#[derive(Debug, Serialize)]
pub struct Spreads {
    /// Of ours.
    pub ours: Spread,
    /// Of the others.
    pub peers: ByPeer<Spread>,
    /// Of the ratio within each repetition.
    pub ratios: ByPeer<Spread>,
}

/// What was sent.
#[derive(Debug, Serialize)]
pub struct ShapeReport {
    /// Streams altogether.
    pub streams: usize,
    /// Connections.
    pub connections: usize,
    /// Sessions altogether.
    pub sessions: usize,
    /// Beats a message.
    pub beats_per_message: usize,
    /// Messages in flight a stream, of a closed loop.
    pub in_flight_per_stream: Option<usize>,
    /// Beats a second that were asked for, of a paced load.
    pub offered_per_s: Option<f64>,
}

impl Report {
    /// Of the turns of a figure, each repetition's together.
    #[must_use]
    pub fn of(figure: Figure, turns: &[Turn], machine: Machine) -> Self {
        let (main, also) = figure.measures();
        let comparison = Comparison::of(main, turns);
        let reach = figure.reach();
        let met = reach.iter().all(|reach| {
            let ratio = comparison.ratios.get(reach.peer.name()).copied().unwrap_or(f64::NAN);
            if main.is_rate() { ratio >= reach.ratio } else { ratio <= reach.ratio }
        });
        let outcomes = |who| turns.iter().filter(move |turn| turn.contender == who);
        let cpu = |who: Contender| {
            let median = |of: fn(&CpuReading) -> f64| {
                Spread::of(outcomes(who).map(|turn| of(&turn.outcome.cpu))).median
            };
            CpuReading {
                client: median(|cpu| cpu.client),
                server: median(|cpu| cpu.server),
                others: median(|cpu| cpu.others),
            }
        };
        let cores_s = |turn: &Turn| turn.outcome.window_s * machine.cores as f64;
        let others = turns.iter().map(|turn| turn.outcome.cpu.others / cores_s(turn));
        let disturbed = others.fold(0.0, f64::max) > DISTURBED_OVER;
        Report {
            figure: figure.name(),
            disturbed,
            main: comparison,
            reach: reach.iter().map(|reach| (reach.peer.name(), reach.ratio)).collect(),
            met: (!reach.is_empty()).then_some(met),
            also: also.iter().map(|&measure| Comparison::of(measure, turns)).collect(),
            runs: outcomes(Contender::Ours).count(),
            window_s: Spread::of(turns.iter().map(|turn| turn.outcome.window_s)).median,
            cpu_s: Contender::ALL.map(|who| (who.name(), cpu(who))).into(),
            shape: figure.shape().into(),
            machine,
        }
    }
}

impl Comparison {
    fn of(measure: Measure, turns: &[Turn]) -> Self {
        let values = |who: Contender| -> Vec<f64> {
            let its = turns.iter().filter(|turn| turn.contender == who);
            its.map(|turn| measure.of(&turn.outcome)).collect()
        };
        let ours = values(Contender::Ours);
        let spread = Spread::of(ours.iter().copied());
        let (mut peers, mut ratios) = (ByPeer::new(), ByPeer::new());
        for peer in Contender::ALL.into_iter().filter(|&who| who != Contender::Ours) {
            let theirs = values(peer);
            let quotients = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs);
            ratios.insert(peer.name(), Spread::of(quotients));
            peers.insert(peer.name(), Spread::of(theirs));
        }
        let medians: ByPeer<f64> = peers.iter().map(|(&peer, its)| (peer, its.median)).collect();
        Comparison {
            unit: measure.unit(),
            better: if measure.is_rate() { "higher" } else { "lower" },
            ours: spread.median,
            ratios: medians.iter().map(|(&peer, its)| (peer, spread.median / its)).collect(),
            peers: medians,
            spread: Spreads { ours: spread, peers, ratios },
        }
    }
}

impl From<Shape> for ShapeReport {
    fn from(shape: Shape) -> Self {
        let beats = (shape.streams * shape.beats) as f64;
        let (in_flight_per_stream, offered_per_s) = match shape.pace {
            Pace::Closed { in_flight } => (Some(in_flight), None),
            Pace::Every(period) => (None, Some(beats / period.as_secs_f64())),
        };
        ShapeReport {
            streams: shape.streams,
            connections: shape.connections,
            sessions: shape.sessions,
            beats_per_message: shape.beats,
            in_flight_per_stream,
            offered_per_s,
        }
    }
}

/// Where a figure was measured.
fn place(machine: &Machine) -> String {
    format!(
        "{} cores, {}, synchronous={}, 4 KiB write + fdatasync p50 {:.3} ms",
        machine.cores, machine.filesystem, machine.synchronous, machine.fsync_p50_ms
    )
}

/// The lines of one figure.
#[must_use]
pub fn table(report: &Report) -> String {
    let shape = &report.shape;
    let mut text = format!(
        "\n{}: {} streams on {} connections, {} sessions, {} a message, ",
        report.figure, shape.streams, shape.connections, shape.sessions, shape.beats_per_message
    );
    // Writing to a string cannot fail.
    let _ = match (shape.in_flight_per_stream, shape.offered_per_s) {
        (Some(count), _) => write!(text, "{count} in flight a stream"),
        (None, Some(rate)) => write!(text, "{} beats/s offered", number(rate)),
        (None, None) => Ok(()),
    };
    let _ = writeln!(text, "; {} × {:.1} s", report.runs, report.window_s);
    let _ = writeln!(text, "  {:>12}  {}", "on", place(&report.machine));
    for line in std::iter::once(&report.main).chain(&report.also) {
        comparison_lines(&mut text, line);
    }
    for (who, cpu) in &report.cpu_s {
        let cores = [cpu.client, cpu.server, cpu.others].map(|used_s| used_s / report.window_s);
        let [client, server, others] = cores;
        let _ = write!(text, "  {:>12}  {who} client {client:.2}, server {server:.2}", "cores");
        let _ = writeln!(text, ", other programs {others:.2}");
    }
    if report.disturbed {
        let _ = writeln!(text, "  {:>12}  by other programs; measure again", "DISTURBED");
    }
    if let Some(met) = report.met {
        let reach = report.reach.iter().map(|(peer, ratio)| format!("{ratio:.2} of {peer}"));
        let reach = reach.collect::<Vec<_>>().join(", ");
        let verdict = if met { "met" } else { "NOT MET" };
        let _ = writeln!(text, "  {:>12}  {reach}: {verdict}", "to reach");
    }
    text
}

fn comparison_lines(text: &mut String, line: &Comparison) {
    let _ = writeln!(text, "  {:>12}  ours {}", line.unit, range(&line.spread.ours, number));
    for (peer, spread) in &line.spread.peers {
        let _ = write!(text, "  {:>12}  {peer} {}", "", range(spread, number));
        if let (Some(ratio), Some(within)) = (line.ratios.get(peer), line.spread.ratios.get(peer))
            && ratio.is_finite()
        {
            let within = format!("{:.3} to {:.3}", within.min, within.max);
            let _ = write!(text, "  ratio {ratio:.3} ({within})");
        }
        text.push('\n');
    }
}

fn range(spread: &Spread, show: fn(f64) -> String) -> String {
    format!("{} ({} to {})", show(spread.median), show(spread.min), show(spread.max))
}

/// With thousands set apart if it is large, with three decimals if it is small.
fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
