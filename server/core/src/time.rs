//! Instants and durations. Two time lines exist and never mix: the *lease clock*, on which
//! everything is judged, and *wall time*, which is only shown.
//!
//! All of them count milliseconds; all arithmetic saturates, because the numbers may come from
//! a damaged or hostile store.

use serde::{Deserialize, Serialize};

/// A reading of the lease clock, in milliseconds. In a new store it begins at
/// [`LeaseInstant::ORIGIN`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LeaseInstant(pub u64);

impl LeaseInstant {
    /// Where the lease clock of a new store begins: 2^39 ms, some 17 years, so that instants
    /// before the store was created can be told apart, such as those of imported records. It
    /// leaves as many years until an instant needs more than 40 bits, which stores may care
    /// about.
    pub const ORIGIN: Self = Self(1 << 39);

    /// Earlier than anything that happened while the clock ran, also in a store whose clock
    /// began at zero.
    pub const BEFORE_THE_CLOCK: Self = Self(0);

    /// How long the clock has run: since [`Self::ORIGIN`], or since zero in a store from before
    /// there was one.
    #[must_use]
    pub const fn since_it_began(self) -> Span {
        match self.0.checked_sub(Self::ORIGIN.0) {
            Some(ran_ms) => Span(ran_ms),
            None => Span(self.0),
        }
    }

    /// The instant `span` earlier, or the first one.
    #[must_use]
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The instant `span` later, or the largest one.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long it is from `earlier` to `self`; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A wall-clock reading, in milliseconds since the Unix epoch. For display, the ledger and
/// event times; never for a decision.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(pub u64);

impl WallTime {
    /// The instant `span` later, or the largest one.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The instant `span` earlier, or the epoch.
    #[must_use]
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long it is from `earlier` to `self`; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }
}

/// Both readings of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// What decisions are judged on.
    pub lease: LeaseInstant,
    /// What people are shown.
    pub wall: WallTime,
}

impl Moment {
    /// The wall time at which the lease clock reads `instant`, as far as this moment can tell.
    #[must_use]
    pub const fn wall_at(&self, instant: LeaseInstant) -> WallTime {
        if instant.0 >= self.lease.0 {
            self.wall.after(instant.since(self.lease))
        } else {
            self.wall.before(self.lease.since(instant))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_run_since_its_origin_or_since_zero_where_it_began_there() {
        let old = LeaseInstant(5_000);
        assert_eq!(old.since_it_began(), Span(5_000));
        assert_eq!(LeaseInstant::ORIGIN.after(Span(7)).since_it_began(), Span(7));
    }
}
