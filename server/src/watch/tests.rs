//! The watcher against a fake log and feed, on simulated time.

use std::time::Duration;

use super::fake::{Fake, NOBODY, session_row};
use tenure_core::name::INTERACTIVE_OWNER;
use tokio::time::Instant;

use super::*;

mod interleaving;
mod listing;
mod refusals;

/// Takes updates until the watcher has nothing left to tell but the time.
async fn drain(watcher: &mut Watcher) -> Vec<Update> {
    let mut updates = Vec::new();
    loop {
        let before = Instant::now();
        let update = watcher.next().await.expect("the watch goes on");
        let waited = before.elapsed() > Duration::ZERO;
        if waited && matches!(update, Update::Progress(_)) {
            return updates;
        }
        updates.push(update);
    }
}

fn sequences(updates: &[Update]) -> Vec<u64> {
    let event = |update: &Update| match update {
        Update::Event(entry) => Some(entry.sequence),
        Update::Progress(_) | Update::Page { .. } => None,
    };
    updates.iter().filter_map(event).collect()
}

async fn open(fake: &Fake, start: Start) -> Result<Watcher, WatchError> {
    open_filtered(fake, EventFilter::default(), start).await
}

async fn open_filtered(
    fake: &Fake,
    filter: EventFilter,
    start: Start,
) -> Result<Watcher, WatchError> {
    Watcher::open(fake.reads(), fake.feed(), filter, start).await
}

fn after(fake: &Fake, sequence: u64) -> Start {
    Start::After(Cursor { log_id: fake.log_id(), sequence })
}

#[tokio::test(start_paused = true)]
async fn the_first_update_is_the_cursor() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    fake.hold("b", "x");
    fake.publish_all();
    for (start, cursor) in [(Start::Now, 2), (after(&fake, 1), 1), (Start::Snapshot, 2)] {
        let mut watcher = open(&fake, start).await.unwrap();
        assert_eq!(watcher.next().await.unwrap(), Update::Progress(cursor));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_now_on_tells_only_what_comes() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    fake.publish_all();
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    assert_eq!(drain(&mut watcher).await, [Update::Progress(1)]);
    fake.hold("b", "x");
    fake.leave("a");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_before_the_cursor_is_read_and_published_after_it_is_not_lost() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    fake.hold("a", "x");
    assert_eq!(sequences(&drain(&mut watcher).await), [1], "from the log");
    fake.publish_all();
    fake.hold("b", "x");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [2], "and not again from the feed");
}

#[tokio::test(start_paused = true)]
async fn what_is_committed_as_the_end_of_the_log_is_read_comes_without_another_commit() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    let mut moment = 0;
    fake.around_reads(move |fake| {
        moment += 1;
        // Before and after the snapshot of the first read, and of the second.
        if moment <= 4 {
            fake.hold("a", "x");
            fake.publish_all();
        }
    });
    assert_eq!(sequences(&drain(&mut watcher).await), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn every_cursor_can_be_resumed_from() {
    let fake = Fake::new(16);
    for n in 0..25 {
        fake.hold(&format!("w{}", n % 7), "x");
    }
    fake.publish_all();
    for sequence in 0..=25 {
        let mut watcher = open(&fake, after(&fake, sequence)).await.unwrap();
        watcher.page_rows.log = 4;
        let updates = drain(&mut watcher).await;
        assert_eq!(updates[0], Update::Progress(sequence));
        assert_eq!(sequences(&updates), (sequence + 1..=25).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_in_pages_and_the_events_after_it() {
    let fake = Fake::new(16);
    for name in ["a", "b", "c", "d", "e"] {
        fake.hold(name, "x");
    }
    fake.publish_all();
    let mut watcher = open(&fake, Start::Snapshot).await.unwrap();
    watcher.page_rows.snapshot = 2;
    let updates = drain(&mut watcher).await;
    let shape: Vec<_> = updates
        .iter()
        .map(|update| match update {
            Update::Progress(sequence) => format!("progress {sequence}"),
            Update::Page { rows, sequence, last } => {
                format!("page of {} at {sequence}, last: {last}", rows.len())
            }
            Update::Event(entry) => format!("event {}", entry.sequence),
        })
        .collect();
    assert_eq!(
        shape,
        [
            "progress 5",
            "page of 2 at 5, last: false",
            "page of 2 at 5, last: false",
            "page of 1 at 5, last: true",
        ]
    );
    fake.leave("c");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [6]);
}

#[tokio::test(start_paused = true)]
async fn an_event_older_than_its_rows_page_is_not_sent() {
    let fake = Fake::new(16);
    fake.hold("a", "x");
    fake.hold("m", "x");
    let mut watcher = open(&fake, Start::Snapshot).await.unwrap();
    watcher.page_rows.snapshot = 1;
    assert_eq!(watcher.next().await.unwrap(), Update::Progress(2));
    let page = watcher.next().await.unwrap();
    assert_eq!(
        page,
        Update::Page { rows: vec![session_row("a", "x", 1)], sequence: 2, last: false }
    );
    fake.hold("a", "y"); // 3: after the page of a
    fake.hold("m", "y"); // 4: before the page of m
    fake.leave("n"); // 5: before the page of n, which holds nothing
    assert_eq!(
        watcher.next().await.unwrap(),
        Update::Page { rows: vec![session_row("m", "y", 4)], sequence: 5, last: true }
    );
    fake.hold("m", "z"); // 6: after the page of m
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [3, 6]);
    assert!(watcher.coverage_is_empty(), "the pages are forgotten once they are passed");
}

#[tokio::test(start_paused = true)]
async fn filters_see_a_session_come_and_go() {
    let fake = Fake::new(16);
    let ours = EventFilter { owner: Some("x".to_owned()), ..EventFilter::default() };
    let people =
        EventFilter { owner: Some(INTERACTIVE_OWNER.to_owned()), ..EventFilter::default() };
    let mut ours = open_filtered(&fake, ours, Start::Now).await.unwrap();
    let mut people = open_filtered(&fake, people, Start::Now).await.unwrap();
    fake.hold("a", "x"); // 1: comes to x
    fake.hold("a", "y"); // 2: leaves x
    fake.hold("a", "z"); // 3: is none of x's business
    fake.hold("a", NOBODY); // 4: comes to a person
    fake.leave("a"); // 5: leaves the person
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut ours).await), [1, 2]);
    assert_eq!(sequences(&drain(&mut people).await), [4, 5]);
}

