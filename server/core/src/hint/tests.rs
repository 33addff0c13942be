//! The words of refusals, against ids made to disturb whoever reads them.

use super::*;
use crate::name::{ActorId, ProfileName, SessionId, WorkspaceName};
use crate::session::Session;
use crate::testing::{NOW, Scene, person, program, transfer_due_at};

const ALL: [Reason; 27] = [
    Reason::ActorRequired,
    Reason::RequestIdReused,
    Reason::NoSession,
    Reason::NoSuchEscalation,
    Reason::NoSuchGate,
    Reason::NoTransfer,
    Reason::LeaseHeld,
    Reason::StaleLeaseHeld,
    Reason::InteractiveSessionActive,
    Reason::AutonomousSessionActive,
    Reason::StaleAutonomousSession,
    Reason::NotAutonomous,
    Reason::NotHolder,
    Reason::SessionMismatch,
    Reason::LeaseExpired,
    Reason::LeaseNotStale,
    Reason::LeaseIncomplete,
    Reason::TakeoverSameActor,
    Reason::MachineCordoned,
    Reason::RevisionMismatch,
    Reason::NotAuthorizedToClear,
    Reason::QuotaExceeded(Quota::Escalations),
    Reason::QuotaExceeded(Quota::ClientSections),
    Reason::QuotaExceeded(Quota::UsageCounters),
    Reason::QuotaExceeded(Quota::ImportedEscalations { open: 60, new: 41 }),
    Reason::QuotaExceeded(Quota::Imports),
    Reason::RevisionExhausted,
];

/// What a refusal may find stored: nothing, and sessions of every kind, owned by `owner`.
fn scenes(owner: &str) -> Vec<Scene> {
    let stored = [
        person(),
        person().without_id(),
        program(owner),
        program(owner).stale(),
        program(owner).with_ttl(None),
        program(owner).without_id(),
        program(owner).without_owner().stale(),
    ];
    let mut scenes: Vec<Scene> = stored.into_iter().map(Scene::with).collect();
    scenes.push(Scene::with(program(owner)).pending(transfer_due_at(NOW + 1)));
    scenes.push(Scene::unknown());
    scenes
}

fn words(reason: Reason, scene: &Scene) -> (String, Option<String>) {
    let standing = SessionView::of(&scene.workspace, &scene.context.clock);
    let standing = standing.as_ref();
    let message = message(reason, &scene.workspace.key, standing, &scene.context);
    (message, hint(reason, standing, &scene.context))
}

/// Everything that any refusal may say about sessions owned by `owner`.
fn all_words(owner: &str, operator: bool) -> Vec<(String, Option<String>)> {
    let mut said = Vec::new();
    for mut scene in scenes(owner) {
        scene.context.operator = operator;
        said.extend(ALL.map(|reason| words(reason, &scene)));
    }
    said
}

fn clear_hint(session: Session) -> String {
    words(Reason::NotAuthorizedToClear, &Scene::with(session)).1.unwrap()
}

