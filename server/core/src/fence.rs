//! Fence checks: whether a token is that of the current, live tenure.
//!
//! Advice, not a lock: the answer is about the instant of the clock that it was given. Whatever
//! must not be touched by a former holder compares tokens itself.

use crate::context::Clock;
use crate::session::FencingToken;
use crate::workspace::Tenure;

/// What a fence check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fence {
    /// Whether the token is that of the stored session, and the session is live.
    pub current: bool,
    /// The token of the stored session, live or stale; absent when none is stored.
    pub stored: Option<FencingToken>,
    /// Whether the stored session is stale.
    pub stale: bool,
}

impl Fence {
    /// Checks `token` against what is stored at `clock`; no tenure is a workspace that nobody
    /// has ever started.
    #[must_use]
    pub fn check(tenure: Option<&Tenure>, token: FencingToken, clock: &Clock) -> Self {
        let Some(tenure) = tenure else { return Self::default() };
        let stored = tenure.session.as_ref().map(|session| session.token);
        let stale = tenure.is_stale(clock);
        Self { current: stored == Some(token) && !stale, stored, stale }
    }
}

#[cfg(test)]
mod tests;
