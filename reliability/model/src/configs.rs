//! The models: each about one thing, as small as it can be and still say something about it.

use tenure_core::time::Span;

use super::config::{Config, Forces, Process};
use super::rule::Rules;

/// How large the models are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bounds {
    /// As the tests run them.
    Small,
    /// For when there is time.
    Large,
}

/// A multiple of three milliseconds, so that two thirds of a lease are whole.
const TICK: Span = Span(3_000);
/// As many milliseconds of a client whose clock goes as the server's.
const EXACT: u64 = TICK.0;
/// The slowest client clock for which the promise holds: two thirds of the server's.
pub const SLOWEST: u64 = TICK.0 * 2 / 3;

const ANN: Process = Process { actor: 0, supersedes: false, takes_over: false, repeats_max: 0 };
const BOB: Process = Process { actor: 1, supersedes: false, takes_over: true, repeats_max: 0 };

const fn repeating(process: Process, repeats_max: u8) -> Process {
    Process { repeats_max, ..process }
}

/// What all models begin with: nothing happens but starts, takeovers, beats and lost streams.
fn base(bounds: Bounds, name: &'static str, about: &'static str, processes: &[Process]) -> Config {
    let large = bounds == Bounds::Large;
    Config {
        name,
        about,
        processes: processes.to_vec(),
        tick: TICK,
        ttl_ticks: 3,
        client_tick_ms: vec![EXACT],
        tenures_max: 3,
        tries_max: 2,
        questions_max: if large { 2 } else { 1 },
        joins: false,
        cuts: true,
        duplicates: false,
        stops: false,
        suspends: false,
        writes: false,
        crashes_max: 0,
        supervisor: false,
        plain_starts_max: 0,
        forces: None,
        mutant: None,
        unchecked: Rules::NONE,
    }
}

/// Two actors want one workspace.
#[must_use]
pub fn contend(bounds: Bounds) -> Config {
    Config {
        joins: true,
        ..base(bounds, "contend", "two actors, one of which takes stale leases over", &[ANN, BOB])
    }
}

/// Clocks that go slower and faster than the server's.
#[must_use]
pub fn drift(bounds: Bounds) -> Config {
    drift_by(bounds, SLOWEST)
}

/// The same with another slowest clock.
#[must_use]
pub fn drift_by(bounds: Bounds, slowest_ms: u64) -> Config {
    let about = "client clocks that go at two thirds to four thirds of the server's, in any order";
    Config {
        client_tick_ms: vec![slowest_ms, TICK.0 * 4 / 3],
        tries_max: if bounds == Bounds::Large { 2 } else { 1 },
        ..base(bounds, "drift", about, &[ANN, BOB])
    }
}

/// Paused and suspended holders, and what tokens are for.
#[must_use]
pub fn pauses(bounds: Bounds) -> Config {
    let about =
        "holders that are stopped or suspended, also between a look at the clock and a write";
    Config {
        stops: true,
        suspends: true,
        writes: true,
        tries_max: 1,
        ..base(bounds, "pauses", about, &[ANN, BOB])
    }
}

/// Requests that are repeated, late and doubled.
#[must_use]
pub fn repeats(bounds: Bounds) -> Config {
    let large = u8::from(bounds == Bounds::Large);
    let (ann, bob) = (repeating(ANN, 1), repeating(BOB, large));
    let about = "requests that are repeated, late, doubled, and lost";
    Config {
        duplicates: true,
        tenures_max: if bounds == Bounds::Large { 3 } else { 2 },
        cuts: false,
        tries_max: 1,
        ..base(bounds, "repeats", about, &[ann, bob])
    }
}

/// Two processes of one actor, one of which supersedes the other.
#[must_use]
pub fn supersede(bounds: Bounds) -> Config {
    let large = bounds == Bounds::Large;
    let newer = Process { supersedes: true, ..ANN };
    Config {
        writes: true,
        plain_starts_max: 1,
        joins: true,
        cuts: large,
        tries_max: 1,
        ..base(
            bounds,
            "supersede",
            "two processes of one actor, the newer supersedes",
            &[ANN, newer],
        )
    }
}

