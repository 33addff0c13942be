use std::task::Waker;

use tenure_core::context::Clock;
use tenure_core::context::Context as Circumstances;
use tenure_core::decide::decide;
use tenure_core::gate::GatesRevision;
use tenure_core::name::{CounterName, EscalationId, ProfileName, WorkStreamName, WorkspaceName};
use tenure_core::refusal::Reason;
use tenure_core::refusal::Refusal;
use tenure_core::reply::{Beat, Joined, Reply, SessionView};
use tenure_core::session::{Activity, FencingToken};
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::usage::Usage;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;

use super::*;

const CLOCK: Clock = Clock {
    now: Moment { lease: LeaseInstant(1_000), wall: WallTime(5_000) },
    boot_mark: LeaseInstant(0),
};

fn outbox(joins_max: usize) -> Outbox {
    Outbox::new(Arc::new(Caller::local(None)), joins_max)
}

fn key() -> Key {
    Key { workspace: WorkspaceName::imported("acme/api"), profile: ProfileName::default() }
}

fn join(handle: u32) -> IncomingJoin {
    let identity = (key(), SessionId::imported("ses_1"), ActorId::imported("a"));
    IncomingJoin { handle, identity: Ok(identity) }
}

fn beat(handle: u32) -> IncomingBeat {
    IncomingBeat { handle, activity: Ok(None), report: None }
}

fn telling(handle: u32, activity: &str) -> IncomingBeat {
    IncomingBeat { handle, activity: Ok(Some(activity.into())), report: None }
}

fn reply(revision: u64) -> Beat {
    Beat {
        session_id: Some(SessionId::imported("ses_1")),
        token: FencingToken(1),
        revision: Revision(revision),
        last_heartbeat_at: WallTime(5_000),
        effective_expiry: LeaseInstant(9_000),
        activity: None,
        transfer: None,
        signals: Default::default(),
    }
}

fn saying(revision: u64, text: &str) -> Beat {
    let set_at = WallTime(5_000);
    let activity = Activity { text: text.into(), set_at, revision: Revision(revision) };
    Beat { activity: Some(activity), ..reply(revision) }
}

fn circumstances() -> Circumstances {
    Circumstances {
        clock: CLOCK,
        principal: Caller::local(None).principal,
        operator: false,
        address: None,
        new_session_id: SessionId::imported("ses_1"),
        new_escalation_id: EscalationId::imported(""),
        work_stream_half_life: HALF_LIFE_DEFAULT,
        revision_floor: Revision(0),
        registration_required: false,
        machine_cordoned: false,
    }
}

fn refusal() -> Box<Refusal> {
    let command = Identity::new(key(), SessionId::imported("ses_1"), ActorId::imported("a"));
    match decide(&Workspace::unknown(key()), &command.plain_beat, &circumstances()) {
        Err(refusal) => Box::new(refusal),
        Ok(decision) => panic!("{:?}", decision.reply),
    }
}

