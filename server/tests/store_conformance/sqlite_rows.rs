//! Which rows surroundings have, and which of them a write touches.

use std::sync::Arc;

use rusqlite::Connection;
use tenure_core::name::SectionName;
use tenure_core::parts::Parts;
use tenure_core::surroundings::{Signals, Surroundings};
use tenured::store::sqlite::SqliteStore;
use tenured::store::{Epoch, Guard, Reads, RowId, Store, StoreError, Version};

use crate::around::create_with;
use crate::sample::{apply, batch, create, created, key, loaded, renewal, session, tenure, write};
use crate::sqlite_files::{folder, open};
use crate::surrounding::{
    a_little, at_the_limits, bytes, every_part, put, section, signals, surrounded,
};

const TABLES: [&str; 8] =
    ["signals", "escalation", "gates", "handoff", "progress", "baseline", "checkpoint", "section"];

struct Rig {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    shell: Connection,
    epoch: Epoch,
    row: RowId,
}

/// A store with one workspace `a` at version 1, and a shell beside it.
async fn rig(surroundings: Surroundings) -> Rig {
    let (folder, path) = folder();
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let mut first = create_with("a", surroundings);
    Arc::make_mut(first.tenure.as_mut().unwrap()).signals = signals(1);
    let row = created(&store, epoch, first).await;
    let shell = Connection::open(&path).unwrap();
    Rig { _folder: folder, store, shell, epoch, row }
}

