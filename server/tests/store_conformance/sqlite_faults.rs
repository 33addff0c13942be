//! Faults planted in the writer: after each the store works on, or says that it does not.

use std::sync::{Arc, Mutex};

use rusqlite::ffi;
use tempfile::TempDir;
use tenure_core::surroundings::Surroundings;
use tenured::store::sqlite::{Fault, FaultPlan, FaultPoint, SqliteOptions, SqliteStore};
use tenured::store::{CommitError, Epoch, Outcome, RowId, Store, StoreError, Upkeep, Version};

use crate::sample::{apply, batch, beat, create, created, loaded, ordinary};
use crate::surrounding::{a_little, every_part, put, surrounded};

/// Faults that are met once each, at their points, when a test has armed them.
#[derive(Clone, Default)]
struct Planted(Arc<Mutex<Vec<(FaultPoint, Fault)>>>);

impl Planted {
    fn arm(&self, faults: &[(FaultPoint, Fault)]) {
        self.0.lock().unwrap().extend_from_slice(faults);
    }

    fn plan(&self) -> FaultPlan {
        let armed = Arc::clone(&self.0);
        FaultPlan::new(move |point| {
            let mut armed = armed.lock().unwrap();
            let place = armed.iter().position(|(at, _)| *at == point)?;
            Some(armed.remove(place).1)
        })
    }

    fn all_met(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

struct Rig {
    folder: TempDir,
    store: SqliteStore,
    planted: Planted,
    epoch: Epoch,
    row: RowId,
}

/// A store with one workspace `a` at version 1, and nothing armed yet.
async fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let planted = Planted::default();
    let options = SqliteOptions { faults: planted.plan(), ..SqliteOptions::default() };
    let store = SqliteStore::open(folder.path().join("tenure.db"), options).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    Rig { folder, store, planted, epoch, row }
}

impl Rig {
    /// Commits a beat of `a` from version 1 with everything around it, a new workspace `b` and
    /// an event.
    async fn commit(&self) -> Result<(), CommitError> {
        let mut other = create("b");
        other.events = vec![ordinary("b", 1)];
        let writes = vec![put("a", self.row, 1, every_part(), a_little(0)), other];
        self.store.commit(batch(self.epoch, writes)).await.map(drop)
    }

    async fn assert_nothing_applied(&self) {
        assert!(self.planted.all_met());
        assert_eq!(loaded(&self.store, "a").await.unwrap().version, Version(1));
        assert_eq!(surrounded(&self.store, "a").await, Surroundings::default());
        assert_eq!(loaded(&self.store, "b").await, None);
    }

    async fn assert_works_on(&self) {
        let committed =
            apply(&self.store, self.epoch, vec![beat("a", self.row, 1), create("c")]).await;
        assert!(matches!(committed.outcomes[1], Outcome::Applied { .. }));
        assert_eq!(loaded(&self.store, "a").await.unwrap().version, Version(2));
    }
}

#[tokio::test]
async fn an_error_before_commit_leaves_nothing_and_the_store_works_on() {
    for point in [FaultPoint::Begun, FaultPoint::Applied] {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_READ] {
            let rig = rig().await;
            rig.planted.arm(&[(point, Fault::Code(code))]);
            let error = rig.commit().await.unwrap_err();
            assert!(matches!(error, CommitError::NotApplied(_)), "{point:?} {code}: {error:?}");
            rig.assert_nothing_applied().await;
            rig.assert_works_on().await;
        }
    }
}

#[tokio::test]
async fn a_panic_before_commit_leaves_nothing_and_the_store_works_on() {
    for point in [FaultPoint::Begun, FaultPoint::Applied] {
        let rig = rig().await;
        rig.planted.arm(&[(point, Fault::Panic)]);
        let error = rig.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::NotApplied(_)), "{point:?}: {error:?}");
        rig.assert_nothing_applied().await;
        rig.assert_works_on().await;
    }
}

