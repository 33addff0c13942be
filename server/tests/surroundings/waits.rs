use std::time::Duration;

use tenure::v1;
use tenure::v1::await_session_response::Update;
use tenure::v1::grant::Outcome;
use tonic::{Code, Status, Streaming};

use crate::rig::{CALL_MAX, Server, WORKER, WORKSPACE, bad_fields, refused, start};

type Wait = Streaming<v1::AwaitSessionResponse>;

fn wait_for(actor: &str) -> v1::AwaitSessionRequest {
    v1::AwaitSessionRequest { start: Some(start(actor, 30)), ..v1::AwaitSessionRequest::default() }
}

impl Server {
    async fn wait(&mut self, request: v1::AwaitSessionRequest) -> Wait {
        self.lease.await_session(request).await.unwrap().into_inner()
    }

    async fn waiters(&mut self, page_size: i32, page_token: String) -> v1::ListWaitersResponse {
        let request = v1::ListWaitersRequest {
            workspace: WORKSPACE.to_owned(),
            page_size,
            page_token,
            ..v1::ListWaitersRequest::default()
        };
        self.lease.list_waiters(request).await.unwrap().into_inner()
    }
}

async fn update(wait: &mut Wait) -> Result<Update, Status> {
    let message = tokio::time::timeout(CALL_MAX, wait.message()).await.unwrap()?;
    Ok(message.unwrap().update.unwrap())
}

async fn position(wait: &mut Wait) -> v1::WaitPosition {
    match update(wait).await.unwrap() {
        Update::Position(position) => *position,
        other => panic!("{other:?}"),
    }
}

/// The grant, whatever comes before; it is the last message.
async fn grant(wait: &mut Wait) -> Outcome {
    loop {
        if let Update::Grant(grant) = update(wait).await.unwrap() {
            assert!(wait.message().await.unwrap().is_none());
            return grant.outcome.unwrap();
        }
    }
}

