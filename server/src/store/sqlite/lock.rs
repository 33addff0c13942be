//! The lock file beside the database: two servers never serve one file.
//!
//! Guarantees: the lock is the operating system's and ends with the process, however it ends.
//! The pid in the file is for the message only and decides nothing. The line after it, the boot
//! of the machine, vouches for the database: every write since then has reached at least the
//! operating system, and none is known to have failed on its way to the disk.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::store::StoreError;

/// The most bytes of a lock file that are read.
const NOTE_MAX_BYTES: u64 = 128;
/// Where Linux names the machine's present boot; elsewhere nothing is vouched for.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How long a holder may take to leave: a server that is stopping, or a child of it that has
/// been forked and still has its files.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// How often the lock is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Held while this process serves the database.
#[derive(Debug)]
pub(super) struct LockFile {
    // Closing the file is what releases the lock.
    file: File,
    path: PathBuf,
    boot: Option<String>,
    vouched_for: bool,
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
        let boot = boot_id();
        let vouched_for = boot.is_some() && Note::read(&mut file).boot == boot;
        // Whoever dies before the database is trusted again leaves nobody who vouches for it.
        note(&mut file, None).map_err(|error| unwritable(&path, &error))?;
        Ok(Self { file, path, boot, vouched_for })
    }

    /// Whether the holder before vouched for the database, in this boot of the machine.
    pub(super) fn is_vouched_for(&self) -> bool {
        self.vouched_for
    }

    /// Vouches for the database, until the machine goes down.
    pub(super) fn vouch(&mut self) -> Result<(), StoreError> {
        note(&mut self.file, self.boot.as_deref()).map_err(|error| unwritable(&self.path, &error))
    }

    /// Takes that back.
    pub(super) fn distrust(&mut self) {
        if let Err(error) = note(&mut self.file, None) {
            tracing::error!(
                %error, path = ?self.path,
                "the lock file cannot say that the store needs verifying; remove it once the \
                 server has ended"
            );
        }
    }
}

/// What is in the file.
#[derive(Debug, Default)]
struct Note {
    pid: Option<u32>,
    boot: Option<String>,
}

impl Note {
    /// A note that cannot be read says nothing.
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        if file.take(NOTE_MAX_BYTES).read_to_string(&mut text).is_err() {
            return Self::default();
        }
        let mut lines = text.lines();
        let pid = lines.next().and_then(|line| line.parse().ok());
        Self { pid, boot: lines.next().map(str::to_owned) }
    }
}

/// Notes this process, and the boot in which it vouches for the database.
fn note(file: &mut File, boot: Option<&str>) -> std::io::Result<()> {
    let pid = std::process::id();
    file.set_len(0)?;
    file.rewind()?;
    match boot {
        Some(boot) => write!(file, "{pid}\n{boot}\n"),
        None => writeln!(file, "{pid}"),
    }
}

fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string(BOOT_ID).ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
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
    let holder = match Note::read(file).pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    StoreError::InUse(format!(
        "{database:?} is served by {holder}, which holds {path:?}; stop it, or choose another store"
    ))
}
