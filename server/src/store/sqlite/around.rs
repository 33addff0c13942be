//! What surrounds a session, as rows: written part by part, read as a whole.
//!
//! Guarantees: a part that is not written stays as it is; an empty one leaves no row; a section
//! that is stored already is not written again; bytes that are not those that were stored are
//! damage.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::Serialize;
use tenure_core::checkpoint::Checkpoint;
use tenure_core::content::Content;
use tenure_core::name::{Key, SectionName};
use tenure_core::parts::Parts;
use tenure_core::section::ClientSection;
use tenure_core::surroundings::{Progress, Surroundings};
use tenure_core::work_stream::WorkStreams;

use super::escalations;
use super::history::newest_sequence;
use super::rows::{find, find_statement, from_optional_body, to_body};
use crate::store::{AroundWrite, RowId, Stored, Whole};

/// Everything of which a workspace has one row.
pub(super) const SINGLE: &str = "SELECT g.body, h.body, p.work_streams, p.usage, b.body, i.body, \
     c.origin, c.digest, c.content FROM workspace w LEFT JOIN gates g ON g.id = w.id LEFT JOIN handoff h ON \
     h.id = w.id LEFT JOIN progress p ON p.id = w.id LEFT JOIN baseline b ON b.id = w.id LEFT JOIN \
     imported i ON i.id = w.id LEFT JOIN checkpoint c ON c.id = w.id WHERE w.id = ?1";
pub(super) const SECTIONS: &str =
    "SELECT name, content_type, digest, content FROM section WHERE workspace_id = ?1";
pub(super) const SECTIONS_KNOWN: &str =
    "SELECT id, name, content_type, digest FROM section WHERE workspace_id = ?1";

const INSERT_SECTION: &str = "INSERT INTO section (workspace_id, name, content_type, digest, content) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const PUT_PROGRESS: &str = "INSERT INTO progress VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET \
     work_streams = iif(?4, excluded.work_streams, work_streams), \
     usage = iif(?5, excluded.usage, usage)";
pub(super) const REMOVE_EMPTY_PROGRESS: &str =
    "DELETE FROM progress WHERE id = ?1 AND work_streams IS NULL AND usage IS NULL";
const PUT_CHECKPOINT: &str = "INSERT INTO checkpoint VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE \
     SET origin = excluded.origin, digest = excluded.digest, content = excluded.content";

/// One workspace with all that surrounds its session.
pub(super) fn whole(connection: &Connection, key: &Key) -> rusqlite::Result<Whole> {
    let sequence = newest_sequence(connection)?;
    let mut stored = find(&mut find_statement(connection)?, key)?;
    if let Some(stored) = &mut stored {
        surround(connection, stored)?;
    }
    Ok(Whole { stored, sequence })
}

