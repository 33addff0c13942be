use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::Principal;
use tenure_core::session::{FencingToken, Lifecycle, Mode, OwnerKind, Revision};
use tenure_core::time::WallTime;
use tonic::Code;
use tonic_types::StatusExt;

use super::*;
use crate::watch::fake::{Fake, key};

async fn list(
    fake: &Fake,
    request: v1::ListEventsRequest,
) -> Result<v1::ListEventsResponse, Status> {
    let history = History::new(fake.reads(), fake.feed());
    history.list_events(Request::new(request)).await.map(Response::into_inner)
}

fn pages_of(page_size: i32) -> v1::ListEventsRequest {
    v1::ListEventsRequest { page_size, ..v1::ListEventsRequest::default() }
}

fn from(fake: &Fake, sequence: u64) -> Option<v1::Cursor> {
    Some(message::cursor(&fake.log_id(), sequence))
}

/// Follows the tokens to the end. The sequences, the sizes of the pages, and the last cursor.
async fn follow(
    fake: &Fake,
    mut request: v1::ListEventsRequest,
) -> (Vec<u64>, Vec<usize>, Option<v1::Cursor>) {
    let (mut sequences, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = list(fake, request.clone()).await.unwrap();
        sequences.extend(page.events.iter().map(|event| event.sequence));
        sizes.push(page.events.len());
        if page.next_page_token.is_empty() {
            return (sequences, sizes, page.cursor);
        }
        request.page_token = page.next_page_token;
        request.from = None;
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn fields(refused: &Status) -> Vec<String> {
    let bad = refused.get_details_bad_request();
    let violations = bad.map(|bad| bad.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

fn of_ten_events() -> Fake {
    let fake = Fake::new(4);
    for n in 0..10 {
        fake.hold(&format!("acme/w{}", n % 3), "x");
    }
    fake
}

#[tokio::test]
async fn tokens_lead_through_all_events_once() {
    let fake = of_ten_events();
    for page_size in [0, 1, 3, 9, 10, 11, 1_000] {
        let (sequences, sizes, cursor) = follow(&fake, pages_of(page_size)).await;
        assert_eq!(sequences, (1..=10).collect::<Vec<_>>(), "pages of {page_size}");
        assert_eq!(cursor, from(&fake, 10));
        if page_size > 0 {
            assert!(sizes.iter().all(|size| *size <= usize::try_from(page_size).unwrap()));
        }
    }
    let start = v1::ListEventsRequest { from: from(&fake, 4), ..pages_of(2) };
    assert_eq!(follow(&fake, start).await.0, [5, 6, 7, 8, 9, 10]);
}

#[tokio::test]
async fn one_workspace_and_a_filter_hold_together() {
    let fake = of_ten_events();
    fake.leave("acme/w1");
    let request = v1::ListEventsRequest { workspace: "acme/w1".to_owned(), ..pages_of(2) };
    assert_eq!(follow(&fake, request.clone()).await.0, [2, 5, 8, 11]);
    let types = vec![v1::EventType::SessionExpired.into()];
    let filter = Some(v1::EventFilter { types, ..v1::EventFilter::default() });
    let request = v1::ListEventsRequest { filter, ..request };
    assert_eq!(follow(&fake, request).await.0, [11]);
}

#[tokio::test]
async fn a_token_belongs_to_its_list_and_filter() {
    let fake = of_ten_events();
    let token = list(&fake, pages_of(2)).await.unwrap().next_page_token;
    assert!(!token.is_empty());
    let prefix = v1::EventFilter { prefix: "acme".to_owned(), ..v1::EventFilter::default() };
    for other in [
        v1::ListEventsRequest { filter: Some(prefix), ..pages_of(2) },
        v1::ListEventsRequest { workspace: "acme/w1".to_owned(), ..pages_of(2) },
    ] {
        let request = v1::ListEventsRequest { page_token: token.clone(), ..other };
        let refused = list(&fake, request).await.unwrap_err();
        assert_eq!(
            (refused.code(), &*fields(&refused)),
            (Code::InvalidArgument, &["page_token".to_owned()][..])
        );
    }
    let request = v1::ListEventsRequest { page_token: token, ..pages_of(500) };
    assert_eq!(list(&fake, request).await.unwrap().events.len(), 8, "another size is no matter");
}

#[tokio::test]
async fn every_violation_is_named_at_once() {
    let fake = of_ten_events();
    let token = list(&fake, pages_of(2)).await.unwrap().next_page_token;
    let request = v1::ListEventsRequest {
        profile: "other".to_owned(),
        page_token: token,
        from: from(&fake, 1),
        filter: Some(v1::EventFilter { types: vec![0], ..v1::EventFilter::default() }),
        ..pages_of(-1)
    };
    let refused = list(&fake, request).await.unwrap_err();
    assert_eq!(fields(&refused), ["profile", "page_size", "from", "page_token", "filter.types"]);
}

#[tokio::test]
async fn from_a_cursor_retention_is_an_error_and_from_the_oldest_kept_it_is_not() {
    let fake = of_ten_events();
    fake.compact(4);
    let kept = follow(&fake, pages_of(4)).await.0;
    assert_eq!(kept, [5, 6, 7, 8, 9, 10]);
    let strict = v1::ListEventsRequest { from: from(&fake, 3), ..pages_of(4) };
    let refused = list(&fake, strict).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::OutOfRange, "SEQUENCE_COMPACTED"));
    // What begins at a cursor stays strict from page to page.
    let strict = v1::ListEventsRequest { from: from(&fake, 4), ..pages_of(2) };
    let page_token = list(&fake, strict).await.unwrap().next_page_token;
    fake.compact(8);
    let refused =
        list(&fake, v1::ListEventsRequest { page_token, ..pages_of(2) }).await.unwrap_err();
    assert_eq!(reason(&refused), "SEQUENCE_COMPACTED");
}

#[tokio::test]
async fn a_cursor_of_another_log_is_refused() {
    let fake = of_ten_events();
    let from = Some(v1::Cursor { log_id: "log_other".to_owned(), sequence: 1 });
    let refused = list(&fake, v1::ListEventsRequest { from, ..pages_of(2) }).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::OutOfRange, "LOG_REPLACED"));
}