fn next(outbox: &Outbox) -> Option<Next> {
    match outbox.poll_next(&Context::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

fn delivery(outbox: &Outbox) -> Delivery {
    match next(outbox) {
        Some(Next::Deliver(delivery)) => delivery,
        other => panic!("nothing to deliver: {other:?}"),
    }
}

/// Has `handle` join and be accepted, and reads that.
fn joined(outbox: &Outbox, message_id: u64, handle: u32) {
    joined_unread(outbox, message_id, handle);
    delivery(outbox);
}

fn joined_unread(outbox: &Outbox, message_id: u64, handle: u32) {
    let message = Incoming { message_id, joins: vec![join(handle)], ..Incoming::default() };
    let accepted = outbox.accept(message, || CLOCK).unwrap();
    let mut again = Vec::new();
    let mut results = outbox.results(CLOCK, &mut again);
    let joined = Joined { session: view(), signals: Signals::default() };
    results.joined(&accepted.joins[0], Slot(0), joined);
    results.finish();
    assert!(again.is_empty());
}

fn view() -> SessionView {
    use tenure_core::command::{RequestedHolder, RequestedLease, Start};
    let start = Command::Start(Start {
        holder: RequestedHolder::Autonomous(RequestedLease {
            actor: ActorId::imported("a"),
            ttl: Span(8_000),
            kind: tenure_core::session::AutonomousKind::RuntimeWorker,
            supervisor: None,
            instance: None,
        }),
        mode: None,
        supersede: false,
        machine: None,
        expected: tenure_core::command::Expected::default(),
    });
    match decide(&Workspace::unknown(key()), &start, &circumstances()).unwrap().reply {
        Reply::Started(started) => started.session,
        other => panic!("{other:?}"),
    }
}

fn send(outbox: &Outbox, message_id: u64, beats: Vec<IncomingBeat>) -> Vec<BeatWork> {
    let message = Incoming { message_id, beats, ..Incoming::default() };
    outbox.accept(message, || CLOCK).unwrap().beats
}

fn answer(outbox: &Outbox, work: &BeatWork, beat: Beat) -> Vec<BeatWork> {
    let mut again = Vec::new();
    let mut results = outbox.results(CLOCK, &mut again);
    results.renewed(work, Slot(0), beat);
    results.finish();
    again
}

fn lost() -> Push {
    let mut workspace = Workspace::unknown(key());
    let view = view();
    workspace.tenure.revision = Some(view.revision);
    workspace.tenure.session = Some(view.session);
    let clear = Command::Clear(tenure_core::command::Clear {
        actor: Some(ActorId::imported("a")),
        reason: None,
        expected: tenure_core::command::Expected::default(),
    });
    match decide(&workspace, &clear, &circumstances()).unwrap().reply {
        Reply::Cleared(cleared) => Push::Lost(Box::new(cleared.ended.unwrap())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_names_the_handle_and_the_message_that_it_covers() {
    let outbox = outbox(10);
    joined(&outbox, 1, 7);
    let work = send(&outbox, 2, vec![beat(7)]);
    assert!(answer(&outbox, &work[0], reply(2)).is_empty());
    let delivered = delivery(&outbox);
    assert_eq!((delivered.renewed[0].handle, delivered.renewed[0].message_id), (7, 2));
}

#[test]
fn message_ids_must_rise() {
    let outbox = outbox(10);
    joined(&outbox, 5, 1);
    for message_id in [0, 4, 5] {
        let again = Incoming { message_id, ..Incoming::default() };
        assert_eq!(outbox.accept(again, || CLOCK).unwrap_err(), 5);
    }
}

#[test]
fn beats_that_come_while_one_is_under_way_become_one_that_follows() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    let first = send(&outbox, 2, vec![beat(1)]);
    assert!(send(&outbox, 3, vec![telling(1, "testing")]).is_empty());
    assert!(send(&outbox, 4, vec![beat(1)]).is_empty());
    let again = answer(&outbox, &first[0], reply(2));
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].message_id, 4);
    // What the one in between said is not lost.
    let said = match again[0].telling.as_deref() {
        Some(Command::Heartbeat(beat)) => beat.activity.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(said.as_deref(), Some("testing"));
    assert!(answer(&outbox, &again[0], reply(3)).is_empty());
}

fn reporting(handle: u32, report: Report) -> IncomingBeat {
    IncomingBeat { report: Some(Box::new(report)), ..beat(handle) }
}

#[test]
fn a_beat_that_takes_the_place_of_another_tells_what_that_one_told() {
    let outbox = outbox(1);
    joined(&outbox, 1, 1);
    let work = send(&outbox, 2, vec![beat(1)]);
    let counter = |name: &str, total| (CounterName::parse(name).unwrap(), total);
    let usage = |tokens, counters| Usage { input_tokens: tokens, counters, ..Usage::default() };
    let stream = |name: &str| WorkStreamName::parse(name).ok();
    let earlier = Report {
        work_stream: stream("parser"),
        usage: Some(usage(9, [counter("calls", 3)].into())),
        gates_revision: Some(GatesRevision(4)),
        ..Report::default()
    };
    let later = Report {
        work_stream: stream("tests"),
        usage: Some(usage(7, [counter("edits", 2)].into())),
        ..Report::default()
    };
    assert!(send(&outbox, 3, vec![reporting(1, earlier)]).is_empty());
    assert!(send(&outbox, 4, vec![telling(1, "testing")]).is_empty());
    assert!(send(&outbox, 5, vec![reporting(1, later)]).is_empty());
    let again = answer(&outbox, &work[0], reply(2));
    let Some(Command::Heartbeat(told)) = again[0].telling.as_deref() else { panic!("{again:?}") };
    assert_eq!(told.activity.as_deref(), Some("testing"));
    let report = told.report.as_deref().unwrap();
    assert_eq!(report.work_stream, stream("tests"), "the later touch counts");
    assert_eq!(report.gates_revision, Some(GatesRevision(4)));
    let totals = usage(9, [counter("calls", 3), counter("edits", 2)].into());
    assert_eq!(report.usage, Some(totals), "totals never go back, and no counter is lost");
}

#[test]
fn directives_are_told_when_they_changed_and_not_again() {
    let outbox = outbox(1);
    joined(&outbox, 1, 1);
    let mut told = Vec::new();
    for (n, gates) in [0, 3, 3, 4].into_iter().enumerate() {
        let revision = 2 + n as u64;
        let work = send(&outbox, revision, vec![beat(1)]);
        let signals = Signals { gates_revision: GatesRevision(gates), ..Signals::default() };
        answer(&outbox, &work[0], Beat { signals, ..reply(revision) });
        told.push(delivery(&outbox).renewed[0].directives_changed);
    }
    assert_eq!(told, [false, true, false, true]);
}

#[test]
fn unread_results_of_a_handle_coalesce_and_lose_no_news() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    for (message_id, beat_reply) in [(2, saying(2, "testing")), (3, saying(2, "testing"))] {
        let work = send(&outbox, message_id, vec![beat(1)]);
        answer(&outbox, &work[0], beat_reply);
    }
    let delivered = delivery(&outbox);
    assert_eq!(delivered.renewed.len(), 1);
    assert_eq!(delivered.renewed[0].message_id, 3);
    let said = delivered.renewed[0].activity.as_ref().map(|activity| &*activity.text);
    assert_eq!(said, Some("testing"));
    assert!(next(&outbox).is_none());
}

#[test]
fn an_activity_is_told_once() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    for (message_id, told) in [(2, true), (3, false)] {
        let work = send(&outbox, message_id, vec![beat(1)]);
        answer(&outbox, &work[0], saying(2, "testing"));
        assert_eq!(delivery(&outbox).renewed[0].activity.is_some(), told);
    }
}

#[test]
fn after_lost_no_success_is_sent_not_even_one_at_hand() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    let at_hand = send(&outbox, 2, vec![beat(1)]);
    answer(&outbox, &at_hand[0], reply(2));
    let under_way = send(&outbox, 3, vec![beat(1)]);
    outbox.push(1, lost());
    answer(&outbox, &under_way[0], reply(3));
    let delivered = delivery(&outbox);
    assert!(delivered.renewed.iter().all(|renewed| renewed.handle == 0));
    assert_eq!(delivered.pushes.len(), 1);
    assert!(next(&outbox).is_none());
}

