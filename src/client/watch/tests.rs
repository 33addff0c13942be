use super::*;

fn cursor(sequence: u64) -> v1::Cursor {
    v1::Cursor { log_id: "log".into(), sequence }
}

fn place(snapshot: bool, from: Option<v1::Cursor>) -> Place {
    let request = v1::WatchSessionsRequest { snapshot, from, filter: None };
    Place { request, cursor: None, catching_up: None }
}

fn see(place: &mut Place, update: Update) {
    place.saw(&v1::WatchSessionsResponse { update: Some(update) });
}

fn progress(sequence: u64) -> Update {
    Update::Progress(v1::Progress { cursor: Some(cursor(sequence)) })
}

fn event(sequence: u64) -> Update {
    let event = v1::Event { log_id: "log".into(), sequence, ..Default::default() };
    Update::Event(Box::new(event))
}

fn page(sequence: u64, last: bool) -> Update {
    Update::SnapshotPage(v1::SnapshotPage {
        sessions: Vec::new(),
        cursor: Some(cursor(sequence)),
        last,
    })
}

#[test]
fn a_watch_resumes_after_the_last_event_or_progress() {
    let mut place = place(false, Some(cursor(3)));
    assert_eq!(place.next_request().from, Some(cursor(3)));
    see(&mut place, event(5));
    assert_eq!(place.next_request().from, Some(cursor(5)));
    see(&mut place, progress(9));
    assert_eq!(place.next_request().from, Some(cursor(9)));
}

#[test]
fn a_watch_from_now_asks_for_now_until_it_knows_where_that_was() {
    let mut place = place(false, None);
    assert_eq!(place.next_request().from, None);
    see(&mut place, progress(4));
    assert_eq!(place.next_request().from, Some(cursor(4)));
}

#[test]
fn a_snapshot_that_was_cut_begins_anew() {
    let mut place = place(true, None);
    see(&mut place, progress(4));
    see(&mut place, page(6, false));
    assert!(place.next_request().snapshot);
    assert_eq!(place.next_request().from, None);
}

#[test]
fn a_snapshot_begins_anew_until_events_have_passed_its_last_page() {
    let mut place = place(true, None);
    see(&mut place, progress(4));
    see(&mut place, page(8, true));
    see(&mut place, event(6));
    assert!(place.next_request().snapshot, "events up to 8 are withheld by row");
    see(&mut place, event(8));
    let next = place.next_request();
    assert!(!next.snapshot);
    assert_eq!(next.from, Some(cursor(8)));
}

#[test]
fn a_snapshot_of_a_quiet_log_is_complete_with_its_last_page() {
    let mut place = place(true, None);
    see(&mut place, progress(4));
    see(&mut place, page(4, true));
    assert_eq!(place.next_request().from, Some(cursor(4)));
}

#[test]
fn a_lag_is_resumed_and_a_compacted_log_is_not() {
    let refused = |reason: Reason, code| {
        Error::from(crate::Refused {
            reason,
            reason_name: String::new(),
            code,
            message: String::new(),
            refusal: v1::Refusal::default(),
            retry_after: None,
            violations: Vec::new(),
        })
    };
    let lagged = refused(Reason::WatchLagged, tonic::Code::ResourceExhausted);
    assert!(Place::is_cured_by_resuming(&lagged));
    let compacted = refused(Reason::SequenceCompacted, tonic::Code::OutOfRange);
    assert!(!Place::is_cured_by_resuming(&compacted));
}
