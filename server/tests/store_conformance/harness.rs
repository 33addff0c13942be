//! How a test gets a store, and gets the same one again.

use tempfile::TempDir;
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::store::{Acquired, Store};

/// A place where one store's data lives, whoever opens it.
pub trait Harness {
    /// The store.
    type Opened: Store;

    /// A place where nothing is stored.
    fn empty() -> Self;

    /// Opens what is stored there. The store that was opened before must be closed or dropped.
    fn open(&self) -> Self::Opened;
}

/// A file in a folder of its own.
pub struct Sqlite(pub TempDir);

impl Harness for Sqlite {
    type Opened = SqliteStore;

    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.path().join("tenure.db"), SqliteOptions::default()).unwrap()
    }
}

/// A new store, acquired, with the place that it lives in.
pub async fn acquired<H: Harness>() -> (H, H::Opened, Acquired) {
    let harness = H::empty();
    let store = harness.open();
    let acquired = store.acquire().await.unwrap();
    (harness, store, acquired)
}

/// Data in memory, kept by a view that nobody uses.
pub struct Memory(pub MemoryStore);

impl Harness for Memory {
    type Opened = MemoryStore;

    fn empty() -> Self {
        Self(MemoryStore::new(MemoryOptions::default()))
    }

    fn open(&self) -> MemoryStore {
        self.0.another(MemoryOptions::default())
    }
}
