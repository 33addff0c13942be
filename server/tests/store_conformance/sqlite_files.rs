//! The file: who may open it, and what is refused in which words.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::store::{CommitError, Reads, Store, StoreError, Upkeep};

use crate::sample::{apply, batch, beat, create, created, key, loaded, row_of};

pub fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.db");
    (folder, path)
}

pub fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default())
}

/// A closed store with one workspace in it.
pub async fn closed_store() -> (TempDir, PathBuf) {
    let (folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    created(&store, epoch, create("acme/api")).await;
    store.close().await.unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_second_server_is_refused_and_told_the_pid() {
    let (folder, path) = folder();
    let first = open(&path).unwrap();
    let epoch = first.acquire().await.unwrap().epoch;
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let winding = folder.path().join(".").join("..").join(folder.path().file_name().unwrap());
    for way in [path.clone(), link, winding.join("tenure.db")] {
        let error = open(&way).unwrap_err();
        assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
        let pid = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&pid), "{error}");
    }
    created(&first, epoch, create("acme/api")).await;
    drop(first);
    open(&path).unwrap();
}

#[tokio::test]
async fn a_refused_open_releases_the_file() {
    let (_folder, path) = folder();
    std::fs::write(&path, "not a database").unwrap();
    open(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    open(&path).unwrap();
}

#[tokio::test]
async fn an_epoch_begun_behind_the_lock_fences() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute("UPDATE meta SET epoch = epoch + 1", []).unwrap();
    let error = store.commit(batch(epoch, vec![create("a")])).await.unwrap_err();
    assert!(matches!(error, CommitError::Fenced), "{error:?}");
    // A fenced server must not say that the other one has closed the file.
    store.close().await.unwrap();
    let in_use: bool = shell.query_row("SELECT in_use FROM meta", [], |row| row.get(0)).unwrap();
    assert!(in_use);
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_refused_without_a_trace() {
    let (folder, _) = folder();
    let error = open(&folder.path().join("absent/tenure.db")).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("create it first"), "{error}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    open(&file.join("tenure.db")).unwrap_err();
    for path in [Path::new("/"), folder.path(), Path::new(""), Path::new("..")] {
        let error = open(path).unwrap_err();
        assert!(matches!(error, StoreError::Unusable(_)), "{path:?}: {error:?}");
    }
    assert!(!folder.path().with_extension("lock").exists(), "nothing is left beside a folder");
}

#[tokio::test]
async fn only_the_owner_may_read_a_new_store() {
    let (folder, path) = closed_store().await;
    let store = open(&path).unwrap();
    store.acquire().await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", file.file_name());
    }
}

#[tokio::test]
async fn a_lock_of_a_shell_is_waited_for_briefly_and_then_reported() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = std::time::Instant::now();
    let error = store.commit(batch(epoch, vec![beat("a", row, 1)])).await.unwrap_err();
    assert!(before.elapsed() < std::time::Duration::from_secs(5));
    assert!(matches!(error, CommitError::NotApplied(StoreError::Unavailable(_))), "{error:?}");
    assert!(store.get(key("a")).await.unwrap().is_some(), "reads do not wait");
    shell.execute_batch("ROLLBACK").unwrap();
    apply(&store, epoch, vec![beat("a", row, 1)]).await;
}

#[tokio::test]
async fn a_full_disk_refuses_what_needs_space_and_keeps_what_is_there() {
    let (_folder, path) = folder();
    let options = SqliteOptions { pages_max: Some(60), ..SqliteOptions::default() };
    let store = SqliteStore::open(&path, options).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let mut rows = Vec::new();
    let error = loop {
        let names: Vec<String> = (0..20).map(|n| format!("w{:04}", rows.len() + n)).collect();
        let writes = names.iter().map(|name| create(name)).collect();
        match store.commit(batch(epoch, writes)).await {
            Ok(committed) => rows.extend(committed.outcomes.iter().map(row_of)),
            Err(error) => break error,
        }
        assert!(rows.len() < 10_000, "60 pages are never full");
    };
    assert!(matches!(error, CommitError::NotApplied(StoreError::Unavailable(_))), "{error:?}");
    assert!(format!("{error:?}").contains("no space left"), "{error:?}");
    assert!(!rows.is_empty());
    let refused = format!("w{:04}", rows.len());
    assert_eq!(loaded(&store, &refused).await, None, "nothing of the batch is there");
    // Beats need no space.
    for (n, row) in rows.iter().enumerate() {
        apply(&store, epoch, vec![beat(&format!("w{n:04}"), *row, 1)]).await;
    }
    store.close().await.unwrap();
    let store = open(&path).unwrap();
    assert_eq!(store.counts().await.unwrap().sessions, rows.len() as u64);
}

#[tokio::test]
async fn many_readers_at_once_are_served_by_few_connections() {
    let (_folder, path) = folder();
    let store = std::sync::Arc::new(open(&path).unwrap());
    let epoch = store.acquire().await.unwrap().epoch;
    created(&*store, epoch, create("a")).await;
    let reads: Vec<_> = (0..200)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.get(key("a")).await })
        })
        .collect();
    for read in reads {
        assert!(read.await.unwrap().unwrap().is_some());
    }
}

/// What a server without permission is told, in this process or, if that one may do anything,
/// in one that may not.
#[tokio::test]
async fn what_cannot_be_written_is_refused_and_the_remedy_named() {
    const FOLDER: &str = "TENURE_TEST_UNWRITABLE";
    if let Some(folder) = std::env::var_os(FOLDER) {
        assert_unwritable(Path::new(&folder));
        return;
    }
    let (folder, path) = closed_store().await;
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("locked")).unwrap();
    for name in ["locked/tenure.db", "readonly.db", "unreadable.db"] {
        std::fs::copy(&path, at(name)).unwrap();
    }
    let set = |name: &str, mode| {
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("locked/tenure.db", 0o666);
    set("readonly.db", 0o444);
    set("unreadable.db", 0o000);
    set("locked", 0o555);
    set("", 0o777);
    if rustix::process::geteuid().is_root() {
        // A name that another user can reach, wherever this test was built.
        let reachable = at("test");
        let this = std::env::current_exe().unwrap();
        std::fs::hard_link(&this, &reachable)
            .or_else(|_| std::fs::copy(&this, &reachable).map(drop))
            .unwrap();
        let name = "sqlite_files::what_cannot_be_written_is_refused_and_the_remedy_named";
        let output = std::process::Command::new(reachable)
            .args([name, "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .current_dir(folder.path())
            .uid(65_534)
            .gid(65_534)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    } else {
        assert_unwritable(folder.path());
    }
    set("locked", 0o755);
}

fn assert_unwritable(folder: &Path) {
    for (name, words) in [
        ("readonly.db", "is read-only"),
        ("unreadable.db", "needs permission"),
        ("locked/tenure.db", "write permission to its folder"),
        ("locked/new.db", "write permission to its folder"),
    ] {
        let error = open(&folder.join(name)).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{name}: {error:?}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}
