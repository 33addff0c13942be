//! What a book lets through and what it catches.

use tenure::v1::{ErrorReason, Lost, Push, Renewal, Renewed};

use super::*;

fn handles(message: &StreamHeartbeatsRequest) -> Vec<u32> {
    message.beats.iter().map(|beat| beat.handle).collect()
}

fn answer(message_id: u64, renewals: &[(u32, u64)]) -> StreamHeartbeatsResponse {
    let renewal = |&(handle, revision)| Renewal { handle, revision, ..Renewal::default() };
    let renewals = renewals.iter().map(renewal).collect();
    let renewed = vec![Renewed { message_id, renewals, ..Renewed::default() }];
    StreamHeartbeatsResponse { renewed, ..StreamHeartbeatsResponse::default() }
}

#[test]
fn one_message_in_flight_waits_for_its_answer() {
    let mut book = Book::new(1, 1, 1);
    let first = book.next_message().unwrap();
    assert_eq!((first.message_id, handles(&first)), (2, vec![1]));
    assert_eq!(book.next_message(), None);
    assert_eq!(book.enter(&answer(2, &[(1, 5)])), Ok(1));
    assert_eq!(book.next_message().unwrap().message_id, 3);
}

#[test]
fn handles_come_round_in_turn() {
    let mut book = Book::new(3, 2, 1);
    assert_eq!(handles(&book.next_message().unwrap()), [1, 2]);
    assert_eq!(book.enter(&answer(2, &[(1, 1), (2, 1)])), Ok(2));
    assert_eq!(handles(&book.next_message().unwrap()), [3, 1]);
}

#[test]
fn no_handle_has_two_beats_in_flight() {
    let mut book = Book::new(3, 2, 8);
    assert_eq!(handles(&book.next_message().unwrap()), [1, 2]);
    assert_eq!(book.next_message(), None);
    assert_eq!(book.enter(&answer(2, &[(2, 1)])), Ok(1));
    assert_eq!(book.next_message(), None);
    assert_eq!(book.enter(&answer(2, &[(1, 1)])), Ok(1));
    assert_eq!(handles(&book.next_message().unwrap()), [3, 1]);
}

#[test]
fn answers_may_be_split_and_joined_across_messages() {
    let mut book = Book::new(4, 2, 2);
    book.next_message().unwrap();
    book.next_message().unwrap();
    assert_eq!(book.enter(&answer(2, &[(2, 7)])), Ok(1));
    assert_eq!(book.enter(&answer(3, &[(4, 7), (1, 8), (3, 9)])), Ok(3));
    assert!(book.next_message().is_some());
}

#[test]
fn a_beat_is_acknowledged_once() {
    let mut book = Book::new(1, 1, 1);
    book.next_message().unwrap();
    assert_eq!(book.enter(&answer(2, &[(1, 1)])), Ok(1));
    let again = book.enter(&answer(2, &[(1, 2)]));
    assert_eq!(again, Err(Breach::NotInFlight { handle: 1 }));
}

#[test]
fn an_unknown_handle_is_a_breach() {
    let mut book = Book::new(1, 1, 1);
    book.next_message().unwrap();
    for handle in [0, 2] {
        let unknown = book.enter(&answer(2, &[(handle, 1)]));
        assert_eq!(unknown, Err(Breach::NotInFlight { handle }));
    }
}

#[test]
fn a_revision_that_does_not_rise_is_a_breach() {
    let mut book = Book::new(1, 1, 1);
    book.next_message().unwrap();
    assert_eq!(book.enter(&answer(2, &[(1, 9)])), Ok(1));
    book.next_message().unwrap();
    let same = book.enter(&answer(3, &[(1, 9)]));
    assert_eq!(same, Err(Breach::RevisionNotRising { handle: 1, before: 9, after: 9 }));
}

#[test]
fn an_answer_must_cover_the_beats_message_and_no_later_one_than_sent() {
    let mut book = Book::new(2, 1, 2);
    book.next_message().unwrap();
    book.next_message().unwrap();
    let early = book.enter(&answer(2, &[(2, 1)]));
    assert_eq!(early, Err(Breach::WrongMessage { handle: 2, sent: 3, covered: 2 }));
    let unsent = book.enter(&answer(4, &[(1, 1)]));
    assert_eq!(unsent, Err(Breach::WrongMessage { handle: 1, sent: 2, covered: 4 }));
}

#[test]
fn a_refusal_is_a_breach_with_its_reason() {
    let refused = BeatRefused {
        handle: 4,
        reason: ErrorReason::LeaseExpired.into(),
        message: "too late".into(),
        ..BeatRefused::default()
    };
    let response = StreamHeartbeatsResponse { refused: vec![refused], ..Default::default() };
    let breach = joined(&response).unwrap_err();
    assert_eq!(
        breach.to_string(),
        "the server refused handle 4: ERROR_REASON_LEASE_EXPIRED: \"too late\""
    );
    assert_eq!(Book::new(9, 1, 1).enter(&response), Err(breach));
}

#[test]
fn a_push_is_a_breach() {
    let push = Push { handle: 3, kind: Some(push::Kind::Lost(Lost::default())) };
    let response = StreamHeartbeatsResponse { pushes: vec![push], ..Default::default() };
    let breach = Book::new(9, 1, 1).enter(&response);
    assert_eq!(breach, Err(Breach::Pushed { handle: 3, kind: "LOST" }));
}
