//! The models of the lease protocol in their short form: each is explored to its end, takes
//! every row of the tables that it is there for, and catches the bugs that are planted in it.

#[path = "model/planted.rs"]
mod planted;

use std::collections::BTreeSet;

use tenure_reliability::model::checking::{Found, explore};
use tenure_reliability::model::config::Config;
use tenure_reliability::model::configs::{self, Bounds};
use tenure_reliability::model::tally::Row;

/// A model, and the rows that it is there for.
type Covers = (fn(Bounds) -> Config, &'static [Row]);

const CONTEND: Covers = (
    configs::contend,
    &[
        Row::StartOfNothing,
        Row::StartMeetsOtherProcess,
        Row::StartMeetsOtherActor,
        Row::StartMeetsStaleOfOther,
        Row::StartReplacesOwnStale,
        Row::BeatRenews,
        Row::TakeoverOfStale,
        Row::TakeoverOfNothing,
        Row::TakeoverOfLive,
        Row::TakeoverBySameActor,
        Row::YieldByOwner,
        Row::YieldOfStale,
        Row::YieldOfNothing,
        Row::ExpiryRecorded,
    ],
);
const DRIFT: Covers = (
    configs::drift,
    &[Row::BeatRenews, Row::TakeoverOfStale, Row::LostByItsOwnClock, Row::AnswerCameTooLate],
);
const PAUSES: Covers = (
    configs::pauses,
    &[
        Row::LostByItsOwnClock,
        Row::LostWhileStopped,
        Row::LostWhileSuspended,
        Row::HolderGoesOn,
        Row::WriteAccepted,
        Row::WriteOfOldTenureRefused,
    ],
);
const REPEATS: Covers =
    (configs::repeats, &[Row::RepeatTold, Row::RepeatOfEnded, Row::RepeatOfStale]);
const SUPERSEDE: Covers = (
    configs::supersede,
    &[
        Row::StartRefreshes,
        Row::StartSupersedes,
        Row::BeatSessionMismatch,
        Row::BeatExpired,
        Row::JoinAnswered,
        Row::JoinRefused,
        Row::YieldSessionMismatch,
        Row::CutShortBySupersede,
        Row::LostByPush,
        Row::LostByRefusal,
    ],
);
const FORCE: Covers = (
    configs::force,
    &[
        Row::BeatRenewsUpToDeadline,
        Row::BeatOfNothing,
        Row::BeatNotHolder,
        Row::TakeoverWhileTransferPends,
        Row::ForcedAtOnce,
        Row::ForcedOfStale,
        Row::ForcedScheduled,
        Row::ForcedCancelled,
        Row::TransferAtDeadline,
        Row::TransferAtExpiry,
        Row::TransferAtYield,
        Row::CutShortByForce,
        Row::CutShortByShortGrace,
        Row::YieldAsked,
    ],
);
const FORCE_AGAIN: Covers = (
    configs::force_again,
    &[Row::ForcedAgain, Row::SupersedeWhileTransferPends, Row::TransferBySupervisor],
);
const SUPERVISE: Covers = (
    configs::supervise,
    &[Row::YieldBySupervisor, Row::ClearBySupervisor, Row::CutShortBySupervisor],
);
const CRASH: Covers =
    (configs::crash, &[Row::BootWithRunningLease, Row::BootBehindTheCrash, Row::JoinAnswered]);
const CRASH_REPEATS: Covers = (
    configs::crash_repeats,
    &[Row::BootWithRunningLease, Row::RepeatTold, Row::RepeatOfEnded, Row::RepeatOfStale],
);
const CRASH_LONG: Covers =
    (configs::crash_long, &[Row::BootWithRunningLease, Row::BootBehindTheCrash]);
const CRASH_FORCE: Covers = (configs::crash_force, &[Row::TransferAfterBoot]);

const ALL: [&Covers; 12] = [
    &CONTEND,
    &DRIFT,
    &PAUSES,
    &REPEATS,
    &SUPERSEDE,
    &FORCE,
    &FORCE_AGAIN,
    &SUPERVISE,
    &CRASH,
    &CRASH_REPEATS,
    &CRASH_LONG,
    &CRASH_FORCE,
];

fn told(found: &Found) -> String {
    let ways = found
        .broken
        .iter()
        .map(|broken| format!("{} is broken:\n  {}", broken.rule, broken.steps.join("\n  ")));
    ways.collect::<Vec<_>>().join("\n")
}

/// Every promise holds in every state, and the model is not too small to say so.
fn holds((config, rows): &Covers) {
    let found = explore(config(Bounds::Small));
    assert!(found.broken.is_empty(), "{}", told(&found));
    assert!(found.complete, "{} was not explored to its end", found.name);
    for row in *rows {
        assert!(found.times(*row) > 0, "{}: {row:?} was never reached", found.name);
    }
}

#[test]
fn two_actors_contend() {
    holds(&CONTEND);
}

#[test]
fn clocks_drift() {
    holds(&DRIFT);
}

#[test]
fn holders_pause() {
    holds(&PAUSES);
}

#[test]
fn requests_are_repeated() {
    holds(&REPEATS);
}

#[test]
fn one_process_supersedes_another() {
    holds(&SUPERSEDE);
}

#[test]
fn an_operator_forces() {
    holds(&FORCE);
}

#[test]
fn much_happens_while_a_transfer_pends() {
    holds(&FORCE_AGAIN);
}

#[test]
fn a_supervisor_clears_and_yields() {
    holds(&SUPERVISE);
}

#[test]
fn the_server_dies() {
    holds(&CRASH);
}

#[test]
fn the_server_dies_while_requests_are_repeated() {
    holds(&CRASH_REPEATS);
}

#[test]
fn the_server_dies_under_leases_longer_than_the_grace() {
    holds(&CRASH_LONG);
}

#[test]
fn the_server_dies_while_a_transfer_pends() {
    holds(&CRASH_FORCE);
}

#[test]
fn every_row_is_in_some_model_and_every_model_is_tested() {
    let rows: BTreeSet<_> = ALL.iter().flat_map(|(_, rows)| rows.iter()).collect();
    let missing: Vec<_> = Row::ALL.iter().filter(|row| !rows.contains(row)).collect();
    assert!(missing.is_empty(), "no model is there for {missing:?}");
    let tested: Vec<_> = ALL.iter().map(|(config, _)| config(Bounds::Small).name).collect();
    let all: Vec<_> = configs::all(Bounds::Small).iter().map(|config| config.name).collect();
    assert_eq!(tested, all);
}
