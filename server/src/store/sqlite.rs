//! The store in one SQLite file: write-ahead log, `synchronous = FULL`, one writer.
//!
//! Guarantees: one server a file, by a lock file and by the epoch in it; an answered commit
//! survives a crash of the process and of the machine; reads never wait for the writer.
//!
//! Must not know: what a lease is. It compares versions and moves rows.

use std::future::Future;
use std::path::Path;
use std::sync::mpsc as blocking;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{EscalationId, Key, MachineId, SessionId};
use tokio::sync::{mpsc, oneshot};

use self::ledger::TotalsTurn;
use self::readers::Readers;
use self::writer::{Answer, Command, Writer};
use super::{
    Acquired, Batch, CommitError, Committed, Counts, EscalationFilter, EscalationPage, EventPage,
    LeaseSlot, LedgerPage, LedgerQuery, ListFilter, ListPage, Load, Loaded, MachineFilter,
    MachinePage, Pending, Pruned, Reads, Retention, RowId, Store, StoreError, Stored,
    StoredMachine, Upkeep, Whole, WorkspacePage,
};

mod around;
mod commit;
mod escalations;
mod failure;
mod fault;
mod history;
mod lease_row;
mod ledger;
mod list;
mod load;
mod lock;
mod machines;
mod open;
#[cfg(test)]
mod plans;
mod prune;
mod readers;
mod record;
mod renew;
mod rows;
mod schema;
mod step;
mod verify;
mod workspaces;
mod writer;

#[doc(hidden)]
pub use self::fault::{Fault, FaultPlan, FaultPoint};

/// How many commands may wait for the writer; the engine sends one at a time.
const COMMANDS_MAX: usize = 64;
/// How long a dropped store waits until its file is released.
const DROP_WAIT_MAX: Duration = Duration::from_secs(10);

/// How a database is used. The defaults suit a server of 100,000 workspaces.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Read-only connections, at least one.
    pub readers: u32,
    /// How long a statement waits for a lock that another process holds.
    pub busy_timeout: Duration,
    /// The writer's page cache, in KiB.
    pub cache_kib: u32,
    /// Each reader's page cache, in KiB.
    pub reader_cache_kib: u32,
    /// The write-ahead log is copied into the database whenever it has so many pages.
    pub checkpoint_pages: u32,
    /// The most pages of 4 KiB that the database may have; then it is full.
    pub pages_max: Option<u32>,
    /// For tests.
    #[doc(hidden)]
    pub faults: FaultPlan,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_millis(250),
            cache_kib: 65_536,
            reader_cache_kib: 8_192,
            checkpoint_pages: 4_000,
            pages_max: None,
            faults: FaultPlan::default(),
        }
    }
}

/// A store in one file.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Readers,
    totals: TotalsTurn,
    /// Absent while the store is being dropped.
    commands: Option<mpsc::Sender<Command>>,
    /// Ends when the writer's thread has released the file.
    released: Mutex<blocking::Receiver<()>>,
}

impl SqliteStore {
    /// Opens the database at `path`, which is created if it does not exist; its folder must.
    /// Blocks while it migrates, and while it verifies a file that the machine or the disk may
    /// have lost a part of; one that a killed server left is verified while it serves.
    ///
    /// # Errors
    /// A [`StoreError`] with words for operators: in use, damaged, of a newer version, of
    /// another program, or not writable.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let database = open::resolve(path.as_ref())?;
        let readers = Readers::new(database.clone(), &options);
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let writer = Writer::open(database, options, commands.downgrade())?;
        let (release, released) = blocking::channel();
        std::thread::Builder::new()
            .name("tenure-writer".to_owned())
            .spawn(move || {
                writer.serve(received);
                drop(release);
            })
            .map_err(|error| {
                StoreError::Unavailable(format!("the writer's thread cannot be started: {error}"))
            })?;
        let totals = TotalsTurn::default();
        Ok(Self { readers, totals, commands: Some(commands), released: Mutex::new(released) })
    }

    /// Sends a command and waits for its answer. `lost` makes an error of an answer that never
    /// came.
    async fn ask<T, E: From<NotSent>>(
        &self,
        command: impl FnOnce(Answer<T, E>) -> Command,
        lost: impl FnOnce() -> E,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(NotSent)?;
        commands.send(command(answer)).await.map_err(|_| NotSent)?;
        answered.await.unwrap_or_else(|_| Err(lost()))
    }

    fn ask_writer<'a, T: Send + 'a>(
        &'a self,
        command: impl FnOnce(Answer<T>) -> Command + Send + 'a,
    ) -> Pending<'a, T> {
        Box::pin(self.ask(command, writer_stopped))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // Whoever has dropped a store may open it again at once.
        self.readers.release();
        self.commands = None;
        let released = self.released.get_mut().unwrap_or_else(PoisonError::into_inner);
        let waited = released.recv_timeout(DROP_WAIT_MAX);
        if waited == Err(blocking::RecvTimeoutError::Timeout) {
            tracing::warn!("the store's writer is still busy; its file is not released yet");
        }
    }
}

