//! Databases of earlier schemas: migrated when they are opened, with everything in them.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use tenure_core::event::What;
use tenure_core::ledger::EndCause;
use tenure_core::machine::{Held, Machine};
use tenure_core::name::{MachineId, Principal, SessionId};
use tenure_core::reply::Reply;
use tenure_core::session::Revision;
use tenure_core::surroundings::{Signals, Surroundings};
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::{
    Epoch, LeaseWrite, ListFilter, Load, MachineFilter, OutcomeKey, Reads, RowId, Store,
    StoredMachine, Upkeep, Version,
};

use crate::sample::{apply, batch, key, loaded, renewal};
use crate::sqlite_files::{folder, open};
use crate::surrounding::{a_little, every_part, put, surrounded};

/// The schema as version 1 made it.
const SCHEMA_1: &str = include_str!("../../src/store/sqlite/schema/1.sql");
/// What a server of version 1 wrote.
const ROWS_1: &str = include_str!("version_1.sql");

fn create_version_1(path: &Path) {
    let shell = Connection::open(path).unwrap();
    shell.execute_batch(&format!("PRAGMA journal_mode = WAL; {SCHEMA_1} {ROWS_1}")).unwrap();
}

/// All rows of the tables and columns that version 1 has, as text. Later versions show the
/// columns of `lease` in a view.
fn rows_1(path: &Path) -> BTreeMap<&'static str, Vec<String>> {
    let tables =
        ["meta", "workspace", "lease", "session", "transfer", "event", "ledger", "outcome"];
    let shell = Connection::open(path).unwrap();
    let first = Connection::open_in_memory().unwrap();
    first.execute_batch(SCHEMA_1).unwrap();
    let rows = |table: &str| {
        let columns = "SELECT group_concat(name, ', ') FROM pragma_table_info(?1)";
        let columns: String = first.query_row(columns, [table], |row| row.get(0)).unwrap();
        let shown = "SELECT name FROM sqlite_schema WHERE name = ?1 || '_shown'";
        let shown = shell.query_row(shown, [table], |row| row.get(0)).optional().unwrap();
        let source: String = shown.unwrap_or_else(|| table.to_owned());
        let all = format!("SELECT {columns} FROM {source} ORDER BY 1");
        let mut statement = shell.prepare(&all).unwrap();
        let columns = statement.column_count();
        let rows = statement.raw_query().mapped(|row| {
            let values = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap()));
            Ok(values.collect::<Vec<_>>().join(" "))
        });
        rows.map(Result::unwrap).collect()
    };
    tables.into_iter().map(|table| (table, rows(table))).collect()
}

fn version(path: &Path) -> i64 {
    let shell = Connection::open(path).unwrap();
    shell.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_database_of_version_1_is_migrated_and_keeps_every_row() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let before = rows_1(&path);
    assert!(before.values().all(|rows| !rows.is_empty()), "{before:#?}");
    for _ in 0..2 {
        drop(open(&path).unwrap());
        assert_eq!(version(&path), 8);
        assert_eq!(rows_1(&path), before);
    }
}

#[tokio::test]
async fn what_version_1_wrote_is_read_as_it_was() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let store = open(&path).unwrap();
    let acquired = store.acquire().await.unwrap();
    assert_eq!((acquired.epoch, acquired.lease_mark), (Epoch(2), LeaseInstant(2_169)));
    assert_eq!(&*acquired.log_id.0, "log_01M8E0B7N4FF52RVABV0GQGGPD");

    let stored = loaded(&store, "acme/api").await.unwrap();
    assert_eq!((stored.version, stored.tenure.revision), (Version(3), Some(Revision(3))));
    assert_eq!(stored.tenure.signals, Signals::default());
    let session = stored.tenure.session.as_ref().unwrap();
    assert_eq!((session.beats, session.stalls_at, session.stalled), (1, None, false));
    assert_eq!(session.applied_gates_revision, None);
    assert_eq!(&*session.activity.as_ref().unwrap().text, "building");
    let transfer = stored.tenure.transfer.as_ref().unwrap();
    assert_eq!(&*transfer.reason, "an incident");
    assert_eq!(surrounded(&store, "acme/api").await, Surroundings::default());
    assert_eq!(loaded(&store, "acme/old").await.unwrap().tenure.session, None);

    let listed = store.list(ListFilter::default(), None, 10).await.unwrap();
    assert_eq!(listed.rows.len(), 1);
    assert_eq!(listed.rows[0].stored, stored);
    assert_eq!(store.leases(None, 10).await.unwrap().len(), 1);
    let events = store.events(None, 0, 10).await.unwrap().events;
    assert_eq!(events.len(), 7);
    assert!(matches!(events[5].event.what, What::TransferScheduled { .. }));
    let ended = SessionId::imported("ses_01M8E0B9PSMPPHVTBJ4TBTTFSW");
    let sealed = store.ledger_entry(ended).await.unwrap().unwrap();
    assert_eq!((sealed.cause, sealed.usage, sealed.focus), (EndCause::Cleared, None, None));
    let asked = OutcomeKey {
        principal: Principal::imported("local"),
        rpc: "StartSession",
        key: key("acme/api"),
        request_id: "01m8e0b9k8f8pkwp0yyx8hs3st".into(),
    };
    let load = Load { keys: Vec::new(), outcomes: vec![asked] };
    let kept = store.load(load).await.unwrap().outcomes.remove(0).unwrap();
    assert!(matches!(kept.reply, Reply::Started(_)));
}

