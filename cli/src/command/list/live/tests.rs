use clap::Parser as _;
use tenure::v1::{
    Activity, ActivityChanged, Cursor, Progress, SessionEnded, SessionExpired, SessionStarted,
};

use super::*;
use crate::arguments::{Arguments, Command};

fn list(arguments: &[&str]) -> List {
    let arguments = ["tenure", "list"].iter().chain(arguments);
    match Arguments::try_parse_from(arguments).unwrap().command {
        Command::List(list) => list,
        other => panic!("{other:?}"),
    }
}

fn session(workspace: &str, owner: &str) -> Session {
    Session {
        workspace: workspace.to_owned(),
        profile: "main".to_owned(),
        actor_id: owner.to_owned(),
        ..Session::default()
    }
}

fn page(sessions: Vec<Session>, last: bool) -> Update {
    Update::SnapshotPage(SnapshotPage { sessions, cursor: Some(Cursor::default()), last })
}

fn event(workspace: &str, payload: Payload) -> Update {
    Update::Event(
        Event {
            workspace: workspace.to_owned(),
            profile: "main".to_owned(),
            payload: Some(payload),
            ..Event::default()
        }
        .into(),
    )
}

fn started(session: Session) -> Payload {
    Payload::SessionStarted(SessionStarted { session: Some(session), ..SessionStarted::default() })
}

fn workspaces<'a>(rows: &'a Rows, list: &List) -> Vec<&'a str> {
    let selected = rows.stored.values().filter(|session| list.selects(session));
    selected.map(|session| session.workspace.as_str()).collect()
}

#[test]
fn a_snapshot_shows_once_it_is_whole() {
    let (mut rows, list) = (Rows::default(), list(&[]));
    assert!(rows.apply(&page(vec![session("a", "w1")], false), &list).is_empty());
    assert_eq!(rows.apply(&page(vec![session("b", "w2")], true), &list).len(), 2);
    assert_eq!(workspaces(&rows, &list), ["a", "b"]);
}

#[test]
fn a_snapshot_that_begins_anew_replaces_what_was_shown() {
    let (mut rows, list) = (Rows::default(), list(&[]));
    rows.apply(&page(vec![session("a", "w1"), session("b", "w2")], true), &list);
    rows.apply(&Update::Progress(Progress::default()), &list);
    rows.apply(&page(vec![session("x", "w1")], false), &list);
    rows.apply(&Update::Progress(Progress::default()), &list);
    let changes = rows.apply(&page(vec![session("b", "w2"), session("c", "w3")], true), &list);
    assert_eq!(workspaces(&rows, &list), ["b", "c"], "x belonged to the snapshot that broke off");
    assert_eq!(changes.len(), 2, "a is gone, c is new, b is as it was: {changes:?}");
}

#[test]
fn events_keep_the_rows_up_to_date() {
    let (mut rows, list) = (Rows::default(), list(&[]));
    rows.apply(&page(Vec::new(), true), &list);
    assert_eq!(rows.apply(&event("a", started(session("a", "w1"))), &list).len(), 1);
    let activity = Some(Activity { text: "testing".to_owned(), ..Activity::default() });
    let changed = Payload::ActivityChanged(ActivityChanged { activity });
    assert!(rows.apply(&event("a", changed), &list)[0].contains("testing"));
    let lines = rows.apply(&event("a", Payload::SessionExpired(SessionExpired::default())), &list);
    assert!(lines[0].starts_with("stale"), "{lines:?}");
    let lines = rows.apply(&event("a", Payload::SessionEnded(SessionEnded::default())), &list);
    assert!(lines[0].starts_with("gone"), "{lines:?}");
    assert!(rows.stored.is_empty());
}

#[test]
fn a_session_that_passes_to_another_owner_leaves_the_list_of_its_former() {
    let (mut rows, list) = (Rows::default(), list(&["--owner", "w1"]));
    rows.apply(&page(vec![session("a", "w1"), session("b", "w2")], true), &list);
    assert_eq!(workspaces(&rows, &list), ["a"]);
    let lines = rows.apply(&event("a", started(session("a", "w2"))), &list);
    assert!(lines[0].starts_with("gone"), "{lines:?}");
    assert!(workspaces(&rows, &list).is_empty());
}

#[test]
fn a_session_that_goes_stale_enters_the_list_of_stale_ones() {
    let (mut rows, list) = (Rows::default(), list(&["--stale"]));
    assert!(rows.apply(&page(vec![session("a", "w1")], true), &list).is_empty());
    let lines = rows.apply(&event("a", Payload::SessionExpired(SessionExpired::default())), &list);
    assert!(lines[0].starts_with("stale  a"), "{lines:?}");
    let lines = rows.apply(&event("a", started(session("a", "w2"))), &list);
    assert!(lines[0].starts_with("gone  a"), "{lines:?}");
}
