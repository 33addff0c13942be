//! How pages are looked up: each is one range of one index, whatever the filter.

use super::super::schema;
use super::*;

fn plan(filter: &EscalationFilter, after: Option<&(Key, EscalationId)>) -> Vec<String> {
    let connection = schema::in_memory();
    let mut steps = Vec::new();
    for range in ranges_of(filter) {
        let (sql, mut values) = statement(&range, filter.kind, after);
        values.push(Value::Integer(1));
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = explained.query_map(params_from_iter(values), |row| row.get("detail")).unwrap();
        let found: Vec<String> = rows.map(Result::unwrap).collect();
        assert_eq!(found.len(), 1, "{sql}: {found:#?}");
        steps.extend(found);
    }
    steps
}

fn key() -> Key {
    Key { workspace: WorkspaceName::imported("acme/api"), profile: ProfileName::default() }
}

#[test]
fn a_page_is_one_range_of_an_index_and_is_not_sorted() {
    let after = (key(), EscalationId::imported("esc_1"));
    for after in [None, Some(&after)] {
        for prefix in [None, Some("acme")] {
            for key in [None, Some(key())] {
                for kind in [None, Some(EscalationKind::Blocking)] {
                    let prefix = prefix.map(str::to_owned);
                    let filter = EscalationFilter { key: key.clone(), prefix, kind };
                    let index = match kind {
                        Some(_) => "escalation_by_kind (kind=? AND ",
                        None => "sqlite_autoindex_escalation_1 (",
                    };
                    for step in plan(&filter, after) {
                        assert!(step.contains(index), "{filter:?} after {after:?}: {step}");
                        assert!(step.starts_with("SEARCH"), "{step}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_page_goes_on_at_its_place_and_not_before() {
    let after = (key(), EscalationId::imported("esc_1"));
    let steps = plan(&EscalationFilter::default(), Some(&after));
    assert!(steps[0].contains("(workspace,profile,escalation_id)>(?,?,?)"), "{steps:#?}");
}
