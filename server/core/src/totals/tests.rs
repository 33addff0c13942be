//! Every field is summed, nothing overflows, and the size stays bounded.

use super::*;
use crate::testing::{Scene, at, give_up, person, usage};
use crate::time::WallTime;

fn ended(beats: u64, held_ms: u64, usage: Option<Usage>) -> LedgerEntry {
    let done = Scene::with(person()).done(give_up(None));
    let started_at = at(1_000).wall;
    let ended_at = WallTime(started_at.0.saturating_add(held_ms));
    LedgerEntry { beats, started_at, ended_at, usage, ..done.sealed()[0].clone() }
}

fn totals(entries: &[LedgerEntry]) -> Totals {
    let mut totals = Totals::default();
    entries.iter().for_each(|entry| totals.add(entry));
    totals
}

#[test]
fn nothing_comes_to_nothing() {
    assert_eq!(totals(&[]), Totals::default());
}

#[test]
fn every_field_is_summed_on_its_own() {
    let first = Usage {
        output_tokens: 2,
        cost_microunits: 3,
        wall_time: Some(Span(4)),
        ..usage(1, &[("calls", 5), ("files", 6)])
    };
    let second = Usage {
        output_tokens: 20,
        cost_microunits: 30,
        wall_time: Some(Span(40)),
        ..usage(10, &[("calls", 50), ("tests", 70)])
    };
    let all = [ended(7, 100, Some(first)), ended(8, 200, None), ended(9, 300, Some(second))];
    let both = Usage {
        output_tokens: 22,
        cost_microunits: 33,
        wall_time: Some(Span(44)),
        ..usage(11, &[("calls", 55), ("files", 6), ("tests", 70)])
    };
    let expected = Totals { sessions: 3, beats: 24, held: Span(600), usage: both };
    assert_eq!(totals(&all), expected);
    let [a, b, c] = all;
    assert_eq!(totals(&[c, a, b]), expected, "in any order");
}

#[test]
fn work_time_that_nobody_reported_stays_absent() {
    let counted = totals(&[ended(1, 1, Some(usage(1, &[]))), ended(1, 1, None)]);
    assert_eq!(counted.usage.wall_time, None);
}

#[test]
fn an_end_before_the_start_by_a_stepped_wall_clock_counts_as_no_time() {
    let backwards = LedgerEntry { ended_at: WallTime(0), ..ended(1, 0, None) };
    assert_eq!(totals(&[backwards, ended(1, 5, None)]).held, Span(5));
}

#[test]
fn sums_at_their_limits_saturate() {
    let most = Usage {
        output_tokens: u64::MAX,
        cost_microunits: u64::MAX,
        wall_time: Some(Span(u64::MAX)),
        ..usage(u64::MAX, &[("calls", u64::MAX)])
    };
    let entry = ended(u64::MAX, u64::MAX, Some(most.clone()));
    let twice = totals(&[entry.clone(), entry]);
    assert_eq!((twice.sessions, twice.beats, twice.usage), (2, u64::MAX, most));
}

#[test]
fn only_the_first_counters_by_name_are_kept_and_their_sums_are_whole() {
    let names: Vec<String> = (0..COUNTERS_SUMMED_MAX + 40).map(|n| format!("c{n:04}")).collect();
    let one_each = |names: &mut dyn Iterator<Item = &String>| -> Vec<LedgerEntry> {
        names.map(|name| ended(0, 0, Some(usage(0, &[(name, 2)])))).collect()
    };
    let forwards = [one_each(&mut names.iter()), one_each(&mut names.iter())].concat();
    let backwards = [one_each(&mut names.iter().rev()), one_each(&mut names.iter())].concat();
    let kept = totals(&forwards);
    assert_eq!(kept, totals(&backwards), "in any order");
    let expected: Vec<(&str, u64)> =
        names.iter().take(COUNTERS_SUMMED_MAX).map(|name| (name.as_str(), 4)).collect();
    assert_eq!(kept.usage.counters, usage(0, &expected).counters);
}