#[tokio::test]
async fn a_page_of_large_events_ends_early_and_the_rest_follows() {
    let fake = Fake::new(4);
    let owner = "ä".repeat(100_000);
    for n in 0..30 {
        fake.hold(&format!("w{n}"), &owner);
    }
    let first = list(&fake, pages_of(30)).await.unwrap();
    assert!(first.encoded_len() < EVENTS_MESSAGE_BYTES + 1_024);
    let (sequences, sizes, _) = follow(&fake, pages_of(30)).await;
    assert_eq!(sequences, (1..=30).collect::<Vec<_>>());
    assert!(sizes.len() > 4 && sizes.iter().all(|size| *size > 0), "{sizes:?}");
    let cursor = first.cursor.unwrap().sequence;
    assert_eq!(cursor, first.events.last().unwrap().sequence, "a watch from here misses nothing");
}

#[tokio::test]
async fn an_event_larger_than_a_page_is_sent_alone() {
    let fake = Fake::new(4);
    let owner = "x".repeat(EVENTS_MESSAGE_BYTES * 2);
    fake.hold("a", &owner);
    fake.hold("b", &owner);
    assert_eq!(follow(&fake, pages_of(30)).await.1, [1, 1]);
}

fn sealed(session_id: &str, name: &str) -> LedgerEntry {
    LedgerEntry {
        session_id: Some(SessionId::imported(session_id)),
        key: key(name),
        lifecycle: Lifecycle::Interactive,
        owner_kind: OwnerKind::Interactive,
        actor: None,
        supervisor: None,
        mode: Mode::General,
        principal: Principal::imported("local"),
        machine: None,
        token: FencingToken(1),
        started_at: WallTime(0),
        ended_at: WallTime(0),
        cause: EndCause::Yielded,
        ended_by: Principal::imported("local"),
        ended_by_actor: None,
        why: None,
        successor: None,
        revision: Revision(2),
        start_count: 1,
        beats: 0,
        last_activity: None,
        instance: None,
        last_heartbeat_at: None,
        lease_ttl: None,
        usage: None,
        focus: None,
    }
}

async fn entry(fake: &Fake, session_id: &str) -> Result<v1::GetLedgerEntryResponse, Status> {
    let history = History::new(fake.reads(), fake.feed());
    let request = v1::GetLedgerEntryRequest { session_id: session_id.to_owned() };
    history.get_ledger_entry(Request::new(request)).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_ledger_entry_comes_with_who_holds_the_workspace_now() {
    let fake = Fake::new(4);
    fake.seal(sealed("ses_old", "acme/api"));
    let found = entry(&fake, "ses_old").await.unwrap();
    assert_eq!(found.entry.unwrap().verdict.unwrap().cause(), v1::EndCause::Yielded);
    assert_eq!(found.current, None);
    fake.hold("acme/api", "worker");
    let current = entry(&fake, "ses_old").await.unwrap().current.unwrap();
    assert_eq!((&*current.actor_id, &*current.workspace), ("worker", "acme/api"));
}

#[tokio::test]
async fn a_session_that_has_not_ended_has_no_entry() {
    let fake = Fake::new(4);
    fake.hold("acme/api", "worker"); // ses_1
    for id in ["ses_1", "ses_unknown"] {
        let refused = entry(&fake, id).await.unwrap_err();
        assert_eq!((refused.code(), &*reason(&refused)), (Code::NotFound, "NO_SUCH_LEDGER_ENTRY"));
    }
    let refused = entry(&fake, "").await.unwrap_err();
    assert_eq!(fields(&refused), ["session_id"]);
}

async fn ledger(
    fake: &Fake,
    request: v1::ListLedgerRequest,
) -> Result<v1::ListLedgerResponse, Status> {
    let history = History::new(fake.reads(), fake.feed());
    history.list_ledger(Request::new(request)).await.map(Response::into_inner)
}

fn ledger_pages_of(page_size: i32) -> v1::ListLedgerRequest {
    v1::ListLedgerRequest { page_size, ..v1::ListLedgerRequest::default() }
}

/// Follows the tokens to the end: the session ids, and the sizes of the pages.
async fn follow_ledger(
    fake: &Fake,
    mut request: v1::ListLedgerRequest,
) -> (Vec<String>, Vec<usize>) {
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = ledger(fake, request.clone()).await.unwrap();
        sizes.push(page.entries.len());
        ids.extend(page.entries.into_iter().map(|entry| entry.session_id));
        if page.next_page_token.is_empty() {
            return (ids, sizes);
        }
        request.page_token = page.next_page_token;
    }
}

