//! What one stream says and how its answers are checked: the part of a load that differs from
//! one service to another.
//!
//! Must not know: sockets, clocks, tasks. Instants are arguments.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::lane::Lane;

/// Why a run cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The answers of a stream do not agree with what was sent.
    #[error("{0}")]
    Wrong(String),
    /// The stream ended.
    #[error("a stream ended while it was measured: {status}")]
    Ended {
        /// How.
        status: String,
    },
}

/// One stream's half of a conversation.
pub trait Dialogue: fmt::Debug + Send + Unpin + Sized + 'static {
    /// What is sent.
    type Request: fmt::Debug + Send + Sync + Unpin + 'static;
    /// What is answered.
    type Response: fmt::Debug + Send + Unpin + 'static;

    /// The messages that the stream begins with, before anything is measured.
    fn openings(&self) -> Vec<Self::Request>;

    /// Enters an answer to the openings; whether all that was opened has been answered.
    ///
    /// # Errors
    /// Any [`Breach`].
    fn opened(&mut self, response: &Self::Response) -> Result<bool, Breach>;

    /// The next message, unless too much is unanswered. `at` is when it was to be sent; absent if
    /// nobody asks how long answers take.
    fn next_message(&mut self, at: Option<Instant>) -> Option<Self::Request>;

    /// Enters an answer, tells `took` how long messages took of which it completes the answer,
    /// and returns how many beats it acknowledges.
    ///
    /// # Errors
    /// Any [`Breach`].
    fn enter(
        &mut self,
        response: &Self::Response,
        took: &mut dyn FnMut(Duration),
    ) -> Result<u64, Breach>;

    /// Opens the stream.
    fn call(
        channel: Channel,
        lane: Lane<Self>,
    ) -> impl Future<Output = Result<Streaming<Self::Response>, Status>> + Send;
}
