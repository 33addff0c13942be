//! A store without a file, for tests: the same promises, kept unkindly.
//!
//! Guarantees: what every store guarantees; all faults come from the seed and from the script,
//! so that a run can be repeated.
//!
//! Must not know: what a lease is; and nothing of it survives the process.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{EscalationId, Key, MachineId, SessionId};

use self::data::Data;
pub use self::fate::Fate;
use self::fate::Fates;
use super::{
    Acquired, Batch, CommitError, Committed, Counts, EscalationFilter, EscalationPage, EventPage,
    LeaseSlot, LedgerPage, LedgerQuery, ListFilter, ListPage, Load, Loaded, MachineFilter,
    MachinePage, Pending, Pruned, Reads, Retention, RowId, Store, StoreError, Stored,
    StoredMachine, Upkeep, Whole, WorkspacePage,
};

mod data;
mod fate;
mod ledger;
mod machines;
mod pages;

/// How unkind a store is. The default is kind: no faults, no delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Where all chance comes from.
    pub seed: u64,
    /// Of a thousand writes, how many meet another writer: a conflict.
    pub conflicts_per_mille: u16,
    /// Of a thousand commits, how many fail and leave nothing.
    pub refusals_per_mille: u16,
    /// Of a thousand commits, how many are applied and answered with `Unknown`.
    pub lost_applied_per_mille: u16,
    /// Of a thousand commits, how many are not applied and answered with `Unknown`.
    pub lost_unapplied_per_mille: u16,
    /// Of a thousand other calls, how many fail and leave nothing.
    pub failures_per_mille: u16,
    /// Each call takes up to so long, on tokio's clock; half of it after its effect.
    pub delay_max: Duration,
}

/// Sees what is applied, whoever is told of it and whenever: the truth, for tests.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A batch has become durable, as far as `committed` says.
    fn committed(&self, batch: &Batch, committed: &Committed);

    /// What a faulty store makes of a batch before it applies it.
    fn alter(&self, _batch: &mut Batch) {}
}

/// A store in memory, as one server sees it. See [`MemoryStore::another`] for more servers.
#[derive(Debug)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    fates: Mutex<Fates>,
    closed: AtomicBool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        Self::over(Arc::new(Mutex::new(Data::new(options.seed))), options)
    }

    /// Has `observer` see every batch that is applied from now on, whichever server sent it.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.data().observer = Some(observer);
    }

    /// Another server's view of the same data, or the same server's after a restart. It is
    /// open, whether this one is closed or not, and has faults of its own.
    #[must_use]
    pub fn another(&self, options: MemoryOptions) -> Self {
        Self::over(Arc::clone(&self.data), options)
    }

    fn over(data: Arc<Mutex<Data>>, options: MemoryOptions) -> Self {
        let fates = Mutex::new(Fates::new(options));
        Self { data, fates, closed: AtomicBool::new(false) }
    }

    /// Decides about a coming commit, after those that are decided already. Without a script
    /// chance decides.
    pub fn script(&self, fate: Fate) {
        self.fates().script(fate);
    }

    /// Begins a new epoch, as another server would: this one's next commit is fenced.
    pub fn fork_epoch(&self) {
        self.data().acquire();
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fates(&self) -> MutexGuard<'_, Fates> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn delay(&self) {
        let delay = self.fates().delay();
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable("it is closed".to_owned()));
        }
        Ok(())
    }

    /// Does something that may fail by chance and that cannot be half done.
    fn call<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Data) -> T + Send + 'a,
    ) -> Pending<'a, T> {
        Box::pin(async move {
            self.delay().await;
            self.check_open()?;
            if self.fates().call_fails() {
                return Err(planted());
            }
            let value = work(&mut self.data());
            self.delay().await;
            Ok(value)
        })
    }

    async fn commit_by_fate(&self, mut batch: Batch) -> Result<Committed, CommitError> {
        self.delay().await;
        self.check_open().map_err(CommitError::NotApplied)?;
        let (fate, conflicts) = self.fates().next(batch.writes.len() + batch.renewals.len());
        let observer = self.data().observer.clone();
        if let Some(observer) = observer {
            observer.alter(&mut batch);
        }
        let result = match fate {
            Fate::Apply | Fate::Conflict => self.data().commit(&batch, &conflicts),
            Fate::Refuse => Err(CommitError::NotApplied(planted())),
            Fate::LoseApplied => self.data().commit(&batch, &conflicts).and_then(|_| lost()),
            Fate::LoseUnapplied => lost(),
            Fate::Fail => Err(CommitError::Fatal(planted())),
        };
        self.delay().await;
        result
    }
}