/// Forced takeover, at once and with grace.
#[must_use]
pub fn force(bounds: Bounds) -> Config {
    let large = bounds == Bounds::Large;
    let forces =
        Forces { successor: 1, graces: vec![0, 1, 4], at_most: 1 + u8::from(large), cancels: true };
    let about = "an operator takes over by force: at once, with too short a grace, with enough";
    Config { forces: Some(forces), tries_max: 1, ..base(bounds, "force", about, &[ANN, BOB]) }
}

/// A second process of the owner, and a second forced takeover, while a transfer is pending.
#[must_use]
pub fn force_again(bounds: Bounds) -> Config {
    let newer = Process { supersedes: true, ..ANN };
    let forces =
        Forces { successor: 2, graces: vec![1, 4], at_most: 2, cancels: bounds == Bounds::Large };
    Config {
        forces: Some(forces),
        supervisor: true,
        tries_max: 1,
        tenures_max: if bounds == Bounds::Large { 3 } else { 2 },
        cuts: bounds == Bounds::Large,
        ..base(
            bounds,
            "force-again",
            "what else happens while a transfer is pending",
            &[ANN, newer],
        )
    }
}

/// The supervisor clears and yields.
#[must_use]
pub fn supervise(bounds: Bounds) -> Config {
    let large = bounds == Bounds::Large;
    Config {
        supervisor: true,
        writes: true,
        cuts: large,
        tries_max: 1,
        ..base(bounds, "supervise", "a supervisor clears and yields", &[ANN, BOB])
    }
}

/// The server dies and boots, and holders come back to it.
#[must_use]
pub fn crash(bounds: Bounds) -> Config {
    let large = bounds == Bounds::Large;
    Config {
        crashes_max: 2,
        joins: true,
        tries_max: 1,
        tenures_max: if large { 3 } else { 2 },
        questions_max: if large { 2 } else { 1 },
        ..base(bounds, "crash", "the server dies twice, and boots with grace", &[ANN, BOB])
    }
}

/// The server dies, and requests are repeated to it.
#[must_use]
pub fn crash_repeats(bounds: Bounds) -> Config {
    let large = bounds == Bounds::Large;
    let (ann, bob) = (repeating(ANN, 1), repeating(BOB, u8::from(large)));
    let about = "the server dies twice, and requests are repeated";
    Config {
        crashes_max: 2,
        tries_max: 1,
        tenures_max: if bounds == Bounds::Large { 3 } else { 2 },
        cuts: false,
        ..base(bounds, "crash-repeats", about, &[ann, bob])
    }
}

/// The same with leases longer than the longest grace.
#[must_use]
pub fn crash_long(bounds: Bounds) -> Config {
    let tick = Span::from_secs(30);
    Config { name: "crash-long", tick, client_tick_ms: vec![tick.0], ..crash(bounds) }
}

/// The server dies while a transfer is pending.
#[must_use]
pub fn crash_force(bounds: Bounds) -> Config {
    let forces = Forces { successor: 1, graces: vec![1, 4], at_most: 1, cancels: false };
    Config {
        forces: Some(forces),
        crashes_max: 1,
        tries_max: 1,
        ..base(bounds, "crash-force", "the server dies while a transfer is pending", &[ANN, BOB])
    }
}

/// All of them.
#[must_use]
pub fn all(bounds: Bounds) -> Vec<Config> {
    let makers: [fn(Bounds) -> Config; 12] = [
        contend,
        drift,
        pauses,
        repeats,
        supersede,
        force,
        force_again,
        supervise,
        crash,
        crash_repeats,
        crash_long,
        crash_force,
    ];
    makers.iter().map(|make| make(bounds)).collect()
}
