//! What reports say of turns whose outcome is known.

use super::table::{number, place};
use super::*;
use crate::figure::Figure;
use crate::measure::Sample;

fn machine() -> Machine {
    Machine { cores: 2, filesystem: "ext4".into(), synchronous: "FULL", fsync_p50_ms: 0.14 }
}

fn turn(contender: Contender, measure: Measure, value: f64) -> Turn {
    let cpu = CpuReading { client: 1.0, server: 3.0, others: 0.05 };
    Turn { contender, sample: Sample::new(2.0, cpu).with(measure, value) }
}

/// Three rounds of `stream`; who is first changes.
fn rounds(ours: [f64; 3], echo: [f64; 3]) -> Rounds {
    let mut turns = Vec::new();
    for (ours, echo) in ours.into_iter().zip(echo) {
        let mut round = [(Contender::Ours, ours), (Contender::Echo, echo)];
        if turns.len() % 4 == 2 {
            round.reverse();
        }
        turns.extend(round.map(|(who, value)| turn(who, Measure::BEATS_PER_S, value)));
    }
    Rounds { turns, missing: Vec::new() }
}

fn report(ours: [f64; 3], echo: [f64; 3]) -> Report {
    Report::of(Figure::Stream10k.plan(), &rounds(ours, echo), machine())
}

#[test]
fn a_ratio_is_the_quotient_of_the_medians() {
    let report = report([60.0, 70.0, 65.0], [100.0, 90.0, 110.0]);
    assert_eq!((report.main.ours, report.main.peers["echo"]), (Some(65.0), Some(100.0)));
    assert_eq!((report.main.ratios["echo"], report.rounds), (Some(0.65), 3));
}

#[test]
fn the_spread_of_a_ratio_is_within_rounds() {
    let report = report([60.0, 70.0, 65.0], [100.0, 140.0, 65.0]);
    let within = report.main.spread.ratios["echo"];
    assert_eq!((within.min, within.max), (0.5, 1.0));
    let ours = report.main.spread.ours;
    assert_eq!(ours, Some(Spread { median: 65.0, min: 60.0, max: 70.0 }));
}

#[test]
fn a_reach_is_met_at_its_very_value_and_not_below() {
    assert!(report([75.0; 3], [100.0; 3]).met);
    assert!(!report([74.9; 3], [100.0; 3]).met);
}

#[test]
fn a_latency_is_to_stay_below_its_reach() {
    let met = |ours: f64| {
        let turns = vec![
            turn(Contender::Ours, Measure::P99_MS, ours),
            turn(Contender::Echo, Measure::P99_MS, 1.0),
            turn(Contender::EtcdSaturated, Measure::P99_MS, 1_000.0),
        ];
        let rounds = Rounds { turns, missing: Vec::new() };
        Report::of(Figure::Paced.plan(), &rounds, machine()).met
    };
    assert!(met(3.0) && !met(3.1));
}

#[test]
fn an_absolute_limit_is_a_peer_that_never_changes() {
    let with = |kb: f64| {
        let turns = vec![turn(Contender::Ours, Measure::KB_PER_STREAM, kb)];
        let rounds = Rounds { turns, missing: Vec::new() };
        Report::of(Figure::Idle.plan(), &rounds, machine())
    };
    assert_eq!(with(3.0).main.ratios["limit"], Some(0.5));
    assert!(with(6.0).met && !with(6.1).met);
}

#[test]
fn who_is_missing_is_null_and_never_reached() {
    let mut rounds = rounds([1e9; 3], [1.0; 3]);
    rounds.missing.push((Contender::Redis, "redis-server is not installed".into()));
    let report = Report::of(Figure::Stream.plan(), &rounds, machine());
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["ratios"]["redis"].is_null() && json["peers"]["redis"].is_null());
    assert_eq!((&json["reach"]["redis"], &json["met"]), (&1.5.into(), &false.into()));
    assert_eq!(json["missing"]["redis"], "redis-server is not installed");
    let text = table(&report);
    assert!(text.contains("redis missing  to reach: at least 1.50, NOT MET"), "{text}");
    assert!(text.contains("MISSING  redis: redis-server is not installed"), "{text}");
}

#[test]
fn a_reach_beside_the_main_measure_counts_as_well() {
    let with = |p50_ms: f64| {
        let sample = |who, p50_ms| {
            let Turn { sample, .. } = turn(who, Measure::BEATS_PER_S, 100.0);
            Turn { contender: who, sample: sample.with(Measure::P50_MS, p50_ms) }
        };
        let turns = vec![
            sample(Contender::Ours, p50_ms),
            turn(Contender::EtcdCas, Measure::BEATS_PER_S, 50.0),
            turn(Contender::Fsync, Measure::P50_MS, 0.25),
        ];
        let rounds = Rounds { turns, missing: Vec::new() };
        Report::of(Figure::Single.plan(), &rounds, machine())
    };
    assert!(with(0.25).met && !with(0.26).met);
    assert_eq!(with(0.26).main.met, Some(true));
}

#[test]
fn one_disturbed_turn_disturbs_the_figure() {
    let disturbed = |others| {
        let mut rounds = rounds([60.0; 3], [100.0; 3]);
        rounds.turns[3].sample.cpu.others = others;
        Report::of(Figure::Stream10k.plan(), &rounds, machine()).disturbed
    };
    assert!(!disturbed(0.2));
    assert!(disturbed(0.3));
}

#[test]
fn the_json_line_has_the_fields_that_scripts_read() {
    let json = serde_json::to_value(report([60.0; 3], [100.0; 3])).unwrap();
    assert_eq!((&json["figure"], &json["unit"]), (&"stream_10k".into(), &"beats/s".into()));
    assert_eq!((&json["ours"], &json["peers"]["echo"]), (&60.0.into(), &100.0.into()));
    assert_eq!((&json["ratios"]["echo"], &json["reach"]["echo"]), (&0.6.into(), &0.75.into()));
    assert_eq!((&json["met"], &json["rounds"]), (&false.into(), &3.into()));
    assert_eq!(json["spread"]["ours"]["min"], 60.0);
    assert_eq!(json["cpu_s"]["ours"]["server"], 3.0);
    assert_eq!(json["machine"]["synchronous"], "FULL");
}

#[test]
fn the_table_shows_ratio_reach_and_cores() {
    let text = table(&report([60_000.0, 61_000.0, 59_000.0], [120_000.0; 3]));
    assert!(text.contains("10,000 streams on 10 connections; 3 rounds of 2.0 s"), "{text}");
    assert!(text.contains("ours 60,000.000") || text.contains("ours 60,000 (59,000"), "{text}");
    assert!(text.contains("ratio 0.50 (0.49 to 0.51)  to reach: at least 0.75, NOT MET"), "{text}");
    assert!(text.contains("client 0.50, server 1.50, other programs 0.03"), "{text}");
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