fn planted() -> StoreError {
    StoreError::Unavailable("planted by a test".to_owned())
}

fn lost() -> Result<Committed, CommitError> {
    Err(CommitError::Unknown(planted()))
}

impl Store for MemoryStore {
    fn acquire(&self) -> Pending<'_, Acquired> {
        self.call(Data::acquire)
    }

    fn load(&self, load: Load) -> Pending<'_, Loaded> {
        self.call(move |data| data.load(&load))
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed, CommitError> {
        Box::pin(self.commit_by_fate(batch))
    }

    fn leases(&self, after: Option<RowId>, limit: u32) -> Pending<'_, Vec<LeaseSlot>> {
        self.call(move |data| data.leases(after, limit))
    }
}

impl Reads for MemoryStore {
    fn get(&self, key: Key) -> Pending<'_, Option<Stored>> {
        self.call(move |data| data.find(&key))
    }

    fn whole(&self, key: Key) -> Pending<'_, Whole> {
        self.call(move |data| data.whole(&key))
    }

    fn escalations(
        &self,
        filter: EscalationFilter,
        after: Option<(Key, EscalationId)>,
        limit: u32,
    ) -> Pending<'_, EscalationPage> {
        self.call(move |data| data.escalations(&filter, after.as_ref(), limit))
    }

    fn list(&self, filter: ListFilter, after: Option<Key>, limit: u32) -> Pending<'_, ListPage> {
        self.call(move |data| data.list(&filter, after.as_ref(), limit))
    }

    fn workspaces(
        &self,
        prefix: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Pending<'_, WorkspacePage> {
        self.call(move |data| data.workspaces(prefix.as_deref(), after.as_ref(), limit))
    }

    fn events(&self, key: Option<Key>, after: u64, limit: u32) -> Pending<'_, EventPage> {
        self.call(move |data| data.events(key.as_ref(), after, limit))
    }

    fn ledger_entry(&self, session_id: SessionId) -> Pending<'_, Option<LedgerEntry>> {
        self.call(move |data| data.ledger_entry(&session_id))
    }

    fn counts(&self) -> Pending<'_, Counts> {
        self.call(|data| data.counts())
    }

    fn get_each(&self, keys: Vec<Key>) -> Pending<'_, Vec<Option<Stored>>> {
        self.call(move |data| keys.iter().map(|key| data.find(key)).collect())
    }

    fn ledger(&self, query: LedgerQuery) -> Pending<'_, LedgerPage> {
        self.call(move |data| data.ledger.page(&query))
    }

    fn machine(&self, id: MachineId) -> Pending<'_, Option<StoredMachine>> {
        self.call(move |data| data.machine(&id))
    }

    fn machines(
        &self,
        filter: MachineFilter,
        after: Option<MachineId>,
        limit: u32,
    ) -> Pending<'_, MachinePage> {
        self.call(move |data| data.machine_page(&filter, after.as_ref(), limit))
    }
}

impl Upkeep for MemoryStore {
    fn prune(&self, retention: Retention) -> Pending<'_, Pruned> {
        self.call(move |data| data.prune(&retention))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async {
            self.check_open()?;
            self.closed.store(true, Ordering::Release);
            Ok(())
        })
    }
}
