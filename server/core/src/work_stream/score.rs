//! A score that decays, in fixed point.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// The bits behind the point of a [`Score`], and those of a half-life that count.
const FRACTION_BITS: u32 = 32;
/// After so many half-lives nothing is left of any score.
const HALF_LIVES_MAX: u64 = 64;

/// A score: at least zero, with 32 bits behind the point. It saturates.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Score(pub u64);

/// At place `i` the factor of 2^-(i+1) half-lives, as a fraction of 2^64: each is the square
/// root of the one before, rounded down, and the first is that of a half.
const FACTORS: [u64; FRACTION_BITS as usize] = {
    let mut factors = [0; FRACTION_BITS as usize];
    let mut factor: u128 = 1 << 63;
    let mut place = 0;
    while place < factors.len() {
        factor = (factor << 64).isqrt();
        factors[place] = factor as u64;
        place += 1;
    }
    factors
};

impl Score {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What one touch adds.
    pub const ONE: Self = Self(1 << FRACTION_BITS);
    /// A quarter of a touch.
    pub const ONE_QUARTER: Self = Self(Self::ONE.0 / 4);

    /// The score after one more touch.
    #[must_use]
    pub const fn touched(self) -> Self {
        Self(self.0.saturating_add(Self::ONE.0))
    }

    /// What is left after `elapsed`. Never rises with it. A half-life of nothing is one of 1 ms.
    #[must_use]
    pub fn after(self, elapsed: Span, half_life: Span) -> Self {
        let half_life = half_life.0.max(1);
        let halves = elapsed.0 / half_life;
        if halves >= HALF_LIVES_MAX {
            return Self::ZERO;
        }
        let part = u128::from(elapsed.0 % half_life);
        let part = (part << FRACTION_BITS) / u128::from(half_life);
        let mut left = u128::from(self.0);
        let mut factor = u128::from(u64::MAX);
        for (place, &each) in FACTORS.iter().enumerate() {
            if part >> (FRACTION_BITS as usize - 1 - place) & 1 == 1 {
                factor = (factor * u128::from(each)) >> 64;
            }
        }
        if part != 0 {
            left = (left * factor) >> 64;
        }
        Self(u64::try_from(left >> halves).unwrap_or(u64::MAX))
    }

    /// The shortest time after which less than `bound` is left; the longest there is if `bound`
    /// is nothing.
    #[must_use]
    pub fn falls_under(self, bound: Self, half_life: Span) -> Span {
        let mut under = half_life.0.max(1).saturating_mul(HALF_LIVES_MAX);
        if self.after(Span(under), half_life) >= bound {
            return Span(u64::MAX);
        }
        let mut not_under = 0;
        if self.after(Span::ZERO, half_life) < bound {
            return Span::ZERO;
        }
        while under - not_under > 1 {
            let middle = not_under + (under - not_under) / 2;
            if self.after(Span(middle), half_life) < bound {
                under = middle;
            } else {
                not_under = middle;
            }
        }
        Span(under)
    }

    /// The score as a number, for display.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a score is shown with fewer digits")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::ONE.0 as f64
    }
}
