//! The lock file beside the database: two servers never serve one file.
//!
//! Guarantees: the lock is the operating system's and ends with the process, however it ends.
//! The pid in the file is for the message only and decides nothing.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::store::StoreError;

/// The most bytes of a lock file that are shown to anybody.
const HOLDER_TEXT_MAX_BYTES: u64 = 20;

/// How long a holder may take to leave: a server that is stopping, or a child of it that has
/// been forked and still has its files.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How often the lock is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Held while this process serves the database.
#[derive(Debug)]
pub(super) struct LockFile {
    // Closing the file is what releases the lock.
    _file: File,
}

impl LockFile {
    /// Locks the database at `database`. Waits briefly for a holder that is just leaving.
    ///
    /// # Errors
    /// [`StoreError::InUse`] names the holder's pid; [`StoreError::Unavailable`] says why the
    /// lock file cannot be written.
    pub(super) fn hold(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database);
        let mut file = open(&path)?;
        match lock_within(&file, WAIT_MAX) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(in_use(&mut file, database, &path)),
            Err(error) => {
                return Err(StoreError::Unavailable(format!(
                    "cannot lock {path:?}: {error}; the store needs a file system with locks"
                )));
            }
        }
        note_holder(&mut file).map_err(|error| unwritable(&path, &error))?;
        Ok(Self { _file: file })
    }
}

fn lock_within(file: &File, wait: Duration) -> Result<(), Errno> {
    let deadline = Instant::now() + wait;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(TRY_EVERY),
            done => return done,
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> StoreError {
    let remedy = match error.kind() {
        ErrorKind::NotFound => "create its folder first",
        ErrorKind::PermissionDenied => "give the server's user write permission to its folder",
        ErrorKind::ReadOnlyFilesystem => "its file system is read-only",
        ErrorKind::StorageFull => "free some space",
        _ => "its folder must be writable",
    };
    StoreError::Unavailable(format!("cannot write {path:?}: {error}; {remedy}"))
}

fn in_use(file: &mut File, database: &Path, path: &Path) -> StoreError {
    let mut text = String::new();
    let read = file.take(HOLDER_TEXT_MAX_BYTES).read_to_string(&mut text);
    let holder = match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    StoreError::InUse(format!(
        "{database:?} is served by {holder}, which holds {path:?}; stop it, or choose another store"
    ))
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
