//! Watches, history and fence checks over the wire, on a real engine and both stores.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is tests")]

#[path = "watch/rig.rs"]
mod rig;

#[path = "watch/churn.rs"]
mod churn;
#[path = "watch/cursors.rs"]
mod cursors;
#[path = "watch/ends.rs"]
mod ends;
#[path = "watch/fences.rs"]
mod fences;
#[path = "watch/history.rs"]
mod history;
#[path = "watch/ledger.rs"]
mod ledger;
