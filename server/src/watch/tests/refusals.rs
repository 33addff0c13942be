//! Cursors that cannot be continued from, and watches that cannot go on.

use super::*;
use crate::store::StoreError;

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_log_is_refused() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    let cursor = Cursor { log_id: LogId("log_other".into()), sequence: 0 };
    let refused = open(&fake, Start::After(cursor)).await.err().unwrap();
    assert!(matches!(refused, WatchError::LogReplaced { oldest: 0 }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_ahead_of_the_log_is_refused() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    for sequence in [2, u64::MAX] {
        let refused = open(&fake, after(&fake, sequence)).await.err().unwrap();
        assert!(matches!(refused, WatchError::Ahead { newest: 1 }), "{refused:?}");
    }
    assert!(open(&fake, after(&fake, 1)).await.is_ok(), "the newest itself is a good cursor");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_retention_has_passed_is_refused_with_the_oldest_kept() {
    let fake = Fake::new(16);
    for n in 0..10 {
        fake.hold(&format!("w{n}"), "x");
    }
    fake.compact(4);
    let refused = open(&fake, after(&fake, 3)).await.err().unwrap();
    assert!(matches!(refused, WatchError::Compacted { oldest: 4 }), "{refused:?}");
    let mut watcher = open(&fake, after(&fake, 4)).await.unwrap();
    assert_eq!(sequences(&drain(&mut watcher).await), [5, 6, 7, 8, 9, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_retention_has_passed_is_told_so() {
    for passed in [1, 15] {
        let fake = Fake::new(2);
        let mut watcher = open(&fake, Start::Now).await.unwrap();
        drain(&mut watcher).await;
        for n in 0..20 {
            fake.hold(&format!("w{n}"), "x");
            fake.publish_all();
        }
        fake.compact(passed);
        let over = watcher.next().await.unwrap_err();
        assert!(matches!(over, WatchError::Compacted { oldest } if oldest == passed), "{over:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retention_does_not_end_a_watch_that_has_kept_up() {
    let fake = Fake::new(2);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    fake.hold("a", "x");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [1]);
    fake.compact(1);
    fake.hold("b", "x");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [2]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_engine_ends_the_watch() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    fake.stop();
    let over = watcher.next().await.unwrap_err();
    assert!(matches!(over, WatchError::Stopping), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_store_ends_the_watch() {
    let fake = Fake::new(16);
    fake.fail_reads();
    let refused = open(&fake, Start::Now).await.err().unwrap();
    assert!(matches!(refused, WatchError::Store(StoreError::Unavailable(_))), "{refused:?}");
}