/// Seven ended sessions, `s7` the last of them.
fn of_seven_ends() -> Fake {
    let fake = Fake::new(4);
    for n in 1..8 {
        let ended_at = WallTime(n * 1_000);
        let name = format!("acme/w{}", n % 2);
        fake.seal(LedgerEntry { ended_at, beats: n, ..sealed(&format!("s{n}"), &name) });
    }
    fake
}

#[tokio::test]
async fn tokens_lead_through_the_ledger_the_last_ended_first() {
    let fake = of_seven_ends();
    for page_size in [0, 1, 3, 7, 1_000] {
        let (ids, sizes) = follow_ledger(&fake, ledger_pages_of(page_size)).await;
        assert_eq!(ids, ["s7", "s6", "s5", "s4", "s3", "s2", "s1"], "pages of {page_size}");
        if page_size > 0 {
            assert!(sizes.iter().all(|size| *size <= usize::try_from(page_size).unwrap()));
        }
    }
    let one = v1::ListLedgerRequest { workspace: "acme/w1".to_owned(), ..ledger_pages_of(2) };
    assert_eq!(follow_ledger(&fake, one.clone()).await.0, ["s7", "s5", "s3", "s1"]);
    let ended_since = Some(prost_types::Timestamp { seconds: 3, nanos: 0 });
    let ended_before = Some(prost_types::Timestamp { seconds: 7, nanos: 0 });
    let filter = Some(v1::LedgerFilter { ended_since, ended_before, ..Default::default() });
    let period = v1::ListLedgerRequest { filter, ..one };
    assert_eq!(follow_ledger(&fake, period).await.0, ["s5", "s3"]);
}

#[tokio::test]
async fn totals_come_with_the_first_page_only_and_are_of_all_pages() {
    let fake = of_seven_ends();
    let request = v1::ListLedgerRequest { totals: true, ..ledger_pages_of(3) };
    let first = ledger(&fake, request.clone()).await.unwrap();
    let totals = first.totals.unwrap();
    assert_eq!((totals.sessions, totals.beats), (7, 28));
    assert_eq!(totals.held.map(|held| held.seconds), Some(28));
    let second = v1::ListLedgerRequest { page_token: first.next_page_token.clone(), ..request };
    assert_eq!(ledger(&fake, second).await.unwrap().totals, None);
    assert_eq!(ledger(&fake, ledger_pages_of(3)).await.unwrap().totals, None, "nobody asked");
}

#[tokio::test]
async fn a_token_of_the_ledger_belongs_to_its_filter() {
    let fake = of_seven_ends();
    let page_token = ledger(&fake, ledger_pages_of(2)).await.unwrap().next_page_token;
    let filter = Some(v1::LedgerFilter { owner: "x".to_owned(), ..Default::default() });
    for other in [
        v1::ListLedgerRequest { filter, ..ledger_pages_of(2) },
        v1::ListLedgerRequest { workspace: "acme/w1".to_owned(), ..ledger_pages_of(2) },
    ] {
        let request = v1::ListLedgerRequest { page_token: page_token.clone(), ..other };
        assert_eq!(fields(&ledger(&fake, request).await.unwrap_err()), ["page_token"]);
    }
    let events = v1::ListEventsRequest { page_token: page_token.clone(), ..pages_of(2) };
    assert_eq!(fields(&list(&fake, events).await.unwrap_err()), ["page_token"]);
    let request = v1::ListLedgerRequest { page_token, ..ledger_pages_of(500) };
    assert_eq!(ledger(&fake, request).await.unwrap().entries.len(), 5, "another size is no matter");
}

#[tokio::test]
async fn a_page_of_large_entries_ends_early_and_the_rest_follows() {
    let fake = Fake::new(4);
    for n in 0..30 {
        let why = Some("ä".repeat(100_000).into());
        fake.seal(LedgerEntry { why, ..sealed(&format!("s{n}"), "w") });
    }
    fake.seal(LedgerEntry {
        why: Some("x".repeat(LEDGER_MESSAGE_BYTES * 2).into()),
        ..sealed("huge", "w")
    });
    let (ids, sizes) = follow_ledger(&fake, ledger_pages_of(1_000)).await;
    assert_eq!((ids.len(), sizes[0]), (31, 1), "one that is larger than a page is sent alone");
    assert!(sizes.len() > 5 && sizes[1] > 1, "{sizes:?}");
    let rest = ids.iter().skip(1).rev().cloned().collect::<Vec<_>>();
    assert_eq!(rest, (0..30).map(|n| format!("s{n}")).collect::<Vec<_>>());
}
