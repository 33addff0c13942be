use std::time::Duration;

use prost::Message;

use super::outgoing::{HANDLES_MAX, ITEMS_MAX, MESSAGE_BYTES_MAX};
use super::*;
use crate::Reason;
use crate::holder::loss::LossKind;
use crate::v1::push::Kind;

fn at(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

/// Renew after 10 s, stop after 20 s, expire after 30 s.
fn full() -> Timing {
    Timing::ending_in(Duration::from_secs(30))
}

fn identity(name: &str) -> Identity {
    Identity {
        workspace: format!("acme/{name}"),
        profile: "main".into(),
        session_id: format!("ses_{name}"),
        actor_id: "actor".into(),
    }
}

fn add(book: &mut Book, name: &str) -> LeaseId {
    book.add(identity(name), at(0), full(), (1, v1::Directives::default()), at(0))
}

fn duration(ms: i64) -> Option<prost_types::Duration> {
    let nanos = i32::try_from(ms % 1_000 * 1_000_000).unwrap();
    Some(prost_types::Duration { seconds: ms / 1_000, nanos })
}

fn timing(expires_ms: i64) -> Option<v1::LeaseTiming> {
    Some(v1::LeaseTiming {
        expires_in: duration(expires_ms),
        renew_after: duration(expires_ms / 3),
        stop_work_after: duration(expires_ms * 2 / 3),
        lease_expires_at: None,
    })
}

/// What an honest server answers to a message: every join joined, every beat renewed.
fn answer(message: &v1::StreamHeartbeatsRequest) -> v1::StreamHeartbeatsResponse {
    let message_id = message.message_id;
    let joined = message.joins.iter().map(|join| v1::Joined {
        handle: join.handle,
        message_id,
        revision: 5,
        timing: timing(30_000),
        ..Default::default()
    });
    let renewals = message.beats.iter().map(|beat| v1::Renewal {
        handle: beat.handle,
        revision: 6,
        ..Default::default()
    });
    v1::StreamHeartbeatsResponse {
        joined: joined.collect(),
        renewed: vec![v1::Renewed {
            message_id,
            timing: timing(30_000),
            last_heartbeat_at: None,
            renewals: renewals.collect(),
        }],
        ..Default::default()
    }
}

fn push(handle: u32, kind: Kind) -> v1::StreamHeartbeatsResponse {
    let pushes = vec![v1::Push { handle, kind: Some(kind) }];
    v1::StreamHeartbeatsResponse { pushes, ..Default::default() }
}

fn refusal(handle: u32, message_id: u64, reason: Reason) -> v1::StreamHeartbeatsResponse {
    let refused = v1::BeatRefused {
        handle,
        message_id,
        reason: reason as i32,
        message: "no".into(),
        ..Default::default()
    };
    v1::StreamHeartbeatsResponse { refused: vec![refused], ..Default::default() }
}

/// A book with one lease that has joined under handle 1 by message 1.
fn joined() -> (Book, LeaseId) {
    let mut book = Book::default();
    let id = add(&mut book, "one");
    book.attached();
    let message = book.next_message(at(0)).unwrap();
    book.receive(answer(&message), at(10));
    book.take_changed();
    (book, id)
}

/// Ticks and answers what is due up to and including `until`; answers the messages.
fn serve(book: &mut Book, until: Moment) -> Vec<v1::StreamHeartbeatsRequest> {
    let mut sent = Vec::new();
    while let Some(now) = book.wake_at(true).filter(|at| *at <= until) {
        assert_eq!(book.tick(now), Health::Sound);
        while let Some(message) = book.next_message(now) {
            book.receive(answer(&message), now);
            sent.push(message);
        }
    }
    sent
}

fn loss_of(book: &mut Book, id: LeaseId) -> Loss {
    let views = book.take_changed();
    let (_, view) = views.into_iter().rev().find(|(changed, _)| *changed == id).unwrap();
    view.loss.unwrap()
}

#[test]
fn a_new_lease_joins_at_once_and_beats_when_due() {
    let mut book = Book::default();
    add(&mut book, "one");
    book.attached();
    let message = book.next_message(at(0)).unwrap();
    assert_eq!((message.joins.len(), message.beats.len()), (1, 0));
    assert_eq!(message.joins[0].session_id, "ses_one");
    book.receive(answer(&message), at(5));
    assert_eq!(book.next_message(at(9_999)), None);
    let message = book.next_message(at(10_000)).unwrap();
    assert_eq!((message.joins.len(), message.beats.len()), (0, 1));
    assert_eq!(message.beats[0].handle, 1);
}

#[test]
fn a_thousand_leases_share_few_messages() {
    let mut book = Book::default();
    for index in 0..1_000_u64 {
        // The service spreads renewals by 10 % each way.
        let spread = Duration::from_millis(9_000 + 2 * index);
        let timing = Timing { renew_after: spread, ..full() };
        let identity = identity(&index.to_string());
        book.add(identity, at(0), timing, (1, v1::Directives::default()), at(0));
    }
    book.attached();
    let mut joins = 0;
    while let Some(mut message) = book.next_message(at(0)) {
        joins += message.joins.len();
        // The join tells the spread timing again, as the service would.
        let answers = std::mem::take(&mut message.joins);
        for join in answers {
            let mut one = v1::StreamHeartbeatsRequest { joins: vec![join], ..message.clone() };
            one.beats.clear();
            let mut joined = answer(&one);
            joined.joined[0].timing = None;
            book.receive(joined, at(1));
        }
    }
    assert_eq!(joins, 1_000);
    let sent = serve(&mut book, at(60_000));
    let beats: usize = sent.iter().map(|message| message.beats.len()).sum();
    assert!(beats >= 5_000, "{beats} beats in a minute");
    assert!(sent.len() <= 15, "{} messages for {beats} beats", sent.len());
    assert!(book.take_changed().iter().all(|(_, view)| view.loss.is_none()));
}

#[test]
fn a_message_keeps_within_the_bounds_of_items_and_bytes() {
    let mut book = Book::default();
    for index in 0..2_500 {
        let mut identity = identity(&index.to_string());
        identity.actor_id = "a".repeat(256);
        book.add(identity, at(0), full(), (1, v1::Directives::default()), at(0));
    }
    book.attached();
    let mut joins = 0;
    let mut last_id = 0;
    while let Some(message) = book.next_message(at(0)) {
        assert!(message.joins.len() <= ITEMS_MAX);
        assert!(message.encoded_len() <= MESSAGE_BYTES_MAX + 2_048);
        assert!(message.message_id > last_id, "message ids rise");
        last_id = message.message_id;
        joins += message.joins.len();
    }
    assert_eq!(joins, 2_500, "nothing is left behind");
}

#[test]
fn handles_begin_anew_on_another_stream_and_message_ids_do_not() {
    let (mut book, _) = joined();
    add(&mut book, "two");
    let second = book.next_message(at(20)).unwrap();
    assert_eq!(second.joins[0].handle, 2, "a handle is never reused on a stream");
    book.detached(at(30), "lost".into());
    book.attached();
    let message = book.next_message(at(40)).unwrap();
    let mut handles: Vec<_> = message.joins.iter().map(|join| join.handle).collect();
    handles.sort_unstable();
    assert_eq!(handles, [1, 2]);
    assert!(message.message_id > second.message_id);
}

#[test]
fn a_reconnect_joins_again_and_sends_unanswered_beats_again() {
    let (mut book, id) = joined();
    book.say(id, BeatContent::activity("testing").unwrap(), at(5_000));
    let lost = book.next_message(at(5_000)).unwrap();
    assert_eq!(lost.beats[0].activity.as_deref(), Some("testing"));
    book.detached(at(5_500), "lost".into());
    book.attached();
    let again = book.next_message(at(6_000)).unwrap();
    assert_eq!((again.joins.len(), again.beats.len()), (1, 1));
    assert_eq!(again.beats[0].activity.as_deref(), Some("testing"));
    book.receive(answer(&again), at(6_100));
    let next = serve(&mut book, at(17_000));
    assert_eq!(next[0].beats[0].activity, None, "acknowledged content is not sent again");
}

#[test]
fn what_was_said_since_wins_over_what_was_not_acknowledged() {
    let (mut book, id) = joined();
    book.say(id, BeatContent::activity("old").unwrap(), at(5_000));
    book.next_message(at(5_000)).unwrap();
    book.say(id, BeatContent::activity("new").unwrap(), at(5_100));
    book.detached(at(5_150), "lost".into());
    book.attached();
    let again = book.next_message(at(6_000)).unwrap();
    assert_eq!(again.beats[0].activity.as_deref(), Some("new"));
}

#[test]
fn a_loss_that_a_join_is_refused_with_comes_with_its_verdict() {
    let (mut book, id) = joined();
    book.detached(at(1_000), "lost".into());
    book.attached();
    let message = book.next_message(at(2_000)).unwrap();
    let mut response =
        refusal(message.joins[0].handle, message.message_id, Reason::SessionMismatch);
    let verdict = v1::Verdict {
        session_id: "ses_one".into(),
        cause: v1::EndCause::Superseded as i32,
        ..Default::default()
    };
    response.refused[0].refusal =
        Some(v1::Refusal { verdict: Some(verdict.clone()), ..Default::default() });
    book.receive(response, at(2_100));
    let loss = loss_of(&mut book, id);
    assert_eq!((loss.kind, loss.verdict), (LossKind::Ended, Some(verdict)));
    assert!(book.is_empty());
}

#[test]
fn a_pushed_loss_is_final_even_beside_an_older_success() {
    let (mut book, id) = joined();
    let message = book.next_message(at(10_000)).unwrap();
    let mut response = answer(&message);
    response.pushes = push(1, Kind::Lost(v1::Lost::default())).pushes;
    book.receive(response, at(10_100));
    assert_eq!(loss_of(&mut book, id).kind, LossKind::Ended);
    book.receive(answer(&message), at(10_200));
    assert_eq!(book.take_changed(), []);
    assert_eq!(book.wake_at(true), None, "no beat follows a loss but the leave");
    assert_eq!(book.next_message(at(10_300)).unwrap().leaves, [1]);
}

#[test]
fn an_expiry_that_is_pushed_is_a_loss() {
    let (mut book, id) = joined();
    book.receive(push(1, Kind::Expired(v1::Expired::default())), at(10_100));
    assert_eq!(loss_of(&mut book, id).kind, LossKind::Expired);
}

#[test]
fn the_work_stops_without_a_stream_too_and_says_why() {
    let (mut book, id) = joined();
    book.detached(at(1_000), "the server was silent".into());
    assert_eq!(book.wake_at(false), Some(at(20_000)));
    book.tick(at(20_000));
    let loss = loss_of(&mut book, id);
    assert_eq!(loss.kind, LossKind::StoppedWork);
    assert!(loss.message.contains("the server was silent"), "{}", loss.message);
}

#[test]
fn a_stream_on_which_nothing_comes_back_is_silent() {
    let (mut book, _) = joined();
    book.next_message(at(10_000)).unwrap();
    let overdue = book.wake_at(true).unwrap();
    assert!(overdue > at(13_333) && overdue < at(13_334), "{overdue:?}");
    assert_eq!(book.tick(overdue), Health::Silent);
}

#[test]
fn a_beat_that_alone_is_not_answered_is_sent_again_on_the_same_stream() {
    let (mut book, _) = joined();
    let message = book.next_message(at(10_000)).unwrap();
    book.receive(push(1, Kind::Unblocked(v1::Unblocked {})), at(12_000));
    assert_eq!(book.tick(at(15_000)), Health::Sound);
    let again = book.next_message(at(15_000)).unwrap();
    assert_eq!(again.beats[0].handle, message.beats[0].handle);
}

#[test]
fn an_overloaded_server_is_asked_again_under_a_new_handle() {
    let (mut book, id) = joined();
    book.say(id, BeatContent::activity("testing").unwrap(), at(5_000));
    let message = book.next_message(at(5_000)).unwrap();
    let mut response = refusal(1, message.message_id, Reason::Overloaded);
    response.refused[0].retry_after = duration(700);
    book.receive(response, at(5_010));
    assert_eq!(book.next_message(at(5_010)).unwrap().leaves, [1]);
    assert_eq!(book.next_message(at(5_709)), None);
    let again = book.next_message(at(5_710)).unwrap();
    assert_eq!((again.joins[0].handle, again.beats[0].handle), (2, 2));
    assert_eq!(again.beats[0].activity.as_deref(), Some("testing"));
}

#[test]
fn content_that_the_service_refuses_does_not_cost_the_lease() {
    let (mut book, id) = joined();
    book.say(id, BeatContent::activity("\u{7}").unwrap(), at(5_000));
    let message = book.next_message(at(5_000)).unwrap();
    book.receive(refusal(1, message.message_id, Reason::InvalidArgument), at(5_010));
    let again = book.next_message(at(5_010)).unwrap();
    assert_eq!(again.joins.len(), 0, "the handle is kept");
    assert_eq!(again.beats, [v1::Beat { handle: 1, ..Default::default() }]);
}

#[test]
fn a_handle_that_the_service_does_not_know_is_given_up_for_another() {
    let (mut book, _) = joined();
    let message = book.next_message(at(10_000)).unwrap();
    book.receive(refusal(1, message.message_id, Reason::InvalidArgument), at(10_010));
    let leave = book.next_message(at(10_010)).unwrap();
    assert_eq!((leave.leaves.as_slice(), leave.joins.len()), ([1].as_slice(), 0));
    let again = serve(&mut book, at(19_000));
    assert_eq!((again[0].joins[0].handle, again[0].beats[0].handle), (2, 2));
}

#[test]
fn a_stream_whose_handles_are_spent_is_left_for_another() {
    let (mut book, _) = joined();
    book.stream.last_handle = HANDLES_MAX - 1;
    add(&mut book, "last");
    assert_eq!(book.next_message(at(20)).unwrap().joins[0].handle, HANDLES_MAX);
    add(&mut book, "one too many");
    assert_eq!(book.next_message(at(20)), None);
    assert_eq!(book.leaves_stream(at(20)), Some(Leave::HandlesSpent));
    book.detached(at(20), "spent".into());
    book.attached();
    assert_eq!(book.next_message(at(30)).unwrap().joins.len(), 3);
}

#[test]
fn a_yield_push_shows_and_asks_at_once() {
    let (mut book, _) = joined();
    let asked = v1::YieldRequested { grace_left: duration(6_000), ..Default::default() };
    book.receive(push(1, Kind::YieldRequested(asked.clone())), at(1_000));
    let (_, view) = book.take_changed().remove(0);
    assert_eq!(view.directives.yield_requested, Some(asked));
    assert_eq!(view.stop_at, at(5_000));
    assert_eq!(book.next_message(at(1_000)).unwrap().beats.len(), 1);
}

#[test]
fn directives_follow_pushes_and_results() {
    let (mut book, _) = joined();
    let blocked = v1::Blocked {
        escalation_id: "esc_1".into(),
        reason: "why".into(),
        blocking_escalations: 2,
    };
    book.receive(push(1, Kind::Blocked(blocked)), at(1_000));
    let (_, view) = book.take_changed().remove(0);
    assert!(view.directives.blocked);
    assert_eq!(view.directives.blocking_reason, "why");
    book.receive(push(1, Kind::Unblocked(v1::Unblocked {})), at(1_100));
    book.receive(push(1, Kind::GatesChanged(v1::GatesChanged { gates_revision: 4 })), at(1_100));
    let (_, view) = book.take_changed().remove(0);
    let expected = v1::Directives { gates_revision: 4, ..Default::default() };
    assert_eq!(view.directives, expected);
}

#[test]
fn a_draining_server_is_left_after_the_time_that_it_names() {
    let (mut book, _) = joined();
    let draining = v1::Draining { reconnect_after: duration(2_000) };
    book.receive(push(0, Kind::Draining(draining)), at(1_000));
    assert_eq!(book.wake_at(true), Some(at(3_000)));
    assert_eq!(book.leaves_stream(at(2_999)), None);
    assert_eq!(book.leaves_stream(at(3_000)), Some(Leave::Draining));
    book.detached(at(3_000), "draining".into());
    book.attached();
    assert_eq!(book.leaves_stream(at(3_001)), None);
}

#[test]
fn a_removed_lease_leaves_the_stream_and_beats_no_more() {
    let (mut book, id) = joined();
    book.remove(id);
    let message = book.next_message(at(20)).unwrap();
    assert_eq!(message.leaves, [1]);
    assert_eq!(book.wake_at(true), None);
    assert_eq!(book.next_message(at(60_000)), None);
}
