use super::*;
use crate::watch::fake::key;
use crate::watch::listing::{EventListing, EventQuery, LOG_PAGES_PER_CALL, Origin, list_events};

fn query(origin: Origin, limit: usize) -> EventQuery {
    EventQuery { key: None, filter: EventFilter::default(), origin, limit }
}

fn at(fake: &Fake, sequence: u64) -> Cursor {
    Cursor { log_id: fake.log_id(), sequence }
}

async fn list(fake: &Fake, query: &EventQuery) -> Result<EventListing, WatchError> {
    list_events(&*fake.reads(), &fake.log_id(), query).await
}

/// Follows the pages to the end. The sequences, and where the last page ended.
async fn follow(fake: &Fake, mut query: EventQuery) -> (Vec<u64>, u64) {
    let mut sequences = Vec::new();
    loop {
        let listing = list(fake, &query).await.unwrap();
        assert!(listing.events.len() <= query.limit);
        sequences.extend(listing.events.iter().map(|entry| entry.sequence));
        assert!(sequences.last().is_none_or(|last| *last <= listing.through));
        if !listing.more {
            return (sequences, listing.through);
        }
        let next = at(fake, listing.through);
        query.origin = match query.origin {
            Origin::Kept { .. } => Origin::Kept { after: next },
            Origin::After(_) => Origin::After(next),
        };
    }
}

#[tokio::test]
async fn pages_of_any_size_hold_every_event_once() {
    let fake = Fake::new(16);
    for n in 0..23 {
        fake.hold(&format!("w{}", n % 5), "x");
    }
    for limit in [1, 2, 5, 22, 23, 24, 1_000] {
        for from in [0, 1, 22, 23] {
            let everything = query(Origin::After(at(&fake, from)), limit);
            let (sequences, through) = follow(&fake, everything).await;
            assert_eq!(sequences, (from + 1..=23).collect::<Vec<_>>(), "pages of {limit}");
            assert_eq!(through, 23);
        }
    }
}

#[tokio::test]
async fn a_page_says_how_far_it_has_come_also_when_nothing_matched() {
    let fake = Fake::new(16);
    for n in 0..23 {
        fake.hold(&format!("w{n}"), "x");
    }
    let mut nothing = query(Origin::After(at(&fake, 0)), 10);
    nothing.filter.prefix = Some("none".to_owned());
    let listing = list(&fake, &nothing).await.unwrap();
    assert_eq!(listing, EventListing { events: Vec::new(), through: 23, more: false });
}

#[tokio::test]
async fn a_call_reads_a_bounded_part_of_the_log() {
    let fake = Fake::new(16);
    let pages = u64::from(LOG_PAGES_PER_CALL);
    let rows = u64::from(PAGE_MAX);
    for _ in 0..pages * rows + 5 {
        fake.leave("a");
    }
    fake.hold("b", "x");
    let mut rare = query(Origin::After(at(&fake, 0)), 10);
    rare.filter.prefix = Some("b".to_owned());
    let first = list(&fake, &rare).await.unwrap();
    assert_eq!(first, EventListing { events: Vec::new(), through: pages * rows, more: true });
    let (sequences, _) = follow(&fake, rare).await;
    assert_eq!(sequences, [pages * rows + 6]);
}

#[tokio::test]
async fn one_workspace_is_listed_by_its_key() {
    let fake = Fake::new(16);
    for n in 0..20 {
        fake.hold(&format!("w{}", n % 4), "x");
    }
    let mut one = query(Origin::Kept { after: at(&fake, 0) }, 2);
    one.key = Some(key("w1"));
    assert_eq!(follow(&fake, one).await, (vec![2, 6, 10, 14, 18], 20));
}

#[tokio::test]
async fn from_a_cursor_nothing_may_be_missing_and_from_the_oldest_kept_it_may() {
    let fake = Fake::new(16);
    for n in 0..10 {
        fake.hold(&format!("w{n}"), "x");
    }
    fake.compact(4);
    let refused = list(&fake, &query(Origin::After(at(&fake, 3)), 5)).await.unwrap_err();
    assert!(matches!(refused, WatchError::Compacted { oldest: 4 }), "{refused:?}");
    let kept = query(Origin::Kept { after: at(&fake, 0) }, 5);
    assert_eq!(follow(&fake, kept).await.0, [5, 6, 7, 8, 9, 10]);
    // Retention goes on between the pages.
    let first = list(&fake, &query(Origin::Kept { after: at(&fake, 0) }, 2)).await.unwrap();
    fake.compact(8);
    let second = query(Origin::Kept { after: at(&fake, first.through) }, 2);
    assert_eq!(follow(&fake, second).await.0, [9, 10]);
    let strict = query(Origin::After(at(&fake, first.through)), 2);
    assert!(matches!(list(&fake, &strict).await, Err(WatchError::Compacted { oldest: 8 })));
}

#[tokio::test]
async fn a_listing_refuses_the_cursors_that_a_watch_refuses() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    let other = Cursor { log_id: LogId("log_other".into()), sequence: 0 };
    for origin in [Origin::After(other.clone()), Origin::Kept { after: other }] {
        let refused = list(&fake, &query(origin, 5)).await;
        assert!(matches!(refused, Err(WatchError::LogReplaced { oldest: 0 })), "{refused:?}");
    }
    for origin in [Origin::After(at(&fake, 2)), Origin::Kept { after: at(&fake, u64::MAX) }] {
        let refused = list(&fake, &query(origin, 5)).await;
        assert!(matches!(refused, Err(WatchError::Ahead { newest: 1 })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_watch_from_the_end_of_a_page_misses_nothing() {
    let fake = Fake::new(16);
    for n in 0..10 {
        fake.hold(&format!("w{n}"), "x");
    }
    let listing = list(&fake, &query(Origin::After(at(&fake, 0)), 4)).await.unwrap();
    let mut watcher = open(&fake, after(&fake, listing.through)).await.unwrap();
    tokio::time::pause();
    assert_eq!(sequences(&drain(&mut watcher).await), [5, 6, 7, 8, 9, 10]);
}
