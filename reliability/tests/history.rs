//! Real concurrent histories of the real server are linearizable, and the checker sees it when
//! they are not. The long form is `cargo run --release -p tenure-reliability -- history`.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenure_reliability::history::record::{Call, Told};
use tenure_reliability::history::search::Verdict;
use tenure_reliability::history::unguarded::SharedStore;
use tenure_reliability::history::{
    Plan, Seen, StoreKind, check, evidence, history, lines, only_changes, run_one,
};
use tenured::store::Store;
use tenured::store::memory::MemoryOptions;

/// How many runs a store gets.
const RUNS: u64 = 2;
/// How many calls a run makes.
const CALLS: usize = 1_500;

/// What a history is worth little without, and how often it has to happen in the runs of one
/// store: far less often than it does.
const AT_LEAST: [(&str, u64); 14] = [
    ("StartSession done", 50),
    ("Heartbeat done", 50),
    ("TakeOverSession done", 2),
    ("TakeOverSession ERROR_REASON_LEASE_NOT_STALE", 20),
    ("ForceTakeOverSession done", 20),
    ("CancelForcedTakeover done", 3),
    ("YieldSession done", 5),
    ("ClearSession done", 5),
    ("GetSession done", 100),
    ("CheckFence done", 50),
    ("RaiseEscalation done", 20),
    ("Heartbeat ERROR_REASON_LEASE_EXPIRED", 1),
    ("lost", 50),
    ("lost, and took effect", 10),
];

fn the_store_is_linearizable(kind: StoreKind) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..RUNS {
        let plan = Plan::new(seed, CALLS);
        let (_, seen) = run_one(&plan, kind).unwrap();
        refute(&seen, seed);
        for (what, count) in seen.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    for (what, least) in AT_LEAST {
        let count = counts.get(what).copied().unwrap_or_default();
        assert!(count >= least, "{what}: only {count} of {least}; all: {counts:#?}");
    }
}

fn refute(seen: &Seen, seed: u64) {
    let folder = std::env::temp_dir();
    let leave = |broken| evidence::leave(broken, seed, &folder).unwrap();
    let told: Vec<_> = seen.broken.iter().map(leave).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn histories_on_sqlite_are_linearizable() {
    the_store_is_linearizable(StoreKind::Sqlite);
}

#[test]
fn histories_on_a_store_that_loses_answers_are_linearizable() {
    the_store_is_linearizable(StoreKind::Memory);
}

/// The calls that have changed something in a run of two servers on one store, and how many
/// takeovers the store let through against their guard.
fn of_two_servers(seed: u64, takeovers_are_guarded: bool) -> (Vec<Call>, u64) {
    let options =
        MemoryOptions { seed, delay_max: Duration::from_millis(4), ..MemoryOptions::default() };
    let stores = SharedStore::for_two(options, takeovers_are_guarded);
    let plan = Plan { losses: false, plain: true, workspaces: 3, ..Plan::new(seed, 1_500) };
    let servers = stores.iter().map(|store| Arc::clone(store) as Arc<dyn Store>).collect();
    let calls = history(&plan, servers).unwrap();
    (only_changes(calls), stores[0].forced_through())
}

#[test]
fn a_takeover_without_the_version_guard_is_caught() {
    // By chance none may meet another writer in one run.
    let caught = (0..5).find_map(|seed| {
        let (calls, forced_through) = of_two_servers(seed, false);
        let seen = check(&calls, 2).unwrap();
        (forced_through > 0).then_some((forced_through, seen))
    });
    let (forced_through, seen) = caught.expect("a takeover that met another writer");
    let first = seen.broken.first();
    let first = first.unwrap_or_else(|| panic!("{forced_through} of them were not seen"));
    assert!(matches!(first.verdict, Verdict::NotLinearizable(_)), "{:?}", first.verdict);
    let told = evidence::told(first, 0).unwrap();
    assert!(told.contains("NOT LINEARIZABLE") && told.contains("None of these"), "{told}");
}

#[test]
fn the_same_two_servers_with_the_guard_are_linearizable() {
    let (calls, forced_through) = of_two_servers(0, true);
    assert_eq!(forced_through, 0);
    refute(&check(&calls, 2).unwrap(), 0);
}

#[test]
fn a_history_that_was_altered_is_refuted_and_can_be_checked_again_from_its_lines() {
    let plan = Plan { losses: false, ..Plan::new(7, 400) };
    let (calls, seen) = run_one(&plan, StoreKind::Memory).unwrap();
    refute(&seen, 7);
    // The last beat is told what the first one was.
    let done = |call: &&Call| matches!(call.told, Told::Done(_)) && call.asked.rpc() == "Heartbeat";
    let first = calls.iter().find(done).unwrap();
    let mut altered = calls.clone();
    let last = altered.iter_mut().rev().find(|call| done(&&**call)).unwrap();
    last.told = first.told.clone();
    let again = lines::read(&lines::written(&altered).unwrap()).unwrap();
    assert_eq!(again.len(), calls.len());
    assert_eq!(check(&again, 1).unwrap().broken.len(), 1);
}
