//! What holds whatever is asked, by whom and when: random sequences of commands, passing time,
//! restarts, imports and deletions, checked after every step.
//!
//! `PROPTEST_CASES` scales the number of sequences; the default is twice proptest's own.

#[cfg(test)]
mod around;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod imported;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod log;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod resolve;
#[cfg(test)]
mod world;

use proptest::collection::vec;
use proptest::proptest;
use proptest::test_runner::Config;

/// The most steps of one sequence; two thirds of them are commands.
const STEPS_MAX: usize = 100;

fn config() -> Config {
    let default = Config::default();
    Config { cases: default.cases.saturating_mul(2), ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rules_hold_for_any_sequence_of_steps(steps in vec(ops::step(), 1..=STEPS_MAX)) {
        let mut world = world::World::new();
        for step in &steps {
            world.take(step);
        }
    }

    #[test]
    fn nothing_panics_at_numeric_limits(case in limits::case()) {
        limits::run(&case);
    }
}

/// Sequences that never get anywhere would prove nothing.
#[test]
fn sequences_reach_every_outcome() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    let wanted = [
        "started",
        "refreshed",
        "Beat",
        "Joined",
        "TakenOver",
        "installed",
        "scheduled",
        "TransferCancelled",
        "Yielded",
        "Cleared",
        "end Replaced",
        "end Cleared",
        "end Yielded",
        "end TakenOver",
        "end ForceTakenOver",
        "end Superseded",
        "transfer completed by time",
        "transfer completed by its holder",
        "expiry recorded",
        "grant lapsed",
        "deleted",
        "boot grace",
        "repeat told",
        "repeat refused",
        "refused LeaseHeld",
        "refused StaleLeaseHeld",
        "refused InteractiveSessionActive",
        "refused AutonomousSessionActive",
        "refused StaleAutonomousSession",
        "refused NotAutonomous",
        "refused NotHolder",
        "refused SessionMismatch",
        "refused LeaseExpired",
        "refused LeaseNotStale",
        "refused LeaseIncomplete",
        "refused TakeoverSameActor",
        "refused MachineCordoned",
        "refused RevisionMismatch",
        "refused NotAuthorizedToClear",
        "refused NoSession",
        "refused NoTransfer",
        "refused ActorRequired",
        "refused NoSuchEscalation",
        "refused NoSuchGate",
        "refused QuotaExceeded(Escalations)",
        "refused QuotaExceeded(ClientSections)",
        "EscalationRaised",
        "EscalationResolved",
        "Gates",
        "HandoffPut",
        "imported",
        "already imported",
        "session kept",
        "refused QuotaExceeded(ImportedEscalations)",
        "logged STATE_IMPORTED",
        "Registered",
        "refused WorkspaceNotRegistered",
        "refused WorkspaceInUse",
        "logged ESCALATIONS_CLEARED",
        "logged GATES_CLEARED",
        "logged SESSION_STALLED",
        "logged SESSION_RESUMED",
        "blocked beat",
        "found a checkpoint",
    ];
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..600 {
        let steps = vec(ops::step(), STEPS_MAX).new_tree(&mut runner).unwrap().current();
        let mut world = world::World::new();
        steps.iter().for_each(|step| world.take(step));
        seen.extend(world.outcomes);
        if wanted.iter().all(|outcome| seen.contains(*outcome)) {
            return;
        }
    }
    let missing: Vec<_> = wanted.iter().filter(|outcome| !seen.contains(**outcome)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}
