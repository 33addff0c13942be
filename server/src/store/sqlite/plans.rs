//! How statements are looked up: one that scans or sorts a table is right in every answer and
//! wrong in its cost, so the plans are held here.

use super::{
    around, commit, escalations, history, load, machines, prune, renew, rows, schema, workspaces,
};

fn plan(sql: &str) -> Vec<String> {
    let connection = schema::in_memory();
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = explained.raw_query().mapped(|row| row.get("detail")).map(Result::unwrap);
    steps.collect()
}

#[test]
fn no_statement_scans_or_sorts_a_table() {
    for sql in [
        rows::FIND,
        around::SINGLE,
        around::SECTIONS,
        around::SECTIONS_KNOWN,
        around::REMOVE_EMPTY_PROGRESS,
        escalations::OF_ONE,
        escalations::KNOWN,
        escalations::INSERT,
        renew::PUT_LEASE,
        commit::IS_AT,
        renew::HAS_BLOB,
        load::OUTCOME,
        load::LEASES,
        history::EVENTS,
        history::EVENTS_OF_ONE,
        history::LEDGER_ENTRY,
        machines::FIND,
        machines::HELD,
        machines::REMOVE,
        machines::AGED,
        machines::NOTE,
        machines::NEXT,
        machines::NEXT_HOLDING,
        machines::NEXT_CORDONED,
        prune::OUTCOMES,
        prune::LEDGER,
        prune::EVENTS_OLDER,
        prune::EVENTS_OLDEST,
        workspaces::OPEN_ESCALATIONS,
    ] {
        let steps = plan(sql);
        assert!(!steps.is_empty(), "{sql}");
        for step in &steps {
            assert!(!step.contains("SCAN"), "{sql}: {steps:#?}");
            assert!(!step.contains("TEMP B-TREE"), "{sql}: {steps:#?}");
        }
    }
}

#[test]
fn a_hot_row_is_one_row_and_in_no_index() {
    for sql in [renew::PUT_LEASE, commit::IS_AT, renew::HAS_BLOB] {
        assert_eq!(plan(sql), ["SEARCH lease USING INTEGER PRIMARY KEY (rowid=?)"]);
    }
    let connection = schema::in_memory();
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'lease'";
    let indexes: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(indexes, 0);
}

#[test]
fn the_boot_scan_reads_live_sessions_only() {
    let steps = plan(load::LEASES);
    assert!(steps[0].contains("session_by_expiry (expiry_recorded=? AND rowid>?)"), "{steps:#?}");
}

/// One machine may hold 10,000 sessions, and a page may show 1,000 machines.
#[test]
fn what_a_machine_holds_is_counted_without_reading_a_session() {
    let steps = plan(machines::HELD);
    let search = "SEARCH session USING COVERING INDEX session_by_machine (machine_id=?)";
    assert_eq!(steps, [search]);
    let next = plan(machines::NEXT_HOLDING);
    assert!(next[0].contains("COVERING INDEX session_by_machine (machine_id>?)"), "{next:#?}");
}
