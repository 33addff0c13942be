//! What surrounds a session, over the wire, on a real server with a store in a file: each call
//! does what it says, each limit holds at itself and one past it, and nothing of what is refused
//! is stored.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of it is tests")]

#[path = "surroundings/rig.rs"]
mod rig;

#[path = "surroundings/beats.rs"]
mod beats;
#[path = "surroundings/escalations.rs"]
mod escalations;
#[path = "surroundings/gates.rs"]
mod gates;
#[path = "surroundings/handoffs.rs"]
mod handoffs;
#[path = "surroundings/imports.rs"]
mod imports;
#[path = "surroundings/machines.rs"]
mod machines;
#[path = "surroundings/projection.rs"]
mod projection;
#[path = "surroundings/streams.rs"]
mod streams;
#[path = "surroundings/waits.rs"]
mod waits;
#[path = "surroundings/workspaces.rs"]
mod workspaces;
