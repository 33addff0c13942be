//! The last that a process said, kept while it runs and after it has ended.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// So many lines are kept.
const LINES_MAX: usize = 200;

/// Of a longer line only the beginning is kept.
const LINE_CHARS_MAX: usize = 2_000;

/// The last lines of a process.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    /// Reads to the end, on a thread of its own.
    pub(super) fn follow(stderr: Option<ChildStderr>) -> Self {
        let last = Self::default();
        if let Some(stderr) = stderr {
            let sink = last.clone();
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    sink.push(&line);
                }
            });
        }
        last
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(LINE_CHARS_MAX).collect());
    }

    /// Oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let last = LastLines::default();
        for n in 0..LINES_MAX + 2 {
            last.push(&n.to_string());
        }
        let lines = last.lines();
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines.first().map(String::as_str), Some("2"));
    }
}
