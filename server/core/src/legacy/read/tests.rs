//! Each version, each kind, and whatever else a file may hold.

use proptest::prelude::*;
use serde_json::json;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/legacy/", $name, ".json")).as_slice()
    };
}

fn session_in(bytes: &[u8]) -> LegacySession {
    match read(bytes) {
        Ok(LegacyContent::Session(session)) => *session,
        other => panic!("no session: {other:?}"),
    }
}

fn escalations_in(bytes: &[u8]) -> Vec<LegacyEscalation> {
    match read(bytes) {
        Ok(LegacyContent::Escalations(read)) => read,
        other => panic!("no escalations: {other:?}"),
    }
}

fn said(value: &Value) -> String {
    read(value.to_string().as_bytes()).unwrap_err().to_string()
}

/// A session of version 4 with `field` set to `value`.
fn session_with(field: &str, value: Value) -> Value {
    let mut session: Value = serde_json::from_slice(fixture!("session_v4_worker")).unwrap();
    session[field] = value;
    session
}

fn entry_with(field: &str, value: Value) -> Value {
    let mut file: Value = serde_json::from_slice(fixture!("escalations_v1")).unwrap();
    file["entries"][1][field] = value;
    file
}

#[test]
fn version_2_has_neither_session_id_nor_owner() {
    let session = session_in(fixture!("session_v2_interactive"));
    let expected = LegacySession {
        id: None,
        holder: LegacyHolder::Person,
        mode: Mode::General,
        started_at: WallTime(1_795_700_000_000),
        last_started_at: WallTime(1_795_760_400_000),
        start_count: 3,
        revision: Revision(0),
    };
    assert_eq!(session, expected);
}

#[test]
fn version_3_has_a_session_id_and_a_mode() {
    let session = session_in(fixture!("session_v3_interactive"));
    let id = SessionId::imported("0b9f6c1e-6f0e-4a53-9d3e-6a1f0c0d7e21");
    assert_eq!((session.id, session.mode), (Some(id), Mode::Research));
    assert_eq!(session.holder, LegacyHolder::Person);
}

#[test]
fn version_4_has_owner_supervisor_lease_and_revision() {
    let session = session_in(fixture!("session_v4_worker"));
    let holder = LegacyHolder::Program {
        actor: Some(ActorId::imported("worker-1")),
        kind: AutonomousKind::RuntimeWorker,
        supervisor: Some(ActorId::imported("supervisor-1")),
        ttl: Span::from_secs(300),
        last_heartbeat_at: Some(WallTime(1_795_766_400_000)),
    };
    assert_eq!((session.holder, session.revision), (holder, Revision(41)));
    let session = session_in(fixture!("session_v4_supervisor"));
    let LegacyHolder::Program { kind, supervisor, .. } = session.holder else { panic!() };
    assert_eq!((kind, supervisor), (AutonomousKind::RuntimeSupervisor, None));
}

#[test]
fn a_persons_owner_and_lease_mean_nothing() {
    let session = session_in(fixture!("session_v4_interactive"));
    assert_eq!((session.holder, session.revision), (LegacyHolder::Person, Revision(2)));
}

#[test]
fn what_is_optional_may_be_missing() {
    assert_eq!(session_in(fixture!("session_v4_without_session_id")).id, None);
    let LegacyHolder::Program { actor, .. } =
        session_in(fixture!("session_v4_without_owner")).holder
    else {
        panic!()
    };
    assert_eq!(actor, None);
}

#[test]
fn an_owner_counts_in_every_version() {
    for version in SESSION_VERSIONS {
        let file = session_with("schema_version", json!(version)).to_string();
        let session = session_in(file.as_bytes());
        assert!(matches!(session.holder, LegacyHolder::Program { .. }), "version {version}");
    }
}

#[test]
fn unknown_fields_are_ignored() {
    assert_eq!(session_in(fixture!("session_v2_unknown_fields")).start_count, 1);
    let file = session_with("entries", json!([{"id": "x"}])).to_string();
    assert_eq!(session_in(file.as_bytes()).start_count, 5);
    let mut file: Value = serde_json::from_slice(fixture!("escalations_v1")).unwrap();
    file["started_at_epoch_s"] = json!(1);
    assert_eq!(escalations_in(file.to_string().as_bytes()).len(), 2);
}

#[test]
fn ids_with_control_characters_are_kept_as_they_are() {
    let session = session_in(fixture!("session_v4_hostile"));
    assert_eq!(session.id.unwrap().as_str(), "\u{1b}]0;owned\u{7}\u{202e}ses");
    assert_eq!(session.start_count, u32::MAX);
    assert_eq!(session.revision, LEGACY_REVISION_MAX);
    let LegacyHolder::Program { actor, ttl, .. } = session.holder else { panic!() };
    assert!(actor.unwrap().as_str().contains('\u{1b}'));
    assert_eq!(ttl, Span(u64::MAX));
    let [open] = &escalations_in(fixture!("escalations_v1_hostile"))[..] else { panic!() };
    assert_eq!(open.id.as_str(), "esc\u{1b}[8m\n\u{202e}");
    assert_eq!(open.session_id, None, "an empty id is none");
}

#[test]
fn escalations_are_read_with_and_without_a_session() {
    let read = escalations_in(fixture!("escalations_v1"));
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].kind, EscalationKind::Blocking);
    assert_eq!(&*read[0].reason, "May the table be dropped?");
    assert_eq!(read[0].raised_at, WallTime(1_795_766_000_000));
    assert!(read[0].session_id.is_some() && read[1].session_id.is_none());
    assert_eq!(escalations_in(fixture!("escalations_v1_empty")), []);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let file = [&b"\xEF\xBB\xBF"[..], fixture!("session_v2_interactive")].concat();
    assert_eq!(session_in(&file).start_count, 3);
}