#[tokio::test(start_paused = true)]
async fn progress_comes_at_least_every_ten_seconds_also_while_unwanted_events_pass() {
    let fake = Fake::new(16);
    let nothing = EventFilter { prefix: Some("none".to_owned()), ..EventFilter::default() };
    let mut watcher = open_filtered(&fake, nothing, Start::Now).await.unwrap();
    assert_eq!(watcher.next().await.unwrap(), Update::Progress(0));
    let writer = fake.clone();
    let writing = tokio::spawn(async move {
        for n in 0..600 {
            writer.hold(&format!("w{n}"), "x");
            writer.publish_all();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut last = Instant::now();
    let mut cursor = 0;
    while !writing.is_finished() {
        let Update::Progress(now_at) = watcher.next().await.unwrap() else { panic!("unwanted") };
        assert!(last.elapsed() <= Duration::from_secs(10), "late by {:?}", last.elapsed());
        assert!(now_at > cursor || writing.is_finished(), "it moves along: {now_at}");
        (last, cursor) = (Instant::now(), now_at);
    }
    assert!(cursor >= 550);
}

#[tokio::test(start_paused = true)]
async fn progress_comes_also_while_wanted_events_keep_coming() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    let mut progress = 0;
    for n in 0..100 {
        fake.hold(&format!("w{n}"), "x");
        fake.publish_all();
        tokio::time::advance(Duration::from_secs(1)).await;
        loop {
            match watcher.next().await.unwrap() {
                Update::Progress(_) => progress += 1,
                Update::Event(_) => break,
                Update::Page { .. } => panic!("no snapshot was asked for"),
            }
        }
    }
    assert!(progress >= 10, "{progress} in 100 s");
}

#[tokio::test(start_paused = true)]
async fn progress_never_passes_an_event_that_is_still_to_be_sent() {
    let fake = Fake::new(16);
    for n in 0..50 {
        fake.hold(&format!("w{n}"), "x");
    }
    let mut watcher = open(&fake, after(&fake, 0)).await.unwrap();
    let mut told = 0;
    while told < 50 {
        tokio::time::advance(Duration::from_secs(2)).await;
        match watcher.next().await.unwrap() {
            Update::Progress(sequence) => assert_eq!(sequence, told),
            Update::Event(entry) => told = entry.sequence,
            Update::Page { .. } => panic!("no snapshot was asked for"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_lags_the_feed_reads_the_log_and_misses_nothing() {
    let fake = Fake::new(2);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    for round in 0..3_u64 {
        for n in 0..20 {
            fake.hold(&format!("w{n}"), "x");
            fake.publish_all();
        }
        let expected: Vec<_> = (round * 20 + 1..=round * 20 + 20).collect();
        assert_eq!(sequences(&drain(&mut watcher).await), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_never_published_is_read_from_the_log() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    fake.hold("a", "x");
    fake.lose_publication();
    fake.hold("b", "x");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn gaps_in_the_sequences_are_allowed() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    fake.skip_sequences(10);
    fake.hold("a", "x");
    fake.publish_all();
    fake.skip_sequences(10);
    fake.hold("b", "x");
    fake.publish_all();
    assert_eq!(sequences(&drain(&mut watcher).await), [11, 22]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_wait_for_the_next_update_loses_nothing() {
    let fake = Fake::new(16);
    let mut watcher = open(&fake, Start::Now).await.unwrap();
    drain(&mut watcher).await;
    for n in 1..=10 {
        let waiting = tokio::time::timeout(Duration::from_millis(1), watcher.next());
        assert!(waiting.await.is_err(), "nothing to tell yet");
        fake.hold("a", "x");
        fake.publish_all();
        let Update::Event(entry) = watcher.next().await.unwrap() else { panic!("an event") };
        assert_eq!(entry.sequence, n);
    }
}
