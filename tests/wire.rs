//! The client and the holder over the wire, against a server that fails on demand.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "wire/calls.rs"]
mod calls;
#[path = "wire/fault_server.rs"]
mod fault_server;
#[path = "wire/holding.rs"]
mod holding;
#[path = "wire/losing.rs"]
mod losing;
#[path = "wire/proxy.rs"]
mod proxy;
#[path = "wire/service.rs"]
mod service;
#[path = "wire/streams.rs"]
mod streams;
#[path = "wire/world.rs"]
mod world;
