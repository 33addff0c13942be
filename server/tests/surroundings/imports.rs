//! Imports of what older installations left.

use prost::Message;
use tenure::v1;
use tonic::Code;

use crate::rig::{Server, WORKER, WORKSPACE, bad_fields, refused, start};

const MIB: usize = 1 << 20;
const REQUEST_ID: &str = "0190a6f4-7b2c-7def-8123-456789abcdef";

macro_rules! fixture {
    ($name:literal) => {
        file(
            concat!($name, ".json"),
            include_bytes!(concat!("../../core/tests/legacy/", $name, ".json")),
        )
    };
}

fn file(name: &str, content: &[u8]) -> v1::LegacyFile {
    v1::LegacyFile { name: name.to_owned(), content: content.to_vec() }
}

/// A session of `owner` that was renewed now, for 300 s.
fn live(owner: &str) -> v1::LegacyFile {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let content = format!(
        r#"{{"schema_version": 4, "session_id": "old-1", "started_at_epoch_s": {}, "start_count": 2,
        "last_started_at_epoch_s": {}, "owner_kind": "runtime_worker", "owner_id": "{owner}",
        "lease_ttl_secs": 300, "last_heartbeat_at_epoch_s": {now}, "revision": 41}}"#,
        now - 7_200,
        now - 3_600,
    );
    file("live.json", content.as_bytes())
}

fn request(files: Vec<v1::LegacyFile>) -> v1::ImportLegacyStateRequest {
    v1::ImportLegacyStateRequest {
        workspace: WORKSPACE.to_owned(),
        files,
        ..v1::ImportLegacyStateRequest::default()
    }
}

async fn import(
    server: &mut Server,
    request: v1::ImportLegacyStateRequest,
) -> v1::ImportLegacyStateResponse {
    server.workspace.import_legacy_state(request).await.unwrap().into_inner()
}

async fn outcomes(server: &mut Server, files: Vec<v1::LegacyFile>) -> Vec<v1::LegacyFileOutcome> {
    let answer = import(server, request(files)).await;
    answer.results.iter().map(v1::LegacyFileResult::outcome).collect()
}

