//! Machines: how orders are sent, how machines are shown, and that a lost one is one incident.

use tenure::v1::{self, ErrorReason, MachineState};
use tonic::Code;

use crate::scripted::{Script, Server, refusal, session};

const HOSTILE: &str = "m\u{1b}[31m1\u{202e}\nerror: forged";

fn machine(id: &str, state: MachineState) -> v1::Machine {
    let now = jiff::Timestamp::now().as_second();
    v1::Machine {
        machine_id: id.to_owned(),
        host: format!("{id}.example"),
        labels: [("zone".to_owned(), "eu".to_owned())].into(),
        state: state.into(),
        live_sessions: 2,
        stale_sessions: 40,
        last_seen_at: Some(prost_types::Timestamp { seconds: now - 10_800, nanos: 0 }),
        ..v1::Machine::default()
    }
}

fn cordoned(id: &str) -> v1::Machine {
    let now = jiff::Timestamp::now().as_second();
    v1::Machine {
        cordoned: true,
        cordoned_at: Some(prost_types::Timestamp { seconds: now - 7_200, nanos: 0 }),
        cordoned_by: "local".to_owned(),
        cordon_reason: "its disk fails".to_owned(),
        ..machine(id, MachineState::Draining)
    }
}

/// What is written to standard output and standard error.
fn said(server: &Server, words: &[&str]) -> (String, String) {
    let assert = server.tenure(words).assert().success();
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn listing(machines: Vec<v1::Machine>) -> Server {
    let answer = move |_: v1::ListMachinesRequest| {
        Ok(v1::ListMachinesResponse { machines: machines.clone(), ..Default::default() })
    };
    Script::default().on("list_machines", answer).serve()
}

#[test]
fn machines_are_shown_a_line_each() {
    let server = listing(vec![cordoned("m-1"), machine("m-2", MachineState::Lost)]);
    let (table, errors) = said(&server, &["machine", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0]), ["MACHINE", "HOST", "STATE", "LIVE", "STALE", "SEEN", "CORDON"]);
    let first = "m-1 m-1.example draining 2 40 3h ago its disk fails";
    assert_eq!(words(lines[1]).join(" "), first);
    assert_eq!(words(lines[2]).join(" "), "m-2 m-2.example lost 2 40 3h ago -");
    assert_eq!(errors, "");
    let (wide, _) = said(&server, &["machine", "list", "-o", "wide"]);
    assert!(wide.contains("zone=eu") && wide.contains("local"), "{wide}");
    let (json, _) = said(&server, &["machine", "list", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["machines"][0]["state"], "MACHINE_STATE_DRAINING");
}

#[test]
fn a_hostile_machine_stays_one_escaped_line() {
    let hostile = v1::Machine {
        machine_id: HOSTILE.to_owned(),
        host: HOSTILE.to_owned(),
        labels: [(HOSTILE.to_owned(), HOSTILE.to_owned())].into(),
        cordon_reason: HOSTILE.to_owned(),
        cordoned_by: HOSTILE.to_owned(),
        ..cordoned("m")
    };
    let server = listing(vec![hostile]);
    for format in ["table", "wide"] {
        let (table, _) = said(&server, &["machine", "list", "-o", format]);
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table}");
    }
}

#[test]
fn every_filter_is_sent() {
    let server = listing(Vec::new());
    let words = "machine list --state lost --machine m --host h --label a=1 --label b= --cordoned";
    said(&server, &words.split(' ').collect::<Vec<_>>());
    said(&server, &["machine", "list", "--uncordoned"]);
    said(&server, &["machine", "list"]);
    let asked: Vec<v1::ListMachinesRequest> = server.asked("list_machines");
    let filters: Vec<_> = asked.into_iter().map(|request| request.filter.unwrap()).collect();
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let first = v1::MachineFilter {
        state: MachineState::Lost.into(),
        machine: "m".to_owned(),
        host: "h".to_owned(),
        labels: [label("a", "1"), label("b", "")].into(),
        cordoned: Some(true),
    };
    let second = v1::MachineFilter { cordoned: Some(false), ..v1::MachineFilter::default() };
    assert_eq!(filters, [first, second, v1::MachineFilter::default()]);
}

