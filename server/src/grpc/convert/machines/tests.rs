use tenure_core::machine::{Cordon, Held, Machine};
use tenure_core::name::Principal;

use std::collections::BTreeMap;

use super::*;

fn filtered(filter: v1::MachineFilter) -> v1::ListMachinesRequest {
    v1::ListMachinesRequest { filter: Some(filter), ..v1::ListMachinesRequest::default() }
}

fn fields<T: std::fmt::Debug>(parsed: Result<T, Violations>) -> Vec<&'static str> {
    parsed.unwrap_err().iter().map(|violation| violation.field).collect()
}

fn labels(count: usize) -> BTreeMap<String, String> {
    (0..count).map(|n| (format!("k{n}"), String::new())).collect()
}

#[test]
fn an_empty_request_lists_all() {
    let listing = parse_list(v1::ListMachinesRequest::default()).unwrap();
    assert_eq!((listing.filter, listing.state), (MachineFilter::default(), None));
    assert_eq!((listing.page_size, listing.after), (100, None));
}

#[test]
fn every_bad_field_of_a_list_is_named_at_once() {
    let filter = v1::MachineFilter {
        state: 99,
        machine: "m".repeat(257),
        host: "h".repeat(256),
        labels: labels(33),
        cordoned: None,
    };
    let page_token = "x".to_owned();
    let request = v1::ListMachinesRequest { page_size: 1_001, page_token, filter: Some(filter) };
    assert_eq!(
        fields(parse_list(request)),
        [
            "page_size",
            "page_token",
            "filter.state",
            "filter.machine",
            "filter.host",
            "filter.labels"
        ]
    );
}

#[test]
fn every_bad_field_of_an_order_is_named_at_once() {
    let (long, reason) = ("m".repeat(257), "r".repeat(501));
    for machine_id in [String::new(), long, "a\u{202E}b".to_owned()] {
        let (id, why) = (machine_id.clone(), reason.clone());
        let cordon = v1::CordonMachineRequest { machine_id: id.clone(), reason: why.clone() };
        assert_eq!(fields(parse_cordon(&cordon)), ["machine_id", "reason"]);
        let uncordon = v1::UncordonMachineRequest { machine_id: id, reason: why };
        assert_eq!(fields(parse_uncordon(&uncordon)), ["machine_id", "reason"]);
        assert_eq!(fields(parse_forget(&v1::ForgetMachineRequest { machine_id })), ["machine_id"]);
    }
}

#[test]
fn an_order_at_its_limits_is_taken_as_it_is() {
    let (machine_id, reason) = ("m".repeat(256), "r".repeat(500));
    let request = v1::CordonMachineRequest { machine_id: machine_id.clone(), reason };
    let (id, command) = parse_cordon(&request).unwrap();
    assert_eq!(id, MachineId::imported(&machine_id));
    let reason = Some(request.reason.as_str().into());
    assert_eq!(command, MachineCommand::Cordon { reason });
    let none = v1::CordonMachineRequest { machine_id, reason: String::new() };
    assert_eq!(parse_cordon(&none).unwrap().1, MachineCommand::Cordon { reason: None });
}

#[test]
fn a_state_tells_the_store_whether_the_machine_holds_something() {
    for (state, holding) in [
        (v1::MachineState::Unspecified, None),
        (v1::MachineState::Ready, Some(true)),
        (v1::MachineState::Draining, Some(true)),
        (v1::MachineState::Lost, Some(true)),
        (v1::MachineState::Idle, Some(false)),
        (v1::MachineState::Absent, Some(false)),
    ] {
        let request = filtered(v1::MachineFilter { state: state.into(), ..Default::default() });
        let listing = parse_list(request).unwrap();
        assert_eq!(listing.filter.holding, holding, "{state:?}");
        let wanted = listing.state.map_or(v1::MachineState::Unspecified, choice::machine_state);
        assert_eq!(wanted, state);
    }
}

#[test]
fn a_token_continues_after_its_machine_and_only_in_its_own_list() {
    let listing = parse_list(v1::ListMachinesRequest::default()).unwrap();
    let last = MachineId::imported(&"ü".repeat(256));
    let page_token = page(Vec::new(), Some(&last), &listing.scope).next_page_token;
    let request = v1::ListMachinesRequest { page_token, ..Default::default() };
    assert_eq!(parse_list(request.clone()).unwrap().after, Some(last));
    let filter = Some(v1::MachineFilter { cordoned: Some(true), ..Default::default() });
    assert_eq!(fields(parse_list(v1::ListMachinesRequest { filter, ..request })), ["page_token"]);
}

#[test]
fn a_machine_is_shown_with_all_that_is_known_of_it() {
    let now = WallTime(1_700_000_000_000);
    let cordon = Cordon {
        at: WallTime(now.0 - 1_000),
        by: Principal::imported("operator"),
        reason: Some("a bad disk".into()),
    };
    let machine = Machine {
        host: "build-7".into(),
        labels: labels(2),
        seen_at: Some(WallTime(now.0 - 9_000)),
        cordon: Some(cordon),
        ..Machine::unseen(MachineId::imported("m"), now)
    };
    let draining = StoredMachine { machine, held: Held { live: 2, stale: 40 } };
    let told = shown(&draining, now);
    assert_eq!((&*told.machine_id, &*told.host, told.labels.len()), ("m", "build-7", 2));
    assert_eq!(told.state(), v1::MachineState::Draining);
    assert_eq!((told.live_sessions, told.stale_sessions), (2, 40));
    assert_eq!(
        (told.cordoned, &*told.cordoned_by, &*told.cordon_reason),
        (true, "operator", "a bad disk")
    );
    assert_eq!(told.cordoned_at, Some(timestamp(WallTime(now.0 - 1_000))));
    assert_eq!(told.last_seen_at, Some(timestamp(now)), "it holds a live session now");
    let lost = StoredMachine { held: Held { live: 0, stale: 40 }, ..draining };
    let told = shown(&lost, now);
    assert_eq!(told.state(), v1::MachineState::Lost);
    assert_eq!(told.last_seen_at, Some(timestamp(WallTime(now.0 - 9_000))));
}

#[test]
fn a_machine_of_which_nothing_is_known_shows_nothing() {
    let machine = Machine::unseen(MachineId::imported("m"), WallTime(5));
    let told = shown(&StoredMachine { machine, held: Held::default() }, WallTime(5));
    let state = v1::MachineState::Absent.into();
    let expected = v1::Machine { machine_id: "m".to_owned(), state, ..Default::default() };
    assert_eq!(told, expected);
}
