//! Open escalations: a row each, kept in the order of their workspace, and read in pages across
//! all workspaces.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::name::{EscalationId, Key, ProfileName, WorkspaceName};

use super::list::{NameRange, ranges};
use super::rows::{from_body, to_body};
use crate::store::{EscalationFilter, EscalationPage, PAGE_MAX, RowId};

pub(super) const OF_ONE: &str = "SELECT body FROM escalation WHERE workspace_id = ?1 ORDER BY id";
pub(super) const KNOWN: &str =
    "SELECT id, body FROM escalation WHERE workspace_id = ?1 ORDER BY id";
pub(super) const INSERT: &str = "INSERT INTO escalation (workspace_id, workspace, profile, escalation_id, kind, \
     body) SELECT id, workspace, profile, ?2, ?3, ?4 FROM workspace WHERE id = ?1";

/// The open escalations of one workspace, in the order in which they were put.
pub(super) fn of_one(connection: &Connection, row: RowId) -> rusqlite::Result<Vec<Escalation>> {
    connection.prepare_cached(OF_ONE)?.query_map([row.0], |row| from_body(row, 0))?.collect()
}

/// Makes `open` the open escalations of a workspace. Rows are ordered by their ids, so what
/// does not simply follow what is left is written again.
pub(super) fn put(
    connection: &Connection,
    row: RowId,
    open: &[Escalation],
) -> rusqlite::Result<()> {
    let bodies = open.iter().map(to_body).collect::<rusqlite::Result<Vec<_>>>()?;
    let mut wanted = bodies.iter().map(String::as_str).peekable();
    let mut statement = connection.prepare_cached(KNOWN)?;
    let mut known = statement.query([row.0])?;
    let mut gone = Vec::new();
    let mut kept = 0;
    while let Some(known) = known.next()? {
        if wanted.next_if_eq(&known.get_ref(1)?.as_str()?).is_some() {
            kept += 1;
        } else {
            gone.push(known.get::<_, i64>(0)?);
        }
    }
    for id in gone {
        connection.prepare_cached("DELETE FROM escalation WHERE id = ?1")?.execute([id])?;
    }
    let mut insert = connection.prepare_cached(INSERT)?;
    for (open, body) in open.iter().zip(&bodies).skip(kept) {
        insert.execute((row.0, open.id.as_str(), kind(open.kind), body))?;
    }
    Ok(())
}

/// A page of escalations in the order of workspace, profile and id.
pub(super) fn page(
    connection: &Connection,
    filter: &EscalationFilter,
    after: Option<&(Key, EscalationId)>,
    limit: u32,
) -> rusqlite::Result<EscalationPage> {
    let limit = limit.clamp(1, PAGE_MAX) as usize;
    let mut rows = Vec::new();
    for range in ranges_of(filter) {
        // One more than the page holds tells whether there is another page.
        let wanted = limit + 1 - rows.len();
        if wanted == 0 {
            break;
        }
        let (sql, mut values) = statement(&range, filter.kind, after);
        values.push(Value::Integer(i64::try_from(wanted).unwrap_or(i64::MAX)));
        let mut statement = connection.prepare_cached(&sql)?;
        let found = statement.query_map(params_from_iter(values), escalation)?;
        rows.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|(key, open): &(Key, Escalation)| (key.clone(), open.id.clone()));
    Ok(EscalationPage { rows, next })
}

fn escalation(row: &Row<'_>) -> rusqlite::Result<(Key, Escalation)> {
    let key = Key {
        workspace: WorkspaceName::imported(row.get_ref(0)?.as_str()?),
        profile: ProfileName::imported(row.get_ref(1)?.as_str()?),
    };
    Ok((key, from_body(row, 2)?))
}

/// Where a page looks.
#[derive(Debug)]
enum Range<'a> {
    One(&'a Key),
    Names(NameRange),
}

fn ranges_of(filter: &EscalationFilter) -> Vec<Range<'_>> {
    let prefix = filter.prefix.as_deref();
    match &filter.key {
        Some(key) if !key.is_under(prefix.unwrap_or_default()) => Vec::new(),
        Some(key) => vec![Range::One(key)],
        None => ranges(prefix).into_iter().map(Range::Names).collect(),
    }
}

/// The statement for one range, and its values but for the limit.
fn statement(
    range: &Range<'_>,
    kind_wanted: Option<EscalationKind>,
    after: Option<&(Key, EscalationId)>,
) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    let mut add = |condition, texts: &[&str]| {
        conditions.push(condition);
        values.extend(texts.iter().map(|text| Value::Text((*text).to_owned())));
    };
    if let Some(wanted) = kind_wanted {
        add("kind = ?", &[kind(wanted)]);
    }
    let low = match range {
        Range::One(key) => {
            add("workspace = ? AND profile = ?", &[key.workspace.as_str(), key.profile.as_str()]);
            key.workspace.as_str()
        }
        Range::Names(names) => {
            if let Some(high) = &names.high {
                add("workspace < ?", &[high]);
            }
            &names.low
        }
    };
    match after {
        Some((key, id)) if key.workspace.as_str() >= low => {
            let place = [key.workspace.as_str(), key.profile.as_str(), id.as_str()];
            add("(workspace, profile, escalation_id) > (?, ?, ?)", &place);
        }
        _ => add("workspace >= ?", &[low]),
    }
    let sql = format!(
        "SELECT workspace, profile, body FROM escalation WHERE {} ORDER BY workspace, profile, \
         escalation_id LIMIT ?",
        conditions.join(" AND ")
    );
    (sql, values)
}

/// As the column `kind` has it.
fn kind(kind: EscalationKind) -> &'static str {
    match kind {
        EscalationKind::Blocking => "blocking",
        EscalationKind::NonBlocking => "non_blocking",
    }
}

#[cfg(test)]
mod tests;