/// Reads what surrounds the session of a workspace that was found in the same transaction.
pub(super) fn surround(connection: &Connection, stored: &mut Stored) -> rusqlite::Result<()> {
    let row = stored.row;
    let mut around = connection.prepare_cached(SINGLE)?.query_row([row.0], |row| {
        Ok(Surroundings {
            escalations: Vec::new(),
            gates: from_optional_body(row, 0)?.unwrap_or_default(),
            handoff: from_optional_body(row, 1)?.map(Arc::new),
            checkpoint: checkpoint(row)?.map(Arc::new),
            progress: Progress {
                work_streams: from_optional_body(row, 2)?.unwrap_or_default(),
                usage: from_optional_body(row, 3)?,
            },
            sections: BTreeMap::new(),
            baseline: from_optional_body(row, 4)?.map(Arc::new),
            imported: from_optional_body(row, 5)?.unwrap_or_default(),
        })
    })?;
    around.escalations = escalations::of_one(connection, row)?;
    let mut statement = connection.prepare_cached(SECTIONS)?;
    around.sections = statement
        .query_map([row.0], section)?
        .map(|read| read.map(|section| (section.name.clone(), Arc::new(section))))
        .collect::<rusqlite::Result<_>>()?;
    stored.surroundings = Some(Box::new(around));
    Ok(())
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Option<Checkpoint>> {
    let Some(origin) = from_optional_body(row, 6)? else { return Ok(None) };
    Ok(Some(Checkpoint { content: content(row, 7)?, origin }))
}

fn section(row: &Row<'_>) -> rusqlite::Result<ClientSection> {
    Ok(ClientSection {
        name: SectionName::imported(row.get_ref(0)?.as_str()?),
        content_type: Arc::from(row.get_ref(1)?.as_str()?),
        content: content(row, 2)?,
    })
}

/// The content whose digest is in `column` and whose bytes are in the next one.
fn content(row: &Row<'_>, column: usize) -> rusqlite::Result<Content> {
    let content = Content::new(row.get_ref(column + 1)?.as_blob()?);
    if content.digest().0 == row.get_ref(column)?.as_blob()? {
        return Ok(content);
    }
    let why = "these bytes do not have the digest that is stored with them";
    Err(rusqlite::Error::FromSqlConversionFailure(column + 1, Type::Blob, why.into()))
}

/// Puts the parts that are written; the others stay.
pub(super) fn put(
    connection: &Connection,
    row: RowId,
    write: &AroundWrite,
) -> rusqlite::Result<()> {
    let around = &*write.surroundings;
    let is_written = |part| write.parts.meets(part);
    if is_written(Parts::ESCALATIONS) {
        escalations::put(connection, row, &around.escalations)?;
    }
    if is_written(Parts::GATES) {
        let gates = Some(&around.gates).filter(|gates| !gates.is_empty());
        put_body(connection, "gates", row, gates)?;
    }
    if is_written(Parts::HANDOFF) {
        put_body(connection, "handoff", row, around.handoff.as_deref())?;
    }
    if is_written(Parts::CHECKPOINT) {
        put_checkpoint(connection, row, around.checkpoint.as_deref())?;
    }
    if is_written(Parts::PROGRESS) {
        put_progress(connection, row, write.parts, &around.progress)?;
    }
    if is_written(Parts::SECTIONS) {
        put_sections(connection, row, &around.sections)?;
    }
    if is_written(Parts::BASELINE) {
        put_body(connection, "baseline", row, around.baseline.as_deref())?;
    }
    if is_written(Parts::IMPORTED) {
        let imported = Some(&around.imported).filter(|imported| !imported.is_empty());
        put_body(connection, "imported", row, imported)?;
    }
    Ok(())
}

/// Puts the one body that a workspace has in `table`, or takes it away. What is there already
/// dirties no page.
pub(super) fn put_body<T: Serialize>(
    connection: &Connection,
    table: &'static str,
    row: RowId,
    record: Option<&T>,
) -> rusqlite::Result<()> {
    let Some(record) = record else { return remove(connection, table, row) };
    let sql = format!(
        "INSERT INTO {table} VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = excluded.body WHERE \
         body <> excluded.body"
    );
    connection.prepare_cached(&sql)?.execute((row.0, to_body(record)?))?;
    Ok(())
}

fn remove(connection: &Connection, table: &'static str, row: RowId) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM {table} WHERE id = ?1");
    connection.prepare_cached(&sql)?.execute([row.0])?;
    Ok(())
}

fn put_checkpoint(
    connection: &Connection,
    row: RowId,
    checkpoint: Option<&Checkpoint>,
) -> rusqlite::Result<()> {
    let Some(Checkpoint { content, origin }) = checkpoint else {
        return remove(connection, "checkpoint", row);
    };
    let origin = to_body(origin)?;
    let digest = content.digest().0;
    connection.prepare_cached(PUT_CHECKPOINT)?.execute((
        row.0,
        origin,
        &digest[..],
        &content.bytes()[..],
    ))?;
    Ok(())
}

fn put_progress(
    connection: &Connection,
    row: RowId,
    parts: Parts,
    progress: &Progress,
) -> rusqlite::Result<()> {
    let puts = [parts.meets(Parts::WORK_STREAMS), parts.meets(Parts::USAGE)];
    let streams = Some(&progress.work_streams).filter(|s| puts[0] && **s != WorkStreams::NONE);
    let usage = progress.usage.as_ref().filter(|_| puts[1]);
    let streams = streams.map(to_body).transpose()?;
    let usage = usage.map(to_body).transpose()?;
    let may_be_empty = streams.is_none() || usage.is_none();
    connection.prepare_cached(PUT_PROGRESS)?.execute((row.0, streams, usage, puts[0], puts[1]))?;
    if may_be_empty {
        connection.prepare_cached(REMOVE_EMPTY_PROGRESS)?.execute([row.0])?;
    }
    Ok(())
}

/// Puts the sections that are new or different, and takes away those that are gone.
fn put_sections(
    connection: &Connection,
    row: RowId,
    sections: &BTreeMap<SectionName, Arc<ClientSection>>,
) -> rusqlite::Result<()> {
    let mut unchanged = HashSet::new();
    let mut statement = connection.prepare_cached(SECTIONS_KNOWN)?;
    let mut known = statement.query([row.0])?;
    let mut gone = Vec::new();
    while let Some(known) = known.next()? {
        let name = SectionName::imported(known.get_ref(1)?.as_str()?);
        let is_as_it_was = match sections.get(&name) {
            None => false,
            Some(section) => {
                known.get_ref(2)?.as_str()? == &*section.content_type
                    && known.get_ref(3)?.as_blob()? == section.content.digest().0
            }
        };
        if is_as_it_was {
            unchanged.insert(name);
        } else {
            gone.push(known.get::<_, i64>(0)?);
        }
    }
    for id in gone {
        connection.prepare_cached("DELETE FROM section WHERE id = ?1")?.execute([id])?;
    }
    let mut insert = connection.prepare_cached(INSERT_SECTION)?;
    for (name, section) in sections.iter().filter(|(name, _)| !unchanged.contains(*name)) {
        let ClientSection { content_type, content, .. } = &**section;
        let digest = content.digest().0;
        insert.execute((
            row.0,
            name.as_str(),
            &**content_type,
            &digest[..],
            &content.bytes()[..],
        ))?;
    }
    Ok(())
}
