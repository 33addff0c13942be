//! One thing with its facts, as lines of a label and a value.

use crate::escape::escape;

/// A title, and lines below it.
#[derive(Debug)]
pub struct Details {
    title: String,
    lines: Vec<(&'static str, String)>,
}

impl Details {
    /// Facts under a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    /// Adds a fact.
    pub fn fact(&mut self, label: &'static str, value: impl Into<String>) -> &mut Self {
        self.lines.push((label, value.into()));
        self
    }

    /// Adds a fact, unless it does not exist.
    pub fn known(&mut self, label: &'static str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() && value != super::words::NONE {
            self.lines.push((label, value));
        }
        self
    }

    /// Whether there is no fact yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The title and the aligned lines, escaped.
    #[must_use]
    pub fn render(&self) -> String {
        let width = self.lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let mut text = escape(&self.title);
        text.push('\n');
        for (label, value) in &self.lines {
            text.push_str(&format!("  {label:width$}  {}\n", escape(value)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Details;

    #[test]
    fn facts_are_aligned_and_escaped_and_unknown_ones_left_out() {
        let mut details = Details::new("acme/api\u{1b}");
        details
            .fact("owner", "w\u{202e}1")
            .known("machine", "-")
            .known("host", "")
            .fact("token", "7");
        let expected = "acme/api\\u{1b}\n  owner  w\\u{202e}1\n  token  7\n";
        assert_eq!(details.render(), expected);
    }
}
