//! What comes of a file: a session or none, escalations, and the memory of it.

use super::*;
use crate::command::Command;
use crate::context::LeaseBounds;
use crate::event::What;
use crate::session::{Holder, REVISION_LIMIT};
use crate::testing::{
    Done, NOW, REVISION, Scene, WALL_AT_ZERO, actor, at, escalation, lease, person, program,
    start_person, start_with, successor, take_over,
};
use crate::time::{LeaseInstant, Moment};

const MINUTE_MS: u64 = 60_000;

/// The wall time so many milliseconds ago.
fn ago(ms: u64) -> WallTime {
    at(NOW - ms).wall
}

/// A program's session whose lease of 60 s was renewed 10 s ago.
fn worker() -> LegacySession {
    LegacySession {
        id: Some(SessionId::imported("old")),
        holder: LegacyHolder::Program {
            actor: Some(actor("a")),
            kind: AutonomousKind::RuntimeSupervisor,
            supervisor: Some(actor("boss")),
            ttl: Span(MINUTE_MS),
            last_heartbeat_at: Some(ago(10_000)),
        },
        mode: Mode::Implement,
        started_at: ago(3_600_000),
        last_started_at: ago(1_800_000),
        start_count: 4,
        revision: Revision(5),
    }
}

fn person_who_started(ms_ago: u64) -> LegacySession {
    LegacySession { holder: LegacyHolder::Person, last_started_at: ago(ms_ago), ..worker() }
}

fn with_ttl(ttl: Span) -> LegacySession {
    let LegacyHolder::Program { actor, kind, supervisor, last_heartbeat_at, .. } = worker().holder
    else {
        panic!()
    };
    LegacySession {
        holder: LegacyHolder::Program { actor, kind, supervisor, ttl, last_heartbeat_at },
        ..worker()
    }
}

fn with_heartbeat(last_heartbeat_at: Option<WallTime>) -> LegacySession {
    let LegacyHolder::Program { actor, kind, supervisor, ttl, .. } = worker().holder else {
        panic!()
    };
    LegacySession {
        holder: LegacyHolder::Program { actor, kind, supervisor, ttl, last_heartbeat_at },
        ..worker()
    }
}

fn entry(id: &str, raised_at: WallTime) -> LegacyEscalation {
    LegacyEscalation {
        id: EscalationId::imported(id),
        kind: EscalationKind::Blocking,
        reason: "may I?".into(),
        raised_at,
        session_id: Some(SessionId::imported("old")),
    }
}

/// The import of a file that is named by its content.
fn importing(name: &str, content: LegacyContent) -> Command {
    Command::Import(Box::new(Import {
        file_name: name.into(),
        digest: Digest::of(name.as_bytes()),
        content,
        lease_bounds: LeaseBounds::default(),
    }))
}

fn session(legacy: LegacySession) -> Command {
    importing("state.json", LegacyContent::Session(Box::new(legacy)))
}

fn escalations(entries: Vec<LegacyEscalation>) -> Command {
    importing("escalations.json", LegacyContent::Escalations(entries))
}

fn imported(done: &Done) -> &Imported {
    match &done.reply {
        Reply::Imported(imported) => imported,
        other => panic!("{other:?}"),
    }
}

/// The scene after a command.
fn after(scene: Scene, command: Command) -> Scene {
    let workspace = scene.done(command).workspace;
    Scene { workspace, ..scene }
}

fn is_stale(done: &Done) -> bool {
    let scene = Scene::unknown();
    done.workspace.tenure.is_stale(&scene.context.clock)
}

#[test]
fn a_programs_session_comes_with_its_lease_as_far_as_it_has_run() {
    let done = Scene::unknown().done(session(worker()));
    let stored = done.session();
    assert_eq!(stored.id, Some(SessionId::imported("old")));
    assert_eq!((stored.actor(), stored.supervisor()), (Some(&actor("a")), Some(&actor("boss"))));
    assert_eq!((stored.mode, stored.start_count), (Mode::Implement, 4));
    assert_eq!(stored.started_at, at(NOW - 3_600_000));
    assert_eq!(stored.last_started_at, at(NOW - 1_800_000));
    let renewal = stored.autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.last_heartbeat_at, ago(10_000));
    assert_eq!(renewal.expires_at, LeaseInstant(NOW + 50_000));
    assert!(!is_stale(&done));
    assert_eq!(imported(&done).outcome, ImportOutcome::Imported);
}

#[test]
fn a_lease_that_has_run_out_is_stale() {
    let done = Scene::unknown().done(session(with_heartbeat(Some(ago(MINUTE_MS)))));
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.expires_at, LeaseInstant(NOW));
    assert!(is_stale(&done));
}

