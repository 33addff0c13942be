//! Machines: how they stand, who may order what of them, and what a cordon refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::v1;
use tenure::v1::event::Payload;
use tenure::v1::watch_sessions_response::Update;
use tonic::Code;

use crate::rig::{CALL_MAX, Server, WORKER, bad_fields, refused, start};

/// A start of [`WORKER`] in a workspace, on a machine, with a lease of so many seconds.
fn start_on(workspace: &str, machine: &str, lease_secs: i64) -> v1::StartSessionRequest {
    let workspace = workspace.to_owned();
    v1::StartSessionRequest {
        workspace,
        machine: Some(named(machine)),
        ..start(WORKER, lease_secs)
    }
}

fn named(machine: &str) -> v1::MachineRef {
    let labels = [("zone".to_owned(), "eu".to_owned())].into();
    v1::MachineRef { machine_id: machine.to_owned(), host: format!("{machine}.example"), labels }
}

impl Server {
    async fn start_on(&mut self, workspace: &str, machine: &str, lease_secs: i64) -> v1::Session {
        let answer = self.lease.start_session(start_on(workspace, machine, lease_secs)).await;
        answer.unwrap().into_inner().session.unwrap()
    }

    /// The machines that a filter selects.
    async fn machines(&mut self, filter: v1::MachineFilter) -> Vec<v1::Machine> {
        let filter = Some(filter);
        let request = v1::ListMachinesRequest { filter, ..v1::ListMachinesRequest::default() };
        let page = self.machine.list_machines(request).await.unwrap().into_inner();
        assert_eq!(page.next_page_token, "");
        page.machines
    }

    async fn ids(&mut self, filter: v1::MachineFilter) -> Vec<String> {
        self.machines(filter).await.into_iter().map(|machine| machine.machine_id).collect()
    }

