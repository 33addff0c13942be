//! How lists are looked up: a plan that scans is right in every answer and wrong in its cost.

use tenure_core::name::{ProfileName, WorkspaceName};

use super::super::schema;
use super::*;

fn plan(start: Start, filter: &ListFilter, after: Option<&str>) -> Vec<String> {
    let connection = schema::in_memory();
    let after = after.map(|name| Key {
        workspace: WorkspaceName::imported(name),
        profile: ProfileName::default(),
    });
    let mut steps = Vec::new();
    for range in ranges(filter.prefix.as_deref()) {
        let (sql, mut values) = statement(start, &conditions(filter), &range, after.as_ref());
        values.push(Value::Integer(1));
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = explained.query_map(params_from_iter(values), |row| row.get("detail")).unwrap();
        steps.extend(rows.map(Result::unwrap));
    }
    steps
}

fn assert_none(steps: &[String], word: &str) {
    assert!(!steps.iter().any(|step| step.contains(word)), "{word} in {steps:#?}");
}

#[test]
fn a_page_is_one_range_of_keys_and_is_not_sorted() {
    let prefix = ListFilter { prefix: Some("acme".to_owned()), ..ListFilter::default() };
    let live = ListFilter { expiry_recorded: Some(false), ..ListFilter::default() };
    for filter in [ListFilter::default(), prefix, live] {
        for after in [None, Some("acme/api")] {
            let steps = plan(Start::Keys, &filter, after);
            assert!(steps[0].contains("SEARCH w USING INDEX"), "{steps:#?}");
            assert_none(&steps, "SCAN");
            assert_none(&steps, "TEMP B-TREE");
        }
    }
}

#[test]
fn a_page_of_the_expired_is_one_range_of_their_keys() {
    for prefix in [None, Some("acme".to_owned())] {
        let filter = ListFilter { prefix, expiry_recorded: Some(true), ..ListFilter::default() };
        for after in [None, Some("acme/api")] {
            let steps = plan(Start::Expired, &filter, after);
            assert!(steps[0].contains("SEARCH e USING PRIMARY KEY"), "{steps:#?}");
            assert_none(&steps, "SCAN");
            assert_none(&steps, "TEMP B-TREE");
        }
    }
}

#[test]
fn the_keys_of_the_expired_follow_the_sessions() {
    let connection = schema::in_memory();
    let expired = || -> Vec<String> {
        let mut read = connection.prepare("SELECT workspace FROM expired").unwrap();
        read.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let run = |sql: &str| connection.execute_batch(sql).unwrap();
    run("INSERT INTO workspace (id, workspace, profile) VALUES (1, 'a', 'main'), (2, 'b', 'main');
         INSERT INTO session VALUES (1, 's1', 'autonomous', 'runtime_worker', 'w', NULL, NULL, 0, ''),
                                    (2, 's2', 'autonomous', 'runtime_worker', 'w', NULL, NULL, 1, '')");
    assert_eq!(expired(), ["b"]);
    run("UPDATE session SET expiry_recorded = 1, body = 'x'");
    assert_eq!(expired(), ["a", "b"]);
    run("UPDATE session SET expiry_recorded = 0 WHERE id = 1");
    assert_eq!(expired(), ["b"]);
    run("DELETE FROM session");
    assert!(expired().is_empty());
}

#[test]
fn a_cursor_bounds_the_range_by_both_columns() {
    let steps = plan(Start::Keys, &ListFilter::default(), Some("acme/api"));
    assert!(steps[0].contains("(workspace,profile)>(?,?)"), "{steps:#?}");
    let prefix = ListFilter { prefix: Some("acme".to_owned()), ..ListFilter::default() };
    for step in plan(Start::Keys, &prefix, Some("acme/api")).iter().filter(|s| s.contains(" w ")) {
        assert!(step.contains("workspace<?"), "{step}");
    }
}

#[test]
fn few_sessions_are_looked_up_by_their_own_index() {
    let text = || Some("x".to_owned());
    for (filter, index) in [
        (ListFilter { owner: text(), ..ListFilter::default() }, "session_by_owner"),
        (ListFilter { supervisor: text(), ..ListFilter::default() }, "session_by_supervisor"),
        (ListFilter { machine: text(), ..ListFilter::default() }, "session_by_machine"),
        (ListFilter { expiry_recorded: Some(false), ..ListFilter::default() }, "session_by_expiry"),
    ] {
        let steps = plan(Start::Sessions, &filter, None);
        assert!(steps[0].contains(&format!("SEARCH s USING INDEX {index}")), "{steps:#?}");
        assert_none(&steps, "SCAN");
    }
}
