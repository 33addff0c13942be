//! What a beat tells: each thing is stored, what is known already is no change, and a report
//! that is over a bound is refused as a whole.

use super::*;
use crate::checkpoint::CHECKPOINT_MAX_BYTES;
use crate::content::Content;
use crate::name::SectionName;
use crate::reply::Reply;
use crate::section::ClientSection;
use crate::testing::{
    Done, NOW, REVISION, Scene, actor, at, person, program, report, section, stream, usage,
};

fn tell(scene: &Scene, told: Report) -> Done {
    scene.done(report("a", told))
}

fn with_sections(sections: Vec<ClientSection>) -> Report {
    Report { sections, ..Report::default() }
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<ClientSection> {
    numbers.map(|number| section(&format!("s{number}"), b"content")).collect()
}

fn next(scene: &Scene, done: Done) -> Scene {
    Scene { workspace: done.workspace, context: scene.context.clone() }
}

#[test]
fn report_renews_the_lease_and_raises_the_revision_once() {
    let scene = Scene::with(program("a"));
    let all = Report {
        work_stream: Some(stream("parsing")),
        usage: Some(usage(5, &[])),
        gates_revision: None,
        checkpoint: Some(Content::new(&b"half-way"[..])),
        sections: numbered(0..2),
    };
    let done = tell(&scene, all);
    assert_eq!(done.revision(), REVISION.0 + 1);
    assert_eq!((done.session().beats, done.changes.len()), (7, 6));
    assert!(scene.events_of(&done.changes).is_empty(), "beats are not events");
}

#[test]
fn empty_checkpoint_removes_what_is_stored() {
    let scene = Scene::with(program("a")).surrounded();
    assert!(scene.workspace.around().checkpoint.is_some());
    let told = Report { checkpoint: Some(Content::new(&b""[..])), ..Report::default() };
    assert_eq!(tell(&scene, told).workspace.around().checkpoint, None);
}

#[test]
fn checkpoint_is_stored_with_who_when_and_the_revision_of_its_beat() {
    let content = Content::new(&b"half-way"[..]);
    let told = Report { checkpoint: Some(content.clone()), ..Report::default() };
    let scene = Scene::with(program("a"));
    let done = tell(&scene, told.clone());
    let stored = done.workspace.around().checkpoint.clone().unwrap();
    let origin = CheckpointOrigin {
        set_at: at(NOW).wall,
        session_id: scene.session().id.clone(),
        actor: actor("a"),
        revision: Revision(REVISION.0 + 1),
    };
    assert_eq!(*stored, Checkpoint { content, origin });
    // The same bytes again are as new as their beat.
    let again = tell(&next(&scene, done), told).workspace.around().checkpoint.clone().unwrap();
    assert_eq!(again.origin.revision, Revision(REVISION.0 + 2));
}

#[test]
fn usage_is_merged_and_what_is_known_is_no_change() {
    let scene = Scene::with(program("a"));
    let told = |usage: Usage| Report { usage: Some(usage), ..Report::default() };
    let done = tell(&scene, told(usage(5, &[("calls", 2)])));
    let scene = next(&scene, done);
    assert_eq!(tell(&scene, told(usage(4, &[("calls", 1)]))).changes.len(), 1);
    let done = tell(&scene, told(usage(6, &[("files", 1)])));
    let expected = usage(6, &[("calls", 2), ("files", 1)]);
    assert_eq!(done.workspace.around().progress.usage, Some(expected));
    // A report of nothing is not a report: the projection says that there was none.
    let nothing = tell(&Scene::with(program("a")), told(Usage::default()));
    assert_eq!(nothing.workspace.around().progress.usage, None);
}

#[test]
fn sixteenth_counter_is_kept_and_one_more_is_quota_exceeded() {
    let names: Vec<String> = (0..=COUNTERS_MAX).map(|number| format!("c{number}")).collect();
    let counters: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let scene = Scene::with(program("a"));
    let told = |counters| Report { usage: Some(usage(0, counters)), ..Report::default() };
    let done = tell(&scene, told(&counters[..COUNTERS_MAX]));
    let scene = next(&scene, done);
    let refused = scene.refused(report("a", told(&counters[COUNTERS_MAX..])));
    assert_eq!(refused, Reason::QuotaExceeded(Quota::UsageCounters));
}

#[test]
fn section_is_set_replaced_left_alone_and_removed() {
    let scene = Scene::with(program("a"));
    let sections = |done: &Done| done.workspace.around().sections.clone();
    let set = tell(&scene, with_sections(vec![section("git", b"main")]));
    assert_eq!(*sections(&set)[&SectionName::imported("git")], section("git", b"main"));
    let scene = next(&scene, set);
    let same = tell(&scene, with_sections(vec![section("git", b"main")]));
    assert_eq!(same.changes.len(), 1, "nothing but the renewal");
    let other_type = ClientSection { content_type: "x/y".into(), ..section("git", b"main") };
    assert_eq!(tell(&scene, with_sections(vec![other_type])).changes.len(), 2);
    let replaced = tell(&scene, with_sections(vec![section("git", b"topic")]));
    assert_eq!(*sections(&replaced)[&SectionName::imported("git")], section("git", b"topic"));
    let removed = tell(&scene, with_sections(vec![section("git", b"")]));
    assert!(sections(&removed).is_empty());
    let nothing = tell(&scene, with_sections(vec![section("other", b"")]));
    assert_eq!(nothing.changes.len(), 1);
}

#[test]
fn sixteenth_section_is_kept_and_one_more_is_quota_exceeded_and_nothing_stored() {
    let scene = Scene::with(program("a"));
    let quota = Reason::QuotaExceeded(Quota::ClientSections);
    let at_once = with_sections(numbered(0..SECTIONS_MAX + 1));
    assert_eq!(scene.refused(report("a", at_once)), quota);
    let done = tell(&scene, with_sections(numbered(0..SECTIONS_MAX)));
    assert_eq!(done.workspace.around().sections.len(), SECTIONS_MAX);
    let scene = next(&scene, done);
    assert_eq!(scene.refused(report("a", with_sections(numbered(16..17)))), quota);
    // One that is there may be replaced, and one may take the place of another.
    let replaced = vec![section("s3", b"other")];
    assert_eq!(tell(&scene, with_sections(replaced)).changes.len(), 2);
    let swapped = vec![section("s16", b"new"), section("s3", b"")];
    let done = tell(&scene, with_sections(swapped));
    assert_eq!(done.workspace.around().sections.len(), SECTIONS_MAX);
}

#[test]
fn of_two_sections_with_one_name_the_later_counts() {
    let scene = Scene::with(program("a"));
    let both = vec![section("git", b"main"), section("git", b"topic")];
    let done = tell(&scene, with_sections(both));
    let stored = &done.workspace.around().sections[&SectionName::imported("git")];
    assert_eq!(**stored, section("git", b"topic"));
    let done = tell(&scene, with_sections(vec![section("git", b"main"), section("git", b"")]));
    assert!(done.workspace.around().sections.is_empty());
    let scene = next(&scene, tell(&scene, with_sections(vec![section("git", b"main")])));
    let done = tell(&scene, with_sections(vec![section("git", b"topic"), section("git", b"main")]));
    let stored = &done.workspace.around().sections[&SectionName::imported("git")];
    assert_eq!(**stored, section("git", b"main"), "not taken for unchanged");
}

#[test]
fn report_of_who_is_not_the_holder_changes_nothing() {
    let told = || Report { checkpoint: Some(Content::new(&b"x"[..])), ..Report::default() };
    assert_eq!(Scene::with(program("a")).refused(report("b", told())), Reason::NotHolder);
    assert_eq!(Scene::with(person()).refused(report("a", told())), Reason::NotAutonomous);
    let stale = Scene::with(program("a").stale());
    assert_eq!(stale.refused(report("a", told())), Reason::LeaseExpired);
}

#[test]
fn bounds_are_checked_before_the_revision() {
    let scene = Scene::with(program("a")).at_revision(crate::session::REVISION_LIMIT.0);
    let told = with_sections(numbered(0..SECTIONS_MAX + 1));
    assert_eq!(scene.refused(report("a", told)), Reason::QuotaExceeded(Quota::ClientSections));
    let told = with_sections(numbered(0..SECTIONS_MAX));
    assert_eq!(scene.refused(report("a", told)), Reason::RevisionExhausted);
}

#[test]
fn largest_checkpoint_survives_the_store_of_an_outcome() {
    let content = Content::new(vec![0xA5; CHECKPOINT_MAX_BYTES]);
    let told = Report { checkpoint: Some(content), ..Report::default() };
    let scene = Scene::with(program("a"));
    let scene = next(&scene, tell(&scene, told)).now(NOW + 10_000_000);
    let scene = Scene { workspace: scene.settled().0, ..scene };
    let successor = crate::testing::successor("b");
    let taken = scene.done(crate::testing::take_over(successor)).reply;
    let json = serde_json::to_string(&taken).unwrap();
    assert!(json.len() < 2 * CHECKPOINT_MAX_BYTES);
    assert_eq!(serde_json::from_str::<Reply>(&json).unwrap(), taken);
}
