//! What is needed, and that little costs little. That changes alter only what they say is a
//! property test.

use super::*;
use crate::command::{CancelTransfer, Join, Report};
use crate::content::Content;
use crate::gate::GatesRevision;
use crate::testing::{
    NOW, Scene, actor, beat, clear, force, give_up, lease, program, put_gates, put_handoff, raise,
    report, resolve, start_with, successor, take_over, touching, transfer_due_at, update_gate,
    usage,
};
use crate::time::Span;

#[test]
fn plain_beats_joins_and_cancels_need_only_the_tenure() {
    let session_id = crate::name::SessionId::imported("ses_stored");
    let mut telling = beat("a");
    telling.activity = Some("writing".into());
    let applied = Report { gates_revision: Some(GatesRevision(1)), ..Report::default() };
    let commands: [Command; 5] = [
        beat("a").into(),
        telling.into(),
        report("a", applied).into(),
        Join { actor: actor("a"), session_id }.into(),
        Command::CancelTransfer(CancelTransfer::default()),
    ];
    for command in commands {
        assert_eq!(command.needs(), Needs::Tenure, "{command:?}");
    }
}

#[test]
fn everything_else_needs_everything() {
    let checkpoint = Report { checkpoint: Some(Content::new(&b"x"[..])), ..Report::default() };
    let used = Report { usage: Some(usage(1, &[])), ..Report::default() };
    let sections =
        Report { sections: vec![crate::testing::section("git", b"")], ..Report::default() };
    let commands: [Command; 14] = [
        touching("a", "parsing").into(),
        report("a", checkpoint).into(),
        report("a", used).into(),
        report("a", sections).into(),
        start_with(lease("a")).into(),
        take_over(successor("b")).into(),
        force(successor("b"), Span(1)).into(),
        give_up(None).into(),
        clear(None).into(),
        raise(crate::escalation::EscalationKind::Blocking).into(),
        resolve("esc_waits").into(),
        put_gates(&[]).into(),
        update_gate("build", crate::gate::GateState::Open, None).into(),
        put_handoff("later").into(),
    ];
    for command in commands {
        assert_eq!(command.needs(), Needs::Everything, "{command:?}");
    }
}

#[test]
fn settling_needs_nothing_while_nothing_is_due_and_everything_for_transfers_and_stalls() {
    let needs = |scene: &Scene| settle_needs(&scene.workspace.tenure, &scene.context.clock);
    assert_eq!(needs(&Scene::free()), None);
    assert_eq!(needs(&Scene::with(program("a"))), None);
    let mut unnoticed = program("a").expiring_at(NOW);
    unnoticed.expiry_recorded = false;
    assert_eq!(needs(&Scene::with(unnoticed)), Some(Needs::Tenure));
    assert_eq!(needs(&Scene::with(program("a").stale())), None);
    let pending = Scene::with(program("a")).pending(transfer_due_at(NOW));
    assert_eq!(needs(&pending), Some(Needs::Everything));
    let mut stalling = program("a");
    stalling.stalls_at = Some(crate::time::LeaseInstant(NOW));
    assert_eq!(needs(&Scene::with(stalling.clone())), Some(Needs::Everything));
    stalling.stalled = true;
    assert_eq!(needs(&Scene::with(stalling)), None);
}

#[test]
fn without_its_surroundings_a_workspace_is_taken_to_have_none() {
    let mut scene = Scene::with(program("a")).surrounded().worked();
    scene.workspace.surroundings = None;
    let left = scene.done(clear(Some("a")));
    assert!(matches!(&left.changes[..], [Change::Ended { .. }]));
    assert_eq!(left.workspace.surroundings, None, "nothing is taken for loaded");
    scene.done(put_handoff("later"));
    scene.done(touching("a", "parsing"));
    assert_eq!(scene.refused(resolve("esc_waits")), crate::refusal::Reason::NoSuchEscalation);
}

#[test]
fn a_change_is_small_because_every_beat_makes_one() {
    assert!(size_of::<Change>() <= 40, "{}", size_of::<Change>());
    assert!(size_of::<crate::command::Heartbeat>() <= 56);
}

#[test]
fn sets_of_parts_are_sets() {
    let both = Parts::GATES.with(Parts::HANDOFF);
    assert!(both.meets(Parts::GATES) && !both.meets(Parts::CHECKPOINT) && !both.is_empty());
    assert!(Parts::PROGRESS.meets(Parts::USAGE) && Parts::PROGRESS.meets(Parts::WORK_STREAMS));
    assert_eq!(both.and(Parts::HANDOFF.with(Parts::BASELINE)), Parts::HANDOFF);
    assert!(both.and(Parts::PROGRESS).is_empty() && Parts::NONE.is_empty());
}
