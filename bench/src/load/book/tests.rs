//! What a book lets through and what it catches.

use tenure::v1::{ErrorReason, Lost, Push, Renewal, Renewed};

use super::*;
use crate::sessions;

fn handles(message: &StreamHeartbeatsRequest) -> Vec<u32> {
    message.beats.iter().map(|beat| beat.handle).collect()
}

fn answer(message_id: u64, renewals: &[(u32, u64)]) -> StreamHeartbeatsResponse {
    let renewal = |&(handle, revision)| Renewal { handle, revision, ..Renewal::default() };
    let renewals = renewals.iter().map(renewal).collect();
    let renewed = vec![Renewed { message_id, renewals, ..Renewed::default() }];
    StreamHeartbeatsResponse { renewed, ..StreamHeartbeatsResponse::default() }
}

/// A stream of so many joined sessions.
fn book(sessions: usize, beats: usize, in_flight: usize) -> Book {
    Book::new(&sessions::made_up(sessions), beats, in_flight)
}

/// Enters an answer that completes no latency.
fn enter(book: &mut Book, response: &StreamHeartbeatsResponse) -> Result<u64, Breach> {
    book.enter(response, &mut |_| panic!("nothing is timed"))
}

fn breach(text: &str) -> Result<u64, Breach> {
    Err(Breach::Wrong(text.to_owned()))
}

#[test]
fn one_message_in_flight_waits_for_its_answer() {
    let mut book = book(1, 1, 1);
    let first = book.next_message(None).unwrap();
    assert_eq!((first.message_id, handles(&first)), (2, vec![1]));
    assert_eq!(book.next_message(None), None);
    assert_eq!(enter(&mut book, &answer(2, &[(1, 5)])), Ok(1));
    assert_eq!(book.next_message(None).unwrap().message_id, 3);
}

#[test]
fn handles_come_round_in_turn() {
    let mut book = book(3, 2, 1);
    assert_eq!(handles(&book.next_message(None).unwrap()), [1, 2]);
    assert_eq!(enter(&mut book, &answer(2, &[(1, 1), (2, 1)])), Ok(2));
    assert_eq!(handles(&book.next_message(None).unwrap()), [3, 1]);
}

#[test]
fn no_handle_has_two_beats_in_flight() {
    let mut book = book(3, 2, 8);
    assert_eq!(handles(&book.next_message(None).unwrap()), [1, 2]);
    assert_eq!(book.next_message(None), None);
    assert_eq!(enter(&mut book, &answer(2, &[(2, 1)])), Ok(1));
    assert_eq!(book.next_message(None), None);
    assert_eq!(enter(&mut book, &answer(2, &[(1, 1)])), Ok(1));
    assert_eq!(handles(&book.next_message(None).unwrap()), [3, 1]);
}

#[test]
fn answers_may_be_split_and_joined_across_messages() {
    let mut book = book(4, 2, 2);
    book.next_message(None).unwrap();
    book.next_message(None).unwrap();
    assert_eq!(enter(&mut book, &answer(2, &[(2, 7)])), Ok(1));
    assert_eq!(enter(&mut book, &answer(3, &[(4, 7), (1, 8), (3, 9)])), Ok(3));
    assert!(book.next_message(None).is_some());
}

#[test]
fn a_beat_is_acknowledged_once() {
    let mut book = book(1, 1, 1);
    book.next_message(None).unwrap();
    assert_eq!(enter(&mut book, &answer(2, &[(1, 1)])), Ok(1));
    let again = enter(&mut book, &answer(2, &[(1, 2)]));
    assert_eq!(again, breach("handle 1 was acknowledged and has no beat in flight"));
}

#[test]
fn an_unknown_handle_is_a_breach() {
    let mut book = book(1, 1, 1);
    book.next_message(None).unwrap();
    for handle in [0, 2] {
        let unknown = enter(&mut book, &answer(2, &[(handle, 1)]));
        let text = format!("handle {handle} was acknowledged and has no beat in flight");
        assert_eq!(unknown, breach(&text));
    }
}

#[test]
fn a_revision_that_does_not_rise_is_a_breach() {
    let mut book = book(1, 1, 1);
    book.next_message(None).unwrap();
    assert_eq!(enter(&mut book, &answer(2, &[(1, 9)])), Ok(1));
    book.next_message(None).unwrap();
    let same = enter(&mut book, &answer(3, &[(1, 9)]));
    assert_eq!(same, breach("handle 1 went from revision 9 to 9"));
}

#[test]
fn an_answer_must_cover_the_beats_message_and_no_later_one_than_sent() {
    let mut book = book(2, 1, 2);
    book.next_message(None).unwrap();
    book.next_message(None).unwrap();
    let early = enter(&mut book, &answer(2, &[(2, 1)]));
    assert_eq!(early, breach("handle 2 beat in message 3, and was acknowledged up to 2"));
    let unsent = enter(&mut book, &answer(4, &[(1, 1)]));
    assert_eq!(unsent, breach("handle 1 beat in message 2, and was acknowledged up to 4"));
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
    let refused = book(9, 1, 1).opened(&response).unwrap_err();
    let text = "handle 4 was refused: ERROR_REASON_LEASE_EXPIRED: \"too late\"";
    assert_eq!(refused.to_string(), text);
    assert_eq!(enter(&mut book(9, 1, 1), &response), Err(refused));
}

#[test]
fn a_push_is_a_breach() {
    let push = Push { handle: 3, kind: Some(push::Kind::Lost(Lost::default())) };
    let response = StreamHeartbeatsResponse { pushes: vec![push], ..Default::default() };
    let pushed = enter(&mut book(9, 1, 1), &response);
    assert_eq!(pushed, breach("handle 3 was told LOST, though nothing happened"));
}

#[test]
fn a_message_took_as_long_as_its_last_beat() {
    let mut book = book(4, 2, 2);
    let at = Instant::now().checked_sub(Duration::from_secs(9)).unwrap();
    book.next_message(Some(at)).unwrap();
    book.next_message(Some(Instant::now())).unwrap();
    let mut taken = Vec::new();
    let mut took = |latency| taken.push(latency);
    book.enter(&answer(3, &[(1, 1), (3, 1)]), &mut took).unwrap();
    book.enter(&answer(3, &[(4, 1)]), &mut took).unwrap();
    book.enter(&answer(3, &[(2, 1)]), &mut took).unwrap();
    assert_eq!(taken.len(), 2);
    assert!(taken[0] < Duration::from_secs(9) && taken[1] >= Duration::from_secs(9));
    // The two that come next are timed anew.
    book.next_message(Some(at)).unwrap();
    let mut again = 0;
    book.enter(&answer(4, &[(1, 2), (2, 2)]), &mut |_| again += 1).unwrap();
    assert_eq!(again, 1);
}

#[test]
fn many_joins_are_dealt_out_to_several_messages() {
    let mut book = book(JOINS_MAX + 1, 1, 1);
    let openings = book.openings();
    assert_eq!(openings.len(), 2);
    assert_eq!((openings[1].message_id, openings[1].joins.len()), (2, 1));
    let joined = |count: usize| StreamHeartbeatsResponse {
        joined: vec![tenure::v1::Joined::default(); count],
        ..StreamHeartbeatsResponse::default()
    };
    assert_eq!(book.opened(&joined(JOINS_MAX)), Ok(false));
    assert_eq!(book.opened(&joined(1)), Ok(true));
    assert_eq!(book.next_message(None).unwrap().message_id, 3);
}
