//! What was acknowledged is there after the process was killed, at whatever moment.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tenure_core::parts::Needs;
use tenured::store::sqlite::{SqliteOptions, SqliteStore};
use tenured::store::{Epoch, Guard, Load, Reads, RowId, Store, Version};

use crate::sample::{apply, batch, beat, create, key, ordinary, row_of, session, tenure, write};

/// Set in the process that is to be killed, to the database that it writes.
const CHILD: &str = "TENURE_TEST_DURABILITY";
const ROUNDS: u32 = 10;
const WORKSPACES: usize = 40;
/// A child that nobody kills ends by itself after so many commits.
const COMMITS_MAX: u64 = 200_000;

fn names() -> Vec<String> {
    (0..WORKSPACES).map(|n| format!("w{n:02}")).collect()
}

async fn open(path: &Path) -> (SqliteStore, Epoch) {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    let epoch = store.acquire().await.unwrap().epoch;
    (store, epoch)
}

/// The one version that all workspaces are at, and their places; a batch is all or nothing.
async fn state(store: &SqliteStore) -> Option<(u64, Vec<RowId>)> {
    let keys = names().iter().map(|name| (key(name), Needs::Tenure)).collect();
    let load = Load { keys, outcomes: Vec::new() };
    let found = store.load(load).await.unwrap().workspaces;
    let stored: Vec<_> = found.into_iter().flatten().collect();
    let first = stored.first()?.version;
    assert_eq!(stored.len(), WORKSPACES, "a first batch was torn");
    assert!(stored.iter().all(|stored| stored.version == first), "a batch was torn");
    Some((first.0, stored.iter().map(|stored| stored.row).collect()))
}

/// Commits until it is killed, and says so after each answer.
async fn commit_until_killed(path: &Path) {
    let (store, epoch) = open(path).await;
    let names = names();
    let (mut version, rows) = match state(&store).await {
        Some(state) => state,
        None => {
            let writes = names.iter().map(|name| create(name)).collect();
            let committed = apply(&store, epoch, writes).await;
            (1, committed.outcomes.iter().map(row_of).collect())
        }
    };
    for _ in 0..COMMITS_MAX {
        let beats = names.iter().zip(&rows).map(|(name, row)| beat(name, *row, version));
        let mut writes: Vec<_> = beats.collect();
        if version % 3 == 0 {
            // Sometimes more than a beat: pages of other tables are dirtied too.
            let session = session(&format!("ses_{version}"), "worker", version + 1);
            let guard = Guard::At(rows[0], Version(version));
            let tenure = tenure(version + 1, session);
            writes[0] = write(key(&names[0]), guard, version + 1, tenure);
            writes[0].events = (0..5).map(|at| ordinary(&names[0], at)).collect();
        }
        store.commit(batch(epoch, writes)).await.unwrap();
        version += 1;
        let sequence = store.events(None, u64::MAX, 1).await.unwrap().newest;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "acknowledged {version} {sequence}").unwrap();
        stdout.flush().unwrap();
    }
}

/// Runs a child for a while, kills it, and returns the last version and the last sequence that
/// it has said to be there.
fn run_and_kill(path: &Path, run_for: Duration) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["durability::what_was_acknowledged_survives_a_kill", "--exact", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("acknowledged") {
        assert!(output.read_line(&mut text).unwrap() > 0, "it ended by itself: {text}");
    }
    // What it says meanwhile must be read, or it would stand still when the pipe is full.
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).map(|_| rest)
    });
    std::thread::sleep(run_for);
    child.kill().unwrap();
    child.wait().unwrap();
    text.push_str(&reader.join().unwrap().unwrap());
    assert!(!text.contains("test result"), "it ended by itself: {text}");
    // The last line may have been cut off.
    let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines();
    let said = lines.rev().find_map(|line| line.split_once("acknowledged ")).unwrap().1;
    let (version, sequence) = said.split_once(' ').unwrap();
    (version.parse().unwrap(), sequence.parse().unwrap())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some(path) = std::env::var_os(CHILD) {
        commit_until_killed(Path::new(&path)).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenure.db");
    let mut rng = fastrand::Rng::new();
    println!("seed {}", rng.get_seed());
    let mut before = 0;
    for round in 0..ROUNDS {
        let run_for = Duration::from_micros(rng.u64(0..250_000));
        let (version, sequence) = run_and_kill(&path, run_for);
        let (store, _) = open(&path).await;
        let (found, _) = state(&store).await.unwrap();
        // One commit more may have been made durable than was acknowledged.
        assert!(found == version || found == version + 1, "{found}, acknowledged {version}");
        assert!(found > before, "round {round} made no progress");
        before = found;
        let newest = store.events(None, 0, 1).await.unwrap().newest;
        assert!(newest >= sequence, "{newest}, acknowledged {sequence}");
        drop(store);
        let shell = rusqlite::Connection::open(&path).unwrap();
        let verdict: String =
            shell.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
}
