//! What broken and hostile callers send, over the wire, to a real server: each is told what is
//! wrong with all of it, nothing of it is carried out, and the server goes on serving.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of it is tests")]

#[path = "bad_input/rig.rs"]
mod rig;

#[path = "bad_input/fields.rs"]
mod fields;
#[path = "bad_input/pages.rs"]
mod pages;
#[path = "bad_input/repeats.rs"]
mod repeats;
#[path = "bad_input/sizes.rs"]
mod sizes;
#[path = "bad_input/streams.rs"]
mod streams;
