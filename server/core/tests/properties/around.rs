//! The invariants of what surrounds a session, checked after every step.

use tenure_core::change::Change;
use tenure_core::command::Command;
use tenure_core::context::{Clock, Context};
use tenure_core::decide::decide;
use tenure_core::escalation::{Blocking, ESCALATIONS_MAX};
use tenure_core::legacy::IMPORTS_REMEMBERED_MAX;
use tenure_core::parts::{Needs, Parts, settle_needs};
use tenure_core::section::SECTIONS_MAX;
use tenure_core::session::{Holder, Session};
use tenure_core::settle::settle;
use tenure_core::surroundings::Surroundings;
use tenure_core::work_stream::WORK_STREAMS_MAX;
use tenure_core::workspace::{Tenure, Workspace};

/// What is stored fits together, and within its bounds.
pub fn check_state(workspace: &Workspace, clock: &Clock) {
    let (tenure, around) = (&workspace.tenure, workspace.around());
    let blocking = Blocking::among(&around.escalations);
    assert_eq!(tenure.signals.blocking.as_deref(), blocking.as_ref());
    assert!(around.escalations.len() <= ESCALATIONS_MAX && around.sections.len() <= SECTIONS_MAX);
    assert!(around.imported.len() <= IMPORTS_REMEMBERED_MAX);
    let streams = &around.progress.work_streams;
    assert!(streams.streams.len() <= WORK_STREAMS_MAX);
    let of_the_session = Parts::PROGRESS.with(Parts::SECTIONS);
    match &tenure.session {
        None => assert!(!around.held().meets(of_the_session), "left behind by nobody"),
        Some(session) => {
            let first = (!streams.streams.is_empty()).then(|| streams.stalls_at());
            assert_eq!(session.stalls_at, first);
            assert!(session.applied_gates_revision <= Some(tenure.signals.gates_revision));
            if tenure.is_stalled(clock) {
                let best = streams.best(clock.now.lease).score;
                assert!(best < tenure_core::work_stream::STALLED_UNDER);
            }
        }
    }
}

/// What settle will do is known beforehand, and done without what it does not need.
pub fn check_due(workspace: &Workspace, clock: &Clock) {
    let due = settle(workspace, clock);
    let needs = settle_needs(&workspace.tenure, clock);
    assert_eq!(due.is_some(), needs.is_some());
    if needs == Some(Needs::Tenure) {
        assert_eq!(settle(&unloaded(workspace), clock), due);
    }
    if let Some(changes) = due {
        let mut after = workspace.clone();
        changes.iter().for_each(|change| tenure_core::evolve::evolve(&mut after, change));
        let next = after.tenure.next_due(clock.boot_mark);
        assert!(next.is_none_or(|next| next > clock.now.lease), "due again at once");
    }
}

/// A command is decided alike without what it says that it does not need; and if it is a plain
/// beat, without allocating for its changes.
pub fn check_needs(workspace: &Workspace, command: &Command, context: &Context) {
    if command.needs() == Needs::Everything {
        return;
    }
    let decided = decide(&unloaded(workspace), command, context);
    if let (Command::Heartbeat(beat), Ok(decision)) = (command, &decided)
        && beat.report.is_none()
    {
        // The one beat that claims a grant is no plain one.
        let claims = workspace.tenure.session.as_ref().is_some_and(|session| session.unclaimed);
        assert!(claims || !decision.changes.spilled());
    }
    assert_eq!(decided, decide(workspace, command, context));
}

fn unloaded(workspace: &Workspace) -> Workspace {
    Workspace { surroundings: None, ..workspace.clone() }
}

/// A change alters nothing but what it says.
pub fn check_touches(before: &Workspace, change: &Change, after: &Workspace) {
    let altered = altered(before.around(), after.around());
    assert_eq!(altered.and(change.touches()), altered, "{change:?}");
    if !change.touches_tenure() {
        assert_eq!(cold(&before.tenure), cold(&after.tenure), "{change:?}");
    }
}

fn altered(before: &Surroundings, after: &Surroundings) -> Parts {
    let parts = [
        (Parts::ESCALATIONS, before.escalations != after.escalations),
        (Parts::GATES, before.gates != after.gates),
        (Parts::HANDOFF, before.handoff != after.handoff),
        (Parts::CHECKPOINT, before.checkpoint != after.checkpoint),
        (Parts::WORK_STREAMS, before.progress.work_streams != after.progress.work_streams),
        (Parts::USAGE, before.progress.usage != after.progress.usage),
        (Parts::SECTIONS, before.sections != after.sections),
        (Parts::BASELINE, before.baseline != after.baseline),
        (Parts::IMPORTED, before.imported != after.imported),
    ];
    let altered = parts.into_iter().filter(|(_, altered)| *altered);
    altered.fold(Parts::NONE, |all, (part, _)| all.with(part))
}

/// The tenure without what a plain beat writes.
fn cold(tenure: &Tenure) -> Tenure {
    let without_lease = |session: &Session| {
        let mut session = Session { beats: 0, ..session.clone() };
        if let Holder::Autonomous(held) = &mut session.holder {
            held.renewal = None;
        }
        session
    };
    let session = tenure.session.as_ref().map(without_lease);
    Tenure { revision: None, session, ..tenure.clone() }
}
