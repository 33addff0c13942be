use tenure_core::ledger::EndCause;
use tenure_core::name::Principal;
use tenure_core::reply::{
    Beat, Cleared, Forced, ForcedOutcome, SessionView, Started, TakenOver, Warning, Yielded,
};
use tenure_core::session::{FencingToken, Holder, Revision, Session};
use tenure_core::time::LeaseInstant;

use super::super::{beat, ending, forced, samples, start as starts, takeover};
use super::*;

#[test]
fn a_start_answers_session_timing_warnings_and_predecessor() {
    let clock = samples::clock_at(samples::NOW);
    let answer = Started {
        session: samples::view_at(&clock),
        reset: true,
        warnings: vec![Warning::SessionRefreshed {
            other_principal: Some(Principal::imported("someone")),
        }],
        predecessor: Some(samples::ledger_entry()),
        found: Default::default(),
    };
    let shown = starts::started(&answer, true, &clock);
    assert!(shown.reset && shown.replayed);
    assert_eq!(shown.session.unwrap().fencing_token, 7);
    assert_eq!(shown.timing.and_then(|timing| timing.expires_in).map(|d| d.seconds), Some(30));
    assert_eq!(shown.warnings[0].code(), v1::WarningCode::SessionRefreshed);
    assert_eq!(shown.warnings[0].principal, "someone");
    let predecessor = shown.predecessor.unwrap();
    assert_eq!((&*predecessor.session_id, &*predecessor.actor_id), ("ses_1", "worker-1"));
    assert!(shown.directives.unwrap().yield_requested.is_none());
}

#[test]
fn a_person_gets_no_timing() {
    let clock = samples::clock_at(samples::NOW);
    let session = Session { holder: Holder::Interactive, activity: None, ..samples::session() };
    let view = SessionView::new(samples::key(), Revision(1), session, None, &clock);
    let answer = Started {
        session: view,
        reset: true,
        warnings: vec![],
        predecessor: None,
        found: Default::default(),
    };
    assert_eq!(starts::started(&answer, false, &clock).timing, None);
}

#[test]
fn a_heartbeat_answers_the_activity_and_the_request_to_yield() {
    let clock = samples::clock_at(samples::NOW);
    let transfer = samples::transfer();
    let answer = Beat {
        session_id: samples::session().id,
        token: FencingToken(7),
        revision: Revision(9),
        last_heartbeat_at: clock.now.wall,
        effective_expiry: transfer.deadline,
        activity: Some(samples::activity()),
        transfer: Some(Box::new(transfer)),
        signals: Default::default(),
    };
    let request =
        v1::HeartbeatRequest { actor_id: "worker-1".to_owned(), ..v1::HeartbeatRequest::default() };
    let shown = beat::renewed(&answer, request.clone(), &clock);
    assert_eq!((&*shown.session_id, &*shown.actor_id), ("ses_1", "worker-1"));
    let named = v1::HeartbeatRequest { session_id: Some("ses_2".to_owned()), ..request };
    let told = Beat { session_id: None, ..answer.clone() };
    assert_eq!(beat::renewed(&told, named, &clock).session_id, "ses_2");
    assert_eq!(shown.activity.map(|activity| activity.text), Some("reading".to_owned()));
    let asked = shown.directives.unwrap().yield_requested.unwrap();
    assert_eq!((&*asked.reason, &*asked.successor_actor_id), ("night shift", "worker-2"));
}

#[test]
fn a_takeover_answers_what_is_known_of_the_prior_session() {
    let clock = samples::clock_at(samples::NOW);
    let answer = TakenOver {
        session: samples::view_at(&clock),
        prior: samples::ledger_entry(),
        found: Default::default(),
    };
    let shown = takeover::taken_over(&answer, false, &clock);
    assert_eq!(shown.reason, "it was silent");
    assert_eq!((&*shown.prior_session_id, &*shown.prior_actor_id), ("ses_1", "worker-1"));
    assert_eq!(shown.prior_activity.map(|activity| activity.text), Some("reading".to_owned()));
}

