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

pub mod change;
pub mod command;
pub mod context;
pub mod decide;
pub mod event;
pub mod evolve;
pub mod expiry;
pub mod hint;
pub mod ledger;
pub mod name;
pub mod refusal;
pub mod replay;
pub mod reply;
pub mod session;
pub mod settle;
pub mod time;
pub mod workspace;

mod clear;
mod forced_takeover;
mod heartbeat;
mod mint;
mod seal;
mod start;
mod takeover;
mod r#yield;

#[cfg(test)]
mod testing;