#[tokio::test]
async fn a_panic_during_commit_is_unknown_and_a_read_tells() {
    let rig = rig().await;
    rig.planted.arm(&[(FaultPoint::Committing, Fault::Panic)]);
    assert!(matches!(rig.commit().await, Err(CommitError::Unknown(_))));
    rig.assert_nothing_applied().await;

    rig.planted.arm(&[(FaultPoint::Committed, Fault::Panic)]);
    assert!(matches!(rig.commit().await, Err(CommitError::Unknown(_))));
    assert_eq!(loaded(&rig.store, "a").await.unwrap().version, Version(2));
    assert_eq!(surrounded(&rig.store, "a").await, a_little(0));
    assert!(loaded(&rig.store, "b").await.is_some());
}

#[tokio::test]
async fn a_full_disk_at_commit_leaves_nothing() {
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
        let rig = rig().await;
        rig.planted.arm(&[(FaultPoint::Committing, Fault::Code(code))]);
        let error = rig.commit().await.unwrap_err();
        assert!(
            matches!(error, CommitError::NotApplied(StoreError::Unavailable(_))),
            "{code}: {error:?}"
        );
        rig.assert_nothing_applied().await;
        rig.assert_works_on().await;
    }
}

#[tokio::test]
async fn an_error_of_commit_that_says_nothing_is_unknown() {
    for (point, version) in [(FaultPoint::Committing, 1), (FaultPoint::Committed, 2)] {
        let rig = rig().await;
        rig.planted.arm(&[(point, Fault::Code(ffi::SQLITE_INTERNAL))]);
        let error = rig.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Unknown(_)), "{error:?}");
        assert_eq!(loaded(&rig.store, "a").await.unwrap().version, Version(version));
    }
}

#[tokio::test]
async fn a_failed_sync_is_fatal_and_nothing_is_written_afterwards() {
    let points = [
        (FaultPoint::Applied, ffi::SQLITE_IOERR_FSYNC),
        (FaultPoint::Committing, ffi::SQLITE_IOERR_FSYNC),
        (FaultPoint::Committed, ffi::SQLITE_IOERR_WRITE),
        (FaultPoint::Committing, ffi::SQLITE_CORRUPT),
    ];
    for (point, code) in points {
        let rig = rig().await;
        rig.planted.arm(&[(point, Fault::Code(code))]);
        let error = rig.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Fatal(_)), "{point:?} {code}: {error:?}");
        let again = rig.store.commit(batch(rig.epoch, Vec::new())).await.unwrap_err();
        assert!(matches!(again, CommitError::Fatal(_)), "{again:?}");
        rig.store.acquire().await.unwrap_err();
        // It was not closed in good order, so that the next start verifies it.
        rig.store.close().await.unwrap_err();
        let file = rusqlite::Connection::open(rig.folder.path().join("tenure.db")).unwrap();
        let in_use: i64 = file.query_row("SELECT in_use FROM meta", [], |row| row.get(0)).unwrap();
        assert_eq!(in_use, 1);
        let lock = std::fs::read_to_string(rig.folder.path().join("tenure.db.lock")).unwrap();
        assert_eq!(lock.lines().count(), 1, "nobody vouches for it: {lock:?}");
    }
}

#[tokio::test]
async fn a_connection_that_cannot_roll_back_is_replaced() {
    for fault in [Fault::Code(ffi::SQLITE_FULL), Fault::Panic] {
        let rig = rig().await;
        let cannot_roll_back = (FaultPoint::RollingBack, Fault::Code(ffi::SQLITE_ERROR));
        rig.planted.arm(&[(FaultPoint::Applied, fault), cannot_roll_back]);
        let error = rig.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
        rig.assert_nothing_applied().await;
        rig.assert_works_on().await;
    }
}

#[tokio::test]
async fn other_calls_survive_a_panic_too() {
    let rig = rig().await;
    rig.planted.arm(&[(FaultPoint::Applied, Fault::Panic), (FaultPoint::Begun, Fault::Panic)]);
    let error = rig.store.acquire().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(rig.store.acquire().await.unwrap().epoch, Epoch(rig.epoch.0 + 1));
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_writer() {
    let rig = rig().await;
    let mut commit = Box::pin(rig.commit());
    // Polled once, so that the command is under way, and dropped.
    std::future::poll_fn(|context| {
        assert!(commit.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(commit);
    // The writer serves in order, so this load comes after that commit.
    assert_eq!(loaded(&rig.store, "a").await.unwrap().version, Version(2));
}