/// The writer takes no commands any more.
#[derive(Debug)]
struct NotSent;

impl From<NotSent> for StoreError {
    fn from(_: NotSent) -> Self {
        readers::closed()
    }
}

impl From<NotSent> for CommitError {
    fn from(_: NotSent) -> Self {
        Self::NotApplied(readers::closed())
    }
}

fn writer_stopped() -> StoreError {
    StoreError::Unavailable("the store's writer has stopped".to_owned())
}

/// Boxes a read.
fn pending<'a, T>(read: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Pending<'a, T> {
    Box::pin(read)
}

impl Store for SqliteStore {
    fn acquire(&self) -> Pending<'_, Acquired> {
        self.ask_writer(Command::Acquire)
    }

    fn load(&self, load: Load) -> Pending<'_, Loaded> {
        self.ask_writer(|answer| Command::Load(load, answer))
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed, CommitError> {
        let batch = Box::new(batch);
        let lost = || CommitError::Unknown(writer_stopped());
        Box::pin(self.ask(|answer| Command::Commit(batch, answer), lost))
    }

    fn leases(&self, after: Option<RowId>, limit: u32) -> Pending<'_, Vec<LeaseSlot>> {
        self.ask_writer(move |answer| Command::Leases { after, limit, answer })
    }
}

impl Reads for SqliteStore {
    fn get(&self, key: Key) -> Pending<'_, Option<Stored>> {
        pending(self.readers.read(move |connection| {
            let mut statement = rows::find_statement(connection)?;
            rows::find(&mut statement, &key)
        }))
    }

    fn whole(&self, key: Key) -> Pending<'_, Whole> {
        pending(self.readers.read(move |connection| around::whole(connection, &key)))
    }

    fn escalations(
        &self,
        filter: EscalationFilter,
        after: Option<(Key, EscalationId)>,
        limit: u32,
    ) -> Pending<'_, EscalationPage> {
        pending(
            self.readers.read(move |connection| {
                escalations::page(connection, &filter, after.as_ref(), limit)
            }),
        )
    }

    fn list(&self, filter: ListFilter, after: Option<Key>, limit: u32) -> Pending<'_, ListPage> {
        pending(
            self.readers
                .read(move |connection| list::list(connection, &filter, after.as_ref(), limit)),
        )
    }

    fn workspaces(
        &self,
        prefix: Option<String>,
        after: Option<Key>,
        limit: u32,
    ) -> Pending<'_, WorkspacePage> {
        pending(self.readers.read(move |connection| {
            workspaces::page(connection, prefix.as_deref(), after.as_ref(), limit)
        }))
    }

    fn events(&self, key: Option<Key>, after: u64, limit: u32) -> Pending<'_, EventPage> {
        pending(
            self.readers
                .read(move |connection| history::events(connection, key.as_ref(), after, limit)),
        )
    }

    fn ledger_entry(&self, session_id: SessionId) -> Pending<'_, Option<LedgerEntry>> {
        pending(self.readers.read(move |connection| history::ledger_entry(connection, &session_id)))
    }

    fn counts(&self) -> Pending<'_, Counts> {
        pending(self.readers.read(history::counts))
    }

    fn get_each(&self, keys: Vec<Key>) -> Pending<'_, Vec<Option<Stored>>> {
        pending(self.readers.read(move |connection| {
            let mut statement = rows::find_statement(connection)?;
            keys.iter().map(|key| rows::find(&mut statement, key)).collect()
        }))
    }

    fn ledger(&self, query: LedgerQuery) -> Pending<'_, LedgerPage> {
        pending(async move {
            let turn = if query.totals { Some(self.totals.take().await?) } else { None };
            let read = self.readers.read(move |connection| {
                let page = ledger::page(connection, &query);
                // Held by the read itself: it goes on, even if nobody waits for it any more.
                drop(turn);
                page
            });
            read.await
        })
    }

    fn machine(&self, id: MachineId) -> Pending<'_, Option<StoredMachine>> {
        pending(self.readers.read(move |connection| machines::machine(connection, &id)))
    }

    fn machines(
        &self,
        filter: MachineFilter,
        after: Option<MachineId>,
        limit: u32,
    ) -> Pending<'_, MachinePage> {
        pending(
            self.readers
                .read(move |connection| machines::page(connection, &filter, after.as_ref(), limit)),
        )
    }
}

impl Upkeep for SqliteStore {
    fn prune(&self, retention: Retention) -> Pending<'_, Pruned> {
        self.ask_writer(move |answer| Command::Prune(retention, answer))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async {
            self.readers.close().await;
            self.ask(Command::Close, writer_stopped).await
        })
    }
}
