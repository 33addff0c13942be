//! What a seed decides before anything happens: who takes part, and which misfortunes there are.
//!
//! A run has some of the misfortunes and not others. With all of them at once the rarer ones
//! would hide behind the more frequent.

use std::time::Duration;

use fastrand::Rng;
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenured::engine::Batching;
use tenured::store::memory::MemoryOptions;

/// The plan of one run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything else follows from.
    pub seed: u64,
    /// What the parties contend for.
    pub workspaces: Vec<Key>,
    /// How many keep to the contract of a holder.
    pub holders: usize,
    /// How many wait in line.
    pub waiters: usize,
    /// How many order others about.
    pub operators: usize,
    /// How many watch.
    pub watchers: usize,
    /// How long misfortunes go on. After that everything is well, and all must end well.
    pub storm: Duration,
    /// What happens on the network.
    pub weather: Weather,
    /// What happens to the server.
    pub mishaps: Mishaps,
    /// How unkind the store is.
    pub store: MemoryOptions,
    /// How the engine makes batches.
    pub batching: Batching,
    /// How fast the server's clocks go, in thousandths.
    pub server_rate_permille: u64,
}

/// What happens on the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Of a thousand messages, how many are lost.
    pub loses_per_mille: u32,
    /// Of a thousand calls, how many arrive twice.
    pub doubles_per_mille: u32,
    /// Of a thousand messages on a stream, how many are the last before it is cut.
    pub cuts_per_mille: u32,
    /// Of a thousand messages on a stream, after how many nothing more comes through, and
    /// nobody is told.
    pub silences_per_mille: u32,
    /// A message takes up to so long; messages of different calls overtake each other.
    pub delay_max: Duration,
}

/// What happens to the server and its machine, and to the processes of its clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mishaps {
    /// The server's process is killed and started again.
    pub crashes: bool,
    /// The server's process stands still for a while.
    pub stalls: bool,
    /// The server's machine sleeps for a while.
    pub suspends: bool,
    /// Somebody sets the server's wall clock.
    pub steps: bool,
    /// Clients stand still for a while.
    pub pauses: bool,
}

impl Plan {
    /// The plan that `seed` stands for.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let names = ["acme/api", "acme/web", "acme/jobs"];
        let workspaces = names[..rng.usize(1..=names.len())].iter().map(|name| key(name));
        let eager = Batching { items_max: 1 + rng.usize(..3), overlap_min: 1, ahead_min: 1 };
        Self {
            seed,
            workspaces: workspaces.collect(),
            holders: rng.usize(2..=6),
            waiters: rng.usize(0..=3),
            operators: rng.usize(0..=2),
            watchers: rng.usize(1..=3),
            storm: Duration::from_millis(rng.u64(4_000..12_000)),
            weather: Weather::drawn(&mut rng),
            mishaps: Mishaps::drawn(&mut rng),
            store: unkindness(&mut rng),
            batching: if rng.bool() { eager } else { Batching::default() },
            server_rate_permille: rng.u64(900..=1_100),
        }
    }
}

impl Plan {
    /// Whether the store only takes its time.
    #[must_use]
    pub fn has_kind_store(&self) -> bool {
        let MemoryOptions { seed, delay_max, .. } = self.store;
        self.store == MemoryOptions { seed, delay_max, ..MemoryOptions::default() }
    }
}

impl Weather {
    fn drawn(rng: &mut Rng) -> Self {
        let delays_ms = [2, 40, 400];
        Self {
            loses_per_mille: sometimes(rng, 150),
            doubles_per_mille: sometimes(rng, 250),
            cuts_per_mille: sometimes(rng, 60),
            silences_per_mille: sometimes(rng, 40),
            delay_max: Duration::from_millis(delays_ms[rng.usize(..delays_ms.len())]),
        }
    }

    /// A network without misfortunes.
    #[must_use]
    pub fn fair() -> Self {
        Self { delay_max: Duration::from_millis(2), ..Self::default() }
    }
}

impl Mishaps {
    fn drawn(rng: &mut Rng) -> Self {
        Self {
            crashes: rng.bool(),
            stalls: rng.bool(),
            suspends: rng.u8(..3) == 0,
            steps: rng.bool(),
            pauses: rng.bool(),
        }
    }
}

fn unkindness(rng: &mut Rng) -> MemoryOptions {
    let delay_max = Duration::from_millis(rng.u64(0..3) * 20);
    if rng.u8(..4) == 0 {
        return MemoryOptions { seed: rng.u64(..), delay_max, ..MemoryOptions::default() };
    }
    let mut share = |most: u32| u16::try_from(sometimes(rng, most)).unwrap_or_default();
    MemoryOptions {
        conflicts_per_mille: share(150),
        refusals_per_mille: share(60),
        lost_applied_per_mille: share(60),
        lost_unapplied_per_mille: share(60),
        failures_per_mille: share(60),
        seed: rng.u64(..),
        delay_max,
    }
}

fn sometimes(rng: &mut Rng, most: u32) -> u32 {
    if rng.bool() { rng.u32(1..=most) } else { 0 }
}

fn key(name: &str) -> Key {
    Key { workspace: WorkspaceName::imported(name), profile: ProfileName::default() }
}
