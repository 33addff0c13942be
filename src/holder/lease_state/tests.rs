use super::*;

const EXPIRES_MS: u64 = 30_000;

fn at(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Renew after 10 s, stop after 20 s, expire after 30 s.
fn full() -> Option<Timing> {
    Some(Timing::ending_in(ms(EXPIRES_MS)))
}

/// A third of 10 s, rounded up to the millisecond.
const PATIENCE_MS: u64 = 3_334;

fn held() -> LeaseState {
    LeaseState::new(at(0), full().unwrap())
}

#[test]
fn the_first_beat_is_due_after_renew_after() {
    let mut lease = held();
    assert_eq!(lease.beat_at(), Some(at(10_000)));
    assert_eq!(lease.tick(at(9_999)), Due::Nothing);
    assert_eq!(lease.stop_at(), at(20_000));
}

#[test]
fn the_deadline_counts_from_when_the_answered_beat_was_sent() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(13_000), 1, full());
    assert_eq!(lease.stop_at(), at(30_000), "not from 13 s, when the answer came");
    assert_eq!(lease.beat_at(), Some(at(20_000)));
}

#[test]
fn an_answer_that_covers_a_later_message_counts_from_the_own_beat() {
    let mut lease = held();
    lease.sent_beat(5, at(10_000));
    lease.renewed(at(12_000), 9, full());
    assert_eq!(lease.stop_at(), at(30_000));
}

#[test]
fn an_answer_to_the_older_of_two_beats_counts_from_the_older() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.sent_beat(2, at(12_000));
    lease.renewed(at(13_000), 1, full());
    assert_eq!(lease.stop_at(), at(30_000));
    assert_eq!(lease.beat_at(), None, "the newer one is still waited for");
    lease.renewed(at(14_000), 2, full());
    assert_eq!(lease.stop_at(), at(32_000));
}

#[test]
fn a_duplicated_answer_changes_nothing() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(11_000), 1, full());
    let shorter = Some(Timing::ending_in(ms(3_000)));
    lease.renewed(at(15_000), 1, shorter);
    lease.renewed(at(15_000), 1, full());
    assert_eq!(lease.stop_at(), at(30_000));
    assert_eq!(lease.beat_at(), Some(at(20_000)));
}

#[test]
fn a_newer_answer_counts_even_if_it_is_shorter() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(10_100), 1, Some(Timing::ending_in(ms(6_000))));
    assert_eq!(lease.stop_at(), at(14_000));
    assert_eq!(lease.beat_at(), Some(at(12_000)));
}

#[test]
fn work_stops_once_and_for_all_at_stop_work_after() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    let early = lease.tick(at(19_999));
    assert!(matches!(early, Due::Unanswered { .. }), "{early:?}");
    assert_eq!(lease.tick(at(20_000)), Due::StopWork);
    assert_eq!(lease.tick(at(20_001)), Due::Nothing, "it is said once");
    lease.renewed(at(20_002), 1, full());
    assert_eq!(lease.stop_at(), at(20_000), "a success after the end is ignored");
}

#[test]
fn an_answer_read_after_the_deadline_does_not_help() {
    let mut lease = held();
    lease.sent_beat(1, at(19_000));
    lease.renewed(at(20_000), 1, full());
    assert_eq!(lease.stop_at(), at(20_000));
    assert_eq!(lease.tick(at(20_001)), Due::StopWork, "and the stop is still told");
}

#[test]
fn a_jump_of_time_over_the_deadline_stops_the_work_at_once() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(10_001), 1, full());
    assert_eq!(lease.tick(at(3_600_000)), Due::StopWork);
}

#[test]
fn a_success_after_a_loss_is_ignored() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    assert!(lease.end());
    lease.renewed(at(10_100), 1, full());
    lease.joined(at(10_100), 1, full());
    assert_eq!(lease.stop_at(), at(20_000));
    assert_eq!(lease.tick(at(25_000)), Due::Nothing, "a lost lease does not also stop");
    assert!(!lease.end(), "the first loss is the one that counts");
}

#[test]
fn an_unanswered_beat_is_due_again_after_a_third_of_renew_after() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    assert_eq!(lease.work_at(), Some(at(10_000).after(lease.patience())));
    assert_eq!(lease.tick(at(10_000 + PATIENCE_MS - 1)), Due::Nothing);
    let overdue = at(10_000 + PATIENCE_MS);
    assert_eq!(lease.tick(overdue), Due::Unanswered { sent_at: at(10_000) });
    assert_eq!(lease.beat_at(), Some(overdue));
    lease.sent_beat(2, overdue);
    assert_eq!(lease.work_at(), Some(overdue.after(lease.patience())));
}