fn millis(duration: Option<prost_types::Duration>) -> i64 {
    let duration = duration.unwrap();
    duration.seconds * 1_000 + i64::from(duration.nanos) / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_is_told_where_it_stands_and_then_its_grant() {
    let mut server = Server::start().await;
    let held = server.held().await;
    let mut wait = server.wait(wait_for("worker-2")).await;
    let place = position(&mut wait).await;
    assert_eq!((place.position, place.waiters), (1, 1));
    assert_eq!(place.waiting_for(), v1::ErrorReason::LeaseHeld);
    assert_eq!(place.holder.unwrap().session_id, held.session_id);
    assert_eq!(server.projection().await.waiters, 1);

    server.clear().await;
    let Outcome::Started(started) = grant(&mut wait).await else { panic!() };
    assert!(started.reset);
    let session = started.session.unwrap();
    assert_eq!(session.actor_id, "worker-2");
    assert_eq!(millis(session.lease_ttl), 30_000);
    let expires_in = millis(started.timing.unwrap().expires_in);
    assert!((8_000..=10_000).contains(&expires_in), "until it is claimed: {expires_in} ms");

    let claimed = server.beat(|beat| beat.actor_id = "worker-2".to_owned()).await.unwrap();
    let expires_in = millis(claimed.timing.unwrap().expires_in);
    assert!((28_000..=30_000).contains(&expires_in), "claimed: {expires_in} ms");
    assert_eq!(server.projection().await.waiters, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_takes_over_what_goes_stale() {
    let mut server = Server::start().await;
    server.lease.start_session(start(WORKER, 1)).await.unwrap();
    let request = v1::AwaitSessionRequest {
        take_over_stale: true,
        reason: "it died".to_owned(),
        claim_within: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        ..wait_for("worker-2")
    };
    let mut wait = server.wait(request).await;
    let Outcome::TakenOver(taken) = grant(&mut wait).await else { panic!() };
    assert_eq!((&*taken.prior_actor_id, &*taken.reason), (WORKER, "it died"));
    assert!(millis(taken.timing.unwrap().expires_in) <= 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_nobody_claims_ends_as_yielded() {
    let mut server = Server::start().await;
    let request = v1::AwaitSessionRequest {
        claim_within: Some(prost_types::Duration { seconds: 0, nanos: 200_000_000 }),
        ..wait_for("worker-2")
    };
    let Outcome::Started(started) = grant(&mut server.wait(request).await).await else { panic!() };
    let mut next = server.wait(wait_for("worker-3")).await;
    let Outcome::Started(_) = grant(&mut next).await else { panic!() };
    let session_id = started.session.unwrap().session_id;
    let request = v1::GetLedgerEntryRequest { session_id };
    let entry = server.history.get_ledger_entry(request).await.unwrap().into_inner();
    let verdict = entry.entry.unwrap().verdict.unwrap();
    assert_eq!(verdict.cause(), v1::EndCause::Yielded);
    assert_eq!(verdict.reason, "the grant was not claimed in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_leaves_when_its_call_ends() {
    let mut server = Server::start().await;
    server.held().await;
    let mut first = server.wait(wait_for("worker-2")).await;
    position(&mut first).await;
    let mut second = server.wait(wait_for("worker-3")).await;
    assert_eq!(position(&mut second).await.position, 2);
    drop(first);
    assert_eq!(position(&mut second).await.position, 1);
    let waiters = server.waiters(0, String::new()).await.waiters;
    assert_eq!(waiters.len(), 1);
    assert_eq!((&*waiters[0].actor_id, waiters[0].position), ("worker-3", 1));
    assert_eq!(waiters[0].owner_kind(), v1::OwnerKind::RuntimeWorker);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_are_listed_page_by_page() {
    let mut server = Server::start().await;
    server.held().await;
    let mut waits = Vec::new();
    for actor in ["worker-2", "worker-3", "worker-4"] {
        let mut wait = server.wait(wait_for(actor)).await;
        position(&mut wait).await;
        waits.push(wait);
    }
    let first = server.waiters(2, String::new()).await;
    assert_eq!(first.waiters.len(), 2);
    let rest = server.waiters(2, first.next_page_token.clone()).await;
    assert_eq!((rest.waiters.len(), rest.waiters[0].position), (1, 3));
    assert_eq!(rest.next_page_token, "");
    let other = v1::ListWaitersRequest {
        workspace: "acme/other".to_owned(),
        page_token: first.next_page_token,
        ..v1::ListWaitersRequest::default()
    };
    assert_eq!(bad_fields(server.lease.list_waiters(other).await), ["page_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_wait_asked_again_takes_its_place() {
    let mut server = Server::start().await;
    server.held().await;
    let mut request = wait_for("worker-2");
    request.start.as_mut().unwrap().request_id = "01HZXK3V9Q8J7M6N5P4R3S2T1W".to_owned();
    let mut first = server.wait(request.clone()).await;
    position(&mut first).await;
    let mut again = server.wait(request).await;
    assert_eq!(position(&mut again).await.position, 1);
    assert_eq!(refused(update(&mut first).await), (Code::Aborted, "CONFLICT".to_owned()));
    server.clear().await;
    grant(&mut again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_waits() {
    let mut server = Server::start().await;
    server.held().await;
    let mut wait = server.wait(wait_for("worker-2")).await;
    position(&mut wait).await;
    server.begin_to_drain();
    assert_eq!(refused(update(&mut wait).await), (Code::Unavailable, "DRAINING".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_than_may_wait_is_refused() {
    let mut server = Server::start().await;
    server.held().await;
    let mut waits = Vec::new();
    for n in 0..1_000 {
        waits.push(server.wait(wait_for(&format!("waiter-{n}"))).await);
    }
    assert_eq!(position(waits.last_mut().unwrap()).await.position, 1_000);
    let mut one_more = server.wait(wait_for("one-more")).await;
    let refusal = refused(update(&mut one_more).await);
    assert_eq!(refusal, (Code::ResourceExhausted, "TOO_MANY_WAITERS".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_cannot_cure_ends_the_wait() {
    let mut server = Server::start().await;
    server.held().await;
    let mut request = wait_for("worker-2");
    request.start.as_mut().unwrap().expected_session_id = Some("ses_other".to_owned());
    let mut wait = server.wait(request).await;
    let refusal = refused(update(&mut wait).await);
    assert_eq!(refusal, (Code::FailedPrecondition, "SESSION_MISMATCH".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_of_a_wait_is_named_at_once() {
    let mut server = Server::start().await;
    let empty = v1::AwaitSessionRequest::default();
    assert_eq!(bad_fields(server.lease.await_session(empty).await.map(|_| ())), ["start"]);
    let mut request = v1::AwaitSessionRequest {
        reason: "for nothing".to_owned(),
        claim_within: Some(prost_types::Duration { seconds: 61, nanos: 0 }),
        ..wait_for("worker-2")
    };
    let start = request.start.as_mut().unwrap();
    start.workspace = "/".to_owned();
    start.request_id = "x".to_owned();
    let bad = bad_fields(server.lease.await_session(request).await.map(|_| ()));
    assert_eq!(bad, ["start.request_id", "start.workspace", "reason", "claim_within"]);
    let without_reason = v1::AwaitSessionRequest { take_over_stale: true, ..wait_for("worker-2") };
    let bad = bad_fields(server.lease.await_session(without_reason).await.map(|_| ()));
    assert_eq!(bad, ["reason"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_at_once_what_a_person_holds_and_a_program_waits() {
    let mut server = Server::start().await;
    let holder = Some(v1::start_session_request::Holder::Interactive(v1::InteractiveHolder {}));
    let person = v1::StartSessionRequest { holder, ..start("", 1) };
    server.lease.start_session(person.clone()).await.unwrap();
    let request =
        v1::AwaitSessionRequest { start: Some(person), ..v1::AwaitSessionRequest::default() };
    let mut wait = server.wait(request).await;
    let Outcome::Started(started) = grant(&mut wait).await else { panic!() };
    assert!(!started.reset, "a person starts again what a person has");
    // A program waits.
    let mut wait = server.wait(wait_for("worker-2")).await;
    let place = position(&mut wait).await;
    assert_eq!(place.waiting_for(), v1::ErrorReason::InteractiveSessionActive);
    tokio::time::timeout(Duration::from_millis(300), wait.message()).await.unwrap_err();
}