fn forced_answer(dry_run: bool, outcome: ForcedOutcome) -> Forced {
    let clock = samples::clock_at(samples::NOW);
    let prior_holder_may_act_until = Some(LeaseInstant(samples::NOW + 30_000));
    Forced {
        dry_run,
        prior: samples::view_at(&clock),
        prior_holder_may_act_until,
        outcome,
        found: Default::default(),
    }
}

#[test]
fn a_forced_takeover_says_what_was_done_and_how_long_the_holder_may_act() {
    let clock = samples::clock_at(samples::NOW);
    let reason = || "stuck".to_owned();
    let at_once = ForcedOutcome::Installed(Box::new(samples::view_at(&clock)));
    let shown = forced::forced(&forced_answer(false, at_once), reason(), false, &clock);
    assert_eq!(shown.outcome(), v1::ForcedTakeoverOutcome::TakenOver);
    assert_eq!(shown.session.unwrap().session_id, "ses_1");
    assert!(shown.prior_holder_may_act_until.is_some());
    assert_eq!((&*shown.reason, shown.pending_transfer), ("stuck", None));

    let later = ForcedOutcome::Scheduled(Box::new(samples::transfer()));
    let shown = forced::forced(&forced_answer(false, later), reason(), false, &clock);
    assert_eq!(shown.outcome(), v1::ForcedTakeoverOutcome::Scheduled);
    assert_eq!((shown.session, shown.timing), (None, None));
    assert_eq!(shown.pending_transfer.unwrap().successor_session_id, "ses_2");
}

#[test]
fn a_dry_run_names_no_id_that_will_not_exist() {
    let clock = samples::clock_at(samples::NOW);
    let reason = || "stuck".to_owned();
    let at_once = ForcedOutcome::Installed(Box::new(samples::view_at(&clock)));
    let shown = forced::forced(&forced_answer(true, at_once), reason(), false, &clock);
    assert_eq!((shown.dry_run, &*shown.session.unwrap().session_id), (true, ""));
    assert_eq!(shown.prior_session.unwrap().session_id, "ses_1");
    let later = ForcedOutcome::Scheduled(Box::new(samples::transfer()));
    let shown = forced::forced(&forced_answer(true, later), reason(), false, &clock);
    assert_eq!(shown.pending_transfer.unwrap().successor_session_id, "");
}

#[test]
fn a_promise_that_has_run_out_is_not_shown() {
    let clock = samples::clock_at(samples::NOW + 30_000);
    let outcome = ForcedOutcome::Installed(Box::new(samples::view_at(&clock)));
    let shown = forced::forced(&forced_answer(false, outcome), "r".to_owned(), true, &clock);
    assert_eq!(shown.prior_holder_may_act_until, None);
}

#[test]
fn a_yield_answers_cause_and_successor() {
    let clock = samples::clock_at(samples::NOW);
    let answer = Yielded { ended: samples::ledger_entry(), successor: None };
    let shown = ending::yielded(&answer, false, &clock);
    assert_eq!((&*shown.ended_session_id, shown.revision), ("ses_1", 12));
    assert_eq!((shown.cause(), shown.successor), (v1::EndCause::TakenOver, None));
}

#[test]
fn a_clear_of_nothing_says_so_and_names_no_session() {
    let clock = samples::clock_at(samples::NOW);
    let nothing = Cleared { ended: None, successor: None, reason: None };
    let shown = ending::cleared(&nothing, false, &clock);
    assert_eq!(shown, v1::ClearSessionResponse::default());
    let mut entry = samples::ledger_entry();
    entry.cause = EndCause::Cleared;
    let something = Cleared { ended: Some(entry), successor: None, reason: Some("done".into()) };
    let shown = ending::cleared(&something, true, &clock);
    assert!(shown.cleared && shown.replayed);
    assert_eq!((&*shown.cleared_session_id, shown.cleared_revision), ("ses_1", Some(12)));
    assert_eq!((&*shown.actor_id, &*shown.reason), ("worker-1", "done"));
}
