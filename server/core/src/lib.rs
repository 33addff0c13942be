//! The rules of the lease service, as pure functions.
//!
//! [`settle`](settle::settle) brings a workspace up to the present, [`decide`](decide::decide)
//! answers a command, [`evolve`](evolve::evolve) applies the changes that a decision lists. The
//! engine, the property tests and every model of the service use these same three functions.
//!
//! Guarantees: the functions are total (no panic for any input), they change nothing but what
//! they return, and equal inputs give equal outputs.
//!
//! Must not know: clocks, randomness, tasks, databases, the wire. The present instant, the
//! principal and newly minted ids come in through [`context::Context`].

pub mod r#await;
pub mod change;
pub mod checkpoint;
pub mod command;
pub mod content;
pub mod context;
pub mod decide;
pub mod escalation;
pub mod event;
pub mod evolve;
pub mod expiry;
pub mod fence;
pub mod gate;
pub mod handoff;
pub mod hint;
pub mod ledger;
pub mod legacy;
pub mod machine;
pub mod name;
pub mod parts;
pub mod projection;
pub mod refusal;
pub mod registration;
pub mod replay;
pub mod reply;
pub mod section;
pub mod session;
pub mod settle;
pub mod stall;
pub mod surroundings;
pub mod time;
pub mod timing;
pub mod totals;
pub mod usage;
pub mod work_stream;
pub mod workspace;

mod clear;
mod forced_takeover;
mod heartbeat;
mod mint;
mod report;
mod seal;
mod start;
mod takeover;
mod transition;
mod r#yield;

#[cfg(test)]
mod testing;