#[tokio::test]
async fn every_hot_row_of_earlier_versions_becomes_a_blob() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let shell = Connection::open(&path).unwrap();
    let most = i64::MAX;
    let more = format!(
        "INSERT INTO lease VALUES (7, {most}, {most}, {most}, {most}, {most}),
             (8, 1, 0, 0, 0, 0), (9, 256, 65535, NULL, NULL, 4294967296);
         WITH RECURSIVE n (n) AS (VALUES (10) UNION ALL SELECT n + 1 FROM n LIMIT 5000)
         INSERT INTO lease SELECT n, n, n * n, 1795766462224 + n, n * 1000, n % 3 FROM n;
         INSERT INTO workspace SELECT id, 'w' || id, 'main' FROM lease WHERE id > 2;"
    );
    shell.execute_batch(&more).unwrap();
    let before = rows_1(&path);
    assert_eq!(before["lease"].len(), 5_005);
    let store = open(&path).unwrap();
    assert_eq!(rows_1(&path)["lease"], before["lease"]);
    let kept = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%of_version%'";
    let kept: i64 = shell.query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
    let epoch = store.acquire().await.unwrap().epoch;
    let mut beats = batch(epoch, Vec::new());
    let at = |row, version| LeaseWrite { expected: Version(version), ..renewal(RowId(row), 1) };
    beats.renewals = vec![at(7, most as u64), at(8, 1), at(9, 256), at(10, 10), at(11, 10)];
    let committed = store.commit(beats).await.unwrap();
    assert_eq!(committed.conflicting_renewals, [4]);
}

#[tokio::test]
async fn a_migrated_database_takes_surroundings() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let store = open(&path).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let row = loaded(&store, "acme/api").await.unwrap().row;
    apply(&store, epoch, vec![put("acme/api", row, 3, every_part(), a_little(0))]).await;
    store.close().await.unwrap();
    let store = open(&path).unwrap();
    assert_eq!(surrounded(&store, "acme/api").await, a_little(0));
}

#[tokio::test]
async fn a_migrated_database_knows_the_machines_of_its_sessions() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let store = open(&path).unwrap();
    let known = store.machines(MachineFilter::default(), None, 10).await.unwrap().rows;
    let started_at = WallTime(1_795_766_462_063);
    let machine = Machine {
        host: "host.example".into(),
        seen_at: Some(started_at),
        ..Machine::unseen(MachineId::imported("m1"), started_at)
    };
    let held = Held { live: 1, stale: 0 };
    assert_eq!(known, [StoredMachine { machine, held }]);
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let (_folder, path) = folder();
    create_version_1(&path);
    let shell = Connection::open(&path).unwrap();
    // The last table that version 2 creates.
    shell.execute_batch("CREATE TABLE section (somebody_elses)").unwrap();
    let before = rows_1(&path);
    open(&path).unwrap_err();
    assert_eq!((version(&path), rows_1(&path)), (1, before));
    let created = "SELECT count(*) FROM sqlite_schema WHERE name = 'signals'";
    let created: i64 = shell.query_row(created, [], |row| row.get(0)).unwrap();
    assert_eq!(created, 0);
    shell.execute_batch("DROP TABLE section").unwrap();
    drop(shell);
    drop(open(&path).unwrap());
    assert_eq!(version(&path), 8);
}