#[test]
fn the_revision_is_above_those_of_workspace_file_and_service_and_is_the_token() {
    for (stored, file, floor, expected) in
        [(47, 5, 0, 48), (5, 47, 0, 48), (5, 5, 47, 48), (0, 0, 0, 1)]
    {
        let mut scene = Scene::free().at_revision(stored);
        scene.context.revision_floor = Revision(floor);
        let done = scene.done(session(LegacySession { revision: Revision(file), ..worker() }));
        assert_eq!((done.revision(), done.session().token.0), (expected, expected));
    }
}

#[test]
fn a_workspace_that_has_used_up_its_revisions_refuses_a_session_and_takes_escalations() {
    let scene = Scene::free().at_revision(REVISION_LIMIT.0);
    assert_eq!(scene.refused(session(worker())), Reason::RevisionExhausted);
    scene.done(escalations(vec![entry("e", ago(1))]));
}

#[test]
fn a_workspace_that_has_a_session_keeps_it_and_the_file_counts_as_imported() {
    for stored in [person(), program("a"), program("a").stale()] {
        let scene = Scene::with(stored.clone());
        let done = scene.done(session(worker()));
        assert_eq!(imported(&done).outcome, ImportOutcome::SessionKept);
        assert_eq!((done.session(), done.revision()), (&stored, REVISION.0));
        let again = Scene { workspace: done.workspace, ..scene };
        let again = again.done(session(worker()));
        assert_eq!(imported(&again).outcome, ImportOutcome::AlreadyImported);
    }
}

#[test]
fn the_same_content_again_changes_nothing_also_when_the_session_was_cleared() {
    let mut scene = after(Scene::unknown(), session(worker()));
    let again = scene.done(session(worker()));
    assert_eq!(imported(&again).outcome, ImportOutcome::AlreadyImported);
    assert!(again.changes.is_empty());
    scene = after(scene, crate::testing::clear(Some("a")).into());
    let again = scene.done(session(worker()));
    assert_eq!(imported(&again).outcome, ImportOutcome::AlreadyImported);
    assert_eq!(again.workspace.tenure.session, None);
}

#[test]
fn other_content_is_imported_after_a_clear() {
    let scene = after(Scene::unknown(), session(worker()));
    let scene = after(scene, crate::testing::clear(Some("a")).into());
    let other = importing("other.json", LegacyContent::Session(Box::new(worker())));
    assert_eq!(imported(&scene.done(other)).outcome, ImportOutcome::Imported);
}

#[test]
fn instants_in_the_future_count_as_now() {
    let late = WallTime(u64::MAX);
    let legacy =
        LegacySession { started_at: late, last_started_at: late, ..with_heartbeat(Some(late)) };
    let done = Scene::unknown().done(session(legacy));
    assert_eq!(done.session().started_at, at(NOW));
    let renewal = done.session().autonomous().unwrap().renewal.unwrap();
    assert_eq!(renewal.last_heartbeat_at, at(NOW).wall);
    assert_eq!(renewal.expires_at, LeaseInstant(NOW + MINUTE_MS));
    let done = Scene::unknown().done(escalations(vec![entry("e", late)]));
    assert_eq!(done.workspace.around().escalations[0].raised_at, at(NOW).wall);
}

#[test]
fn a_ttl_over_the_maximum_is_cut_with_a_warning() {
    let max = LeaseBounds::default().max;
    for (ttl, cut) in [(max, false), (Span(max.0 + 1), true), (Span(u64::MAX), true)] {
        let done = Scene::unknown().done(session(with_ttl(ttl)));
        assert_eq!(done.session().ttl(), Some(max));
        let renewal = done.session().autonomous().unwrap().renewal.unwrap();
        assert_eq!(renewal.expires_at, LeaseInstant(NOW - 10_000 + max.0));
        let expected = if cut { vec![Warning::LeaseTtlCut { to: max }] } else { Vec::new() };
        assert_eq!(imported(&done).warnings, expected);
    }
}

#[test]
fn a_ttl_under_the_minimum_is_raised_with_a_warning_and_one_of_zero_is_none() {
    let bounds = LeaseBounds { min: Span(MINUTE_MS), ..LeaseBounds::default() };
    let importing = |ttl| {
        let Command::Import(mut import) = session(with_ttl(ttl)) else { panic!() };
        import.lease_bounds = bounds;
        Scene::unknown().done(Command::Import(import))
    };
    let raised = importing(Span(5_000));
    assert_eq!(raised.session().ttl(), Some(bounds.min));
    assert_eq!(imported(&raised).warnings, [Warning::LeaseTtlRaised { to: bounds.min }]);
    let none = importing(Span::ZERO);
    assert_eq!((none.session().ttl(), imported(&none).warnings.len()), (None, 0));
    assert!(is_stale(&none));
}

