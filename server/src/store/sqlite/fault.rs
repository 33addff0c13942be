//! Faults that tests plant in the writer. Without a plan every question is one branch.

use std::fmt;
use std::sync::Arc;

use rusqlite::ffi;

/// Where the writer asks whether to fail.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// A transaction has begun; nothing is written yet.
    Begun,
    /// The renewals are written, and the handle on their table is still open.
    Renewed,
    /// Everything is written and nothing committed.
    Applied,
    /// In place of COMMIT.
    Committing,
    /// After COMMIT, before the answer.
    Committed,
    /// In place of ROLLBACK; any fault leaves the transaction open.
    RollingBack,
}

/// What happens there.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The writer panics.
    Panic,
    /// SQLite answers with this extended code.
    Code(i32),
}

/// Which faults to plant.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct FaultPlan(Option<Arc<dyn Fn(FaultPoint) -> Option<Fault> + Send + Sync>>);

impl FaultPlan {
    /// Asks `plan` at each point.
    pub fn new(plan: impl Fn(FaultPoint) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(plan)))
    }

    /// Fails here if the plan says so.
    pub(super) fn ask(&self, point: FaultPoint) -> rusqlite::Result<()> {
        match self.0.as_ref().and_then(|plan| plan(point)) {
            None => Ok(()),
            #[expect(clippy::panic, reason = "planted by a test to prove that a panic is survived")]
            Some(Fault::Panic) => panic!("planted at {point:?}"),
            Some(Fault::Code(code)) => {
                Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
            }
        }
    }
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "FaultPlan(planted)" } else { "FaultPlan(none)" })
    }
}
