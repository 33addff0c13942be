//! The wire edge.

pub mod convert;
pub mod heartbeats;
pub mod page_token;
pub mod status;
