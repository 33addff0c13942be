//! Makes text from callers safe to show.
//!
//! Ids, reasons and activities come from programs that may be broken or hostile. What passes
//! through here cannot move the cursor, colour the screen, reorder what stands around it, or
//! hide in it. Everything that the command line shows goes through one of these two functions.

use std::fmt::Write as _;

/// The text with everything that could disturb a terminal or a reader written as `\u{…}`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe_to_show(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A JSON document with the same characters written as `\uXXXX`, which changes nothing for a
/// parser: in JSON text they can stand only inside strings. A bare line feed stands only
/// between tokens, and stays.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe_to_show(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, bidirectional controls, line and paragraph separators, and characters
/// without width that could make two ids look the same.
fn is_unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_json};

    #[test]
    fn plain_text_is_shown_as_it_is() {
        for text in ["worker-1", "acme/api", "fixing the Größe of 模型 👩‍💻", r"DOMAIN\user"]
        {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn what_could_disturb_a_terminal_is_escaped() {
        assert_eq!(escape("a\u{1b}[31mred"), r"a\u{1b}[31mred");
        assert_eq!(escape("line\nfake: line\r\ttab"), r"line\nfake: line\r\ttab");
        assert_eq!(escape("c1\u{9b}2J del\u{7f}"), r"c1\u{9b}2J del\u{7f}");
        assert_eq!(escape("\u{202e}evil\u{2066}x"), r"\u{202e}evil\u{2066}x");
        assert_eq!(escape("pay\u{200b}load\u{feff}"), r"pay\u{200b}load\u{feff}");
        assert_eq!(escape("tag\u{e0041}"), r"tag\u{e0041}");
    }

    #[test]
    fn escaped_json_means_the_same() -> serde_json::Result<()> {
        let hostile = "a\u{1b}[0m\u{9b}31m\u{202e}b\u{e0041}\"\\é";
        let escaped = escape_json(&serde_json::to_string(hostile)?);
        assert!(escaped.chars().all(|c| !super::is_unsafe_to_show(c)), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped)?, hostile);
        Ok(())
    }
}
