//! What reports say of turns whose outcome is known.

use std::time::Duration;

use super::*;
use crate::load::Outcome;

fn machine() -> Machine {
    Machine { cores: 2, filesystem: "ext4".into(), synchronous: "FULL", fsync_p50_ms: 0.14 }
}

fn turn(contender: Contender, beats_per_s: f64, latencies_ms: &[u64]) -> Turn {
    let latencies = latencies_ms.iter().copied().map(Duration::from_millis).collect();
    let cpu = CpuReading { client: 1.0, server: 3.0, others: 0.5 };
    let outcome = Outcome { beats_per_s, latencies, missed: 0, window_s: 2.0, cpu };
    Turn { contender, outcome }
}

/// Three repetitions; who is first changes.
fn turns(ours: [f64; 3], echo: [f64; 3]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (ours, echo) in ours.into_iter().zip(echo) {
        turns.push(turn(Contender::Ours, ours, &[]));
        turns.push(turn(Contender::Echo, echo, &[]));
        let last = turns.len() - 1;
        if turns.len() % 4 == 0 {
            turns.swap(last - 1, last);
        }
    }
    turns
}

#[test]
fn a_ratio_is_the_quotient_of_the_medians() {
    let report =
        Report::of(Figure::Stream, &turns([60.0, 70.0, 65.0], [100.0, 90.0, 110.0]), machine());
    assert_eq!((report.main.ours, report.main.peers["echo"]), (65.0, 100.0));
    assert_eq!(report.main.ratios["echo"], 0.65);
    assert_eq!(report.runs, 3);
}

#[test]
fn the_spread_of_a_ratio_is_within_repetitions() {
    let report =
        Report::of(Figure::Stream, &turns([60.0, 70.0, 65.0], [100.0, 140.0, 65.0]), machine());
    let within = report.main.spread.ratios["echo"];
    assert_eq!((within.min, within.max), (0.5, 1.0));
    assert_eq!(report.main.spread.ours, Spread { median: 65.0, min: 60.0, max: 70.0 });
}

#[test]
fn a_reach_is_met_at_its_very_value_and_not_below() {
    let met = |ours| {
        let report = Report::of(Figure::Stream, &turns([ours; 3], [100.0; 3]), machine());
        report.met
    };
    assert_eq!(met(60.0), Some(true));
    assert_eq!(met(59.9), Some(false));
}

#[test]
fn a_rate_is_also_told_by_what_it_cost() {
    let report = Report::of(Figure::Stream, &turns([60.0; 3], [100.0; 3]), machine());
    // 60 a second for 2 s, in 4 processor seconds.
    assert_eq!((report.also[0].unit, report.also[0].ours), ("beats/cpu s", 30.0));
}

#[test]
fn one_disturbed_turn_disturbs_the_figure() {
    let disturbed = |others| {
        let mut turns = turns([60.0; 3], [100.0; 3]);
        for turn in &mut turns {
            turn.outcome.cpu.others = 0.0;
        }
        turns[3].outcome.cpu.others = others;
        Report::of(Figure::Stream, &turns, machine()).disturbed
    };
    assert!(!disturbed(0.2));
    assert!(disturbed(0.3));
}

#[test]
fn nothing_is_met_where_nothing_was_to_be_reached() {
    let report = Report::of(Figure::Batch, &turns([1.0; 3], [100.0; 3]), machine());
    assert_eq!((report.met, report.reach.len()), (None, 0));
}

#[test]
fn a_latency_figure_is_better_when_lower() {
    let turns = [
        turn(Contender::Ours, 10_000.0, &[1, 2, 3, 9]),
        turn(Contender::Echo, 10_000.0, &[1, 1, 1, 1]),
    ];
    let report = Report::of(Figure::Paced, &turns, machine());
    assert_eq!((report.main.unit, report.main.better), ("p50 ms", "lower"));
    assert_eq!((report.main.ours, report.main.ratios["echo"]), (2.0, 2.0));
    assert_eq!((report.also[0].unit, report.also[0].ours), ("p99 ms", 9.0));
}

#[test]
fn the_json_line_has_the_fields_that_scripts_read() {
    let report = Report::of(Figure::Stream, &turns([60.0; 3], [100.0; 3]), machine());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["figure"], "stream");
    assert_eq!(json["unit"], "beats/s");
    assert_eq!(json["ours"], 60.0);
    assert_eq!(json["peers"]["echo"], 100.0);
    assert_eq!(json["ratios"]["echo"], 0.6);
    assert_eq!(json["reach"]["echo"], 0.6);
    assert_eq!(json["met"], true);
    assert_eq!(json["spread"]["ours"]["min"], 60.0);
    assert_eq!(json["runs"], 3);
    assert_eq!(json["cpu_s"]["ours"]["server"], 3.0);
    assert_eq!(json["shape"]["in_flight_per_stream"], 1);
    assert_eq!(json["machine"]["synchronous"], "FULL");
}

#[test]
fn a_latency_that_was_not_recorded_is_null() {
    let report = Report::of(Figure::Paced, &turns([60.0; 3], [100.0; 3]), machine());
    assert!(serde_json::to_value(&report).unwrap()["ours"].is_null());
}

#[test]
fn the_table_shows_ratio_reach_and_cores() {
    let turns = turns([60_000.0, 61_000.0, 59_000.0], [120_000.0; 3]);
    let text = table(&Report::of(Figure::Stream, &turns, machine()));
    assert!(text.contains("1000 streams on 10 connections"), "{text}");
    assert!(text.contains("ours 60,000 (59,000 to 61,000)"), "{text}");
    assert!(text.contains("ratio 0.500"), "{text}");
    assert!(text.contains("0.60 of echo: NOT MET"), "{text}");
    assert!(text.contains("client 0.50, server 1.50, other programs 0.25"), "{text}");
}

#[test]
fn a_table_says_how_durable_and_how_dear() {
    let text = place(&machine());
    assert_eq!(text, "2 cores, ext4, synchronous=FULL, 4 KiB write + fdatasync p50 0.140 ms");
}

#[test]
fn large_numbers_have_their_thousands_apart() {
    assert_eq!(number(1_234_567.4), "1,234,567");
    assert_eq!(number(999.0), "999.000");
    assert_eq!(number(0.0444), "0.044");
}
