//! Why watches and listings of events are refused, or end.

use crate::store::StoreError;

/// Why a watch or a listing of events cannot begin or go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WatchError {
    /// The cursor belongs to another log.
    #[error("the cursor belongs to another event log")]
    LogReplaced {
        /// The oldest place of this log that can be continued from.
        oldest: u64,
    },
    /// The cursor lies after everything that was ever written.
    #[error("the cursor lies after the newest event, {newest}")]
    Ahead {
        /// The newest sequence.
        newest: u64,
    },
    /// Retention has removed events after the cursor.
    #[error("events after the cursor have been removed")]
    Compacted {
        /// The oldest place that can be continued from.
        oldest: u64,
    },
    /// The reader did not take its updates in time.
    #[error("the watcher reads too slowly")]
    Lagged,
    /// The engine has stopped.
    #[error("the server is stopping")]
    Stopping,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}