impl Rig {
    fn rows(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.shell.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// Writes down from now on which rows are written, of all tables but that of hot rows.
    fn watch(&self) {
        let mut sql = "CREATE TABLE touched (what TEXT);".to_owned();
        let name = |table: &str, row: &str| match table {
            "section" => format!("{row}.name"),
            _ => "''".to_owned(),
        };
        for table in TABLES.into_iter().chain(["workspace", "session", "transfer", "event"]) {
            for (change, row) in [("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old")] {
                sql.push_str(&format!(
                    "CREATE TRIGGER {table}_{change} AFTER {change} ON {table} BEGIN \
                     INSERT INTO touched VALUES (trim('{change} {table} ' || {})); END;",
                    name(table, row)
                ));
            }
        }
        self.shell.execute_batch(&sql).unwrap();
    }

    /// What was written since this was last asked.
    fn touched(&self) -> Vec<String> {
        let mut statement = self.shell.prepare("SELECT what FROM touched ORDER BY rowid").unwrap();
        let touched = statement.raw_query().mapped(|row| row.get(0)).map(Result::unwrap).collect();
        self.shell.execute("DELETE FROM touched", []).unwrap();
        touched
    }

    async fn put(&self, version: u64, parts: Parts, surroundings: Surroundings) {
        let write = put("a", self.row, version, parts, surroundings);
        apply(&self.store, self.epoch, vec![write]).await;
    }
}

#[tokio::test]
async fn a_part_that_is_empty_has_no_row() {
    let rig = rig(a_little(0)).await;
    for table in TABLES {
        assert!(rig.rows(table) > 0, "{table}");
    }
    rig.put(1, every_part(), Surroundings::default()).await;
    let cleared = tenure(3, session("ses_a", "worker", 1));
    let without = write(key("a"), Guard::At(rig.row, Version(2)), 3, cleared);
    apply(&rig.store, rig.epoch, vec![without, create("b")]).await;
    created(&rig.store, rig.epoch, create_with("c", Surroundings::default())).await;
    for table in TABLES {
        assert_eq!(rig.rows(table), 0, "{table}");
    }
}

#[tokio::test]
async fn one_half_of_the_progress_goes_without_the_other() {
    let rig = rig(a_little(0)).await;
    rig.put(1, Parts::USAGE, Surroundings::default()).await;
    assert_eq!(rig.rows("progress"), 1);
    rig.put(2, Parts::WORK_STREAMS, Surroundings::default()).await;
    assert_eq!(rig.rows("progress"), 0);
}

#[tokio::test]
async fn a_section_that_is_there_already_is_not_written_again() {
    let mut around = at_the_limits(0);
    let rig = rig(around.clone()).await;
    rig.watch();
    rig.put(1, Parts::SECTIONS, around.clone()).await;
    assert_eq!(rig.touched(), Vec::<String>::new());
    let name: SectionName = section(3, 0).name;
    Arc::make_mut(around.sections.get_mut(&name).unwrap()).content = bytes(77, 9);
    rig.put(2, Parts::SECTIONS, around.clone()).await;
    let name = name.as_str();
    assert_eq!(rig.touched(), [format!("DELETE section {name}"), format!("INSERT section {name}")]);
    assert_eq!(surrounded(&rig.store, "a").await, around);
}

#[tokio::test]
async fn raising_or_resolving_an_escalation_writes_one_row() {
    let mut around = at_the_limits(0);
    let last = around.escalations.pop().unwrap();
    let rig = rig(around.clone()).await;
    rig.watch();
    around.escalations.push(last);
    rig.put(1, Parts::ESCALATIONS, around.clone()).await;
    assert_eq!(rig.touched(), ["INSERT escalation"]);
    around.escalations.remove(40);
    rig.put(2, Parts::ESCALATIONS, around).await;
    assert_eq!(rig.touched(), ["DELETE escalation"]);
}

#[tokio::test]
async fn a_beat_writes_its_hot_row_and_nothing_else() {
    let rig = rig(a_little(0)).await;
    rig.watch();
    let mut renewing = batch(rig.epoch, Vec::new());
    renewing.renewals = vec![renewal(rig.row, 1)];
    rig.store.commit(renewing).await.unwrap();
    assert_eq!(rig.touched(), Vec::<String>::new());
    assert_eq!(loaded(&rig.store, "a").await.unwrap().version, Version(2));
}

#[tokio::test]
async fn signals_are_written_only_when_they_change() {
    let rig = rig(Surroundings::default()).await;
    rig.watch();
    let steps: [(Signals, &[&str]); 4] = [
        (signals(1), &["UPDATE session"]),
        (signals(2), &["UPDATE session", "UPDATE signals"]),
        (Signals::default(), &["UPDATE session", "DELETE signals"]),
        (Signals::default(), &["UPDATE session"]),
    ];
    for (version, (signals, touched)) in (1..).zip(steps) {
        let mut next = tenure(version + 1, session("ses_a", "worker", 1));
        next.signals = signals;
        let write = write(key("a"), Guard::At(rig.row, Version(version)), version + 1, next);
        apply(&rig.store, rig.epoch, vec![write]).await;
        assert_eq!(rig.touched(), touched);
    }
}

#[tokio::test]
async fn damage_around_a_session_is_reported_and_never_read_as_absence() {
    for damage in [
        "UPDATE escalation SET body = '{}'",
        "UPDATE gates SET body = '{}'",
        "UPDATE handoff SET body = '[]'",
        "UPDATE progress SET work_streams = ''",
        "UPDATE progress SET usage = '7'",
        "UPDATE baseline SET body = '{}'",
        "UPDATE checkpoint SET origin = 'x'",
        "UPDATE checkpoint SET content = zeroblob(length(content))",
        "UPDATE checkpoint SET digest = x'00'",
        "UPDATE section SET content = substr(content, 2)",
        "UPDATE section SET digest = x''",
    ] {
        let rig = rig(a_little(0)).await;
        assert!(rig.shell.execute(damage, []).unwrap() > 0);
        let error = rig.store.whole(key("a")).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error:?}");
        assert!(error.to_string().contains("restore a backup"), "{error}");
        loaded(&rig.store, "a").await.unwrap();
    }
    let rig = rig(a_little(0)).await;
    rig.shell.execute("UPDATE signals SET body = '3'", []).unwrap();
    let error = rig.store.get(key("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}