#[test]
fn after_a_reconnect_only_an_unanswered_beat_is_sent_at_once() {
    let mut lease = held();
    lease.sent_join(1, at(0));
    lease.disconnected(at(3_000));
    assert_eq!(lease.beat_at(), Some(at(10_000)), "none was unanswered");
    lease.sent_beat(2, at(10_000));
    lease.disconnected(at(11_000));
    assert_eq!(lease.beat_at(), Some(at(11_000)));
    lease.renewed(at(11_500), 2, full());
    assert_eq!(lease.stop_at(), at(20_000), "answers of the old stream are gone with it");
}

#[test]
fn a_join_tells_the_timing_and_never_puts_a_beat_off() {
    let mut lease = held();
    lease.sent_join(1, at(9_000));
    lease.joined(at(9_100), 1, Some(Timing::ending_in(ms(21_000))));
    assert_eq!(lease.stop_at(), at(23_000));
    assert_eq!(lease.beat_at(), Some(at(10_000)));
}

#[test]
fn a_join_that_tells_a_shorter_lease_hastens_the_beat() {
    let mut lease = held();
    lease.sent_join(1, at(1_000));
    lease.joined(at(1_100), 1, Some(Timing::ending_in(ms(3_000))));
    assert_eq!(lease.stop_at(), at(3_000));
    assert_eq!(lease.beat_at(), Some(at(2_000)));
}

#[test]
fn the_answer_to_a_join_does_not_undo_that_of_the_beat_beside_it() {
    let mut lease = held();
    lease.sent_join(1, at(10_000));
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(10_100), 1, full());
    lease.joined(at(10_200), 1, Some(Timing::ending_in(ms(3_000))));
    assert_eq!(lease.stop_at(), at(30_000));
    assert_eq!(lease.work_at(), Some(at(20_000)));
}

#[test]
fn an_unanswered_join_is_noticed() {
    let mut lease = held();
    lease.sent_join(1, at(0));
    assert_eq!(lease.tick(at(PATIENCE_MS)), Due::Unanswered { sent_at: at(0) });
}

#[test]
fn a_refusal_that_may_be_cured_puts_the_beat_off() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.put_off(at(10_100), ms(700));
    assert_eq!(lease.work_at(), Some(at(10_800)));
    assert_eq!(lease.stop_at(), at(20_000), "and the deadline stays");
}

#[test]
fn an_answer_without_timing_counts_as_no_answer() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.renewed(at(10_100), 1, None);
    assert_eq!(lease.stop_at(), at(20_000));
    assert_eq!(lease.beat_at(), Some(at(10_100).after(lease.patience())));
}

#[test]
fn a_yield_push_beats_at_once_and_counts_on_no_more_than_the_grace() {
    let mut lease = held();
    lease.asked_to_yield(at(1_000), Some(ms(6_000)));
    assert_eq!(lease.beat_at(), Some(at(1_000)));
    assert_eq!(lease.stop_at(), at(5_000));
    lease.sent_beat(1, at(1_001));
    lease.renewed(at(1_050), 1, Some(Timing::ending_in(ms(5_940))));
    assert_eq!(lease.stop_at(), at(1_001 + 3_960), "the answer is precise");
}

#[test]
fn a_long_grace_does_not_lengthen_the_deadline() {
    let mut lease = held();
    lease.asked_to_yield(at(1_000), Some(ms(600_000)));
    assert_eq!(lease.stop_at(), at(20_000));
    lease.asked_to_yield(at(1_000), None);
    assert_eq!(lease.stop_at(), at(20_000));
}

#[test]
fn an_answer_that_a_yield_push_overtook_does_not_undo_it() {
    let mut lease = held();
    lease.sent_beat(1, at(10_000));
    lease.asked_to_yield(at(10_050), Some(ms(3_000)));
    lease.renewed(at(10_100), 1, full());
    assert_eq!(lease.stop_at(), at(12_050));
    assert_eq!(lease.beat_at(), Some(at(10_050)), "and the beat that asks anew is still due");
}

#[test]
fn news_hasten_the_beat_but_keep_their_distance() {
    let mut lease = held();
    lease.has_news(at(1_000));
    assert_eq!(lease.beat_at(), Some(at(1_000)));
    lease.sent_beat(1, at(1_000));
    lease.has_news(at(1_050));
    assert_eq!(lease.beat_at(), Some(at(1_200)));
    lease.sent_beat(2, at(1_200));
    lease.has_news(at(9_000));
    assert_eq!(lease.beat_at(), Some(at(9_000)));
}

#[test]
fn many_unanswered_beats_err_on_the_safe_side() {
    let mut lease = held();
    for id in 1..=12 {
        lease.sent_beat(id, at(1_000 * id));
    }
    lease.renewed(at(12_500), 11, full());
    assert!(lease.stop_at() <= at(11_000 + 20_000));
    assert!(lease.stop_at() > at(20_000), "but the answer helps");
}
