//! Changes that do not fit the state. That fitting ones do what their decision promised is
//! what the tests of the operations and the property tests check.

use super::*;
use crate::gate::GatesRevision;
use crate::session::{Activity, Renewal};
use crate::testing::{NOW, Scene, TTL, at, give_up, program, transfer_due_at};
use crate::work_stream::Best;

fn best() -> Box<Best> {
    Box::new(Best { score: crate::work_stream::Score::ZERO, stream: None })
}

#[test]
fn change_of_surroundings_that_are_not_loaded_changes_what_the_tenure_has_of_them() {
    let mut unloaded = Scene::with(program("a")).surrounded().workspace;
    unloaded.surroundings = None;
    let before = unloaded.clone();
    evolve(&mut unloaded, &Change::GatesCleared { revision: GatesRevision(9) });
    assert_eq!(unloaded.tenure.signals.gates_revision, GatesRevision(9));
    evolve(&mut unloaded, &Change::EscalationsCleared { ids: Box::default() });
    assert_eq!(unloaded.tenure.signals.blocking, before.tenure.signals.blocking);
    assert_eq!(unloaded.surroundings, None, "nothing is taken for loaded");
}

#[test]
fn change_about_a_session_where_none_is_stored_leaves_the_workspace_as_it_is() {
    let ended = Scene::with(program("a")).done(give_up(Some("a"))).changes.remove(0);
    let revision = Revision(48);
    let activity = Activity { text: "x".into(), set_at: at(NOW).wall, revision };
    let changes = [
        ended,
        Change::Renewed { revision, renewal: Renewal::new(at(NOW), TTL, None) },
        Change::ActivitySet { activity: Box::new(activity), logged_at: None },
        Change::Refreshed { revision, session: Box::new(program("a")) },
        Change::ExpiryRecorded { revision, expired_at: at(NOW) },
        Change::TransferScheduled { transfer: Box::new(transfer_due_at(NOW)) },
        Change::TransferCancelled { revision, replaced: false, why: None },
        Change::GatesApplied { revision: GatesRevision(1) },
        Change::Stalled { best: best() },
        Change::Resumed { best: best() },
    ];
    for scene in [Scene::unknown(), Scene::free()] {
        for change in &changes {
            let mut workspace = scene.workspace.clone();
            evolve(&mut workspace, change);
            assert_eq!(workspace, scene.workspace, "{change:?}");
        }
    }
}
