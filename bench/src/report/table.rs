//! A report for people.

use std::fmt::Write as _;

use super::{Comparison, Report};
use crate::machine::Machine;
use crate::statistics::Spread;

/// The lines of one figure. Writing to a string cannot fail.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = format!("\n{}: {}; ", report.figure, report.about);
    let _ = writeln!(text, "{} rounds of {:.1} s", report.rounds, report.window_s);
    let _ = writeln!(text, "  {:>14}  {}", "on", place(&report.machine));
    for comparison in std::iter::once(&report.main).chain(&report.also) {
        comparison_lines(&mut text, comparison);
    }
    for (who, cpu) in &report.cpu_s {
        let window_s = report.windows_s.get(who).copied().unwrap_or(report.window_s);
        let cores = [cpu.client, cpu.server, cpu.others].map(|used_s| used_s / window_s);
        let [client, server, others] = cores;
        let _ = write!(text, "  {:>14}  {who}: client {client:.2}, server {server:.2}", "cores");
        let _ = writeln!(text, ", other programs {others:.2}");
    }
    for (who, caveat) in &report.caveats {
        let _ = writeln!(text, "  {:>14}  {who}: {caveat}", "note");
    }
    for (who, why) in &report.missing {
        let _ = writeln!(text, "  {:>14}  {who}: {why}", "MISSING");
    }
    if report.disturbed {
        let _ = writeln!(text, "  {:>14}  by other programs; measure again", "DISTURBED");
    }
    let _ = writeln!(text, "  {:>14}  {}", "met", if report.met { "yes" } else { "NO" });
    text
}

/// Where a figure was measured.
pub fn place(machine: &Machine) -> String {
    format!(
        "{} cores, {}, synchronous={}, 4 KiB write + fdatasync p50 {:.3} ms",
        machine.cores, machine.filesystem, machine.synchronous, machine.fsync_p50_ms
    )
}

fn comparison_lines(text: &mut String, line: &Comparison) {
    if let Some(ours) = &line.spread.ours {
        let _ = writeln!(text, "  {:>14}  ours {}", line.unit, range(ours));
    }
    for peer in line.peers.keys() {
        let theirs = line.spread.peers.get(peer).map_or_else(|| "missing".to_owned(), range);
        let _ = write!(text, "  {:>14}  {peer} {theirs}", "");
        if let Some(Some(ratio)) = line.ratios.get(peer) {
            let _ = write!(text, "  ratio {}", ratio_text(*ratio));
            if let Some(within) = line.spread.ratios.get(peer) {
                let (min, max) = (ratio_text(within.min), ratio_text(within.max));
                let _ = write!(text, " ({min} to {max})");
            }
        }
        if let Some(reach) = line.reach.get(peer) {
            let sign = if line.better == "higher" { "at least" } else { "at most" };
            let _ = write!(text, "  to reach: {sign} {}", ratio_text(*reach));
            let ratio = line.ratios.get(peer).copied().flatten();
            let met = ratio.is_some_and(|ratio| {
                if line.better == "higher" { ratio >= *reach } else { ratio <= *reach }
            });
            text.push_str(if met { ", met" } else { ", NOT MET" });
        }
        text.push('\n');
    }
}

fn range(spread: &Spread) -> String {
    format!("{} ({} to {})", number(spread.median), number(spread.min), number(spread.max))
}

/// Two decimals, and more where they would be noughts.
fn ratio_text(ratio: f64) -> String {
    if ratio.abs() < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.2}") }
}

/// With thousands set apart if it is large, with three decimals if it is small.
pub fn number(value: f64) -> String {
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
