//! A store with a planted bug, to prove that the checker sees one: takeovers are written
//! whatever became of the state that they were decided on.
//!
//! Two servers work on one store in memory. What keeps two servers apart, the epoch, is told to
//! them as if they were one; what keeps their writes apart, the version guard, holds for
//! everything but, if so asked, takeovers. The product has neither gap: both are made here, in
//! what it is given for a store.
//!
//! Must not know: the checker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::{EscalationId, Key, MachineId, SessionId};
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tenured::store::{
    Acquired, Batch, CommitError, Committed, Counts, Epoch, EscalationFilter, EscalationPage,
    EventPage, Guard, LeaseSlot, LedgerPage, LedgerQuery, ListFilter, ListPage, Load, Loaded,
    MachineFilter, MachinePage, Pending, Pruned, Reads, Retention, RowId, Store, Stored,
    StoredMachine, Upkeep, Version, Whole, WorkspacePage, Write,
};
use tokio::sync::Mutex;

/// What the servers of a shared store have in common.
#[derive(Debug, Default)]
struct Common {
    /// The newest epoch, which all of them are taken to have.
    epoch: AtomicU64,
    /// One commit at a time.
    commits: Mutex<()>,
    /// How many takeovers were written against their guard.
    forced_through: AtomicU64,
}

/// A store as one of its servers sees it.
#[derive(Debug)]
pub struct SharedStore {
    inner: MemoryStore,
    common: Arc<Common>,
    takeovers_are_guarded: bool,
}

impl SharedStore {
    /// One store for two servers.
    #[must_use]
    pub fn for_two(options: MemoryOptions, takeovers_are_guarded: bool) -> [Arc<Self>; 2] {
        let first = MemoryStore::new(options);
        let second = first.another(MemoryOptions { seed: options.seed + 1, ..options });
        let common = Arc::new(Common::default());
        [first, second].map(|inner| {
            Arc::new(Self { inner, common: Arc::clone(&common), takeovers_are_guarded })
        })
    }

    /// How many takeovers were written although the state that they were decided on had gone.
    #[must_use]
    pub fn forced_through(&self) -> u64 {
        self.common.forced_through.load(Ordering::SeqCst)
    }

    async fn commit_as_one(&self, mut batch: Batch) -> Result<Committed, CommitError> {
        let _one_at_a_time = self.common.commits.lock().await;
        batch.epoch = Epoch(self.common.epoch.load(Ordering::SeqCst));
        if !self.takeovers_are_guarded {
            for write in batch.writes.iter_mut().filter(|write| takes_over(write)) {
                self.lift_the_guard(write).await;
            }
        }
        self.inner.commit(batch).await
    }

    /// Lets `write` through whatever is stored now.
    async fn lift_the_guard(&self, write: &mut Write) {
        let stored = self.inner.get(write.key.clone()).await.ok().flatten();
        let (Guard::At(_, expected), Some(stored), Some(lease)) =
            (write.guard, stored, &mut write.lease)
        else {
            return;
        };
        if stored.version != expected {
            self.common.forced_through.fetch_add(1, Ordering::SeqCst);
            write.guard = Guard::At(stored.row, stored.version);
            lease.version = Version(stored.version.0 + 1);
        }
    }
}

fn takes_over(write: &Write) -> bool {
    write.sealed.iter().any(|ended| ended.cause == EndCause::TakenOver)
}

impl Store for SharedStore {
    fn acquire(&self) -> Pending<'_, Acquired> {
        Box::pin(async {
            let acquired = self.inner.acquire().await?;
            self.common.epoch.store(acquired.epoch.0, Ordering::SeqCst);
            Ok(acquired)
        })
    }

    fn load(&self, load: Load) -> Pending<'_, Loaded> {
        self.inner.load(load)
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed, CommitError> {
        Box::pin(self.commit_as_one(batch))
    }

    fn leases(&self, after: Option<RowId>, limit: u32) -> Pending<'_, Vec<LeaseSlot>> {
        self.inner.leases(after, limit)
    }
}

impl Reads for SharedStore {
    fn get(&self, key: Key) -> Pending<'_, Option<Stored>> {
        self.inner.get(key)
    }

    fn whole(&self, key: Key) -> Pending<'_, Whole> {
        self.inner.whole(key)
    }

    fn escalations(
        &self,
        filter: EscalationFilter,
        after: Option<(Key, EscalationId)>,
        limit: u32,
    ) -> Pending<'_, EscalationPage> {
        self.inner.escalations(filter, after, limit)
    }

    fn list(&self, filter: ListFilter, after: Option<Key>, limit: u32) -> Pending<'_, ListPage> {
        self.inner.list(filter, after, limit)
    }

    fn workspaces(
        &self,
        prefix: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Pending<'_, WorkspacePage> {
        self.inner.workspaces(prefix, after, limit)
    }

    fn events(&self, key: Option<Key>, after: u64, limit: u32) -> Pending<'_, EventPage> {
        self.inner.events(key, after, limit)
    }

    fn ledger_entry(&self, session_id: SessionId) -> Pending<'_, Option<LedgerEntry>> {
        self.inner.ledger_entry(session_id)
    }

    fn counts(&self) -> Pending<'_, Counts> {
        self.inner.counts()
    }

    fn get_each(&self, keys: Vec<Key>) -> Pending<'_, Vec<Option<Stored>>> {
        self.inner.get_each(keys)
    }

    fn ledger(&self, query: LedgerQuery) -> Pending<'_, LedgerPage> {
        self.inner.ledger(query)
    }

    fn machine(&self, id: MachineId) -> Pending<'_, Option<StoredMachine>> {
        self.inner.machine(id)
    }

    fn machines(
        &self,
        filter: MachineFilter,
        after: Option<MachineId>,
        limit: u32,
    ) -> Pending<'_, MachinePage> {
        self.inner.machines(filter, after, limit)
    }
}

impl Upkeep for SharedStore {
    fn prune(&self, retention: Retention) -> Pending<'_, Pruned> {
        self.inner.prune(retention)
    }

    fn close(&self) -> Pending<'_, ()> {
        self.inner.close()
    }
}
