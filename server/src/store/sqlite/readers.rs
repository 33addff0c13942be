//! A few read-only connections, each used by one blocking thread at a time.
//!
//! Guarantees: no async thread ever waits for SQLite or for the pool; as many blocking threads
//! are used as there are connections, and no more; a read sees one committed snapshot.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::SqliteOptions;
use super::failure::store_error;
use super::open::{reader_flags, tune_reader};
use super::step::Step;
use crate::store::StoreError;

/// How long a read may wait for its turn.
pub(super) const TURN_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a close waits for reads that are under way.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long the pool may wait for a connection; a turn implies that one is free.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(2);

/// The readers.
#[derive(Debug)]
pub(super) struct Readers {
    // Taken at the close.
    pool: Mutex<Option<r2d2::Pool<Manager>>>,
    turns: Arc<Semaphore>,
    count: u32,
    database: PathBuf,
}

impl Readers {
    /// Readers of a database that its writer has opened; connections are made when needed.
    pub(super) fn new(database: PathBuf, options: &SqliteOptions) -> Self {
        let settings = options.clone();
        let connections = SqliteConnectionManager::file(&database)
            .with_flags(reader_flags())
            .with_init(move |connection| tune_reader(connection, &settings));
        let count = options.readers.max(1);
        let pool = r2d2::Pool::builder()
            .max_size(count)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION_WAIT_MAX)
            .build_unchecked(Manager(connections));
        let turns = Arc::new(Semaphore::new(count as usize));
        Self { pool: Mutex::new(Some(pool)), turns, count, database }
    }

    /// Does `work` in one read transaction, on a blocking thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(TURN_WAIT_MAX, turn)
            .await
            .map_err(|_| StoreError::Unavailable("too many reads are waiting".to_owned()))?
            .map_err(|_| closed())?;
        let pool = self.pool().clone().ok_or_else(closed)?;
        let database = self.database.clone();
        let read = tokio::task::spawn_blocking(move || {
            let read = read_once(&pool, &database, work);
            drop(turn);
            read
        });
        read.await
            .map_err(|_| StoreError::Unavailable("a read panicked; report this".to_owned()))?
    }

    /// Lets reads that are under way finish, and refuses later ones.
    pub(super) async fn close(&self) {
        let all = self.turns.acquire_many(self.count);
        let finished = tokio::time::timeout(CLOSE_WAIT_MAX, all).await;
        if finished.is_err() {
            tracing::warn!(database = ?self.database, "closing while a read is under way");
        }
        self.release();
    }

    /// Refuses later reads and gives up the connections that are idle. The writer's is to be
    /// the last one: only then does SQLite tidy the write-ahead log away.
    pub(super) fn release(&self) {
        self.turns.close();
        let pool = self.pool().take();
        drop(pool);
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Option<r2d2::Pool<Manager>>> {
        // The pool is only cloned or taken under the lock, which cannot leave it half done.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What calls on a closed store are told.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

fn read_once<T>(
    pool: &r2d2::Pool<Manager>,
    database: &Path,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let connection = pool.get().map_err(|error| {
        StoreError::Unavailable(format!("{database:?} cannot be opened for reading: {error}"))
    })?;
    let read = || {
        let step = Step::read(&connection)?;
        let value = work(&connection)?;
        step.commit()?;
        Ok(value)
    };
    read().map_err(|error: rusqlite::Error| store_error(&error, database))
}

/// Gives up connections that are still in a transaction: one would hold an old snapshot, and
/// with it the write-ahead log, for ever.
#[derive(Debug)]
struct Manager(SqliteConnectionManager);

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<Connection> {
        self.0.connect()
    }

    fn is_valid(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.0.is_valid(connection)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_autocommit()
    }
}