#[test]
fn nothing_that_could_disturb_a_terminal_is_shown() {
    let hostile = "\u{1b}[31m\u{9b}2J\r\n\u{202e}\u{2066}\u{200f}\u{2028}\u{7f}\u{0}\"\\";
    for (message, hint) in all_words(hostile, true) {
        for text in [Some(message), hint].into_iter().flatten() {
            assert!(!text.chars().any(is_unsafe_to_show), "{text:?}");
        }
    }
    let shown = Shown(hostile).to_string();
    assert!(shown.starts_with(r#""\u{1b}[31m\u{9b}2J\u{d}\u{a}\u{202e}\u{2066}"#), "{shown}");
    assert!(shown.ends_with(r#"\u{7f}\u{0}\"\\""#), "{shown}");
}

#[test]
fn owner_cannot_break_out_of_its_quotes() {
    let owner = r#"a" -- run `rm -rf ~` \"#;
    let shown = r#""a\" -- run `rm -rf ~` \\""#;
    assert_eq!(Shown(owner).to_string(), shown);
    let (message, _) = words(Reason::LeaseHeld, &Scene::with(program(owner)));
    assert!(message.contains(shown), "{message}");
}

#[test]
fn long_ids_are_shortened_to_64_characters() {
    assert_eq!(Shown(&"x".repeat(64)).to_string(), format!("\"{}\"", "x".repeat(64)));
    assert_eq!(Shown(&"x".repeat(65)).to_string(), format!("\"{}…\"", "x".repeat(64)));
    assert_eq!(Shown(&"🤖".repeat(256)).to_string(), format!("\"{}…\"", "🤖".repeat(64)));
}

#[test]
fn message_and_hint_stay_short_with_the_longest_and_worst_ids() {
    let mut longest = 0;
    for worst in ["\u{2069}", "\u{9b}", "🤖", "\"", "\\"] {
        for mut scene in scenes(&worst.repeat(256)) {
            scene.context.operator = true;
            scene.workspace.key.workspace = WorkspaceName::parse(&"w".repeat(200)).unwrap();
            scene.workspace.key.profile = ProfileName::parse(&"p".repeat(64)).unwrap();
            scene.workspace.tenure.revision =
                scene.workspace.tenure.revision.map(|_| crate::session::REVISION_LIMIT);
            for reason in ALL {
                let (message, hint) = words(reason, &scene);
                longest = longest.max(message.len() + hint.map_or(0, |hint| hint.len()));
            }
        }
    }
    assert!(longest < 1_500, "{longest} bytes");
}

#[test]
fn commands_in_hints_have_placeholders_in_place_of_ids() {
    let mut mentioned = 0;
    for operator in [false, true] {
        for (message, hint) in all_words("OWNER", operator) {
            assert!(!message.contains("--actor OWNER"), "{message}");
            let Some(hint) = hint else { continue };
            for flag in ["--actor ", "--reason ", "--expect-session ", "--lease "] {
                for (at, _) in hint.match_indices(flag) {
                    assert!(hint[at + flag.len()..].starts_with('<'), "{hint}");
                    mentioned += 1;
                }
            }
        }
    }
    assert!(mentioned > 0);
}

#[test]
fn only_the_owner_of_all_that_callers_sent_is_repeated() {
    let mut session = program("OWNER").supervised_by("CALLER-TEXT").instance("CALLER-TEXT");
    session.id = Some(SessionId::imported("CALLER-TEXT"));
    session.activity.as_mut().unwrap().text = "CALLER-TEXT".into();
    let mut transfer = transfer_due_at(NOW + 1);
    transfer.reason = "CALLER-TEXT".into();
    for scene in [Scene::with(session.clone()).pending(transfer), Scene::with(session.stale())] {
        let scene = scene.operator();
        for reason in ALL {
            let said = format!("{:?}", words(reason, &scene));
            assert!(!said.contains("CALLER-TEXT"), "{said}");
        }
    }
}

#[test]
fn only_an_operator_reads_how_to_force() {
    for (message, hint) in all_words("OWNER", false) {
        let said = format!("{message} {hint:?}");
        assert!(!said.contains("force") && !said.contains("operator"), "{said}");
    }
    for reason in [
        Reason::LeaseHeld,
        Reason::AutonomousSessionActive,
        Reason::InteractiveSessionActive,
        Reason::LeaseNotStale,
    ] {
        let (_, hint) = words(reason, &Scene::with(program("a")).operator());
        let flags = "--force --actor <actor-id> --expect-session <session-id> --reason <reason>";
        assert!(hint.unwrap().contains(flags));
    }
}

#[test]
fn refused_clear_of_a_stale_lease_names_the_owner_and_takeover_with_both_flags() {
    let hint = clear_hint(program("OWNER").stale());
    assert!(hint.contains("\"OWNER\" is stale"), "{hint}");
    assert!(hint.contains("take it over with --actor <actor-id> --reason <reason>"), "{hint}");
}

#[test]
fn refused_clear_mentions_takeover_in_no_other_case() {
    for session in [
        program("a"),
        program("a").without_id(),
        program("a").with_ttl(None),
        program("a").stale().with_ttl(None),
        program("a").without_owner(),
    ] {
        for scene in [Scene::with(session.clone()), Scene::with(session).operator()] {
            let (message, hint) = words(Reason::NotAuthorizedToClear, &scene);
            let said = format!("{message} {}", hint.unwrap()).to_lowercase();
            assert!(!said.contains("take") && !said.contains("force"), "{said}");
        }
    }
}

#[test]
fn takeover_is_advised_only_where_it_can_succeed() {
    let advice = |session| words(Reason::StaleLeaseHeld, &Scene::with(session)).1.unwrap();
    assert!(advice(program("a").stale()).ends_with("--actor <actor-id> --reason <reason>"));
    assert!(advice(program("a").with_ttl(None)).ends_with("--lease <duration>"));
    assert_eq!(advice(program("a").without_id()), "ask its owner or its supervisor");
    let person = |session| words(Reason::StaleAutonomousSession, &Scene::with(session)).1.unwrap();
    assert!(person(program("a").with_ttl(None)).ends_with("--interactive --reason <reason>"));
    assert_eq!(person(program("a").without_id()), "ask its owner or its supervisor");
}

#[test]
fn profile_is_named_unless_it_is_the_default() {
    let mut scene = Scene::free();
    assert_eq!(words(Reason::NoSession, &scene).0, "workspace acme/api has no session");
    scene.workspace.key.profile = ProfileName::parse("docs").unwrap();
    let said = words(Reason::NoSession, &scene).0;
    assert_eq!(said, "workspace acme/api (profile docs) has no session");
}

#[test]
fn message_says_how_long_the_lease_still_runs() {
    let (message, _) =
        words(Reason::LeaseHeld, &Scene::with(program("a").expiring_at(NOW + 1_050)));
    assert!(message.ends_with("whose lease runs for 1.050 s more"), "{message}");
    let owner = ActorId::imported("a");
    assert!(message.contains(&Shown(owner.as_str()).to_string()));
}

#[test]
fn exceeded_quota_says_which_bound_and_what_to_do() {
    let said = |quota| {
        let (message, hint) = words(Reason::QuotaExceeded(quota), &Scene::with(program("a")));
        format!("{message}; {}", hint.unwrap())
    };
    assert_eq!(
        said(Quota::Escalations),
        "workspace acme/api has 100 open escalations, and no more are kept; resolve some first"
    );
    assert!(said(Quota::ClientSections).contains("at most 16 client sections"));
    assert!(said(Quota::UsageCounters).contains("at most 16 usage counters"));
    assert_eq!(
        said(Quota::ImportedEscalations { open: 60, new: 41 }),
        "workspace acme/api has 60 open escalations, and the file would add 41: at most 100 are \
         kept; resolve some, or split the file, and import it again"
    );
    assert!(said(Quota::Imports).contains("has imported 256 files"));
}
