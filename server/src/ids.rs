//! The one place where ids are made.

use std::fmt::Debug;

use ulid::Ulid;

/// Where new ids come from: chance, or a test.
pub trait IdSource: Debug + Send + Sync + 'static {
    /// An id that nobody has had.
    fn mint(&self) -> Ulid;
}

/// The time of day and chance.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn mint(&self) -> Ulid {
        Ulid::generate()
    }
}
