//! The one connection that writes, on a thread of its own.
//!
//! Guarantees: one command at a time; each is answered, also if it panics; after any failure
//! the connection is either clean or replaced; after a failed fsync nothing is written any more.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::commit::Stop;
use super::failure::{CommitFailure, is_failed_sync, of_commit, store_error};
use super::lock::LockFile;
use super::verify::{Need, Verification, verify};
use super::{SqliteOptions, commit, load, open, prune};
use crate::store::{
    Acquired, Batch, CommitError, Committed, Epoch, LeaseSlot, Load, Loaded, Pruned, Retention,
    RowId, StoreError,
};

/// Where an answer goes.
pub(super) type Answer<T, E = StoreError> = oneshot::Sender<Result<T, E>>;

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Command {
    Acquire(Answer<Acquired>),
    Load(Load, Answer<Loaded>),
    Commit(Box<Batch>, Answer<Committed, CommitError>),
    Leases {
        after: Option<RowId>,
        limit: u32,
        answer: Answer<Vec<LeaseSlot>>,
    },
    Prune(Retention, Answer<Pruned>),
    /// What the verification beside the service found; nobody waits for an answer.
    Verified(Result<(), StoreError>),
    Close(Answer<()>),
}

/// How far a commit had come, should it panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Applying,
    Committing,
}

/// The thread's state. The lock is released last, after the connection has been closed.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Option<Connection>,
    database: PathBuf,
    options: SqliteOptions,
    epoch: Option<Epoch>,
    /// Why nothing is written any more.
    failed: Option<StoreError>,
    /// Present until a file whose server was killed has been looked through.
    verification: Option<Verification>,
    lock: LockFile,
}

impl Writer {
    /// Locks and opens the database, and makes sure that it may be written. What is found out
    /// about it later is sent to `itself`.
    pub(super) fn open(
        database: PathBuf,
        options: SqliteOptions,
        itself: mpsc::WeakSender<Command>,
    ) -> Result<Self, StoreError> {
        let mut lock = LockFile::hold(&database)?;
        let connection = open::open_writer(&database, &options)?;
        let verification = match Need::of(&connection, &database, &lock)? {
            Need::Nothing => None,
            Need::Meanwhile => Some(Verification::begin(&database, itself)?),
            Need::Before => {
                tracing::info!(?database, "the store was not closed in good order; verifying it");
                verify(&connection, &database)?;
                None
            }
        };
        lock.vouch()?;
        Ok(Self {
            connection: Some(connection),
            database,
            options,
            epoch: None,
            failed: None,
            verification,
            lock,
        })
    }

    /// Serves until it is told to close, or until nobody is left to ask.
    pub(super) fn serve(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.blocking_recv() {
            // An answer that nobody waits for any more is dropped: the caller has gone.
            match command {
                Command::Acquire(answer) => drop(answer.send(self.acquire())),
                Command::Load(load, answer) => {
                    drop(answer.send(self.with(|connection, _| load::load(connection, &load))));
                }
                Command::Commit(batch, answer) => drop(answer.send(self.commit(&batch))),
                Command::Leases { after, limit, answer } => {
                    let work = |connection: &Connection, _: &SqliteOptions| {
                        load::leases(connection, after, limit)
                    };
                    drop(answer.send(self.with(work)));
                }
                Command::Prune(retention, answer) => {
                    let work = |connection: &Connection, options: &SqliteOptions| {
                        prune::prune(connection, &retention, &options.faults)
                    };
                    drop(answer.send(self.with(work)));
                }
                Command::Verified(verdict) => self.verified(verdict),
                Command::Close(answer) => {
                    let closed = self.close();
                    // Whoever is told that it is closed may open it again at once.
                    drop(self);
                    drop(answer.send(closed));
                    return;
                }
            }
        }
    }