#[test]
fn a_join_that_was_not_read_before_the_loss_is_not_told_either() {
    let outbox = outbox(10);
    joined_unread(&outbox, 1, 1);
    joined_unread(&outbox, 2, 2);
    outbox.push(1, lost());
    let delivered = delivery(&outbox);
    assert_eq!(delivered.joined.iter().map(|joined| joined.handle).collect::<Vec<_>>(), [2]);
    assert!(matches!(delivered.pushes[..], [(1, Push::Lost(_))]));
}

#[test]
fn a_final_push_is_sent_once_and_followed_by_no_other() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    outbox.push(1, lost());
    outbox.push(1, lost());
    outbox.push(1, Push::Expired { at: WallTime(1), revision: Revision(9) });
    let delivered = delivery(&outbox);
    assert!(matches!(delivered.pushes[..], [(1, Push::Lost(_))]));
}

#[test]
fn of_each_kind_of_push_the_latest_waits() {
    let outbox = outbox(10);
    for ms in [5, 9] {
        outbox.push(0, Push::Draining { reconnect_after: Span(ms) });
    }
    assert_eq!(delivery(&outbox).pushes, [(0, Push::Draining { reconnect_after: Span(9) })]);
}

#[test]
fn a_beat_on_a_handle_that_never_joined_is_refused_and_the_others_go_on() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    let work = send(&outbox, 2, vec![beat(2), beat(1)]);
    assert_eq!(work.len(), 1);
    let refused = delivery(&outbox).refused;
    assert!(matches!(refused[0].why, WhyRefused::Misuse(Misuse::UnknownHandle)));
    assert_eq!(refused[0].handle, 2);
}

