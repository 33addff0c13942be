//! The last table of semantics.md, section 2, cell by cell. Here are the columns, as commands;
//! what can become of a row, and the cells, are in the files beside.

mod cells;
mod outcomes;

use super::*;
use crate::command::{Command, ForceTakeOver};
use crate::ledger::LedgerEntry;
use crate::reply::Reply;
use crate::session::Session;
use crate::testing::{
    Done, NOW, Scene, clear, force, give_up, lease, lease_of_instance, person, program, sealed,
    start_person, start_with, successor, take_over, transfer_due_at,
};
use crate::time::Span;

/// A transition that has happened.
struct Passed {
    before: Workspace,
    after: Workspace,
    changes: Changes,
    reply: Option<Reply>,
}

fn after(scene: &Scene, command: impl Into<Command>) -> Passed {
    let Done { workspace, changes, reply } = scene.done(command);
    Passed { before: scene.workspace.clone(), after: workspace, changes, reply: Some(reply) }
}

fn by_time(scene: &Scene) -> Passed {
    let (workspace, changes) = scene.settled();
    Passed { before: scene.workspace.clone(), after: workspace, changes, reply: None }
}

fn live() -> Scene {
    Scene::with(program("a").instance("i1")).surrounded().worked()
}

fn stale() -> Scene {
    Scene::with(program("a").stale()).surrounded().worked()
}

// The columns.

fn first_start() -> Passed {
    after(&Scene::free().surrounded(), start_with(lease("a")))
}

fn refresh() -> Passed {
    after(&live(), start_with(lease_of_instance("a", "i1")))
}

fn refresh_by_a_person() -> Passed {
    let session = Session { activity: program("a").activity, ..person() };
    after(&Scene::with(session).surrounded().worked(), start_person())
}

fn start_that_replaces() -> Passed {
    after(&stale(), start_with(lease("a")))
}

fn supersede() -> Passed {
    let mut start = start_with(lease_of_instance("a", "i2"));
    start.supersede = true;
    after(&live(), start)
}

fn takeover() -> Passed {
    after(&stale(), take_over(successor("b")))
}

fn forced_takeover() -> Passed {
    after(&live(), force(successor("b"), Span::ZERO))
}

fn transfer_completed_by_time() -> Passed {
    by_time(&live().pending(transfer_due_at(NOW)))
}

fn transfer_completed_by_a_yield() -> Passed {
    after(&live().pending(transfer_due_at(NOW + 1)), give_up(Some("a")))
}

fn transfer_completed_by_a_clear() -> Passed {
    after(&live().pending(transfer_due_at(NOW + 1)), clear(Some("a")))
}

fn yield_to_nobody() -> Passed {
    after(&live(), give_up(Some("a")))
}

fn clear_of_a_session() -> Passed {
    after(&live(), clear(Some("a")))
}

fn clear_of_nothing() -> Passed {
    let mut scene = Scene::free().surrounded();
    scene.around().baseline = Some(Digests::of(&scene.workspace).into());
    after(&scene, clear(None))
}

#[test]
fn dry_run_of_a_forced_takeover_changes_nothing_around_either() {
    let dry = ForceTakeOver { dry_run: true, ..force(successor("b"), Span::ZERO) };
    let passed = after(&live(), dry);
    assert_eq!(passed.after, passed.before);
    passed.keeps_handoff();
}

#[test]
fn clearings_are_about_the_session_that_goes_and_the_baseline_is_of_the_one_that_comes() {
    let changes = start_that_replaces().changes;
    let place = |wanted: fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
    let ended = place(|change| matches!(change, Change::Ended { .. }));
    assert!(place(|change| matches!(change, Change::EscalationsCleared { .. })) < ended);
    assert!(place(|change| matches!(change, Change::GatesCleared { .. })) < ended);
    assert!(matches!(changes.last(), Some(Change::BaselineTaken { .. })));
}

#[test]
fn what_is_not_there_is_not_dropped() {
    let done = Scene::with(program("a")).done(clear(Some("a")));
    assert!(matches!(&done.changes[..], [Change::Ended { .. }]));
}