    fn acquire(&mut self) -> Result<Acquired, StoreError> {
        let acquired =
            self.with(|connection, options| load::acquire(connection, &options.faults))?;
        self.epoch = Some(acquired.epoch);
        Ok(acquired)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Committed, CommitError> {
        if let Some(failed) = &self.failed {
            return Err(CommitError::Fatal(failed.clone()));
        }
        let connection = self.connection().map_err(CommitError::NotApplied)?;
        let phase = Cell::new(Phase::Applying);
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let committing = || phase.set(Phase::Committing);
            commit::commit(&connection, batch, &self.options.faults, committing)
        }));
        self.put_back(connection);
        match attempt {
            Ok(Ok(committed)) => Ok(committed),
            Ok(Err(stop)) => Err(self.stopped(stop)),
            Err(_panic) => {
                let error = StoreError::Unavailable("a commit panicked; report this".to_owned());
                Err(match phase.get() {
                    Phase::Applying => CommitError::NotApplied(error),
                    Phase::Committing => CommitError::Unknown(error),
                })
            }
        }
    }

    fn stopped(&mut self, stop: Stop) -> CommitError {
        match stop {
            Stop::Fenced => CommitError::Fenced,
            Stop::Refused(error) => CommitError::NotApplied(error),
            Stop::Failed(error) if is_failed_sync(&error) => self.fail(&error),
            Stop::Failed(error) => CommitError::NotApplied(store_error(&error, &self.database)),
            Stop::CommitFailed(error) => match of_commit(&error) {
                CommitFailure::RolledBack => {
                    CommitError::NotApplied(store_error(&error, &self.database))
                }
                CommitFailure::Unknown => CommitError::Unknown(store_error(&error, &self.database)),
                CommitFailure::Fatal => self.fail(&error),
            },
        }
    }

    /// Stops writing for good. The mark of an orderly close is never set after this, so that
    /// the next start verifies the file.
    fn fail(&mut self, error: &rusqlite::Error) -> CommitError {
        let failed = store_error(error, &self.database);
        tracing::error!(?error, database = ?self.database, "the store cannot be trusted any more");
        self.distrust(failed.clone());
        CommitError::Fatal(failed)
    }

    fn distrust(&mut self, failed: StoreError) {
        self.lock.distrust();
        self.failed.get_or_insert(failed);
    }

    fn verified(&mut self, verdict: Result<(), StoreError>) {
        let database = &self.database;
        match verdict {
            Ok(()) => {
                tracing::info!(?database, "the store is whole");
                self.verification = None;
            }
            Err(error @ StoreError::Corrupt(_)) => {
                tracing::error!(%error, "the store is damaged");
                self.distrust(error);
            }
            Err(error) => tracing::warn!(%error, "the store could not be verified"),
        }
    }

    /// Does something that may panic and leaves the connection clean.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&Connection, &SqliteOptions) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let connection = self.connection()?;
        let attempt = catch_unwind(AssertUnwindSafe(|| work(&connection, &self.options)));
        self.put_back(connection);
        match attempt {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if is_failed_sync(&error) {
                    self.fail(&error);
                }
                Err(store_error(&error, &self.database))
            }
            Err(_panic) => {
                Err(StoreError::Unavailable("the store's writer panicked; report this".to_owned()))
            }
        }
    }

    /// Takes the connection, or a new one if the last one was given up.
    fn connection(&mut self) -> Result<Connection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => open::reopen_writer(&self.database, &self.options),
        }
    }

    /// Keeps a clean connection for the next command.
    fn put_back(&mut self, connection: Connection) {
        if connection.is_autocommit() {
            self.connection = Some(connection);
        } else {
            // Closing it rolls back what it could not roll back itself.
            tracing::error!(database = ?self.database, "a rollback failed; connecting again");
        }
    }

    fn close(&mut self) -> Result<(), StoreError> {
        // What was not looked through to its end is looked through at the next start.
        let is_verified = self.verification.take().is_none();
        let Some(epoch) = self.epoch.filter(|_| is_verified) else { return Ok(()) };
        self.with(|connection, options| load::release(connection, epoch, &options.faults))
    }
}
