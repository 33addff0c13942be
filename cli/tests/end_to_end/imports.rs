//! An older installation's files are brought in with the command line, on a real server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command_line::tenure;
use crate::server::Server;

/// The files that the rules are tested with.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/core/tests/legacy");

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8 text")
}

/// A copy of a fixture, to be imported.
fn copy(server: &Server, name: &str) -> PathBuf {
    let path = server.path(name);
    fs::copy(Path::new(FIXTURES).join(name), &path).expect("the fixture is copied");
    path
}

fn aside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.migrated", path.display()))
}

fn import(server: &Server, rest: &[&str], files: &[&PathBuf]) -> (Option<i32>, String, String) {
    let files = files.iter().map(|path| path.to_str().expect("UTF-8 paths"));
    let words: Vec<&str> = ["import", "--workspace", "acme/api"]
        .into_iter()
        .chain(rest.iter().copied())
        .chain(files)
        .collect();
    let output = tenure(server, &words);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The outcomes in a JSON report, in its order.
fn outcomes(report: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(report).expect("JSON");
    let files = report["files"].as_array().expect("files");
    files.iter().map(|file| file["outcome"].as_str().unwrap_or_default().to_owned()).collect()
}

pub fn files_are_imported_renamed_and_never_imported_again() {
    let mut server = Server::start();
    let session = copy(&server, "session_v4_worker.json");
    let escalations = copy(&server, "escalations_v1.json");
    let broken = copy(&server, "corrupt_cut_short.json");
    let before = fs::read(&broken).expect("the broken file");
    let files = [&session, &broken, &escalations];

    let (code, shown, said) = import(&server, &["--dry-run", "-o", "json"], &files);
    assert_eq!(
        (code, outcomes(&shown)),
        (Some(1), vec!["imported".into(), "refused".into(), "imported".into()]),
        "{said}"
    );
    assert!(session.exists() && !aside(&session).exists(), "a dry run renames nothing");
    assert_eq!(tenure(&server, &["status", "acme/api"]).status.code(), Some(3));

    let (code, shown, said) = import(&server, &[], &files);
    assert_eq!(code, Some(1), "{shown}{said}");
    assert!(shown.contains("2 escalations"), "{shown}");
    assert!(said.contains("corrupt_cut_short.json: the file is not JSON: EOF"), "{said}");
    assert!(said.contains("error: 1 of 3 files are left to be dealt with"), "{said}");
    assert!(!session.exists() && aside(&session).exists() && aside(&escalations).exists());
    assert_eq!(fs::read(&broken).expect("it is left"), before);
    let status = text(&tenure(&server, &["status", "acme/api"]).stdout);
    assert!(
        status.contains("worker-1") && status.contains("May the table be dropped?"),
        "{status}"
    );

    let (code, shown, _) = import(&server, &["-o", "json"], &[&session, &escalations]);
    assert_eq!((code, outcomes(&shown)), (Some(0), vec!["skipped".to_owned(); 2]));

    // As after a crash between the server's answer and the renaming, of client and server both.
    fs::rename(aside(&session), &session).expect("the old name");
    server.kill_and_restart();
    tenure(&server, &["clear", "acme/api", "--actor", "worker-1"]);
    let (code, shown, said) = import(&server, &["-o", "json"], &[&session]);
    assert_eq!((code, outcomes(&shown)), (Some(0), vec!["already_imported".to_owned()]), "{said}");
    assert!(!session.exists() && aside(&session).exists());
    assert_eq!(tenure(&server, &["status", "acme/api"]).status.code(), Some(3), "stays cleared");
}

pub fn whatever_is_wrong_with_one_file_the_others_go_on() {
    let server = Server::start();
    let good = copy(&server, "session_v4_worker.json");
    let taken = copy(&server, "escalations_v1.json");
    fs::write(aside(&taken), "older").expect("a file in the way");
    let empty = server.path("empty.json");
    fs::write(&empty, "").expect("an empty file");
    let link = server.path("link.json");
    std::os::unix::fs::symlink(&good, &link).expect("a link");
    let missing = server.path("missing.json");
    let folder = server.path("folder");
    fs::create_dir(&folder).expect("a folder");
    let files = [&link, &missing, &folder, &empty, &taken, &good, &good];
    let (code, shown, said) = import(&server, &[], &files);
    assert_eq!(code, Some(1));
    for expected in [
        "link.json: is a symbolic link: name the file that it points to",
        "missing.json: cannot be read: No such file",
        "folder: is a folder: name the files in it",
        "empty.json: the file is empty",
        "escalations_v1.json: not renamed: ",
        "session_v4_worker.json: is named more than once",
        "6 of 7 files are left to be dealt with",
    ] {
        assert!(said.contains(expected), "{expected}:\n{shown}{said}");
    }
    assert_eq!(fs::read(aside(&taken)).expect("it is left"), b"older");
    assert!(taken.exists() && !good.exists());
    let unknown = tenure(&server, &["import", "--workspace", "/", link.to_str().expect("UTF-8")]);
    assert_eq!(unknown.status.code(), Some(1), "nothing of it could even be sent");
    let unknown = tenure(&server, &["import", "--workspace", "/", empty.to_str().expect("UTF-8")]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(text(&unknown.stderr).matches("must not start or end with /").count(), 1);
    let unreachable = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .args(["--server", "http://127.0.0.1:1", "--timeout", "1s", "import", "--workspace", "w"])
        .arg(&taken)
        .output()
        .expect("the command line runs");
    assert_eq!(unreachable.status.code(), Some(8));
    assert!(taken.exists(), "nothing is renamed without an answer");
}

pub fn a_map_imports_many_workspaces_and_says_what_became_of_each_file() {
    let server = Server::start();
    let fixture = fs::read_to_string(Path::new(FIXTURES).join("session_v4_worker.json"))
        .expect("the fixture");
    let mut map = String::new();
    for n in 0..40 {
        let file = format!("session-{n}.json");
        fs::write(server.path(&file), &fixture).expect("a file");
        map.push_str(&format!("[[import]]\nworkspace = \"acme/{n}\"\nfiles = [\"{file}\"]\n"));
    }
    map.push_str("[[import]]\nworkspace = \"not a name\"\nfiles = [\"corrupt_cut_short.json\"]\n");
    copy(&server, "corrupt_cut_short.json");
    let path = server.path("map.toml");
    fs::write(&path, map).expect("the map");
    let path = path.to_str().expect("UTF-8");
    let output = tenure(&server, &["import", "--map", path, "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = outcomes(&text(&output.stdout));
    assert_eq!(told.iter().filter(|outcome| *outcome == "imported").count(), 40);
    assert_eq!(told.last().map(String::as_str), Some("failed"));
    let said = text(&output.stderr);
    assert!(said.contains("workspace: may hold only"), "{said}");
    let list = text(&tenure(&server, &["list", "--prefix", "acme"]).stdout);
    assert_eq!(list.lines().count(), 41, "{list}");
    assert!(!server.path("session-7.json").exists());
}

pub fn hostile_records_are_shown_escaped_and_can_be_got_rid_of() {
    let server = Server::start();
    let session = copy(&server, "session_v4_hostile.json");
    let escalations = copy(&server, "escalations_v1_hostile.json");
    let odd = server.path("odd\u{1b}[2J.json");
    fs::write(&odd, "{").expect("a file with an odd name");
    let (_, shown, said) = import(&server, &[], &[&session, &escalations, &odd]);
    assert!(shown.contains("the lease was longer than the longest, and is 86400 s now"), "{shown}");
    let mut all = shown + &said;
    for words in [
        &["status", "acme/api"][..],
        &["status", "acme/api", "-o", "wide"],
        &["status", "acme/api", "-o", "json"],
        &["list", "-o", "wide"],
        &["escalation", "list", "acme/api"],
        &["history", "acme/api"],
        &["start", "acme/api", "--actor", "b", "--lease", "30s"],
    ] {
        let output = tenure(&server, words);
        all.push_str(&text(&output.stdout));
        all.push_str(&text(&output.stderr));
    }
    let hostile = |c: char| c != '\n' && c.is_control() || c == '\u{202e}' || c == '\u{2066}';
    assert!(!all.contains(hostile), "{all:?}");
    assert!(all.contains(r"\u{1b}[2J\u{1b}[31mworker\nerror: forged\u{202e}"), "{all}");
    assert!(all.contains("LEASE_HELD"), "{all}");
    let status = tenure(&server, &["status", "acme/api", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let id = status["projection"]["session"]["sessionId"].as_str().expect("a session id");
    let force = ["takeover", "acme/api", "--interactive", "--reason", "imported", "--force"];
    let force = [&force[..], &["--expect-session", id, "--yes"]].concat();
    assert!(tenure(&server, &force).status.success(), "its id can be named");
}
