//! How often what happened: a run that meets nothing proves nothing.

use std::fmt;
use std::ops::AddAssign;

macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// How often what happened.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64),* }

        impl AddAssign<&Self> for Totals {
            fn add_assign(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl Totals {
            /// Each by its name.
            #[must_use]
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

totals! {
    /// Runs.
    runs,
    /// Batches that became durable.
    batches,
    /// Events logged.
    events,
    /// Sessions minted.
    sessions,
    /// Sessions refreshed.
    refreshes,
    /// Beats that were acknowledged.
    beats,
    /// Leases that ran out.
    expiries,
    /// Sessions that ended as `replaced`.
    replaced,
    /// Sessions that ended as `cleared`.
    cleared,
    /// Sessions that ended as `yielded`.
    yielded,
    /// Sessions that ended as `taken_over`.
    taken_over,
    /// Sessions that ended as `force_taken_over`.
    force_taken_over,
    /// Sessions that ended as `superseded`.
    superseded,
    /// Grants that nobody claimed.
    lapsed,
    /// Sessions that ended while their holder believed in them, for a listed cause.
    cut_short,
    /// Forced takeovers that were scheduled.
    transfers,
    /// Workspaces that were deleted.
    deletions,
    /// Escalations, gates and handoffs that changed.
    surroundings,
    /// Calls that were made.
    calls,
    /// Calls whose answer was lost.
    lost_answers,
    /// Calls that arrived twice.
    doubled,
    /// Answers that repeated an earlier one.
    replays,
    /// Refusals.
    refusals,
    /// Answers of a store that could not.
    store_failures,
    /// Waits that were granted.
    granted,
    /// Waits that were given up.
    departed,
    /// Pushes that a session is lost or expired.
    final_pushes,
    /// Holders that stopped because no answer came in time.
    stopped_by_clock,
    /// Heartbeat streams that broke.
    broken_streams,
    /// Watches that broke and went on.
    resumed_watches,
    /// Events that watchers were told.
    watched,
    /// Fence checks of old tokens.
    fence_checks,
    /// Servers killed.
    crashes,
    /// Servers cut off that went on alone until another one took their place.
    usurped,
    /// Servers started.
    boots,
    /// Times that the server stood still.
    stalls,
    /// Times that the server's machine slept.
    suspends,
    /// Times that the wall clock was set.
    steps,
    /// Times that a client stood still.
    pauses,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.each() {
            writeln!(f, "{count:>12}  {}", name.replace('_', " "))?;
        }
        Ok(())
    }
}
