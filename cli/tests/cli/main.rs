//! The command line from outside: what it takes, what it shows, how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on shall fail"
)]

mod answers;
mod fence;
mod forced;
mod granting;
mod hold;
mod ledger;
mod machine;
mod plain;
mod scripted;
mod streams;
mod terminal;
mod work;
