//! Files that are not ours, or no longer whole: refused, unchanged, and in words that help.

use tenured::store::{Reads, Store, StoreError, Upkeep};

use crate::sample::{apply, create, created, key};
use crate::sqlite_files::{closed_store, folder, open};

fn assert_unusable(error: &StoreError, words: &str) {
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_unchanged() {
    for version in [8, 99] {
        let (_folder, path) = closed_store().await;
        let shell = rusqlite::Connection::open(&path).unwrap();
        let newer = format!("PRAGMA user_version = {version}; CREATE TABLE from_the_future (x)");
        shell.execute_batch(&newer).unwrap();
        drop(shell);
        let before = std::fs::read(&path).unwrap();
        let words = format!("has schema {version} and this server knows 7 at most; start a newer");
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
async fn a_store_that_was_not_closed_is_verified_before_it_serves() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let writes = (0..400).map(|n| create(&format!("w{n}"))).collect();
    apply(&store, epoch, writes).await;
    // No close: the next start has reason to look.
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 4_096;
    let refused = (1..pages)
        .filter(|page| {
            let mut damaged = whole.clone();
            damaged[page * 4_096..(page + 1) * 4_096].fill(0xA5);
            std::fs::write(&path, damaged).unwrap();
            matches!(open(&path), Err(StoreError::Corrupt(_)))
        })
        .count();
    assert_eq!(refused, pages - 1, "every damaged page is found");
    std::fs::write(&path, &whole).unwrap();
    open(&path).unwrap();
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