#[test]
fn orders_are_sent_with_their_reason_and_the_machine_is_shown() {
    let server = Script::default()
        .on("cordon_machine", |request: v1::CordonMachineRequest| {
            Ok(v1::CordonMachineResponse { machine: Some(cordoned(&request.machine_id)) })
        })
        .on("uncordon_machine", |request: v1::UncordonMachineRequest| {
            let machine = Some(machine(&request.machine_id, MachineState::Ready));
            Ok(v1::UncordonMachineResponse { machine })
        })
        .on("forget_machine", |request: v1::ForgetMachineRequest| {
            Ok(v1::ForgetMachineResponse { machine: Some(cordoned(&request.machine_id)) })
        })
        .serve();
    let (told, errors) = said(&server, &["machine", "cordon", "m-1", "--reason", "its disk fails"]);
    assert!(told.starts_with("cordoned m-1\n"), "{told}");
    assert!(told.contains("by local, 2h ago") && told.contains("its disk fails"), "{told}");
    assert!(told.contains("2 sessions"), "{told}");
    assert_eq!(errors, "");
    let (told, _) = said(&server, &["machine", "uncordon", "m-1"]);
    assert!(told.starts_with("uncordoned m-1\n") && !told.contains("by local"), "{told}");
    let (told, errors) = said(&server, &["machine", "forget", "m-1"]);
    assert!(told.starts_with("forgot, as it was, m-1\n"), "{told}");
    assert!(errors.contains("its sessions stay"), "{errors}");
    let asked: Vec<v1::CordonMachineRequest> = server.asked("cordon_machine");
    assert_eq!((&*asked[0].machine_id, &*asked[0].reason), ("m-1", "its disk fails"));
    let (json, _) = said(&server, &["machine", "cordon", "m-1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["machine"]["cordonReason"], "its disk fails");
}

#[test]
fn whoever_cordons_a_host_name_is_told_the_id() {
    let server = Script::default()
        .on("cordon_machine", |request: v1::CordonMachineRequest| {
            let unseen = v1::Machine { last_seen_at: None, ..cordoned(&request.machine_id) };
            Ok(v1::CordonMachineResponse { machine: Some(unseen) })
        })
        .on("list_machines", |request: v1::ListMachinesRequest| {
            let known = request.filter.unwrap().host == "build-7";
            let machine = || machine("4c4c4544", MachineState::Ready);
            let machines = known.then(machine).into_iter().collect();
            Ok(v1::ListMachinesResponse { machines, ..v1::ListMachinesResponse::default() })
        })
        .serve();
    let (_, errors) = said(&server, &["machine", "cordon", "build-7"]);
    assert!(errors.contains("no holder has named a machine with this id yet"), "{errors}");
    assert!(errors.contains("has the id 4c4c4544"), "{errors}");
    let (_, errors) = said(&server, &["machine", "cordon", "build-8"]);
    assert!(errors.contains("see `tenure machine list`"), "{errors}");
}

#[test]
fn refusals_end_with_the_codes_of_the_contract() {
    let unknown = |_: v1::UncordonMachineRequest| {
        let (message, hint) = ("no machine has this id", "name it by its id");
        let reason = ErrorReason::NoSuchMachine;
        Err::<v1::UncordonMachineResponse, _>(refusal(Code::NotFound, reason, message, hint))
    };
    let denied = |_: v1::ForgetMachineRequest| {
        let reason = ErrorReason::RoleRequired;
        let refused = refusal(Code::PermissionDenied, reason, "needs the role operator", "");
        Err::<v1::ForgetMachineResponse, _>(refused)
    };
    let barred = |_: v1::StartSessionRequest| {
        let reason = ErrorReason::MachineCordoned;
        let refused = refusal(Code::FailedPrecondition, reason, "is cordoned", "another machine");
        Err::<v1::StartSessionResponse, _>(refused)
    };
    let server = Script::default()
        .on("uncordon_machine", unknown)
        .on("forget_machine", denied)
        .on("start_session", barred)
        .serve();
    for (words, code) in [
        (&["machine", "uncordon", "m"][..], 3),
        (&["machine", "forget", "m"], 7),
        (&["start", "acme/api"], 7),
    ] {
        server.tenure(words).assert().code(code);
    }
}

/// Sessions of which 40 are stale on one machine, and one is live elsewhere.
fn crowd() -> Vec<v1::Session> {
    let on = |n: usize, machine: &str, stale: bool| {
        let machine_id = machine.to_owned();
        let machine = Some(v1::MachineRef { machine_id, ..v1::MachineRef::default() });
        v1::Session { machine, stale, ..session(&format!("acme/w{n}"), "w") }
    };
    (0..40).map(|n| on(n, "m-1", true)).chain([on(40, "m-2", false)]).collect()
}

#[test]
fn a_lost_machine_is_told_as_one_incident_beside_the_list() {
    let server = Script::default()
        .on("list_sessions", |_: v1::ListSessionsRequest| {
            Ok(v1::ListSessionsResponse { sessions: crowd(), ..Default::default() })
        })
        .on("list_machines", |_: v1::ListMachinesRequest| {
            let machines = vec![machine("m-1", MachineState::Lost)];
            Ok(v1::ListMachinesResponse { machines, ..Default::default() })
        })
        .serve();
    let (table, errors) = said(&server, &["list"]);
    assert_eq!(table.lines().count(), 42, "every session keeps its line");
    assert!(!table.contains("incident"), "{table}");
    assert_eq!(
        errors,
        "note: a machine is lost, which is one incident: m-1.example (40 of these sessions, last \
         seen 3h ago); see `tenure machine list --state lost`\n"
    );
    let (json, errors) = said(&server, &["list", "-o", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    assert_eq!(errors, "", "programs count for themselves");
    assert_eq!(server.asked::<v1::ListMachinesRequest>("list_machines").len(), 1);
}

#[test]
fn a_list_is_the_same_where_the_server_knows_no_machines() {
    let server = Script::default()
        .on("list_sessions", |_: v1::ListSessionsRequest| {
            Ok(v1::ListSessionsResponse { sessions: crowd(), ..Default::default() })
        })
        .serve();
    let (table, errors) = said(&server, &["list", "--stale"]);
    assert_eq!((table.lines().count(), errors.as_str()), (42, ""));
}
