//! Wire to domain and domain to wire, one file a subject.
//!
//! Guarantees: whatever a request holds, a converter answers with a command or with *every*
//! violation at once, and never panics; nothing that a caller has set is dropped in silence.
//! What is shown carries instants as wall time, projected from the lease clock.
//!
//! Must not know: the engine, the store, a [`tonic::Status`].

pub mod beat;
pub mod choice;
pub mod ending;
pub mod escalation;
pub mod event;
pub mod fence;
pub mod forced;
pub mod gate;
pub mod handoff;
pub mod holder;
pub mod import;
pub mod ledger;
pub mod ledger_list;
pub mod list;
pub mod machine;
pub mod machines;
pub mod once;
pub mod projection;
pub mod refusal;
pub mod report;
pub mod session;
pub mod start;
pub mod takeover;
pub mod text;
pub mod time;
pub mod transfer;
pub mod violation;
pub mod wait;
pub mod work;
pub mod workspaces;

#[cfg(test)]
pub(in crate::grpc) mod samples;
#[cfg(test)]
pub(in crate::grpc) mod tests;