#[test]
fn a_program_without_heartbeat_is_stale_however_new_it_is() {
    let legacy = LegacySession { last_started_at: ago(0), ..with_heartbeat(None) };
    assert!(is_stale(&Scene::unknown().done(session(legacy))));
}

#[test]
fn a_person_is_stale_eight_hours_after_the_last_start() {
    for (age_ms, stale) in [(0, false), (28_800_000, false), (28_800_001, true)] {
        let done = Scene::unknown().done(session(person_who_started(age_ms)));
        assert_eq!(is_stale(&done), stale, "{age_ms}");
    }
}

/// In a store whose clock began at zero, an hour ago.
#[test]
fn a_person_is_as_stale_where_the_clock_is_younger_than_the_session() {
    let wall = WallTime(WALL_AT_ZERO + NOW);
    let hour_ms = 3_600_000;
    for (age_ms, stale) in
        [(hour_ms - 1, false), (hour_ms, false), (28_800_000, false), (28_800_001, true)]
    {
        let mut scene = Scene::unknown();
        scene.context.clock.now = Moment { lease: LeaseInstant(hour_ms), wall };
        let done = scene.done(session(person_who_started(age_ms)));
        let tenure = &done.workspace.tenure;
        assert_eq!(tenure.is_stale(&scene.context.clock), stale, "{age_ms}");
        scene.context.clock.now.lease = LeaseInstant(u64::MAX);
        assert!(tenure.is_stale(&scene.context.clock), "{age_ms}: immortal");
    }
}

#[test]
fn a_lease_is_as_stale_where_the_clock_is_younger_than_its_renewal() {
    for (age_ms, left) in [(59_999, Some(1)), (60_000, None), (NOW, None)] {
        let mut scene = Scene::unknown();
        scene.context.clock.now = Moment { lease: LeaseInstant(10), wall: at(NOW).wall };
        let done = scene.done(session(with_heartbeat(Some(ago(age_ms)))));
        let expiry = done.workspace.tenure.effective_expiry(LeaseInstant(u64::MAX)).unwrap();
        assert_eq!(expiry.0.checked_sub(10).filter(|left| *left > 0), left, "{age_ms}");
    }
}

#[test]
fn a_person_without_session_id_is_replaced_by_anybody_with_a_warning() {
    let scene =
        after(Scene::unknown(), session(LegacySession { id: None, ..person_who_started(1) }));
    for start in [start_person(), start_with(lease("b"))] {
        let Reply::Started(started) = scene.done(start).reply else { panic!() };
        assert_eq!(started.warnings, [Warning::LegacySessionReplaced]);
    }
}

#[test]
fn a_program_without_session_id_is_a_stale_autonomous_session() {
    let scene = after(Scene::unknown(), session(LegacySession { id: None, ..worker() }));
    assert_eq!(scene.refused(start_person()), Reason::StaleAutonomousSession);
    assert_eq!(scene.refused(start_with(lease("b"))), Reason::StaleLeaseHeld);
    assert_eq!(scene.refused(take_over(successor("b"))), Reason::LeaseIncomplete);
    scene.done(start_with(lease("a")));
}

#[test]
fn a_program_without_owner_matches_no_actor() {
    let legacy = LegacySession {
        holder: LegacyHolder::Program {
            actor: None,
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            ttl: Span(MINUTE_MS),
            last_heartbeat_at: Some(ago(2 * MINUTE_MS)),
        },
        ..worker()
    };
    let scene = after(Scene::unknown(), session(legacy));
    assert_eq!(scene.refused(start_with(lease("a"))), Reason::StaleLeaseHeld);
    scene.done(take_over(successor("a")));
}

#[test]
fn a_persons_session_has_no_lease_and_the_importer_as_principal() {
    let done = Scene::unknown().done(session(person_who_started(1)));
    assert_eq!(done.session().holder, Holder::Interactive);
    assert_eq!(done.session().principal.as_str(), "caller");
}

#[test]
fn escalations_are_merged_by_id_oldest_first_and_without_a_revision() {
    let mut scene = Scene::free();
    let around = scene.workspace.surroundings.as_mut().unwrap();
    around.escalations = vec![escalation("known", EscalationKind::NonBlocking)];
    let entries = [("newer", 1_000), ("known", 9_000), ("older", 7_000)];
    let entries = entries.map(|(id, age)| entry(id, ago(age))).to_vec();
    let done = scene.done(escalations(entries));
    let open = &done.workspace.around().escalations;
    let ids: Vec<_> = open.iter().map(|open| open.id.as_str()).collect();
    assert_eq!(ids, ["older", "known", "newer"]);
    assert_eq!(open[1].kind, EscalationKind::NonBlocking, "it stays as it is stored");
    assert_eq!(open[0].session_id, Some(SessionId::imported("old")));
    let added: Vec<_> = imported(&done).escalation_ids.iter().map(|id| id.as_str()).collect();
    assert_eq!(added, ["newer", "older"]);
    assert_eq!(done.revision(), REVISION.0);
    let blocking = done.workspace.tenure.signals.blocking.as_deref().unwrap();
    assert_eq!((blocking.count, blocking.oldest.as_str()), (2, "older"));
}

