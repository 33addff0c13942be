//! The short form of the simulation, and the proof that it can fail.

use clap::ValueEnum as _;
use tenure_reliability::simulation::campaign::{self, Found};
use tenure_reliability::simulation::{Mutant, simulate};

/// As many seeds as the shortest form may have.
const SEEDS: u64 = 2_000;
/// Within so many seeds each planted fault is found.
const SEEDS_FOR_A_MUTANT: u64 = 1_000;
/// So many seeds are run twice.
const SEEDS_TWICE: u64 = 100;

#[test]
fn no_seed_violates_anything_and_together_they_meet_everything() {
    let totals = match campaign::campaign(0, SEEDS, Mutant::None, |_| {}).unwrap() {
        Ok(totals) => totals,
        Err(Found { seed, violation }) => panic!(
            "seed {seed}: {violation}\nrepeat it: \
             cargo run -p tenure-reliability -- simulate --seed {seed}"
        ),
    };
    assert_eq!(totals.runs, SEEDS);
    for (what, times) in totals.each() {
        assert!(times >= 20, "{what}: {times} times in {SEEDS} runs\n{totals}");
    }
    for (what, times) in [("beats", totals.beats), ("crashes", totals.crashes)] {
        assert!(times >= SEEDS / 4, "{what}: {times} times in {SEEDS} runs\n{totals}");
    }
}

#[test]
fn a_seed_repeats_exactly() {
    let mut digests = Vec::new();
    for seed in 0..SEEDS_TWICE {
        let [once, again] = [(); 2].map(|()| simulate(seed, Mutant::None, false).unwrap().digest);
        assert_eq!(once, again, "seed {seed}");
        digests.push(once);
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len() as u64, SEEDS_TWICE, "each seed is a run of its own");
}

#[test]
fn every_planted_fault_is_found() {
    for mutant in Mutant::all() {
        let name = mutant.to_possible_value().unwrap().get_name().to_owned();
        let found = campaign::campaign(0, SEEDS_FOR_A_MUTANT, mutant, |_| {}).unwrap();
        let Err(Found { seed, .. }) = found else {
            panic!("{name} is not found by {SEEDS_FOR_A_MUTANT} seeds");
        };
        let again = simulate(seed, mutant, false).unwrap();
        assert!(again.verdict.is_err(), "{name} is found again by seed {seed}");
    }
}
