//! One file for each command: what it takes, what it asks, how it shows the answer.

pub mod admin;
pub mod cancel_takeover;
pub mod checkpoint;
pub mod clear;
pub mod completion;
pub mod context;
pub mod escalation;
pub mod exec;
pub mod fence;
pub mod gate;
pub mod handoff;
pub mod heartbeat;
pub mod history;
pub mod hold;
pub mod holder;
pub mod ledger;
pub mod list;
pub mod projection;
pub mod start;
pub mod status;
pub mod takeover;
pub mod version;
pub mod waiters;
pub mod waiting;
pub mod watch;
pub mod r#yield;
