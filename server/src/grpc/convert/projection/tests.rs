use std::sync::Arc;

use tenure_core::checkpoint::{Checkpoint, CheckpointOrigin};
use tenure_core::content::Content;
use tenure_core::gate::{Gate, GateState, GatesRevision};
use tenure_core::name::{GateName, Principal, SectionName, WorkStreamName};
use tenure_core::projection::{Digests, project};
use tenure_core::session::Revision;
use tenure_core::surroundings::{Progress, Signals, Surroundings};
use tenure_core::time::Span;
use tenure_core::usage::Usage;
use tenure_core::work_stream::{Score, WorkStream, WorkStreams};
use tenure_core::workspace::Tenure;

use super::*;
use crate::grpc::convert::samples;

fn gate(name: &str, state: GateState) -> Gate {
    Gate {
        name: GateName::parse(name).unwrap(),
        state,
        note: None,
        updated_at: samples::moment(samples::NOW).wall,
        updated_by_actor: None,
        updated_by: Principal::imported("local"),
    }
}

fn stream(name: &str, score: Score) -> WorkStream {
    let touched_at = samples::moment(samples::NOW);
    WorkStream { name: WorkStreamName::parse(name).unwrap(), score, touched_at }
}

fn workspace() -> Workspace {
    let git = SectionName::parse("git").unwrap();
    let section = ClientSection {
        name: git.clone(),
        content_type: Arc::from("text/plain"),
        content: Content::new(&b"main"[..]),
    };
    let origin = CheckpointOrigin {
        set_at: samples::moment(samples::NOW).wall,
        session_id: samples::session().id,
        actor: ActorId::imported("worker-1"),
        revision: Revision(8),
    };
    let streams = vec![stream("slow", Score::ONE_QUARTER), stream("fast", Score::ONE)];
    let surroundings = Surroundings {
        gates: vec![gate("build", GateState::Passed), gate("test", GateState::Failed)],
        checkpoint: Some(Arc::new(Checkpoint { content: Content::new(&b"{}"[..]), origin })),
        progress: Progress {
            work_streams: WorkStreams { half_life: Span::from_secs(900), streams },
            usage: Some(Usage { input_tokens: 5, ..Usage::default() }),
        },
        sections: [(git, Arc::new(section))].into(),
        ..Surroundings::default()
    };
    let tenure = Tenure {
        revision: Some(Revision(9)),
        session: Some(samples::session()),
        transfer: Some(samples::transfer()),
        signals: Signals { gates_revision: GatesRevision(2), blocking: None },
        origin: None,
    };
    Workspace { key: samples::key(), tenure, surroundings: Some(Box::new(surroundings)) }
}

fn shown_to(workspace: &Workspace, known: &[(&str, Digest)]) -> v1::Projection {
    let clock = samples::clock_at(samples::NOW);
    let projection = project(workspace, &clock, None, known);
    let cursor = v1::Cursor { log_id: "log".to_owned(), sequence: 41 };
    shown(workspace, &projection, cursor, &clock)
}

#[test]
fn a_projection_shows_everything_that_is_there() {
    let shown = shown_to(&workspace(), &[]);
    assert_eq!((shown.status(), shown.revision), (v1::WorkspaceStatus::Active, 9));
    assert_eq!(shown.session.as_ref().map(|session| &*session.session_id), Some("ses_1"));
    let gates = shown.gates.as_ref().unwrap();
    assert_eq!((gates.gates.len(), gates.gates_revision, &*gates.attention_anchor), (2, 2, "test"));
    assert_eq!(shown.checkpoint.as_ref().map(|it| &*it.content), Some(&b"{}"[..]));
    assert_eq!(shown.usage.as_ref().map(|usage| usage.input_tokens), Some(5));
    let streams: Vec<_> = shown.work_streams.iter().map(|it| (&*it.name, it.score)).collect();
    assert_eq!(streams, [("fast", 1.0), ("slow", 0.25)]);
    let sections: Vec<_> = shown.sections.iter().map(|it| &*it.name).collect();
    assert_eq!(sections, ["session", "escalations", "gates", "handoff", "recovery", "git"]);
    assert_eq!(shown.client_sections[0].content_type, "text/plain");
    assert!(shown.pending_transfer.is_some() && shown.machine.is_some());
    assert_eq!((shown.handoff, shown.ownership_conflict), (None, None));
    assert_eq!(shown.cursor.map(|cursor| cursor.sequence), Some(41));
}

#[test]
fn sections_that_the_caller_has_come_without_body() {
    let workspace = workspace();
    let digests = Digests::of(&workspace).list();
    let known: Vec<_> = digests.iter().map(|(section, it)| (section.name(), *it)).collect();
    let shown = shown_to(&workspace, &known);
    assert!(shown.sections.iter().all(|it| it.unchanged && it.digest.len() == 32));
    assert_eq!((shown.session, shown.gates, shown.checkpoint), (None, None, None));
    assert!(shown.client_sections.is_empty());
    assert!(shown.usage.is_some() && shown.pending_transfer.is_some(), "always there");
    let other = shown_to(&workspace, &[("gates", digests[0].1), known[4]]);
    assert!(other.gates.is_some(), "the digest of another section is not this one's");
    assert_eq!(other.checkpoint, None);
}

#[test]
fn a_workspace_that_nobody_knows_is_missing() {
    let shown = shown_to(&Workspace::unknown(samples::key()), &[]);
    assert_eq!((shown.status(), shown.revision), (v1::WorkspaceStatus::Missing, 0));
    assert_eq!((shown.session, shown.gates, shown.age_minutes), (None, None, None));
    assert_eq!((&*shown.workspace, &*shown.profile, shown.sections.len()), ("acme/api", "main", 5));
}

#[test]
fn all_that_is_wrong_with_a_request_is_told_at_once() {
    let digest = |bytes| v1::SectionDigest { name: "gates".to_owned(), digest: vec![0; bytes] };
    let request = v1::GetProjectionRequest {
        actor_id: Some("\u{0}".to_owned()),
        known_sections: vec![digest(32), digest(31), digest(33)],
        ..v1::GetProjectionRequest::default()
    };
    let violations = parse(request.clone()).unwrap_err();
    let paths: Vec<_> = violations.iter().map(|it| it.path().into_owned()).collect();
    assert_eq!(
        paths,
        ["workspace", "actor_id", "known_sections[1].digest", "known_sections[2].digest"]
    );
    let sized = |n| v1::GetProjectionRequest {
        workspace: "acme/api".to_owned(),
        known_sections: vec![digest(32); n],
        ..v1::GetProjectionRequest::default()
    };
    assert_eq!(parse(sized(100)).unwrap().known.len(), 100);
    assert!(parse(sized(101)).is_err());
}
