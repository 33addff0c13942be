//! Files that are not ours, or no longer whole: refused, unchanged, and in words that help.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tenured::store::{CommitError, Reads, Store, StoreError, Upkeep};

use crate::sample::{apply, batch, create, created, key};
use crate::sqlite_files::{closed_store, folder, open};

fn assert_unusable(error: &StoreError, words: &str) {
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_unchanged() {
    for version in [9, 99] {
        let (_folder, path) = closed_store().await;
        let shell = rusqlite::Connection::open(&path).unwrap();
        let newer = format!("PRAGMA user_version = {version}; CREATE TABLE from_the_future (x)");
        shell.execute_batch(&newer).unwrap();
        drop(shell);
        let before = std::fs::read(&path).unwrap();
        let words = format!("has schema {version} and this server knows 8 at most; start a newer");
        assert_unusable(&open(&path).unwrap_err(), &words);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_unchanged() {
    for sql in [
        "CREATE TABLE photos (name)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 1",
        "CREATE TABLE meta (x); PRAGMA user_version = 1",
    ] {
        let (_folder, path) = folder();
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_unusable(&open(&path).unwrap_err(), "another program");
        assert_eq!(std::fs::read(&path).unwrap(), before, "after {sql}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_unchanged() {
    for content in ["hello, this is a text file\n".repeat(500), "x".to_owned()] {
        let (_folder, path) = folder();
        std::fs::write(&path, &content).unwrap();
        assert_unusable(&open(&path).unwrap_err(), "is not a database");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (_folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    let store = open(&path).unwrap();
    store.acquire().await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_its_damage_is_reported() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let writes = (0..400).map(|n| create(&format!("w{n}"))).collect();
    apply(&store, epoch, writes).await;
    store.close().await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 64 * 1_024);
    let (mut at_open, mut at_read) = (0, 0);
    for page in 0..whole.len() / 4_096 {
        let mut damaged = whole.clone();
        // The header of the first page is kept, so that the file still looks like ours.
        let from = page * 4_096 + if page == 0 { 100 } else { 0 };
        damaged[from..(page + 1) * 4_096].fill(0xA5);
        std::fs::write(&path, damaged).unwrap();
        let store = match open(&path) {
            Ok(store) => store,
            Err(StoreError::Corrupt(_)) => {
                at_open += 1;
                continue;
            }
            Err(error) => panic!("page {page}: {error:?}"),
        };
        // Damage outside of what the start reads shows when it is read, and never as absence.
        for n in 0..400 {
            match store.get(key(&format!("w{n}"))).await {
                Ok(Some(_)) => {}
                Err(StoreError::Corrupt(_)) => {
                    at_read += 1;
                    break;
                }
                other => panic!("page {page}, w{n}: {other:?}"),
            }
        }
    }
    assert!(at_open > 0 && at_read > 0, "{at_open} at open, {at_read} at read");
}

#[tokio::test]
async fn after_a_crash_of_the_machine_a_store_is_verified_before_it_serves() {
    let (_folder, path) = folder();
    let whole = left_open(&path).await;
    let pages = whole.len() / 4_096;
    let refused = (1..pages)
        .filter(|page| {
            let mut damaged = whole.clone();
            damaged[page * 4_096..(page + 1) * 4_096].fill(0xA5);
            std::fs::write(&path, damaged).unwrap();
            std::fs::write(beside(&path), "1\nanother boot\n").unwrap();
            matches!(open(&path), Err(StoreError::Corrupt(_)))
        })
        .count();
    assert_eq!(refused, pages - 1, "every damaged page is found");
    std::fs::write(&path, &whole).unwrap();
    open(&path).unwrap();
}

#[tokio::test]
async fn after_a_kill_a_store_serves_at_once_and_ends_when_damage_is_found() {
    let (_folder, path) = folder();
    let whole = left_open(&path).await;
    let last_page = whole.len() - 4_096;
    let mut damaged = whole.clone();
    damaged[last_page..].fill(0xA5);
    std::fs::write(&path, damaged).unwrap();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    // What was written before the verdict stays written.
    let failure = loop {
        match store.commit(batch(epoch, Vec::new())).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(failure) => break failure,
        }
    };
    assert!(matches!(failure, CommitError::Fatal(StoreError::Corrupt(_))), "{failure:?}");
    drop(store);
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
}

#[tokio::test]
async fn until_it_was_verified_a_close_leaves_the_store_to_be_verified() {
    let (_folder, path) = folder();
    left_open(&path).await;
    let is_marked = || {
        let file = rusqlite::Connection::open(&path).unwrap();
        file.query_row("SELECT in_use FROM meta", [], |row| row.get::<_, bool>(0)).unwrap()
    };
    let store = open(&path).unwrap();
    store.acquire().await.unwrap();
    // Either the verdict was first, or the mark stays; a close never waits for it.
    store.close().await.unwrap();
    drop(store);
    if is_marked() {
        let store = open(&path).unwrap();
        store.acquire().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        store.close().await.unwrap();
        drop(store);
    }
    assert!(!is_marked(), "a store that was verified and closed needs no verification");
}

/// Leaves a store of 400 workspaces as a killed server would, and returns its file.
async fn left_open(path: &Path) -> Vec<u8> {
    let store = open(path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let writes = (0..400).map(|n| create(&format!("w{n}"))).collect();
    apply(&store, epoch, writes).await;
    drop(store);
    std::fs::read(path).unwrap()
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("db.lock")
}

#[tokio::test]
async fn a_body_that_is_no_record_is_reported_as_damage() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    created(&store, epoch, create("a")).await;
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute("UPDATE session SET body = '{\"id\": 3}'", []).unwrap();
    let error = store.get(key("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}
