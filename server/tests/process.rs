//! The process itself: exit codes, what it says, what it leaves behind, and its services.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of it is tests")]

#[path = "process/ending.rs"]
mod ending;
#[path = "process/failing.rs"]
mod failing;
#[path = "process/harness.rs"]
mod harness;
#[path = "process/many_streams.rs"]
mod many_streams;
#[path = "process/many_waiters.rs"]
mod many_waiters;
#[path = "process/reflection.rs"]
mod reflection;
#[path = "process/saying.rs"]
mod saying;
#[path = "process/serving.rs"]
mod serving;