#[test]
fn escalations_over_the_quota_are_refused_as_a_whole() {
    let entries = |count| (0..count).map(|n| entry(&n.to_string(), ago(n))).collect::<Vec<_>>();
    let scene = after(Scene::unknown(), escalations(entries(60)));
    let more = |count| importing("more.json", LegacyContent::Escalations(entries(count)));
    assert_eq!(scene.done(more(100)).workspace.around().escalations.len(), 100);
    let refusal = scene.refusal(more(101));
    let quota = Quota::ImportedEscalations { open: 60, new: 41 };
    assert_eq!(refusal.reason, Reason::QuotaExceeded(quota));
    assert!(refusal.message.contains("60 open escalations, and the file would add 41"));
}

#[test]
fn one_workspace_remembers_so_many_files_and_no_more() {
    let mut scene = Scene::unknown();
    let around = scene.workspace.surroundings.as_mut().unwrap();
    let digests = (0..IMPORTS_REMEMBERED_MAX).map(|n| Digest::of(&n.to_be_bytes()));
    around.imported = digests.collect();
    assert_eq!(scene.refused(session(worker())), Reason::QuotaExceeded(Quota::Imports));
    let around = scene.workspace.surroundings.as_mut().unwrap();
    around.imported.insert(Digest::of(b"state.json"));
    let again = scene.done(session(worker()));
    assert_eq!(imported(&again).outcome, ImportOutcome::AlreadyImported);
}

#[test]
fn what_surrounds_the_workspace_is_kept_and_the_baseline_taken() {
    let scene = after(Scene::unknown(), escalations(vec![entry("e", ago(1))]));
    let done = scene.done(session(worker()));
    assert_eq!(done.workspace.around().escalations.len(), 1);
    assert!(done.workspace.around().baseline.is_some());
}

#[test]
fn an_import_is_one_event_with_all_that_it_brought_in() {
    let scene = Scene::unknown();
    let done = scene.done(session(worker()));
    let [event] = &scene.events_of(&done.changes)[..] else { panic!("not one event") };
    let What::StateImported(what) = &event.what else { panic!("{:?}", event.what) };
    assert_eq!((&*what.file_name, what.digest), ("state.json", Digest::of(b"state.json")));
    assert_eq!(what.session.as_ref(), Some(done.session()));
    assert_eq!(event.session_id, Some(SessionId::imported("old")));
    assert_eq!(event.after.as_ref().unwrap().owner, Some(actor("a")));
    let done = scene.done(escalations(vec![entry("e", ago(1))]));
    let [event] = &scene.events_of(&done.changes)[..] else { panic!("not one event") };
    let What::StateImported(what) = &event.what else { panic!("{:?}", event.what) };
    assert_eq!(what.escalations, done.workspace.around().escalations);
}

#[test]
fn a_rehearsal_answers_what_the_imports_would_and_changes_nothing() {
    let files = [
        session(worker()),
        session(worker()),
        importing("other.json", LegacyContent::Session(Box::new(worker()))),
        escalations((0..101).map(|n| entry(&n.to_string(), ago(n))).collect()),
    ];
    let scene = Scene::unknown();
    let told = rehearse(scene.workspace.clone(), &files, &scene.context);
    let mut earnest = Scene::unknown();
    for (file, told) in files.into_iter().zip(told) {
        let decided = crate::decide::decide(&earnest.workspace, &file, &earnest.context);
        assert_eq!(told, decided.clone().map(|decision| decision.reply));
        if decided.is_ok() {
            earnest = after(earnest, file);
        }
    }
    assert_eq!(scene.workspace, Scene::unknown().workspace);
}

#[test]
fn a_rehearsal_finds_the_workspace_as_time_has_left_it() {
    let mut scene = Scene::with(program("a").expiring_at(NOW));
    scene.workspace.tenure.session.as_mut().unwrap().unclaimed = true;
    let told = rehearse(scene.workspace, &[session(worker())], &scene.context);
    let [Ok(Reply::Imported(imported))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(imported.outcome, ImportOutcome::Imported);
}

#[test]
fn an_import_makes_a_workspace_known_also_where_others_must_register_it() {
    let mut scene = Scene::unknown();
    scene.context.registration_required = true;
    let done = scene.done(session(worker()));
    let origin = done.workspace.tenure.origin.unwrap();
    assert_eq!((origin.registered, origin.at), (false, Some(at(NOW).wall)));
}
