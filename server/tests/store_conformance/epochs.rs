//! Who may write, and what a restart finds.

use tenure_core::name::SessionId;
use tenure_core::time::{LeaseInstant, Span, WallTime};
use tenured::store::{
    CommitError, Epoch, EscalationFilter, Guard, ListFilter, Load, Reads, Retention, Store,
    StoreError, Upkeep, Version,
};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, interactive, key, loaded, session, tenure, write,
};

pub async fn each_acquire_begins_a_new_epoch<H: Harness>() {
    let (harness, store, first) = acquired::<H>().await;
    let second = store.acquire().await.unwrap();
    assert_eq!(second.epoch, Epoch(first.epoch.0 + 1));
    store.close().await.unwrap();
    let third = harness.open().acquire().await.unwrap();
    assert_eq!(third.epoch, Epoch(second.epoch.0 + 1));
}

pub async fn an_earlier_epoch_is_fenced_and_leaves_nothing<H: Harness>() {
    let (_harness, store, first) = acquired::<H>().await;
    let second = store.acquire().await.unwrap();
    let late = LeaseInstant::ORIGIN.after(Span(99));
    for epoch in [first.epoch, Epoch(second.epoch.0 + 1)] {
        let mut fenced = batch(epoch, vec![create("a")]);
        fenced.lease_now = late;
        let error = store.commit(fenced).await.unwrap_err();
        assert!(matches!(error, CommitError::Fenced), "{error:?}");
    }
    assert_eq!(loaded(&store, "a").await, None);
    created(&store, second.epoch, create("a")).await;
    assert!(store.acquire().await.unwrap().lease_mark < late);
}

pub async fn a_store_is_the_same_after_a_close<H: Harness>() {
    let (harness, store, first) = acquired::<H>().await;
    let row = created(&store, first.epoch, create("a")).await;
    apply(&store, first.epoch, vec![beat("a", row, 1)]).await;
    let before = loaded(&store, "a").await;
    store.close().await.unwrap();
    let store = harness.open();
    let second = store.acquire().await.unwrap();
    assert_eq!(loaded(&store, "a").await, before);
    apply(&store, second.epoch, vec![beat("a", row, 2)]).await;
}

pub async fn a_store_is_the_same_after_a_drop<H: Harness>() {
    let (harness, mut store, mut acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("a")).await;
    for version in 1..5 {
        apply(&store, acquired.epoch, vec![beat("a", row, version)]).await;
        drop(store);
        store = harness.open();
        acquired = store.acquire().await.unwrap();
        assert_eq!(loaded(&store, "a").await.unwrap().version, Version(version + 1));
    }
}

pub async fn a_closed_store_refuses_every_call<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    store.close().await.unwrap();
    let closed = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    };
    closed(store.acquire().await.map(drop));
    closed(store.load(Load::default()).await.map(drop));
    closed(store.leases(None, 1).await.map(drop));
    closed(store.get(key("a")).await.map(drop));
    closed(store.whole(key("a")).await.map(drop));
    closed(store.escalations(EscalationFilter::default(), None, 1).await.map(drop));
    closed(store.list(ListFilter::default(), None, 1).await.map(drop));
    closed(store.events(None, 0, 1).await.map(drop));
    closed(store.ledger_entry(SessionId::imported("x")).await.map(drop));
    closed(store.counts().await.map(drop));
    closed(store.prune(nothing()).await.map(drop));
    closed(store.close().await);
    let error = store.commit(batch(acquired.epoch, Vec::new())).await.unwrap_err();
    assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
}

fn nothing() -> Retention {
    Retention {
        lease_now: LeaseInstant(0),
        events_before: WallTime(0),
        events_max: u64::MAX,
        important_events_before: WallTime(0),
        ledger_before: WallTime(0),
        machines_before: WallTime(0),
        wall_now: WallTime(0),
        rows_max: 10,
    }
}

pub async fn the_boot_scan_finds_live_sessions_in_order<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut writes = Vec::new();
    let mut wanted = Vec::new();
    for n in 0..30 {
        // Names in another order than places.
        let name = format!("w{:02}", 29 - n);
        let mut tenure = match n % 3 {
            0 => tenure(1, interactive(&format!("ses_{n}"), 1)),
            _ => tenure(1, session(&format!("ses_{n}"), "worker", 1)),
        };
        if n % 5 == 0 {
            tenure.session.as_mut().unwrap().expiry_recorded = true;
        } else if n % 7 == 0 {
            tenure.session = None;
        } else {
            wanted.push((key(&name), tenure.clone()));
        }
        writes.push(write(key(&name), Guard::Absent, 1, tenure));
    }
    apply(&store, acquired.epoch, writes).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.leases(after, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(last.row);
        found.extend(page.into_iter().map(|slot| (slot.key, slot.tenure)));
    }
    assert_eq!(found, wanted);
}
