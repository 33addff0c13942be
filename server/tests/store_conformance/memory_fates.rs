//! The unkindness of the store in memory: as scripted, as its seed says, and never more.

use std::time::Duration;

use tenure_core::surroundings::Surroundings;
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};
use tenured::store::{CommitError, Outcome, Reads, Store, StoreError, Version};

use crate::sample::{apply, batch, beat, create, created, key, loaded};
use crate::surrounding::{a_little, every_part, put, surrounded};

#[tokio::test]
async fn a_scripted_fate_is_met_once_and_in_order() {
    let store = MemoryStore::new(MemoryOptions::default());
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    let fates = [Fate::Refuse, Fate::LoseUnapplied, Fate::Fail, Fate::LoseApplied, Fate::Apply];
    for fate in fates {
        store.script(fate);
    }
    let commit = |version| store.commit(batch(epoch, vec![beat("a", row, version)]));
    let version = async || loaded(&store, "a").await.unwrap().version;
    assert!(matches!(commit(1).await, Err(CommitError::NotApplied(_))));
    assert!(matches!(commit(1).await, Err(CommitError::Unknown(_))));
    assert!(matches!(commit(1).await, Err(CommitError::Fatal(_))));
    assert_eq!(version().await, Version(1), "none of these was applied");
    assert!(matches!(commit(1).await, Err(CommitError::Unknown(_))));
    assert_eq!(version().await, Version(2), "this one was");
    commit(2).await.unwrap();
    commit(3).await.unwrap();
    assert_eq!(version().await, Version(4));
}

#[tokio::test]
async fn an_injected_conflict_is_another_writer() {
    let store = MemoryStore::new(MemoryOptions::default());
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    let before = loaded(&store, "a").await.unwrap();
    store.script(Fate::Conflict);
    let writes = vec![beat("a", row, 1), create("b")];
    let committed = store.commit(batch(epoch, writes)).await.unwrap();
    assert_eq!(committed.outcomes, [Outcome::Conflict, Outcome::Conflict]);
    let after = loaded(&store, "a").await.unwrap();
    assert_eq!(after.version, Version(2), "who tries the old version again meets a conflict again");
    assert_eq!(after.tenure, before.tenure);
    assert_eq!(loaded(&store, "b").await, None);
    apply(&store, epoch, vec![beat("a", row, 2), create("b")]).await;
}

/// What surrounds a session meets the same fate as the rest of its write.
#[tokio::test]
async fn surroundings_share_the_fate_of_their_write() {
    let store = MemoryStore::new(MemoryOptions::default());
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    for fate in [Fate::Refuse, Fate::LoseUnapplied, Fate::Fail, Fate::Conflict] {
        store.script(fate);
        let write = put("a", row, 1, every_part(), a_little(0));
        let answer = store.commit(batch(epoch, vec![write])).await;
        let conflict = answer.is_ok_and(|done| done.outcomes == [Outcome::Conflict]);
        assert_eq!(conflict, fate == Fate::Conflict);
        assert_eq!(surrounded(&store, "a").await, Surroundings::default(), "{fate:?}");
    }
    store.script(Fate::LoseApplied);
    let write = put("a", row, 2, every_part(), a_little(0));
    let lost = store.commit(batch(epoch, vec![write])).await;
    assert!(matches!(lost, Err(CommitError::Unknown(_))), "{lost:?}");
    assert_eq!(surrounded(&store, "a").await, a_little(0));
}

#[tokio::test]
async fn another_server_fences_this_one() {
    let store = MemoryStore::new(MemoryOptions::default());
    let epoch = store.acquire().await.unwrap().epoch;
    store.fork_epoch();
    let error = store.commit(batch(epoch, vec![create("a")])).await.unwrap_err();
    assert!(matches!(error, CommitError::Fenced));
    let other = store.another(MemoryOptions::default());
    let epoch = other.acquire().await.unwrap().epoch;
    created(&other, epoch, create("a")).await;
    assert!(store.get(key("a")).await.unwrap().is_some(), "it reads on");
}

/// What becomes of 300 beats, and at which version the workspace ends.
async fn run(seed: u64) -> (String, Version) {
    let options = MemoryOptions {
        seed,
        conflicts_per_mille: 100,
        refusals_per_mille: 100,
        lost_applied_per_mille: 100,
        lost_unapplied_per_mille: 100,
        failures_per_mille: 0,
        delay_max: Duration::from_millis(200),
    };
    let store = MemoryStore::new(MemoryOptions::default());
    let epoch = store.acquire().await.unwrap().epoch;
    let row = created(&store, epoch, create("a")).await;
    let unkind = store.another(options);
    let mut fates = String::new();
    for _ in 0..300 {
        let stored = loaded(&unkind, "a").await.unwrap();
        let answer = unkind.commit(batch(epoch, vec![beat("a", row, stored.version.0)])).await;
        let after = loaded(&unkind, "a").await.unwrap().version;
        let moved = after.0 - stored.version.0;
        fates.push(match (answer, moved) {
            (Ok(committed), 1) if committed.outcomes == [Outcome::Conflict] => 'c',
            (Ok(_), 1) => 'a',
            (Err(CommitError::NotApplied(_)), 0) => 'n',
            (Err(CommitError::Unknown(_)), 0) => 'u',
            (Err(CommitError::Unknown(_)), 1) => 'U',
            (answer, moved) => panic!("{answer:?}, and the version rose by {moved}"),
        });
    }
    let version = loaded(&unkind, "a").await.unwrap().version;
    (fates, version)
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_itself_and_meets_every_fate() {
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first.0, run(2).await.0);
    for fate in "acnuU".chars() {
        assert!(first.0.contains(fate), "{fate} in {}", first.0);
    }
}

#[tokio::test(start_paused = true)]
async fn slowness_is_bounded_and_on_the_clock_of_the_test() {
    let delay_max = Duration::from_secs(2);
    let store = MemoryStore::new(MemoryOptions { delay_max, ..MemoryOptions::default() });
    let mut longest = Duration::ZERO;
    for _ in 0..50 {
        let before = tokio::time::Instant::now();
        store.counts().await.unwrap();
        longest = longest.max(before.elapsed());
    }
    assert!(longest <= delay_max + Duration::from_millis(2));
    assert!(longest > Duration::from_secs(1));
}

#[tokio::test]
async fn other_calls_fail_as_often_as_they_are_told_to() {
    let options = MemoryOptions { failures_per_mille: 500, ..MemoryOptions::default() };
    let store = MemoryStore::new(options);
    let mut failed = 0;
    for _ in 0..200 {
        match store.get(key("a")).await {
            Ok(found) => assert_eq!(found, None),
            Err(StoreError::Unavailable(_)) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((60..140).contains(&failed), "{failed} of 200");
}
