//! What a commit does to the state of workspaces.

use tenure_core::session::Revision;
use tenure_core::time::LeaseInstant;
use tenured::store::{Outcome, Reads, Store, Upkeep, Version};

use crate::harness::{Harness, acquired};
use crate::sample::{apply, batch, beat, create, created, key, loaded};

pub async fn a_batch_is_there_after_it_was_answered<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = vec![create("acme/api"), create("acme/web")];
    let wanted: Vec<_> = writes.iter().map(|write| write.tenure.clone().unwrap()).collect();
    apply(&store, acquired.epoch, writes).await;
    for (workspace, tenure) in ["acme/api", "acme/web"].into_iter().zip(wanted) {
        let by_load = loaded(&store, workspace).await.unwrap();
        assert_eq!(by_load.tenure, *tenure);
        assert_eq!(by_load.version, Version(1));
        assert_eq!(store.get(key(workspace)).await.unwrap(), Some(by_load));
    }
    assert_eq!(loaded(&store, "acme").await, None);
}

pub async fn an_empty_batch_stores_the_mark<H: Harness>() {
    let (harness, store, first) = acquired::<H>().await;
    assert_eq!(first.lease_mark, LeaseInstant(0));
    let mut empty = batch(first.epoch, Vec::new());
    empty.lease_now = LeaseInstant(4_711);
    let committed = store.commit(empty).await.unwrap();
    assert!(committed.outcomes.is_empty());
    store.close().await.unwrap();
    let second = harness.open().acquire().await.unwrap();
    assert_eq!(second.lease_mark, LeaseInstant(4_711));
    assert!(second.epoch > first.epoch);
    assert_eq!(second.log_id, first.log_id);
}

pub async fn a_beat_changes_the_hot_row_and_nothing_else<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    let mut wanted = loaded(&store, "acme/api").await.unwrap();
    let committed = apply(&store, acquired.epoch, vec![beat("acme/api", row, 1)]).await;
    assert_eq!(committed.outcomes, [Outcome::Applied { row: Some(row), sequences: 0..0 }]);
    wanted.version = Version(2);
    wanted.tenure.revision = Some(Revision(2));
    let session = wanted.tenure.session.as_mut().unwrap();
    session.beats = 1;
    crate::sample::program(session).renewal = Some(tenure_core::session::Renewal {
        last_heartbeat_at: tenure_core::time::WallTime(1_700_000_000_001),
        expires_at: LeaseInstant(30_001),
    });
    assert_eq!(loaded(&store, "acme/api").await, Some(wanted));
}
