//! Scores: how they rise and fall, who makes room, and when a session stalls.

use proptest::prelude::*;

use super::*;
use crate::testing::{A_WHILE, NOW, at, stream};

const HALF_LIFE: Span = HALF_LIFE_DEFAULT;

/// Touches in order, each at its instant.
fn touched(touches: &[(&str, u64)]) -> WorkStreams {
    let mut streams = WorkStreams::NONE;
    for (name, at_ms) in touches {
        let touch = streams.touch(&stream(name), at(*at_ms), HALF_LIFE);
        streams.apply(&touch);
    }
    streams
}

#[test]
fn touch_adds_one_and_a_half_life_halves() {
    let streams = touched(&[("a", NOW), ("a", NOW)]);
    let score = |after: Span| streams.best(LeaseInstant(NOW).after(after)).score;
    assert_eq!(score(Span::ZERO), Score(2 * Score::ONE.0));
    assert_eq!(score(HALF_LIFE), Score::ONE);
    assert_eq!(score(Span(4 * HALF_LIFE.0)), Score(Score::ONE.0 / 8));
    assert_eq!(score(Span(u64::MAX)), Score::ZERO);
    let half_way = score(A_WHILE).as_f64();
    assert!((half_way - 2_f64.sqrt()).abs() < 1e-8, "{half_way}");
}

#[test]
fn best_is_the_highest_now_and_ranked_begins_with_it() {
    let streams = touched(&[("old", NOW), ("old", NOW), ("new", NOW + 3 * HALF_LIFE.0)]);
    let best = |now| streams.best(LeaseInstant(now)).stream.unwrap();
    assert_eq!(best(NOW + 3 * HALF_LIFE.0), stream("new"));
    let ranked = streams.ranked(LeaseInstant(NOW + 3 * HALF_LIFE.0));
    assert_eq!(
        ranked.iter().map(|(_, each)| each.name.as_str()).collect::<Vec<_>>(),
        ["new", "old"]
    );
    assert_eq!(WorkStreams::NONE.best(LeaseInstant(0)), Best { score: Score::ZERO, stream: None });
}

#[test]
fn session_stalls_at_the_very_instant_at_which_the_best_score_is_under_a_quarter() {
    // One touch is worth exactly a quarter after two half-lives.
    let once = touched(&[("a", NOW)]);
    assert_eq!(once.stalls_at(), LeaseInstant(NOW + 2 * HALF_LIFE.0 + 1));
    let best = |at: u64| once.best(LeaseInstant(at)).score;
    assert!(
        best(once.stalls_at().0) < STALLED_UNDER && best(once.stalls_at().0 - 1) >= STALLED_UNDER
    );
    let twice = touched(&[("a", NOW), ("a", NOW), ("b", NOW + 1)]);
    assert_eq!(twice.stalls_at(), LeaseInstant(NOW + 3 * HALF_LIFE.0 + 1));
}

#[test]
fn one_stream_more_than_a_hundred_evicts_the_one_with_the_lowest_score() {
    let names: Vec<String> = (0..WORK_STREAMS_MAX).map(|number| format!("s{number}")).collect();
    // All but one are touched twice.
    let twice = names.iter().chain(names.iter().filter(|name| *name != "s42"));
    let touches: Vec<_> = twice.map(|name| (name.as_str(), NOW)).collect();
    let full = touched(&touches);
    assert_eq!(full.streams.len(), WORK_STREAMS_MAX);
    assert_eq!(full.touch(&stream("s1"), at(NOW), HALF_LIFE).evicted, None);
    let touch = full.touch(&stream("one more"), at(NOW), HALF_LIFE);
    assert_eq!(touch.evicted, Some(stream("s42")));
    let mut after = full;
    after.apply(&touch);
    assert_eq!(after.streams.len(), WORK_STREAMS_MAX);
    assert!(after.streams.iter().any(|each| each.name == stream("one more")));
}

#[test]
fn scores_survive_json() {
    let streams = touched(&[("a", NOW), ("b", NOW + 7)]);
    let json = serde_json::to_string(&streams).unwrap();
    assert_eq!(serde_json::from_str::<WorkStreams>(&json).unwrap(), streams);
}

proptest! {
    #[test]
    fn what_is_left_never_rises_with_time(
        score: u64, half_life: u64, elapsed: u64, more in 0..5_000_u64,
    ) {
        let (score, half_life) = (Score(score), Span(half_life % 10_000_000));
        let elapsed = Span(elapsed % 700_000_000);
        let later = Span(elapsed.0 + more);
        prop_assert!(score.after(later, half_life) <= score.after(elapsed, half_life));
        prop_assert!(score.after(elapsed, half_life) <= score);
    }

    #[test]
    fn what_is_left_is_what_mathematics_says(touches in 1..50_u32, elapsed in 0..20_000_000_u64) {
        let score = Score(Score::ONE.0 * u64::from(touches));
        let exact = f64::from(touches) * (-(elapsed as f64) / HALF_LIFE.0 as f64).exp2();
        let left = score.after(Span(elapsed), HALF_LIFE).as_f64();
        prop_assert!((left - exact).abs() < 1e-7, "{} for {}", left, exact);
    }

    #[test]
    fn stall_is_the_first_instant_at_which_no_score_reaches_a_quarter(
        touches in prop::collection::vec((0..6_u8, 0..2_000_000_u64), 1..30),
    ) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let mut now = NOW;
        let mut streams = WorkStreams::NONE;
        for (name, passed) in touches {
            now += passed;
            let touch = streams.touch(&stream(names[usize::from(name)]), at(now), HALF_LIFE);
            streams.apply(&touch);
            prop_assert!(touch.stalls_at > LeaseInstant(now));
            prop_assert!(streams.best(touch.stalls_at).score < STALLED_UNDER);
            let before = LeaseInstant(touch.stalls_at.0 - 1);
            prop_assert!(streams.best(before).score >= STALLED_UNDER);
        }
    }

    #[test]
    fn no_number_is_too_large(score: u64, bound: u64, elapsed: u64, half_life: u64, now: u64) {
        let (score, half_life) = (Score(score), Span(half_life));
        prop_assert!(score.after(Span(elapsed), half_life) <= score);
        prop_assert!(score.touched() >= score);
        let fall = score.falls_under(Score(bound), half_life);
        prop_assert!(fall == Span(u64::MAX) || score.after(fall, half_life) < Score(bound));
        let stored = WorkStream { name: stream("a"), score, touched_at: at(now) };
        let streams = WorkStreams { half_life, streams: vec![stored] };
        let touch = streams.touch(&stream("b"), at(elapsed), Span(bound));
        prop_assert_eq!(touch.stream.score, Score::ONE);
    }
}
