//! What becomes of calls: scripted, or by chance from a seed.

use std::collections::VecDeque;
use std::time::Duration;

use super::MemoryOptions;

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Apply,
    /// Every write meets another writer, who has raised the version: a conflict.
    Conflict,
    /// It is answered `NotApplied`, truly.
    Refuse,
    /// It is applied and answered `Unknown`.
    LoseApplied,
    /// It is not applied and answered `Unknown`.
    LoseUnapplied,
    /// It is not applied and answered `Fatal`.
    Fail,
}

/// Decides, the same way for the same seed, script and calls.
#[derive(Debug)]
pub(super) struct Fates {
    options: MemoryOptions,
    chance: fastrand::Rng,
    script: VecDeque<Fate>,
}

impl Fates {
    pub(super) fn new(options: MemoryOptions) -> Self {
        let chance = fastrand::Rng::with_seed(options.seed);
        Self { options, chance, script: VecDeque::new() }
    }

    pub(super) fn script(&mut self, fate: Fate) {
        self.script.push_back(fate);
    }

    /// The fate of the next commit, and which of its writes meet another writer.
    pub(super) fn next(&mut self, writes: usize) -> (Fate, Vec<bool>) {
        match self.script.pop_front() {
            Some(fate) => (fate, vec![fate == Fate::Conflict; writes]),
            None => {
                let per_mille = self.options.conflicts_per_mille;
                let conflicts = (0..writes).map(|_| self.happens(per_mille)).collect();
                (self.by_chance(), conflicts)
            }
        }
    }

    fn by_chance(&mut self) -> Fate {
        let options = self.options;
        if self.happens(options.refusals_per_mille) {
            Fate::Refuse
        } else if self.happens(options.lost_applied_per_mille) {
            Fate::LoseApplied
        } else if self.happens(options.lost_unapplied_per_mille) {
            Fate::LoseUnapplied
        } else {
            Fate::Apply
        }
    }

    /// Whether a call other than a commit fails.
    pub(super) fn call_fails(&mut self) -> bool {
        self.happens(self.options.failures_per_mille)
    }

    /// Half of how long a call takes.
    pub(super) fn delay(&mut self) -> Duration {
        (self.options.delay_max / 2).mul_f64(self.chance.f64())
    }

    fn happens(&mut self, per_mille: u16) -> bool {
        self.chance.u16(0..1_000) < per_mille
    }
}
