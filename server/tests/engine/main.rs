//! The engine over the store in memory, on simulated time: what is answered is durable, faults
//! of the store lose and double nothing, and time is charged as promised.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test cannot do without ends it"
)]

mod ahead;
mod commits;
mod deletions;
mod imports;
mod loading;
mod machines;
mod repeats;
mod retention;
mod streams;
mod surroundings;
mod times;
mod unkind_waits;
mod waits;
mod world;
