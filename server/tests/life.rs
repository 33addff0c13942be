//! The life of a server, over real sockets: limits, time-outs and the drain.
//!
//! What answers here is a stub under the names of real methods, so that a test decides when a
//! call ends.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of it is tests")]

#[path = "life/drain.rs"]
mod drain;
#[path = "life/harness.rs"]
mod harness;
#[path = "life/limits.rs"]
mod limits;
#[path = "life/stub.rs"]
mod stub;
