//! Hot rows as blobs: what people with a shell see of them, what damage does, and that nothing
//! is left open when a batch is through.

use std::path::PathBuf;

use rusqlite::{Connection, ffi};
use tempfile::TempDir;
use tenure_core::session::Revision;
use tenure_core::time::{LeaseInstant, WallTime};
use tenured::store::sqlite::{Fault, FaultPlan, FaultPoint, SqliteOptions, SqliteStore};
use tenured::store::{
    Batch, CommitError, Epoch, LeaseRow, LeaseWrite, Reads, RowId, Store, StoreError, Version,
};

use crate::sample::{apply, batch, create, created, key, loaded, renewal, row_of};
use crate::sqlite_files::{folder, open};

/// Workspaces that the tests renew; their rows fill more than one page.
const ROWS: usize = 400;

struct Rig {
    _folder: TempDir,
    path: PathBuf,
    store: SqliteStore,
    shell: Connection,
    epoch: Epoch,
    /// Of `w0`, `w1` and so on, each at version 1.
    rows: Vec<RowId>,
}

async fn rig(options: SqliteOptions) -> Rig {
    let (folder, path) = folder();
    let store = SqliteStore::open(&path, options).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    let writes = (0..ROWS).map(|n| create(&format!("w{n}"))).collect();
    let rows = apply(&store, epoch, writes).await.outcomes.iter().map(row_of).collect();
    let shell = Connection::open(&path).unwrap();
    Rig { _folder: folder, path, store, shell, epoch, rows }
}

impl Rig {
    fn renewing(&self, renewals: Vec<LeaseWrite>) -> Batch {
        Batch { renewals, ..batch(self.epoch, Vec::new()) }
    }

    /// Renews every row from `version`, in no order, and answers which met a conflict.
    async fn renew_all(&self, version: u64) -> Vec<RowId> {
        let renewals: Vec<_> =
            (0..ROWS).map(|n| renewal(self.rows[n * 7 % ROWS], version)).collect();
        let committed = self.store.commit(self.renewing(renewals.clone())).await.unwrap();
        committed.conflicting_renewals.iter().map(|place| renewals[*place].row).collect()
    }

    /// Makes something else of the bytes of a row.
    fn damage(&self, bytes: &str, row: RowId) {
        let sql = format!(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE lease SET row = CAST({bytes} AS BLOB) WHERE id = {}",
            row.0
        );
        self.shell.execute_batch(&sql).unwrap();
        assert_eq!(self.shell.changes(), 1);
    }

    async fn assert_versions(&self, version: u64) {
        for n in [0, 1, ROWS / 2, ROWS - 1] {
            let stored = loaded(&self.store, &format!("w{n}")).await.unwrap();
            assert_eq!(stored.version, Version(version), "w{n}");
        }
    }
}

#[tokio::test]
async fn a_damaged_hot_row_is_reported_and_the_others_are_renewed() {
    for damage in [
        "substr(row, 1, 26)",
        "row || x'00'",
        "x''",
        "x'01'",
        "zeroblob(27)",
        "x'02' || substr(row, 2)",
        "x'01' || zeroblob(40)",
        "x'01' || x'ffffffffff' || substr(row, 7)",
    ] {
        let rig = rig(SqliteOptions::default()).await;
        let row = rig.rows[ROWS / 2];
        rig.damage(damage, row);
        assert_eq!(rig.renew_all(1).await, [row], "{damage}");
        let damaged = key(&format!("w{}", ROWS / 2));
        let error = rig.store.get(damaged).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error:?}");
        assert!(error.to_string().contains("restore a backup"), "{error}");
        for n in [0, ROWS / 2 - 1, ROWS / 2 + 1, ROWS - 1] {
            assert_eq!(loaded(&rig.store, &format!("w{n}")).await.unwrap().version, Version(2));
        }
    }
}

