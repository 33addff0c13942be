//! What was measured, as one JSON line a figure or as a table for people.
//!
//! Guarantees: a ratio is the quotient of the two medians beside it; its spread is that of the
//! quotients of each round. What is missing is null and never counts as reached.
//!
//! Must not know: how it was measured.

mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contender::Contender;
use crate::figure::Plan;
use crate::machine::{CpuReading, Machine};
use crate::measure::Measure;
use crate::rounds::{Rounds, Turn};
use crate::statistics::Spread;

pub use table::table;

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
    /// Whether everything that was to be reached was, here and in `also`.
    pub met: bool,
    /// What was measured beside it.
    pub also: Vec<Comparison>,
    /// Why somebody could not be measured.
    pub missing: ByPeer<String>,
    /// What is to be known of the peers.
    pub caveats: ByPeer<&'static str>,
    /// Whether other programs used so much of the machine that rates and latencies say little.
    pub disturbed: bool,
    /// What was done.
    pub about: &'static str,
    /// Repetitions.
    pub rounds: usize,
    /// Median of the seconds that were counted in each turn of ours.
    pub window_s: f64,
    /// Median processor seconds in that window, by contender.
    pub cpu_s: ByPeer<CpuReading>,
    /// Median of the seconds that were counted, by contender.
    #[serde(skip)]
    windows_s: ByPeer<f64>,
    /// Where.
    pub machine: Machine,
}

/// One measure of all contenders.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Its unit.
    pub unit: &'static str,
    /// The median of ours; null if it has none.
    pub ours: Option<f64>,
    /// The medians of the others; null if they are missing.
    pub peers: ByPeer<Option<f64>>,
    /// Ours over theirs.
    pub ratios: ByPeer<Option<f64>>,
    /// The ratios that were to be reached.
    pub reach: ByPeer<f64>,
    /// Whether all of them were; null where there are none.
    #[serde(rename = "reached")]
    pub met: Option<bool>,
    /// Least and greatest of each of these.
    pub spread: Spreads,
    /// Whether more is better, or less.
    pub better: &'static str,
}

/// The spreads of a comparison.
#[derive(Debug, Serialize)]
pub struct Spreads {
    /// Of ours.
    pub ours: Option<Spread>,
    /// Of the others.
    pub peers: ByPeer<Spread>,
    /// Of the ratio within each round.
    pub ratios: ByPeer<Spread>,
}

impl Report {
    /// Of all rounds of a figure.
    #[must_use]
    pub fn of(plan: &Plan, rounds: &Rounds, machine: Machine) -> Self {
        let turns = &rounds.turns;
        let mut comparisons = plan.measures.iter().map(|&of| Comparison::of(of, plan, rounds));
        let main = comparisons.next().unwrap_or_else(|| Comparison::of(NOTHING, plan, rounds));
        let also: Vec<Comparison> = comparisons.collect();
        let met = std::iter::once(&main).chain(&also).all(|one| one.met != Some(false));
        let measured =
            plan.contenders.iter().copied().filter(|&who| turns_of(turns, who).count() > 0);
        let median = |who: Contender, of: &dyn Fn(&Turn) -> f64| {
            Spread::of(turns_of(turns, who).map(of)).map_or(0.0, |spread| spread.median)
        };
        let cpu_s = measured.clone().map(|who| {
            let reading = CpuReading {
                client: median(who, &|turn| turn.sample.cpu.client),
                server: median(who, &|turn| turn.sample.cpu.server),
                others: median(who, &|turn| turn.sample.cpu.others),
            };
            (who.name(), reading)
        });
        let windows_s = measured.map(|who| (who.name(), median(who, &|turn| turn.sample.window_s)));
        let (cpu_s, windows_s) = (cpu_s.collect(), windows_s.collect());
        let caveat = |&who: &Contender| Some((who.name(), who.caveat()?));
        Report {
            figure: plan.name,
            main,
            met,
            also,
            missing: rounds.missing.iter().map(|(who, why)| (who.name(), why.clone())).collect(),
            caveats: plan.contenders.iter().filter_map(caveat).collect(),
            disturbed: is_disturbed(turns, machine.cores),
            about: plan.about,
            rounds: turns_of(turns, Contender::Ours).count(),
            window_s: median(Contender::Ours, &|turn| turn.sample.window_s),
            cpu_s,
            windows_s,
            machine,
        }
    }
}

/// What a plan without measures would be about.
const NOTHING: Measure = Measure { unit: "", more_is_better: true };

fn turns_of(turns: &[Turn], who: Contender) -> impl Iterator<Item = &Turn> {
    turns.iter().filter(move |turn| turn.contender == who)
}

fn is_disturbed(turns: &[Turn], cores: usize) -> bool {
    let share = |turn: &Turn| turn.sample.cpu.others / (turn.sample.window_s * cores as f64);
    turns.iter().map(share).fold(0.0, f64::max) > DISTURBED_OVER
}

impl Comparison {
    fn of(measure: Measure, plan: &Plan, rounds: &Rounds) -> Self {
        let values = |who| -> Vec<Option<f64>> {
            turns_of(&rounds.turns, who).map(|turn| turn.sample.value(measure)).collect()
        };
        let ours = values(Contender::Ours);
        let spread = Spread::of(ours.iter().copied().flatten());
        let median = spread.map(|spread| spread.median);
        let mut comparison = Comparison {
            unit: measure.unit,
            ours: median,
            peers: ByPeer::new(),
            ratios: ByPeer::new(),
            reach: ByPeer::new(),
            met: None,
            spread: Spreads { ours: spread, peers: ByPeer::new(), ratios: ByPeer::new() },
            better: if measure.more_is_better { "higher" } else { "lower" },
        };
        for &peer in plan.contenders.iter().filter(|&&who| who != Contender::Ours) {
            comparison.add(peer, &ours, &values(peer));
        }
        for &(_, limit) in plan.limits.iter().filter(|(of, _)| *of == measure) {
            comparison.add(Contender::Limit, &ours, &vec![Some(limit); ours.len()]);
        }
        let reach = plan.reach.iter().filter(|reach| reach.measure == measure);
        let mut verdicts = Vec::new();
        for reach in reach {
            let name = reach.peer.name();
            // A peer that is missing is listed, so that everybody sees what was not compared.
            comparison.peers.entry(name).or_default();
            let ratio = *comparison.ratios.entry(name).or_default();
            comparison.reach.insert(name, reach.ratio);
            verdicts.push(ratio.is_some_and(|ratio| {
                if measure.more_is_better { ratio >= reach.ratio } else { ratio <= reach.ratio }
            }));
        }
        comparison.met = (!verdicts.is_empty()).then(|| verdicts.iter().all(|&met| met));
        comparison
    }

    /// Enters a peer, unless it has no values.
    fn add(&mut self, peer: Contender, ours: &[Option<f64>], theirs: &[Option<f64>]) {
        let Some(spread) = Spread::of(theirs.iter().copied().flatten()) else { return };
        let name = peer.name();
        self.peers.insert(name, Some(spread.median));
        self.spread.peers.insert(name, spread);
        let Some(median) = self.ours else { return };
        self.ratios.insert(name, Some(median / spread.median));
        let quotient = |(ours, theirs): (&Option<f64>, &Option<f64>)| Some((*ours)? / (*theirs)?);
        let quotients = ours.iter().zip(theirs).filter_map(quotient);
        if let Some(spread) = Spread::of(quotients) {
            self.spread.ratios.insert(name, spread);
        }
    }
}

#[cfg(test)]
mod tests;