#[test]
fn what_is_no_file_of_ours_is_told_in_one_sentence() {
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], &str); 9] = [
        (b"", "the file is empty"),
        (b"{\"a\": \"\xFF\"}", "the file is not UTF-8 text: byte 7 is wrong"),
        (b"\x00\x00", "the file is not JSON: expected value at line 1 column 1"),
        (fixture!("corrupt_cut_short"), "the file is not JSON: EOF while parsing"),
        (deep.as_bytes(), "the file is not JSON: recursion limit exceeded"),
        (b"[]", "the file holds neither a session"),
        (b"{\"schema_version\": 4}", "the file holds neither a session"),
        (
            fixture!("corrupt_newer_version"),
            "a session of version 5, and only 2, 3 and 4 are known",
        ),
        (b"{\"entries\": []}", "the file has no schema_version that is a whole number"),
    ];
    for (bytes, expected) in cases {
        let said = read(bytes).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains('\n') && said.len() < 200, "{said}");
    }
    assert!(
        said(&json!({"schema_version": 2, "entries": []})).contains("escalations of version 2")
    );
    for version in [json!(null), json!("4"), json!(4.5), json!(-4)] {
        assert!(said(&session_with("schema_version", version)).contains("no schema_version"));
    }
    for version in [json!(0), json!(1), json!(u64::MAX)] {
        assert!(said(&session_with("schema_version", version)).contains("only 2, 3 and 4"));
    }
}

#[test]
fn a_file_may_have_1_mib_and_not_a_byte_more() {
    let mut file = fixture!("session_v4_worker").to_vec();
    file.resize(LEGACY_FILE_MAX_BYTES, b' ');
    assert_eq!(session_in(&file).start_count, 5);
    file.push(b' ');
    let error = read(&file).unwrap_err();
    assert_eq!(error, LegacyError::TooLarge { bytes: LEGACY_FILE_MAX_BYTES + 1 });
}

#[test]
fn a_field_of_a_session_that_is_wrong_is_named() {
    for (field, value, expected) in [
        ("started_at_epoch_s", json!(-1), "started_at_epoch_s is not a whole number of 0 or more"),
        ("started_at_epoch_s", json!("1"), "started_at_epoch_s is not a whole number"),
        ("last_started_at_epoch_s", json!(null), "last_started_at_epoch_s is missing"),
        ("start_count", json!(1.5), "start_count is not a whole number"),
        ("session_id", json!(7), "session_id is not a text"),
        ("session_id", json!("x".repeat(257)), "session_id has more than 256 bytes"),
        ("owner_id", json!("ä".repeat(257)), "owner_id has more than 256 characters"),
        ("supervisor_id", json!([]), "supervisor_id is not a text"),
        ("owner_kind", json!("robot\u{1b}"), "owner_kind is none of interactive, runtime_worker"),
        ("mode", json!("party"), "mode is none of general, research, implement"),
        ("lease_ttl_secs", json!(0.5), "lease_ttl_secs is not a whole number"),
        ("last_heartbeat_at_epoch_s", json!({}), "last_heartbeat_at_epoch_s is not a whole number"),
        ("revision", json!(LEGACY_REVISION_MAX.0 + 1), "revision is more than 1099511627776"),
    ] {
        let said = said(&session_with(field, value));
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn a_field_of_an_entry_that_is_wrong_is_named() {
    for (field, value, expected) in [
        ("id", json!(""), "entries[1].id is missing"),
        ("id", json!("esc-0001"), "entries[1].id is that of an earlier entry, too"),
        ("id", json!("x".repeat(257)), "entries[1].id has more than 256 bytes"),
        ("kind", json!("urgent"), "entries[1].kind is neither blocking nor non_blocking"),
        ("reason", json!(null), "entries[1].reason is missing"),
        ("reason", json!("ä".repeat(501)), "entries[1].reason has more than 500 characters"),
        ("created_at_epoch_s", json!("now"), "entries[1].created_at_epoch_s is not a whole number"),
        ("session_id", json!(1), "entries[1].session_id is not a text"),
    ] {
        assert_eq!(said(&entry_with(field, value)).find(expected), Some(0), "{field}");
    }
    let of = |entries| said(&json!({"schema_version": 1, "entries": entries}));
    assert_eq!(of(json!({})), "entries is not a list");
    assert_eq!(of(json!(["x"])), "entries[0] is not an object");
}

/// Any JSON value, with the names that mean something among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "schema_version",
            "started_at_epoch_s",
            "last_started_at_epoch_s",
            "start_count",
            "entries",
            "id",
            "kind",
            "reason",
            "created_at_epoch_s",
            "owner_kind",
            "revision",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..5_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["\\PC{0,8}", Just("blocking".to_owned())].prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_shortly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let error = read(&bytes).unwrap_err().to_string();
        prop_assert!(!error.is_empty() && error.len() < 200 && !error.contains('\n'));
    }

    #[test]
    fn any_json_is_read_or_refused_in_words_that_quote_nothing(value in any_json()) {
        if let Err(error) = read(value.to_string().as_bytes()) {
            let error = error.to_string();
            prop_assert!(error.len() < 200 && error.is_ascii(), "{}", error);
        }
    }

    #[test]
    fn one_changed_byte_of_a_file_never_panics(at in any::<prop::sample::Index>(), byte: u8) {
        for file in [fixture!("session_v4_worker"), fixture!("escalations_v1")] {
            let mut file = file.to_vec();
            let at = at.index(file.len());
            file[at] = byte;
            let _ = read(&file);
        }
    }
}
