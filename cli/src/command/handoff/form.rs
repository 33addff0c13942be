//! The form of a handoff in a file: a task list in Markdown, or JSON.
//!
//! Guarantees: what [`shown`] writes of a handoff, [`parse`] reads as the same one, unless
//! something in it had to be escaped.

use prost_reflect::{DescriptorPool, DynamicMessage};
use tenure::v1::{Handoff, HandoffAction, HandoffActionState};

use crate::escape::escape;
use crate::failure::Failure;
use crate::output::time::Now;

/// The name of the message in the contract.
const MESSAGE: &str = "tenure.v1.Handoff";

/// The handoff in `content`, which was read from `name`.
///
/// # Errors
/// A usage failure that says what is wrong with it.
pub fn parse(name: &str, content: &[u8]) -> Result<Handoff, Failure> {
    let text = std::str::from_utf8(content)
        .map_err(|_| Failure::usage(format!("{name} is no text in UTF-8")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        return from_json(text)
            .map_err(|error| Failure::usage(format!("{name} is no handoff in JSON: {error}")));
    }
    from_list(text).ok_or_else(|| {
        Failure::usage(format!("{name} is empty")).with_hint("its first line is the title")
    })
}

fn from_list(text: &str) -> Option<Handoff> {
    let is_comment = |line: &str| line.starts_with("<!--") && line.ends_with("-->");
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    let first = lines.next()?;
    let title = first.strip_prefix("# ").map_or(first, str::trim_start).to_owned();
    let actions = lines.map(action).collect();
    Some(Handoff { title, actions, ..Handoff::default() })
}

fn action(line: &str) -> HandoffAction {
    let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
    let boxes = [
        ("[ ] ", HandoffActionState::Open),
        ("[x] ", HandoffActionState::Done),
        ("[X] ", HandoffActionState::Done),
        ("[-] ", HandoffActionState::Dropped),
    ];
    let marked = boxes.iter().find_map(|(mark, state)| Some((item.strip_prefix(mark)?, *state)));
    let (text, state) = marked.unwrap_or((item, HandoffActionState::Open));
    HandoffAction { text: text.trim().to_owned(), state: state.into() }
}

fn from_json(text: &str) -> Result<Handoff, Box<dyn std::error::Error>> {
    let pool = DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET)?;
    let descriptor = pool.get_message_by_name(MESSAGE).ok_or("the contract has none")?;
    let mut json = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor, &mut json)?;
    json.end()?;
    Ok(message.transcode_to()?)
}

/// A handoff as a task list, escaped; with who put it and when, as a comment.
#[must_use]
pub fn shown(handoff: &Handoff, wide: bool) -> String {
    let mut text = format!("# {}\n", escape(&handoff.title));
    for action in &handoff.actions {
        let mark = match action.state() {
            HandoffActionState::Done => 'x',
            HandoffActionState::Dropped => '-',
            HandoffActionState::Unspecified | HandoffActionState::Open => ' ',
        };
        text.push_str(&format!("- [{mark}] {}\n", escape(&action.text)));
    }
    let mut put = format!("put {}", Now::read().shown(handoff.put_at, wide));
    let by = [handoff.actor_id.as_str(), handoff.principal.as_str()];
    if let Some(by) = by.into_iter().find(|by| !by.is_empty()) {
        put.push_str(&format!(" by {by}"));
    }
    if wide && !handoff.session_id.is_empty() {
        put.push_str(&format!(" in {}", handoff.session_id));
    }
    // Whatever they are called, the comment ends where it ends.
    text.push_str(&format!("<!-- {} -->\n", escape(&put).replace("--", "‐‐")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(handoff: &Handoff) -> (&str, Vec<(&str, HandoffActionState)>) {
        let actions = handoff.actions.iter().map(|it| (it.text.as_str(), it.state()));
        (&handoff.title, actions.collect())
    }

    #[test]
    fn a_task_list_is_read_with_its_marks() {
        let text =
            "\n# The parser\n\n- [ ] fix the lexer\n* [X] tests\n- [-] old grammar\n- plain\n";
        let handoff = parse("f", text.as_bytes()).unwrap();
        use HandoffActionState::{Done, Dropped, Open};
        let actions = vec![
            ("fix the lexer", Open),
            ("tests", Done),
            ("old grammar", Dropped),
            ("plain", Open),
        ];
        assert_eq!(told(&handoff), ("The parser", actions));
    }

    #[test]
    fn lines_without_marks_are_a_title_and_open_actions() {
        let handoff = parse("-", b"The parser\r\nfix the lexer\r\n<!-- put now -->\r\n").unwrap();
        let actions = vec![("fix the lexer", HandoffActionState::Open)];
        assert_eq!(told(&handoff), ("The parser", actions));
    }

    #[test]
    fn what_is_shown_can_be_put_again() {
        let done = HandoffActionState::Done.into();
        let handoff = Handoff {
            title: "[x] # a title - of marks".to_owned(),
            actions: vec![
                HandoffAction { text: "- [ ] nested".to_owned(), state: done },
                HandoffAction { text: "<!-- no comment -->".to_owned(), state: done },
            ],
            actor_id: "a --> b".to_owned(),
            ..Handoff::default()
        };
        let again = parse("f", shown(&handoff, true).as_bytes()).unwrap();
        let bare = Handoff { actor_id: String::new(), ..handoff };
        assert_eq!(again, bare);
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let text = "a\n- [x] forged\u{1b}[2J".to_owned();
        let handoff = Handoff { title: text.clone(), actor_id: text, ..Handoff::default() };
        let shown = shown(&handoff, false);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn canonical_json_is_read_too_and_nothing_is_guessed() {
        let json = br#"{"title": "t", "actions": [
            {"text": "a", "state": "HANDOFF_ACTION_STATE_DONE"}], "putAt": "2026-01-01T00:00:00Z"}"#;
        let handoff = parse("f", json).unwrap();
        assert_eq!(told(&handoff), ("t", vec![("a", HandoffActionState::Done)]));
        for bad in [&b"{"[..], b"{\"name\": 1}", b"{\"title\": \"t\"} x", b"", b" \n", b"\xff"] {
            assert_eq!(parse("f", bad).unwrap_err().exit().code(), 2, "{bad:?}");
        }
    }
}
