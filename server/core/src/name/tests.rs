//! What names and ids may be.

use super::*;

fn key(workspace: &str) -> Key {
    Key { workspace: WorkspaceName::parse(workspace).unwrap(), profile: ProfileName::default() }
}

#[test]
fn workspace_name_is_1_to_200_bytes_of_the_allowed_characters() {
    for good in ["a", "acme/api", "A.b_c@d:e+f-g/0", "...", &"x".repeat(200)] {
        assert_eq!(WorkspaceName::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", &"x".repeat(201), "a b", "ä", "a\\b", "a\n", "a\u{1b}"] {
        assert!(WorkspaceName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn workspace_name_has_no_empty_or_dotted_segments() {
    for bad in ["/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../a", "a/.."] {
        assert!(WorkspaceName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn profile_name_is_1_to_64_bytes_and_main_when_not_given() {
    assert_eq!(ProfileName::parse("").unwrap().as_str(), "main");
    assert_eq!(ProfileName::parse("a.b_c-9").unwrap().as_str(), "a.b_c-9");
    assert!(ProfileName::parse(&"x".repeat(64)).is_ok());
    for bad in [&*"x".repeat(65), "a/b", "a b", "ä"] {
        assert!(ProfileName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn actor_id_is_1_to_256_characters_not_bytes() {
    assert!(ActorId::parse(&"ä".repeat(256)).is_ok());
    assert!(ActorId::parse(&"ä".repeat(257)).is_err());
    assert!(ActorId::parse("").is_err());
    assert!(ActorId::parse("robot 7 (eu-west) 🤖").is_ok());
}

#[test]
fn actor_instance_and_machine_ids_have_no_control_or_bidirectional_characters() {
    for bad in ["\n", "a\u{0}", "\u{1b}[31m", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2066}", "\u{61c}"]
    {
        assert!(ActorId::parse(bad).is_err(), "{bad:?}");
        assert!(InstanceId::parse(bad).is_err(), "{bad:?}");
        assert!(MachineId::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn session_id_may_have_any_form_up_to_256_bytes() {
    for good in ["ses_01J", "\u{1b}[31mred", "ä", &"x".repeat(256)] {
        assert_eq!(SessionId::parse(good).unwrap().as_str(), good);
    }
    assert!(SessionId::parse("").is_err());
    assert!(SessionId::parse(&"x".repeat(257)).is_err());
}

#[test]
fn debug_of_an_id_is_escaped() {
    assert_eq!(format!("{:?}", ActorId::imported("a\u{1b}\"\n")), r#""a\u{1b}\"\n""#);
}

#[test]
fn prefix_covers_whole_segments_only() {
    let api = key("acme/api");
    for covers in ["", "acme", "acme/", "acme/api", "acme/api/"] {
        assert!(api.is_under(covers), "{covers:?}");
    }
    for other in ["acme/ap", "acm", "api", "acme/api/x", "/acme", "acme//"] {
        assert!(!api.is_under(other), "{other:?}");
    }
    assert!(!key("acme/api-x").is_under("acme/api"));
    assert!(key("acme/api/x").is_under("acme/api"));
}
