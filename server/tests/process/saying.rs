//! What the process says: help, configuration, errors, its log.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{World, text};

#[test]
fn check_config_prints_the_effective_configuration_and_exits_0() {
    let world = World::new();
    fs::write(world.path("tenured.toml"), "[limits]\nwatches = 7\n").unwrap();
    let output = world.run(&["check-config", "--config", "tenured.toml", "--drain-deadline=3s"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("watches = 7  # file \"tenured.toml\", line 2\n"), "{shown}");
    assert!(shown.contains("deadline = \"3s\"  # flag --drain-deadline\n"), "{shown}");
    assert!(shown.contains("listen = [\"127.0.0.1:7420\"]  # default\n"), "{shown}");
    assert!(output.stderr.is_empty());
    assert!(!world.path(".local").exists(), "checking makes nothing");
}

#[test]
fn a_bad_configuration_exits_2_with_all_errors_and_nothing_bound_or_made() {
    let world = World::new();
    let socket = format!("unix:{}", world.path("t.sock").display());
    let bad = ["--listen", &socket, "--listen", "0.0.0.0:7420", "--drain-deadline", "1h"];
    for arguments in [&bad[..], &[&["check-config"], &bad[..]].concat()] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let errors = text(&output.stderr);
        assert!(errors.contains("\n  listen: \"0.0.0.0:7420\" is refused"), "{errors}");
        assert!(errors.contains("\n  drain.deadline: \"1h\" is refused"), "{errors}");
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_dir(world.0.path()).unwrap().count(), 0);
    }
}

#[test]
fn help_exits_0_and_a_flag_that_does_not_exist_2() {
    let world = World::new();
    assert_eq!(world.run(&["--help"]).status.code(), Some(0));
    let output = world.run(&["--lisen", "x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--listen"), "{}", text(&output.stderr));
}

#[test]
fn it_says_where_it_listens_and_keeps_its_state_in_a_folder_of_its_user() {
    let world = World::new();
    let mut server = world.start(&["--listen", "127.0.0.1:0"]);
    let lines = server.announcement().concat();
    let folder = world.path(".local/share/tenure");
    assert!(lines.contains("listening address=127.0.0.1:"), "{lines}");
    let store = format!("path={:?}", folder.join("tenure.db"));
    assert!(lines.contains(&store), "{lines}");
    assert!(!lines.contains('\u{1b}'), "no colours without a terminal: {lines:?}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("tenure.db")), 0o600);

    server.signal(Signal::TERM);
    assert_eq!(server.told(), "STOPPING=1");
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("rusqlite"), "dependencies are quiet: {log}");
    assert!(log.contains("draining cause=Signal(\"SIGTERM\")"), "{log}");
}

#[test]
fn what_cannot_be_bound_or_opened_exits_1_with_one_clear_line() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(world.path("notes"), "precious").unwrap();
    let in_the_way = format!("unix:{}", world.path("notes").display());
    for (arguments, expected) in [
        (
            ["--listen", &address, "--store=sqlite:t.db"],
            format!("cannot listen on {address}; stop what listens there, "),
        ),
        (["--listen", &in_the_way, "--store=sqlite:t.db"], "is no socket".to_owned()),
        (["--listen", "unix:no/t.sock", "--store=sqlite:t.db"], "a folder that exists".to_owned()),
        (["--listen", "127.0.0.1:0", "--store=sqlite:no/t.db"], "no/t.db".to_owned()),
    ] {
        let output = world.command(&arguments).env("TENURE_LOG_FILTER", "error").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = text(&output.stderr);
        assert!(errors.starts_with("tenured: ") && errors.contains(&expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    assert_eq!(fs::read_to_string(world.path("notes")).unwrap(), "precious");
    // Whoever starts it again elsewhere must not find a store that nobody has served.
    assert_eq!(world.run(&["--listen", &address]).status.code(), Some(1));
    let left: Vec<_> = fs::read_dir(world.0.path()).unwrap().map(|it| it.unwrap()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn the_log_can_be_json() {
    let world = World::new();
    let mut server =
        world.start(&["--listen=127.0.0.1:0", "--store=sqlite:t.db", "--log-format=json"]);
    for line in server.announcement() {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["level"], "INFO", "{line}");
    }
    server.signal(Signal::TERM);
    let (code, rest) = server.end();
    assert_eq!(code, 0);
    for line in rest.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn the_watchdog_is_told_in_time_for_as_long_as_it_serves() {
    const LIMIT: Duration = Duration::from_secs(2);
    let world = World::new();
    let mut command = world.command(&["--listen=127.0.0.1:0", "--store=sqlite:t.db"]);
    command.env("WATCHDOG_USEC", LIMIT.as_micros().to_string());
    let server = world.start_as(command);
    for _ in 0..3 {
        let before = Instant::now();
        assert_eq!(server.told(), "WATCHDOG=1");
        assert!(before.elapsed() < LIMIT, "{:?}", before.elapsed());
    }
    server.signal(Signal::TERM);
    while server.told() != "STOPPING=1" {}
    assert_eq!(server.end().0, 0);
}

#[test]
fn a_watchdog_of_another_process_is_not_told() {
    let world = World::new();
    let mut command = world.command(&["--listen=127.0.0.1:0", "--store=sqlite:t.db"]);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let server = world.start_as(command);
    server.signal(Signal::TERM);
    assert_eq!(server.told(), "STOPPING=1");
    assert_eq!(server.end().0, 0);
}