#[tokio::test]
async fn what_beats_do_not_compare_is_reported_when_it_is_read() {
    let rig = rig(SqliteOptions::default()).await;
    rig.damage("substr(row, 1, 22) || x'ffffffffff'", rig.rows[3]);
    let error = rig.store.get(key("w3")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert!(error.to_string().contains("a hot row with a number"), "{error}");
}

#[tokio::test]
async fn a_table_that_cannot_be_written_in_place_is_no_conflict() {
    let rig = rig(SqliteOptions::default()).await;
    rig.shell.execute_batch("CREATE INDEX somebody_elses ON lease (row)").unwrap();
    let all = rig.rows.iter().map(|row| renewal(*row, 1)).collect();
    let error = rig.store.commit(rig.renewing(all)).await.unwrap_err();
    assert!(matches!(error, CommitError::NotApplied(StoreError::Unavailable(_))), "{error:?}");
    assert!(format!("{error:?}").contains("indexed"), "{error:?}");
    rig.shell.execute_batch("DROP INDEX somebody_elses").unwrap();
    assert_eq!(rig.renew_all(1).await, []);
}

#[tokio::test]
async fn a_failure_after_the_renewals_takes_all_of_them_back() {
    for fault in [Fault::Panic, Fault::Code(ffi::SQLITE_FULL), Fault::Code(ffi::SQLITE_IOERR_READ)]
    {
        let armed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let plan = {
            let armed = std::sync::Arc::clone(&armed);
            FaultPlan::new(move |point| {
                let due = point == FaultPoint::Renewed
                    && armed.swap(false, std::sync::atomic::Ordering::SeqCst);
                due.then_some(fault)
            })
        };
        let rig = rig(SqliteOptions { faults: plan, ..SqliteOptions::default() }).await;
        armed.store(true, std::sync::atomic::Ordering::SeqCst);
        let all = rig.rows.iter().map(|row| renewal(*row, 1)).collect();
        let error = rig.store.commit(rig.renewing(all)).await.unwrap_err();
        assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
        assert!(!armed.load(std::sync::atomic::Ordering::SeqCst));
        rig.assert_versions(1).await;
        assert_eq!(rig.renew_all(1).await, []);
        rig.assert_versions(2).await;
    }
}

#[tokio::test]
async fn nothing_is_left_open_behind_a_batch() {
    let rig = rig(SqliteOptions::default()).await;
    let gone = RowId(rig.rows[ROWS - 1].0 + 10);
    for version in 1..5 {
        let mut renewals: Vec<_> = rig.rows.iter().map(|row| renewal(*row, version)).collect();
        // One that ends the handle, and one that meets a conflict.
        renewals.push(renewal(gone, version));
        renewals[5].expected = Version(version + 7);
        renewals[5].row = rig.rows[5];
        let committed = rig.store.commit(rig.renewing(renewals)).await.unwrap();
        assert_eq!(committed.conflicting_renewals, [5, ROWS]);
        apply(&rig.store, rig.epoch, vec![crate::sample::beat("w5", rig.rows[5], version)]).await;
        // The whole log can be copied and cut, so no transaction of the writer's is open.
        let left: (i64, i64, i64) = rig
            .shell
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(left, (0, 0, 0));
        let verdict: String =
            rig.shell.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
    rig.assert_versions(5).await;
}

#[tokio::test]
async fn renewals_are_not_seen_before_they_are_durable_and_survive_the_server() {
    let rig = rig(SqliteOptions::default()).await;
    rig.shell.execute_batch("BEGIN; SELECT count(*) FROM lease").unwrap();
    assert_eq!(rig.renew_all(1).await, []);
    let seen = "SELECT min(version) || max(version) FROM lease_shown";
    let seen = || rig.shell.query_row(seen, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(seen(), "11");
    rig.shell.execute_batch("COMMIT").unwrap();
    assert_eq!(seen(), "22");
    let Rig { _folder, path, store, .. } = rig;
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(loaded(&store, "w7").await.unwrap().version, Version(2));
}

#[tokio::test]
async fn people_with_a_shell_see_hot_rows_as_numbers() {
    let rig = rig(SqliteOptions::default()).await;
    let rows = [
        LeaseRow {
            version: Version(2),
            revision: Revision(0xab_cdef_0123),
            last_heartbeat_at: Some(WallTime(1_764_000_000_123)),
            expires_at: Some(LeaseInstant(45_001)),
            beats: 1_000_000,
        },
        LeaseRow {
            version: Version(2),
            revision: Revision(0x1234_5678_9abc_def0),
            last_heartbeat_at: Some(WallTime(1_764_000_000_123)),
            expires_at: Some(LeaseInstant(45_001)),
            beats: 1_000_000,
        },
        LeaseRow {
            version: Version(u64::MAX >> 1),
            revision: Revision(u64::MAX >> 1),
            last_heartbeat_at: Some(WallTime(u64::MAX)),
            expires_at: Some(LeaseInstant(u64::MAX)),
            beats: u64::MAX,
        },
        LeaseRow {
            version: Version(2),
            revision: Revision(0),
            last_heartbeat_at: None,
            expires_at: None,
            beats: 0,
        },
        LeaseRow {
            version: Version(2),
            revision: Revision(0),
            last_heartbeat_at: None,
            expires_at: None,
            beats: 1 << 40,
        },
    ];
    let write = |(n, lease)| LeaseWrite { row: rig.rows[n], expected: Version(1), lease };
    let renewals = rows.into_iter().enumerate().map(write).collect();
    let mut all = rig.renewing(renewals);
    all.lease_now = LeaseInstant(1);
    rig.store.commit(all).await.unwrap();
    let shown = |sql: &str| -> Vec<String> {
        let mut statement = rig.shell.prepare(sql).unwrap();
        let rows = statement.raw_query().mapped(|row| row.get(0)).map(Result::unwrap);
        rows.collect()
    };
    let numbers = "SELECT concat_ws(' ', version, revision, ifnull(last_heartbeat_ms, '-'), \
                   ifnull(expires_at_ms, '-'), beats) FROM lease_shown ORDER BY id LIMIT 5";
    let most = i64::MAX;
    assert_eq!(
        shown(numbers),
        [
            "2 737894400291 1764000000123 45001 1000000".to_owned(),
            "2 1311768467463790320 1764000000123 45001 1000000".to_owned(),
            format!("{most} {most} {most} {most} {most}"),
            "2 0 - - 0".to_owned(),
            "2 0 - - 1099511627776".to_owned(),
        ]
    );
    let holders = "SELECT concat_ws(' ', workspace, revision, beats, ifnull(last_heartbeat_at, \
                   '-'), ifnull(expires_in_ms, '-')) FROM holder \
                   WHERE workspace IN ('w1', 'w3') ORDER BY workspace";
    // The mark is that of a new store.
    let expires_in = 45_001 - i64::try_from(LeaseInstant::ORIGIN.0).unwrap();
    assert_eq!(
        shown(holders),
        [
            format!("w1 1311768467463790320 1000000 2025-11-24 16:00:00 {expires_in}"),
            "w3 0 0 - -".to_owned(),
        ]
    );

    // A row that is damaged shows no numbers, rather than wrong ones.
    rig.damage("x'02' || substr(row, 2)", rig.rows[0]);
    rig.damage("substr(row, 2)", rig.rows[1]);
    assert_eq!(shown(numbers)[..2], ["- -", "- -"]);
}

#[tokio::test]
async fn a_row_may_become_wide_and_narrow_again_among_others() {
    let rig = rig(SqliteOptions::default()).await;
    let lengths = || -> Vec<i64> {
        let sql = "SELECT length(row) FROM lease ORDER BY id";
        let mut statement = rig.shell.prepare(sql).unwrap();
        statement.raw_query().mapped(|row| row.get(0)).map(Result::unwrap).collect()
    };
    let is_wide = |n: usize, version: u64| version == 2 && n.is_multiple_of(3);
    for version in 1..4 {
        let renewals: Vec<_> = (0..ROWS)
            .map(|n| {
                let mut renewal = renewal(rig.rows[n], version);
                if is_wide(n, version) {
                    renewal.lease.beats = 1 << 40;
                }
                // A guard is held against a wide row as well.
                renewal.expected.0 += u64::from(n == 6 && version == 3);
                renewal
            })
            .collect();
        let committed = rig.store.commit(rig.renewing(renewals)).await.unwrap();
        let conflicts: &[usize] = if version == 3 { &[6] } else { &[] };
        assert_eq!(committed.conflicting_renewals, conflicts);
        for (n, length) in lengths().into_iter().enumerate() {
            let wide = is_wide(n, version) || (n == 6 && version == 3);
            assert_eq!(length, if wide { 41 } else { 27 }, "row {n} after {version}");
        }
    }
    rig.assert_versions(4).await;
    let stored = loaded(&rig.store, "w6").await.unwrap();
    assert_eq!(stored.tenure.session.unwrap().beats, 1 << 40);
    // Writes that are more than renewals find both kinds, too.
    apply(&rig.store, rig.epoch, vec![crate::sample::beat("w6", rig.rows[6], 3)]).await;
    assert_eq!(lengths()[6], 27);
}

#[tokio::test]
async fn a_row_that_comes_and_goes_between_two_renewals_ends_nothing() {
    let rig = rig(SqliteOptions::default()).await;
    let gone = |n: i64| renewal(RowId(rig.rows[ROWS - 1].0 + n), 1);
    let renewals = vec![
        renewal(RowId(-3), 1),
        renewal(rig.rows[0], 1),
        gone(1),
        gone(2),
        renewal(RowId(i64::MIN), 1),
        renewal(rig.rows[ROWS - 1], 1),
    ];
    let committed = rig.store.commit(rig.renewing(renewals)).await.unwrap();
    assert_eq!(committed.conflicting_renewals, [0, 2, 3, 4]);
    assert_eq!(loaded(&rig.store, "w0").await.unwrap().version, Version(2));
    let last = created(&rig.store, rig.epoch, create("last")).await;
    let committed = rig.store.commit(rig.renewing(vec![renewal(last, 1)])).await.unwrap();
    assert_eq!(committed.conflicting_renewals, [0_usize; 0]);
}
