//! Every field that is shown counts, each by itself; lease times and revisions do not.

use std::sync::Arc;

use super::*;
use crate::content::Content;
use crate::name::{ActorId, MachineId, SessionId};
use crate::session::{Autonomous, AutonomousKind, Holder, Revision};
use crate::surroundings::Surroundings;
use crate::testing::{NOW, Scene, actor, at, machine, program, section, transfer_due_at};
use crate::time::{LeaseInstant, Span, WallTime};

fn scene() -> Scene {
    let session = program("a").supervised_by("s").instance("i1");
    Scene::with(session).surrounded().worked().pending(transfer_due_at(NOW + 5))
}

fn digests(change: impl Fn(&mut Scene)) -> Digests {
    let mut scene = scene();
    change(&mut scene);
    Digests::of(&scene.workspace)
}

fn held(scene: &mut Scene) -> &mut Autonomous {
    match &mut scene.workspace.tenure.session.as_mut().unwrap().holder {
        Holder::Autonomous(held) => held,
        Holder::Interactive => panic!("a program holds it"),
    }
}

/// Checks that each of the changes gives a digest of its own.
#[track_caller]
fn assert_all_differ<T>(of: fn(&Digests) -> Digest, change: impl Fn(&mut Scene, &T), to: &[T]) {
    let mut seen = vec![of(&digests(|_| {}))];
    for each in to {
        seen.push(of(&digests(|scene| change(scene, each))));
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
}

#[test]
fn every_field_of_a_session_counts() {
    let changes: &[fn(&mut Session)] = &[
        |session| session.id = Some(SessionId::imported("ses_other")),
        |session| session.id = None,
        |session| session.mode = Mode::Implement,
        |session| session.mode = Mode::General,
        |session| session.started_at = at(1),
        |session| session.last_started_at = at(1),
        |session| session.start_count = 99,
        |session| session.principal = crate::name::Principal::imported("other"),
        |session| session.machine = None,
        |session| session.machine = Some(machine("other")),
        |session| session.machine.as_mut().unwrap().host = "elsewhere".into(),
        |session| {
            session.machine.as_mut().unwrap().labels.insert("os".to_owned(), "linux".to_owned());
        },
        |session| session.activity = None,
        |session| session.activity.as_mut().unwrap().text = "writing".into(),
        |session| session.activity.as_mut().unwrap().set_at = WallTime(1),
        |session| session.holder = Holder::Interactive,
    ];
    assert_all_differ(
        |digests| digests.session,
        |scene, change| change(scene.workspace.tenure.session.as_mut().unwrap()),
        changes,
    );
    let changes: &[fn(&mut Autonomous)] = &[
        |held| held.actor = Some(actor("b")),
        |held| held.actor = None,
        |held| held.kind = AutonomousKind::RuntimeWorker,
        |held| held.supervisor = None,
        |held| held.instance = None,
        |held| held.ttl = None,
        |held| held.ttl = Some(Span(1)),
    ];
    assert_all_differ(|digests| digests.session, |scene, change| change(held(scene)), changes);
}

#[test]
fn every_field_of_a_transfer_counts() {
    let successor = |ttl, supervisor: Option<ActorId>, instance: Option<&str>| {
        let instance = instance.map(crate::name::InstanceId::imported);
        Successor::Autonomous { actor: actor("next"), ttl: Span(ttl), supervisor, instance }
    };
    let changes: &[&dyn Fn(&mut Transfer)] = &[
        &|transfer| transfer.successor = Successor::Interactive,
        &|transfer| transfer.successor = successor(1, Some(actor("chief")), None),
        &|transfer| transfer.successor = successor(30_000, None, None),
        &|transfer| transfer.successor = successor(30_000, Some(actor("chief")), Some("i")),
        &|transfer| transfer.successor_session_id = SessionId::imported("ses_other"),
        &|transfer| transfer.reason = "other".into(),
        &|transfer| transfer.principal = crate::name::Principal::imported("other"),
        &|transfer| transfer.scheduled_at = at(1),
        &|transfer| transfer.machine.as_mut().unwrap().id = MachineId::imported("other"),
        &|transfer| transfer.machine = None,
    ];
    assert_all_differ(
        |digests| digests.session,
        |scene, change| change(scene.workspace.tenure.transfer.as_mut().unwrap()),
        changes,
    );
}

#[test]
fn every_field_around_a_session_counts() {
    let other = || Some(actor("other"));
    let escalations: &[&dyn Fn(&mut Escalation)] = &[
        &|open| open.id = crate::name::EscalationId::imported("esc_other"),
        &|open| open.kind = EscalationKind::Blocking,
        &|open| open.reason = "other".into(),
        &|open| open.raised_at = WallTime(1),
        &|open| open.actor = other(),
        &|open| open.principal = crate::name::Principal::imported("other"),
        &|open| open.session_id = Some(SessionId::imported("ses_other")),
    ];
    let change = |scene: &mut Scene, change: &&dyn Fn(&mut Escalation)| {
        change(&mut scene.around().escalations[0]);
    };
    assert_all_differ(|digests| digests.escalations, change, escalations);
    let gates: &[&dyn Fn(&mut Gate)] = &[
        &|gate| gate.name = crate::name::GateName::imported("other"),
        &|gate| gate.state = GateState::Open,
        &|gate| gate.state = GateState::Waived,
        &|gate| gate.state = GateState::Failed,
        &|gate| gate.note = None,
        &|gate| gate.note = Some("other".into()),
        &|gate| gate.updated_at = WallTime(1),
        &|gate| gate.updated_by_actor = other(),
        &|gate| gate.updated_by = crate::name::Principal::imported("other"),
    ];
    let change = |scene: &mut Scene, change: &&dyn Fn(&mut Gate)| {
        change(&mut scene.around().gates[0]);
    };
    assert_all_differ(|digests| digests.gates, change, gates);
    let handoffs: &[&dyn Fn(&mut Handoff)] = &[
        &|handoff| handoff.title = "other".into(),
        &|handoff| handoff.actions.clear(),
        &|handoff| handoff.actions[0].text = "other".into(),
        &|handoff| handoff.actions[0].state = ActionState::Done,
        &|handoff| handoff.actions[0].state = ActionState::Dropped,
        &|handoff| handoff.put_at = WallTime(1),
        &|handoff| handoff.actor = other(),
        &|handoff| handoff.principal = crate::name::Principal::imported("other"),
        &|handoff| handoff.session_id = Some(SessionId::imported("ses_other")),
    ];
    let change = |scene: &mut Scene, change: &&dyn Fn(&mut Handoff)| {
        change(Arc::make_mut(scene.around().handoff.as_mut().unwrap()));
    };
    assert_all_differ(|digests| digests.handoff, change, handoffs);
    let checkpoints: &[&dyn Fn(&mut Checkpoint)] = &[
        &|checkpoint| checkpoint.content = Content::new(&b"other"[..]),
        &|checkpoint| checkpoint.origin.set_at = WallTime(1),
        &|checkpoint| checkpoint.origin.actor = actor("other"),
        &|checkpoint| checkpoint.origin.session_id = Some(SessionId::imported("ses_other")),
    ];
    let change = |scene: &mut Scene, change: &&dyn Fn(&mut Checkpoint)| {
        change(Arc::make_mut(scene.around().checkpoint.as_mut().unwrap()));
    };
    assert_all_differ(|digests| digests.recovery, change, checkpoints);
    let mut section = section("git", b"main");
    let digest = of_client_section(&section);
    section.content_type = "x/y".into();
    assert_ne!(of_client_section(&section), digest);
}

#[test]
fn lease_times_and_revisions_do_not_count() {
    let without = digests(|_| {});
    let moved = digests(|scene| {
        held(scene).renewal = None;
        let tenure = &mut scene.workspace.tenure;
        tenure.revision = Some(Revision(99));
        tenure.signals.gates_revision.0 = 99;
        let session = tenure.session.as_mut().unwrap();
        session.beats = 99;
        session.token.0 = 99;
        session.expiry_recorded = true;
        session.applied_gates_revision = None;
        session.stalls_at = None;
        session.stalled = true;
        session.activity.as_mut().unwrap().revision = Revision(99);
        let transfer = tenure.transfer.as_mut().unwrap();
        (transfer.deadline, transfer.revision) = (LeaseInstant(1), Revision(99));
        let around: &mut Surroundings = scene.around();
        Arc::make_mut(around.checkpoint.as_mut().unwrap()).origin.revision = Revision(99);
        around.progress = Default::default();
        around.baseline = None;
    });
    assert_eq!(moved, without);
}