const IMPORTED: v1::LegacyFileOutcome = v1::LegacyFileOutcome::Imported;
const ALREADY: v1::LegacyFileOutcome = v1::LegacyFileOutcome::AlreadyImported;
const KEPT: v1::LegacyFileOutcome = v1::LegacyFileOutcome::SessionKept;
const REFUSED: v1::LegacyFileOutcome = v1::LegacyFileOutcome::Refused;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_session_is_imported_and_goes_on() {
    let mut server = Server::start().await;
    let answer = import(&mut server, request(vec![live(WORKER)])).await;
    let session = answer.session.unwrap();
    assert_eq!((&*session.session_id, &*session.actor_id), ("old-1", WORKER));
    assert_eq!((session.revision, session.fencing_token), (42, 42));
    assert_eq!((session.stale, session.start_count), (false, 2));
    assert_eq!(session.lease_ttl.map(|ttl| ttl.seconds), Some(300));
    let beat = server.beat(|beat| beat.session_id = Some("old-1".to_owned())).await.unwrap();
    assert_eq!((beat.revision, beat.fencing_token), (43, 42));
    let other = server.lease.start_session(start("worker-2", 30)).await;
    assert_eq!(refused(other), (Code::FailedPrecondition, "LEASE_HELD".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_and_both_kinds_are_imported_and_broken_files_are_named() {
    for (file, expected) in [
        (fixture!("session_v2_interactive"), IMPORTED),
        (fixture!("session_v2_unknown_fields"), IMPORTED),
        (fixture!("session_v3_interactive"), IMPORTED),
        (fixture!("session_v4_interactive"), IMPORTED),
        (fixture!("session_v4_worker"), IMPORTED),
        (fixture!("session_v4_supervisor"), IMPORTED),
        (fixture!("session_v4_without_session_id"), IMPORTED),
        (fixture!("session_v4_without_owner"), IMPORTED),
        (fixture!("session_v4_hostile"), IMPORTED),
        (fixture!("escalations_v1"), IMPORTED),
        (fixture!("escalations_v1_empty"), IMPORTED),
        (fixture!("escalations_v1_hostile"), IMPORTED),
        (fixture!("corrupt_cut_short"), REFUSED),
        (fixture!("corrupt_newer_version"), REFUSED),
    ] {
        let mut server = Server::start().await;
        let name = file.name.clone();
        let answer = import(&mut server, request(vec![file.clone()])).await;
        let [result] = &answer.results[..] else { panic!("{answer:?}") };
        assert_eq!((result.outcome(), &result.name), (expected, &name));
        assert_eq!(result.message.is_empty(), expected == IMPORTED, "{result:?}");
        assert_eq!(result.blake3, blake3::hash(&file.content).as_bytes());
        assert_eq!(answer.session.is_some(), name.starts_with("session"), "{name}");
        let again = if expected == IMPORTED { ALREADY } else { REFUSED };
        assert_eq!(outcomes(&mut server, vec![file]).await, [again], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn escalations_come_first_and_results_in_the_order_of_the_files() {
    let mut server = Server::start().await;
    let files = vec![
        fixture!("session_v4_worker"),
        fixture!("corrupt_cut_short"),
        fixture!("escalations_v1"),
        fixture!("session_v3_interactive"),
    ];
    let answer = import(&mut server, request(files)).await;
    let told: Vec<_> = answer.results.iter().map(|it| (&*it.name, it.outcome())).collect();
    let expected = [
        ("session_v4_worker.json", IMPORTED),
        ("corrupt_cut_short.json", REFUSED),
        ("escalations_v1.json", IMPORTED),
        ("session_v3_interactive.json", KEPT),
    ];
    assert_eq!(told, expected);
    assert_eq!(answer.results[2].escalation_ids, ["esc-0001", "esc-0002"]);
    let request = v1::ListEventsRequest {
        workspace: WORKSPACE.to_owned(),
        ..v1::ListEventsRequest::default()
    };
    let events = server.history.list_events(request).await.unwrap().into_inner().events;
    let imported: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.payload {
            Some(v1::event::Payload::StateImported(imported)) => Some(imported),
            _ => None,
        })
        .collect();
    let names: Vec<_> = imported.iter().map(|imported| &*imported.file_name).collect();
    assert_eq!(names, [expected[2].0, expected[0].0, expected[3].0], "each in a step of its own");
    assert_eq!(imported[0].escalations.len(), 2);
    assert_eq!(imported[1].session.as_ref().unwrap().fencing_token, 42);
    assert_eq!((&imported[2].session, imported[2].escalations.len()), (&None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn running_it_twice_changes_nothing_also_when_the_session_was_cleared() {
    let mut server = Server::start().await;
    let files = || vec![live(WORKER), fixture!("escalations_v1")];
    let content = files();
    assert_eq!(outcomes(&mut server, content.clone()).await, [IMPORTED, IMPORTED]);
    let before = server.projection().await;
    assert_eq!(outcomes(&mut server, content.clone()).await, [ALREADY, ALREADY]);
    let after = server.projection().await;
    assert_eq!((after.revision, after.cursor), (before.revision, before.cursor));
    server.clear().await;
    assert_eq!(outcomes(&mut server, content).await, [ALREADY, ALREADY]);
    let after = server.projection().await;
    assert_eq!((after.status(), after.escalations.len()), (v1::WorkspaceStatus::Missing, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_has_a_session_keeps_it() {
    let mut server = Server::start().await;
    let held = server.held().await;
    let answer = import(&mut server, request(vec![live("another")])).await;
    assert_eq!(answer.results[0].outcome(), KEPT);
    let session = answer.session.unwrap();
    assert_eq!((session.session_id, session.revision), (held.session_id, held.revision));
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_escalations_hold_the_holder_up() {
    let mut server = Server::start().await;
    server.held().await;
    import(&mut server, request(vec![fixture!("escalations_v1")])).await;
    let directives = server.beat(|_| ()).await.unwrap().directives.unwrap();
    assert_eq!((directives.blocked, &*directives.blocking_escalation_id), (true, "esc-0001"));
}

#[tokio::test(flavor = "multi_thread")]
async fn escalations_over_the_quota_are_refused_as_a_whole_and_by_name() {
    let mut server = Server::start().await;
    let entry = |n| {
        format!(r#"{{"id": "e{n}", "kind": "blocking", "reason": "?", "created_at_epoch_s": {n}}}"#)
    };
    let of = |range: std::ops::Range<u32>| {
        let entries: Vec<_> = range.map(entry).collect();
        let content = format!(r#"{{"schema_version": 1, "entries": [{}]}}"#, entries.join(","));
        file("many.json", content.as_bytes())
    };
    let answer = import(&mut server, request(vec![of(0..60), of(30..100), of(50..101)])).await;
    let told: Vec<_> = answer.results.iter().map(v1::LegacyFileResult::outcome).collect();
    assert_eq!(told, [IMPORTED, IMPORTED, REFUSED]);
    assert_eq!(answer.results[1].escalation_ids.len(), 40);
    let message = &answer.results[2].message;
    assert!(message.contains("100 open escalations, and the file would add 1"), "{message}");
    assert_eq!(server.projection().await.escalations.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_answers_the_same_and_changes_nothing() {
    let mut server = Server::start().await;
    let files = vec![
        live(WORKER),
        fixture!("escalations_v1"),
        fixture!("session_v3_interactive"),
        fixture!("corrupt_newer_version"),
        fixture!("escalations_v1"),
    ];
    let before = server.projection().await;
    let dry = v1::ImportLegacyStateRequest {
        dry_run: true,
        request_id: REQUEST_ID.to_owned(),
        ..request(files.clone())
    };
    let rehearsed = import(&mut server, dry).await;
    assert_eq!((rehearsed.dry_run, &rehearsed.session), (true, &None));
    let after = server.projection().await;
    assert_eq!((after.cursor, after.revision), (before.cursor, 0));
    let request =
        v1::ImportLegacyStateRequest { request_id: REQUEST_ID.to_owned(), ..request(files) };
    let answer = import(&mut server, request).await;
    assert_eq!((answer.dry_run, answer.replayed), (false, false));
    assert_eq!(rehearsed.results, answer.results);
    let told: Vec<_> = answer.results.iter().map(v1::LegacyFileResult::outcome).collect();
    assert_eq!(told, [IMPORTED, IMPORTED, KEPT, REFUSED, ALREADY]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_told_file_by_file_what_the_first_call_did() {
    let mut server = Server::start().await;
    let files = vec![live(WORKER), fixture!("escalations_v1"), fixture!("corrupt_cut_short")];
    let asked =
        v1::ImportLegacyStateRequest { request_id: REQUEST_ID.to_owned(), ..request(files) };
    let first = import(&mut server, asked.clone()).await;
    let again = import(&mut server, asked.clone()).await;
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.results, again.results);
    let mut other = asked;
    other.files.pop();
    let answer = server.workspace.import_legacy_state(other).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_fields_are_told_at_once_and_nothing_is_imported() {
    let mut server = Server::start().await;
    let asked = v1::ImportLegacyStateRequest {
        workspace: "/".to_owned(),
        request_id: "x".to_owned(),
        files: vec![file("", b"{}"), live(WORKER)],
        ..v1::ImportLegacyStateRequest::default()
    };
    let answer = server.workspace.import_legacy_state(asked).await;
    assert_eq!(bad_fields(answer), ["request_id", "workspace", "files[0].name"]);
    let answer = server.workspace.import_legacy_state(request(Vec::new())).await;
    assert_eq!(bad_fields(answer), ["files"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_may_have_4_mib_a_file_1_mib_and_any_other_call_1_mib() {
    let mut server = Server::start().await;
    let padded = |length: usize| {
        let mut file = live(WORKER);
        file.content.resize(length, b' ');
        file
    };
    let told = outcomes(&mut server, vec![padded(MIB), padded(MIB + 1), padded(MIB - 1)]).await;
    assert_eq!(told, [IMPORTED, REFUSED, KEPT]);
    let mut most = request(vec![padded(MIB); 4]);
    let over = most.encoded_len() - 4 * MIB;
    most.files[3].content.truncate(MIB - over);
    assert_eq!(most.encoded_len(), 4 * MIB);
    import(&mut server, most.clone()).await;
    most.files[3].content.push(b' ');
    let status = server.workspace.import_legacy_state(most).await.unwrap_err();
    assert!(status.message().contains("4194304"), "{status}");
    let too_large = (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".to_owned());
    assert_eq!(refused::<()>(Err(status)), too_large);
    let other = v1::RaiseEscalationRequest {
        reason: "x".repeat(MIB + 1),
        ..v1::RaiseEscalationRequest::default()
    };
    let status = server.workspace.raise_escalation(other).await.unwrap_err();
    assert!(status.message().contains("1048576"), "{status}");
    assert_eq!(refused::<()>(Err(status)), too_large);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_imported_ids_can_be_listed_in_pages() {
    let mut server = Server::start().await;
    let (workspace, profile) = ("w".repeat(200), "p".repeat(64));
    let entry = |n: u8| {
        let id = char::from(b'a' + n).to_string().repeat(256);
        format!(r#"{{"id": "{id}", "kind": "blocking", "reason": "?", "created_at_epoch_s": 1}}"#)
    };
    let content =
        format!(r#"{{"schema_version": 1, "entries": [{},{},{}]}}"#, entry(0), entry(1), entry(2));
    let asked = v1::ImportLegacyStateRequest {
        workspace,
        profile,
        ..request(vec![file("long.json", content.as_bytes())])
    };
    assert_eq!(import(&mut server, asked).await.results[0].outcome(), IMPORTED);
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page =
            v1::ListEscalationsRequest { page_size: 1, page_token: token, ..Default::default() };
        let page = server.workspace.list_escalations(page).await.unwrap().into_inner();
        listed.extend(page.escalations.into_iter().filter_map(|it| it.escalation));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let first: Vec<_> = listed.iter().map(|it| it.escalation_id.as_bytes()[0]).collect();
    assert_eq!(first, b"abc");
}
