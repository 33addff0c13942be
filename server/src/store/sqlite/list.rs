//! Lists of workspaces that hold a session, in the order of their keys.
//!
//! A list either walks the keys, those of expired sessions if only these are wanted, or, if a
//! condition is met by few sessions only, starts from those and sorts them: each stays cheap where
//! the others would not.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tenure_core::name::{INTERACTIVE_OWNER, Key};
use tenure_core::session::Lifecycle;

use super::history::newest_sequence;
use super::rows::{lifecycle, listed, stored_columns};
use crate::store::{ListFilter, ListPage, Listed, PAGE_MAX};

/// Conditions that fewer sessions meet are looked up by their own index, and the result sorted.
const FEW: i64 = 2_000;

const COLUMNS: &str = concat!("SELECT ", stored_columns!(), " FROM ");
/// What is read of each session, wherever the list starts.
const BESIDE: &str = " CROSS JOIN lease l ON l.id = s.id LEFT JOIN transfer t ON t.id = s.id \
     LEFT JOIN signals x ON x.id = s.id WHERE ";

/// Where a list starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// All keys, in their order.
    Keys,
    /// The keys of sessions whose expiry is recorded, in their order.
    Expired,
    /// Sessions, by an index.
    Sessions,
}

impl Start {
    /// The tables up to `session s`, in the order in which they are read.
    fn tables(self) -> &'static str {
        match self {
            Self::Keys => "workspace w CROSS JOIN session s ON s.id = w.id",
            Self::Expired => {
                "expired e CROSS JOIN workspace w ON w.id = e.id CROSS JOIN session s ON s.id = e.id"
            }
            Self::Sessions => "session s CROSS JOIN workspace w ON w.id = s.id",
        }
    }

    /// The table whose keys are walked.
    fn keys(self) -> &'static str {
        match self {
            Self::Keys | Self::Sessions => "w",
            Self::Expired => "e",
        }
    }
}

/// A condition on one column of `session`.
#[derive(Debug, Clone)]
struct Condition {
    sql: &'static str,
    value: Value,
    /// Whether the column has an index that this condition can use.
    indexed: bool,
}

/// A page of the list, with the newest sequence of the snapshot that it was read from.
pub(super) fn list(
    connection: &Connection,
    filter: &ListFilter,
    after: Option<&Key>,
    limit: u32,
) -> rusqlite::Result<ListPage> {
    let limit = limit.clamp(1, PAGE_MAX) as usize;
    let sequence = newest_sequence(connection)?;
    let conditions = conditions(filter);
    let start = if few(connection, &conditions)? {
        Start::Sessions
    } else if filter.expiry_recorded == Some(true) {
        Start::Expired
    } else {
        Start::Keys
    };
    let mut rows: Vec<Listed> = Vec::new();
    for range in ranges(filter.prefix.as_deref()) {
        // One more than the page holds tells whether there is another page.
        let wanted = limit + 1 - rows.len();
        if wanted == 0 {
            break;
        }
        rows.extend(page(connection, start, &conditions, &range, after, wanted)?);
    }
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = if has_more { rows.last().map(|row| row.key.clone()) } else { None };
    Ok(ListPage { rows, next, sequence })
}

fn conditions(filter: &ListFilter) -> Vec<Condition> {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut conditions = Vec::new();
    let mut add = |sql, value, indexed| conditions.push(Condition { sql, value, indexed });
    if let Some(wanted) = filter.lifecycle {
        add("s.lifecycle =", text(lifecycle(wanted)), false);
    }
    if let Some(owner) = &filter.owner {
        add("s.owner_id =", text(owner), true);
        if owner == INTERACTIVE_OWNER {
            // A program may call itself so; it is not meant.
            add("s.lifecycle =", text(lifecycle(Lifecycle::Interactive)), false);
        }
    }
    if let Some(supervisor) = &filter.supervisor {
        add("s.supervisor_id =", text(supervisor), true);
    }
    if let Some(machine) = &filter.machine {
        add("s.machine_id =", text(machine), true);
    }
    if let Some(recorded) = filter.expiry_recorded {
        // Those that have expired have their own keys, which are in order.
        add("s.expiry_recorded =", Value::Integer(i64::from(recorded)), !recorded);
    }
    conditions
}

/// Whether one of the conditions is met by few sessions. Looks at that many index entries at
/// most.
fn few(connection: &Connection, conditions: &[Condition]) -> rusqlite::Result<bool> {
    for condition in conditions.iter().filter(|condition| condition.indexed) {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM session s WHERE {} ?1 LIMIT {FEW})",
            condition.sql
        );
        let count: i64 =
            connection.prepare_cached(&sql)?.query_row([&condition.value], |row| row.get(0))?;
        if count < FEW {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Names from `low`, included, to `high`, excluded.
#[derive(Debug)]
pub(super) struct NameRange {
    pub low: String,
    pub high: Option<String>,
}

/// The names that a prefix of whole segments covers: itself, and everything below it. Other
/// names sort in between (`a-x` between `a` and `a/x`), hence two ranges.
pub(super) fn ranges(prefix: Option<&str>) -> Vec<NameRange> {
    let prefix = prefix.map(|prefix| prefix.strip_suffix('/').unwrap_or(prefix));
    match prefix {
        None | Some("") => vec![NameRange { low: String::new(), high: None }],
        Some(prefix) => vec![
            NameRange { low: prefix.to_owned(), high: Some(format!("{prefix}\0")) },
            // '0' is the character after '/'.
            NameRange { low: format!("{prefix}/"), high: Some(format!("{prefix}0")) },
        ],
    }
}

fn page(
    connection: &Connection,
    start: Start,
    conditions: &[Condition],
    range: &NameRange,
    after: Option<&Key>,
    wanted: usize,
) -> rusqlite::Result<Vec<Listed>> {
    let (sql, mut values) = statement(start, conditions, range, after);
    values.push(Value::Integer(i64::try_from(wanted).unwrap_or(i64::MAX)));
    connection.prepare_cached(&sql)?.query_map(params_from_iter(values), listed)?.collect()
}

/// The statement for one range, and its values but the last, which is the limit.
fn statement(
    start: Start,
    conditions: &[Condition],
    range: &NameRange,
    after: Option<&Key>,
) -> (String, Vec<Value>) {
    let keys = start.keys();
    let (within, mut values) = after_in_range(keys, range, after);
    let mut sql = format!("{COLUMNS}{}{BESIDE}{within}", start.tables());
    for condition in conditions {
        sql.push_str(" AND ");
        sql.push_str(condition.sql);
        sql.push_str(" ?");
        values.push(condition.value.clone());
    }
    sql.push_str(&format!(" ORDER BY {keys}.workspace, {keys}.profile LIMIT ?"));
    (sql, values)
}

/// The condition for keys of `table` in one range after a key, and its values.
pub(super) fn after_in_range(
    table: &str,
    range: &NameRange,
    after: Option<&Key>,
) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut sql = match after.filter(|after| after.workspace.as_str() >= range.low.as_str()) {
        Some(after) => {
            values.push(Value::Text(after.workspace.as_str().to_owned()));
            values.push(Value::Text(after.profile.as_str().to_owned()));
            format!("({table}.workspace, {table}.profile) > (?, ?)")
        }
        None => {
            values.push(Value::Text(range.low.clone()));
            format!("{table}.workspace >= ?")
        }
    };
    if let Some(high) = &range.high {
        sql.push_str(&format!(" AND {table}.workspace < ?"));
        values.push(Value::Text(high.clone()));
    }
    (sql, values)
}

#[cfg(test)]
mod tests;
