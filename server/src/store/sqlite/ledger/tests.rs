//! How the ledger is looked up, and what becomes of entries that were sealed before it could be.

use tenure_core::ledger::EndCause;

use super::*;
use crate::store::Reads;
use crate::store::sqlite::{SqliteOptions, SqliteStore, schema};

fn plan(sql: &str) -> Vec<String> {
    let connection = schema::in_memory();
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = explained.raw_query().mapped(|row| row.get("detail")).map(Result::unwrap);
    steps.collect()
}

#[test]
fn a_page_walks_one_index_from_its_place_and_is_not_sorted() {
    for (sql, step) in [
        (BY_AGE, "ledger_by_age (ended_at_ms>? AND ended_at_ms<?)"),
        (
            BY_WORKSPACE,
            "ledger_by_workspace (workspace=? AND profile=? AND ended_at_ms>? AND ended_at_ms<?)",
        ),
        (BY_OWNER, "ledger_by_owner (owner_id=? AND ended_at_ms>? AND ended_at_ms<?)"),
        (
            BY_SUPERVISOR,
            "ledger_by_supervisor (supervisor_id=? AND ended_at_ms>? AND ended_at_ms<?)",
        ),
        (BY_MACHINE, "ledger_by_machine (machine_id=? AND ended_at_ms>? AND ended_at_ms<?)"),
        (BY_CAUSE, "ledger_by_cause (cause=? AND ended_at_ms>? AND ended_at_ms<?)"),
    ] {
        assert_eq!(plan(sql), [format!("SEARCH ledger USING INDEX {step}")], "{sql}");
    }
}

#[test]
fn places_under_a_prefix_are_a_range_of_names() {
    assert_eq!(
        plan(PLACES_BY_NAME),
        ["SEARCH ledger USING INDEX ledger_by_workspace (workspace>? AND workspace<?)"]
    );
    assert_eq!(plan(BY_ID), ["SEARCH ledger USING INTEGER PRIMARY KEY (rowid=?)"]);
}

/// An entry as a server of schema 1 stored it: without the fields that have come since.
const SEALED_BEFORE: &str = r#"{"session_id":"ses_1","key":{"workspace":"acme/api",
    "profile":"main"},"lifecycle":"autonomous","owner_kind":"runtime_worker","actor":"worker-1",
    "supervisor":"boss","mode":"general","principal":"local","machine":{"id":"m-1","host":"box"},
    "token":1,"started_at":1000,"ended_at":5000,"cause":"yielded","ended_by":"local",
    "ended_by_actor":"worker-1","why":null,"successor":null,"revision":2,"start_count":1,
    "beats":3,"last_activity":null}"#;

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_schema_1_are_found_by_everything_after_the_migration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.db");
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch(include_str!("../schema/1.sql")).unwrap();
    shell
        .execute_batch(
            "INSERT INTO meta VALUES (1, 'log_old', 0, 0, 0, 0, 0, 0, 0, 0, 1); \
             INSERT INTO workspace VALUES (1, 'acme/api', 'main'); PRAGMA user_version = 1;",
        )
        .unwrap();
    shell
        .execute(
            "INSERT INTO ledger (session_id, workspace_id, cause, ended_at_ms, body) \
             VALUES ('ses_1', 1, 'yielded', 5000, ?1)",
            [SEALED_BEFORE],
        )
        .unwrap();
    drop(shell);
    let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
    let key = serde_json::from_str(r#"{"workspace":"acme/api","profile":"main"}"#).unwrap();
    let text = |text: &str| Some(text.to_owned());
    for filter in [
        LedgerFilter::default(),
        LedgerFilter { key: Some(key), ..LedgerFilter::default() },
        LedgerFilter { prefix: text("acme"), ..LedgerFilter::default() },
        LedgerFilter { owner: text("worker-1"), ..LedgerFilter::default() },
        LedgerFilter { supervisor: text("boss"), ..LedgerFilter::default() },
        LedgerFilter { machine: text("m-1"), ..LedgerFilter::default() },
        LedgerFilter { cause: Some(EndCause::Yielded), ..LedgerFilter::default() },
    ] {
        let query = LedgerQuery { filter, totals: true, ..LedgerQuery::default() };
        let page = store.ledger(query.clone()).await.unwrap();
        assert_eq!(page.entries.len(), 1, "{query:?}");
        assert_eq!(page.totals.unwrap().beats, 3);
    }
}

#[tokio::test]
async fn one_read_at_a_time_adds_entries_up() {
    tokio::time::pause();
    let turns = TotalsTurn::default();
    let first = turns.take().await.unwrap();
    assert!(matches!(turns.take().await, Err(StoreError::Unavailable(_))), "after a while");
    drop(first);
    assert!(turns.take().await.is_ok());
}