    /// Waits until the machine stands so.
    async fn stands(&mut self, machine: &str, state: v1::MachineState) -> v1::Machine {
        let filter = v1::MachineFilter { machine: machine.to_owned(), ..Default::default() };
        let begun = std::time::Instant::now();
        loop {
            let found = self.machines(filter.clone()).await.remove(0);
            if found.state() == state {
                return found;
            }
            assert!(begun.elapsed() < CALL_MAX, "{found:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn cordon(&mut self, machine: &str, reason: &str) -> v1::Machine {
        let request =
            v1::CordonMachineRequest { machine_id: machine.into(), reason: reason.into() };
        self.machine.cordon_machine(request).await.unwrap().into_inner().machine.unwrap()
    }

    async fn uncordon(&mut self, machine: &str) -> Result<v1::Machine, tonic::Status> {
        let request =
            v1::UncordonMachineRequest { machine_id: machine.into(), reason: String::new() };
        let answer = self.machine.uncordon_machine(request).await?;
        Ok(answer.into_inner().machine.unwrap())
    }

    async fn forget(&mut self, machine: &str) -> Result<v1::Machine, tonic::Status> {
        let request = v1::ForgetMachineRequest { machine_id: machine.into() };
        let answer = self.machine.forget_machine(request).await?;
        Ok(answer.into_inner().machine.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_listed_with_all_that_its_holders_told() {
    let mut server = Server::start().await;
    assert_eq!(server.machines(v1::MachineFilter::default()).await, []);
    server.start_on("acme/a", "m-1", 600).await;
    server.start_on("acme/b", "m-1", 600).await;
    let machine = server.machines(v1::MachineFilter::default()).await.remove(0);
    assert_eq!((&*machine.machine_id, &*machine.host), ("m-1", "m-1.example"));
    assert_eq!(machine.labels, named("m-1").labels);
    assert_eq!(machine.state(), v1::MachineState::Ready);
    assert_eq!((machine.live_sessions, machine.stale_sessions), (2, 0));
    assert!(machine.last_seen_at.is_some());
    assert_eq!((machine.cordoned, machine.cordoned_at), (false, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_whose_leases_all_ran_out_is_one_lost_machine() {
    let mut server = Server::start().await;
    let starts = (0..40).map(|n| start_on(&format!("acme/w{n}"), "m-1", 1)).collect();
    let request = v1::BatchStartSessionsRequest { starts };
    let answer = server.lease.batch_start_sessions(request).await.unwrap().into_inner();
    assert_eq!(answer.results.len(), 40);
    let lost = server.stands("m-1", v1::MachineState::Lost).await;
    assert_eq!((lost.live_sessions, lost.stale_sessions), (0, 40));
    let all = server.machines(v1::MachineFilter::default()).await;
    assert_eq!(all.len(), 1, "one incident, not forty");
    // One that is taken over elsewhere is gone from there; the rest is still lost.
    let request = v1::TakeOverSessionRequest {
        workspace: "acme/w0".to_owned(),
        reason: "m-1 is lost".to_owned(),
        successor: Some(v1::take_over_session_request::Successor::Interactive(
            v1::InteractiveHolder::default(),
        )),
        machine: Some(named("m-2")),
        ..v1::TakeOverSessionRequest::default()
    };
    server.lease.take_over_session(request).await.unwrap();
    let lost = server.stands("m-1", v1::MachineState::Lost).await;
    assert_eq!(lost.stale_sessions, 39);
    assert_eq!(server.stands("m-2", v1::MachineState::Ready).await.live_sessions, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cordon_refuses_new_sessions_and_nothing_else() {
    let mut server = Server::start().await;
    let held = server.start_on("acme/held", "m-1", 600).await;
    let cordoned = server.cordon("m-1", "a bad disk").await;
    assert_eq!((cordoned.cordoned, &*cordoned.cordoned_by), (true, "local"));
    assert_eq!(&*cordoned.cordon_reason, "a bad disk");
    assert!(cordoned.cordoned_at.is_some());
    assert_eq!(cordoned.state(), v1::MachineState::Draining);
    let refused_with = (Code::FailedPrecondition, "MACHINE_CORDONED".to_owned());
    let fresh = server.lease.start_session(start_on("acme/new", "m-1", 600)).await;
    assert_eq!(refused(fresh), refused_with);
    let force = v1::ForceTakeOverSessionRequest {
        workspace: "acme/held".to_owned(),
        reason: "maintenance".to_owned(),
        expected_session_id: Some(held.session_id.clone()),
        successor: Some(v1::force_take_over_session_request::Successor::Interactive(
            v1::InteractiveHolder::default(),
        )),
        machine: Some(named("m-1")),
        ..v1::ForceTakeOverSessionRequest::default()
    };
    assert_eq!(refused(server.lease.force_take_over_session(force).await), refused_with);
    let starts = vec![start_on("acme/x", "m-1", 600), start_on("acme/x", "m-2", 600)];
    let request = v1::BatchStartSessionsRequest { starts };
    let results = server.lease.batch_start_sessions(request).await.unwrap().into_inner().results;
    let failed: Vec<bool> = results
        .iter()
        .map(|it| matches!(it.result, Some(v1::batch_start_result::Result::Failed(_))))
        .collect();
    assert_eq!(failed, [true, false]);
    // Refreshes and beats go on.
    let refreshed = server.start_on("acme/held", "m-1", 600).await;
    assert_eq!(refreshed.session_id, held.session_id);
    let beat = v1::HeartbeatRequest {
        workspace: "acme/held".to_owned(),
        actor_id: WORKER.to_owned(),
        ..v1::HeartbeatRequest::default()
    };
    server.lease.heartbeat(beat).await.unwrap();
    let lifted = server.uncordon("m-1").await.unwrap();
    assert_eq!((lifted.cordoned, lifted.state()), (false, v1::MachineState::Ready));
    server.start_on("acme/new", "m-1", 600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_may_be_repeated_and_need_a_machine_that_is_known() {
    let mut server = Server::start().await;
    let unknown = (Code::NotFound, "NO_SUCH_MACHINE".to_owned());
    assert_eq!(refused(server.uncordon("m-1").await), unknown);
    assert_eq!(refused(server.forget("m-1").await), unknown);
    let first = server.cordon("m-1", "a bad disk").await;
    assert_eq!((first.state(), first.last_seen_at), (v1::MachineState::Absent, None));
    assert_eq!(server.cordon("m-1", "a bad disk").await, first);
    assert_eq!(server.cordon("m-1", "").await, first, "a repeat without reason keeps it");
    assert_eq!(server.cordon("m-1", "sold").await.cordon_reason, "sold");
    for _ in 0..2 {
        assert!(!server.uncordon("m-1").await.unwrap().cordoned);
    }
    server.cordon("m-1", "again").await;
    let forgotten = server.forget("m-1").await.unwrap();
    assert_eq!(&*forgotten.cordon_reason, "again", "as it was");
    assert_eq!(refused(server.forget("m-1").await), unknown);
    server.start_on("acme/a", "m-1", 600).await;
    server.forget("m-1").await.unwrap();
    assert_eq!(server.stands("m-1", v1::MachineState::Ready).await.live_sessions, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_come_in_pages_and_by_filter() {
    let mut server = Server::start().await;
    for n in 0..5 {
        server.start_on(&format!("acme/w{n}"), &format!("m-{n}"), 600).await;
    }
    server.start_on("acme/short", "m-9", 1).await;
    server.stands("m-9", v1::MachineState::Lost).await;
    server.cordon("m-1", "").await;
    server.cordon("m-7", "").await;
    let mut all = Vec::new();
    let mut request = v1::ListMachinesRequest { page_size: 2, ..Default::default() };
    loop {
        let page = server.machine.list_machines(request.clone()).await.unwrap().into_inner();
        assert!(page.machines.len() <= 2);
        all.extend(page.machines.into_iter().map(|machine| machine.machine_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(all, ["m-0", "m-1", "m-2", "m-3", "m-4", "m-7", "m-9"]);
    let any = v1::MachineFilter::default;
    let with = |state: v1::MachineState| v1::MachineFilter { state: state.into(), ..any() };
    let zone = |zone: &str| BTreeMap::from([("zone".to_owned(), zone.to_owned())]);
    for (filter, expected) in [
        (with(v1::MachineState::Ready), &["m-0", "m-2", "m-3", "m-4"][..]),
        (with(v1::MachineState::Draining), &["m-1"]),
        (with(v1::MachineState::Lost), &["m-9"]),
        (with(v1::MachineState::Idle), &[]),
        (with(v1::MachineState::Absent), &["m-7"]),
        (v1::MachineFilter { cordoned: Some(true), ..any() }, &["m-1", "m-7"]),
        (v1::MachineFilter { host: "m-3.example".to_owned(), ..any() }, &["m-3"]),
        (v1::MachineFilter { machine: "m-3".to_owned(), ..any() }, &["m-3"]),
        (v1::MachineFilter { labels: zone("us"), ..any() }, &[]),
        (v1::MachineFilter { labels: zone("eu"), ..with(v1::MachineState::Lost) }, &["m-9"]),
        (v1::MachineFilter { cordoned: Some(false), ..with(v1::MachineState::Draining) }, &[]),
    ] {
        assert_eq!(server.ids(filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_field_is_named_at_once_and_nothing_is_stored() {
    let mut server = Server::start().await;
    let (long, why) = ("m".repeat(257), "r".repeat(501));
    let cordon = v1::CordonMachineRequest { machine_id: long.clone(), reason: why.clone() };
    let answer = server.machine.cordon_machine(cordon).await;
    assert_eq!(bad_fields(answer), ["machine_id", "reason"]);
    let uncordon = v1::UncordonMachineRequest { machine_id: String::new(), reason: why };
    let answer = server.machine.uncordon_machine(uncordon).await;
    assert_eq!(bad_fields(answer), ["machine_id", "reason"]);
    let forget = v1::ForgetMachineRequest { machine_id: "a\nb".to_owned() };
    assert_eq!(bad_fields(server.machine.forget_machine(forget).await), ["machine_id"]);
    let filter = v1::MachineFilter { state: 77, machine: long, ..Default::default() };
    let request =
        v1::ListMachinesRequest { page_size: -1, page_token: "x".into(), filter: Some(filter) };
    assert_eq!(
        bad_fields(server.machine.list_machines(request).await),
        ["page_size", "page_token", "filter.state", "filter.machine"]
    );
    assert_eq!(server.machines(v1::MachineFilter::default()).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_and_history_tell_of_cordons_and_filters_choose_them() {
    let mut server = Server::start().await;
    let of = |prefix: &str, machine: &str| {
        let (prefix, machine) = (prefix.to_owned(), machine.to_owned());
        Some(v1::EventFilter { prefix, machine, ..v1::EventFilter::default() })
    };
    let request = v1::WatchSessionsRequest { filter: of("", "m-1"), ..Default::default() };
    let mut watch = server.lease.watch_sessions(request).await.unwrap().into_inner();
    // The first update says that it has begun.
    watch.message().await.unwrap().unwrap();
    server.cordon("m-2", "not asked for").await;
    server.cordon("m-1", "a bad disk").await;
    server.uncordon("m-1").await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        let update = tokio::time::timeout(CALL_MAX, watch.message()).await.unwrap();
        if let Some(Update::Event(event)) = update.unwrap().unwrap().update {
            told.push(event);
        }
    }
    assert_eq!(told[0].r#type(), v1::EventType::MachineCordoned);
    assert_eq!((&*told[0].workspace, &*told[0].principal), ("", "local"));
    assert_eq!((&*told[0].reason, told[0].address.is_empty()), ("a bad disk", false));
    let machine_id = "m-1".to_owned();
    let cordoned = v1::MachineCordoned { machine_id: machine_id.clone() };
    assert_eq!(told[0].payload, Some(Payload::MachineCordoned(cordoned)));
    let lifted = v1::MachineUncordoned { machine_id };
    assert_eq!(told[1].payload, Some(Payload::MachineUncordoned(lifted)));
    for (filter, expected) in
        [(of("", "m-1"), 2), (of("", "m-2"), 1), (of("", "m-3"), 0), (of("acme", "m-1"), 0)]
    {
        let request = v1::ListEventsRequest { filter, ..v1::ListEventsRequest::default() };
        let listed = server.history.list_events(request.clone()).await.unwrap().into_inner();
        assert_eq!(listed.events.len(), expected, "{request:?}");
    }
    let types = vec![v1::EventType::MachineUncordoned.into()];
    let filter = Some(v1::EventFilter { types, ..v1::EventFilter::default() });
    let request = v1::ListEventsRequest { filter, ..v1::ListEventsRequest::default() };
    let listed = server.history.list_events(request).await.unwrap().into_inner().events;
    assert_eq!(listed, [*told.remove(1)]);
}