#[test]
fn handles_are_not_reused_and_joins_are_bounded() {
    let outbox = outbox(2);
    joined(&outbox, 1, 1);
    let message = Incoming { message_id: 2, leaves: vec![1], ..Incoming::default() };
    assert_eq!(outbox.accept(message, || CLOCK).unwrap().left.len(), 1);
    let joins = vec![join(1), join(2), join(3), join(4), join(0), join(u32::MAX)];
    let message = Incoming { message_id: 3, joins, ..Incoming::default() };
    assert_eq!(outbox.accept(message, || CLOCK).unwrap().joins.len(), 2);
    let whys: Vec<_> = delivery(&outbox).refused.into_iter().map(|refused| refused.why).collect();
    assert!(matches!(
        whys[..],
        [
            WhyRefused::Misuse(Misuse::HandleReused),
            WhyRefused::Misuse(Misuse::TooManyJoins { joins_max: 2 }),
            WhyRefused::Misuse(Misuse::HandleOutOfRange),
            WhyRefused::Misuse(Misuse::HandleOutOfRange),
        ]
    ));
}

#[test]
fn a_refused_join_leaves_an_unknown_handle() {
    let outbox = outbox(10);
    let message = Incoming { message_id: 1, joins: vec![join(1)], ..Incoming::default() };
    let accepted = outbox.accept(message, || CLOCK).unwrap();
    let mut again = Vec::new();
    let mut results = outbox.results(CLOCK, &mut again);
    results.refused(1, accepted.joins[0].message_id, WhyRefused::Rules(refusal()));
    results.finish();
    send(&outbox, 2, vec![beat(1)]);
    let whys = delivery(&outbox).refused;
    assert!(matches!(&whys[0].why, WhyRefused::Rules(r) if r.reason == Reason::NoSession));
    assert!(matches!(whys[1].why, WhyRefused::Misuse(Misuse::UnknownHandle)));
}

#[test]
fn a_stream_that_provokes_refusals_and_reads_none_is_ended() {
    let outbox = outbox(10);
    for message_id in 1..=UNREAD_REFUSALS_MIN as u64 {
        send(&outbox, message_id, vec![beat(9)]);
    }
    assert!(outbox.lock().end.is_none());
    send(&outbox, u64::MAX, vec![beat(9)]);
    assert!(matches!(next(&outbox), Some(Next::End(End::Lagged))));
}

#[test]
fn a_stream_that_its_client_finished_ends_when_all_is_answered() {
    let outbox = outbox(10);
    joined(&outbox, 1, 1);
    let work = send(&outbox, 2, vec![beat(1)]);
    outbox.finish();
    assert!(next(&outbox).is_none());
    answer(&outbox, &work[0], reply(2));
    assert_eq!(delivery(&outbox).renewed.len(), 1);
    assert!(matches!(next(&outbox), Some(Next::End(End::Finished))));
}
