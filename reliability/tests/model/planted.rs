//! Bugs that are planted, each to be caught by the rule that it breaks; and the bounds of what is
//! promised, just beyond which the promise fails.

use tenure_reliability::model::checking::{explore, look_for};
use tenure_reliability::model::config::Config;
use tenure_reliability::model::configs::{self, Bounds, SLOWEST};
use tenure_reliability::model::mutant::Mutant;
use tenure_reliability::model::rule::Rule;

use super::told;

/// The rule finds the bug.
fn caught(config: Config, rule: Rule) {
    let found = look_for(config, rule);
    let states = found.states;
    assert!(found.violation(rule).is_some(), "{}: {rule} holds in {states} states", found.name);
}

fn planted(config: fn(Bounds) -> Config, mutant: Mutant, rule: Rule) {
    caught(config(Bounds::Small).with(mutant), rule);
}

/// The stop rule leaves a third of the lease: at two thirds of the server's rate a client's clock
/// is just fast enough, which `clocks_drift` shows; one millisecond in a tick less is too slow.
#[test]
fn a_clock_slower_than_two_thirds_of_the_servers_breaks_the_promise() {
    let config = configs::drift_by(Bounds::Small, SLOWEST - 1);
    caught(config, Rule::NotBeforeStopWorkAfter);
}

/// With clocks that go alike, even a holder that stops at the expiry stops in time: the third is
/// there for drift and for nothing else.
#[test]
fn stopping_at_the_expiry_is_late_only_where_clocks_drift() {
    let exact = configs::contend(Bounds::Small).with(Mutant::StopsAtExpiry);
    let found = explore(exact);
    assert!(found.broken.is_empty(), "{}", told(&found));
    planted(configs::drift, Mutant::StopsAtExpiry, Rule::NotBeforeStopWorkAfter);
}

/// Boot grace is for holders that come back; who stops in time is not harmed by its absence.
#[test]
fn a_server_without_boot_grace_breaks_that_promise_and_no_other() {
    planted(configs::crash, Mutant::NoBootGrace, Rule::BootGrace);
    let config = configs::crash(Bounds::Small).with(Mutant::NoBootGrace);
    let found = explore(Config { unchecked: Rule::BootGrace.into(), ..config });
    assert!(found.broken.is_empty(), "{}", told(&found));
}

#[test]
fn counting_from_the_answer_is_caught() {
    planted(configs::contend, Mutant::CountsFromTheAnswer, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn a_clock_that_sleeps_is_caught() {
    planted(configs::pauses, Mutant::ClockSleeps, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn believing_after_a_loss_is_caught() {
    planted(configs::supersede, Mutant::BelievesAfterLoss, Rule::LossIsFinal);
}

#[test]
fn a_yield_that_names_no_session_is_caught() {
    planted(configs::supersede, Mutant::YieldsWithoutSession, Rule::NotAnothersSession);
}

#[test]
fn a_join_that_promises_boot_grace_is_caught() {
    planted(configs::crash, Mutant::JoinPromisesGrace, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn a_takeover_before_the_expiry_is_caught() {
    planted(configs::contend, Mutant::TakeoverBeforeExpiry, Rule::AnsweredExpiryHolds);
    planted(configs::drift, Mutant::TakeoverBeforeExpiry, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn a_transfer_before_its_deadline_is_caught() {
    planted(configs::force, Mutant::TransferBeforeDeadline, Rule::AnsweredExpiryHolds);
}

#[test]
fn beats_answered_beyond_a_deadline_are_caught() {
    planted(configs::force, Mutant::AnswersWithoutDeadline, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn superseding_under_the_old_session_id_is_caught() {
    planted(configs::supersede, Mutant::SupersedeKeepsSessionId, Rule::NotAnothersSession);
}

#[test]
fn repeats_that_tell_what_is_gone_are_caught() {
    planted(configs::repeats, Mutant::RepeatTellsWhatIsGone, Rule::RepeatGrantsNothingGone);
}

#[test]
fn repeats_that_act_are_caught() {
    planted(configs::repeats, Mutant::RepeatActs, Rule::ActsOnce);
}

#[test]
fn beats_that_revive_are_caught() {
    planted(configs::supersede, Mutant::BeatRevives, Rule::NeverRevived);
}

#[test]
fn revisions_that_begin_anew_are_caught() {
    for rule in [Rule::TokensRise, Rule::OneLiveTenure, Rule::OldTokenRefused] {
        planted(configs::supervise, Mutant::RevisionBeginsAnew, rule);
    }
}

#[test]
fn a_clock_that_jumps_at_boot_is_caught() {
    planted(configs::crash, Mutant::ClockJumpsAtBoot, Rule::NotBeforeStopWorkAfter);
}

#[test]
fn writes_that_are_not_compared_are_caught() {
    planted(configs::pauses, Mutant::TokensNotCompared, Rule::NoOlderWriteAfterNewer);
}
