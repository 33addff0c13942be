//! The last that a process said, kept while it runs and after it has ended.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// So many lines are kept.
const LINES_MAX: usize = 200;

/// Of a longer line only the beginning is kept.
const LINE_CHARS_MAX: usize = 2_000;

/// How long is waited for the rest of what an ended process said.
const READ_MAX: Duration = Duration::from_secs(2);

/// How often it is looked whether all has been read.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The last lines of a process.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLines(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    lines: VecDeque<String>,
    /// Set once the process has closed its end.
    ended: bool,
}

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
                sink.said().ended = true;
            });
        }
        last
    }

    fn push(&self, line: &str) {
        let mut said = self.said();
        if said.lines.len() == LINES_MAX {
            said.lines.pop_front();
        }
        said.lines.push_back(line.chars().take(LINE_CHARS_MAX).collect());
    }

    /// Waits until all has been read that an ended process said. A child of it may have its
    /// stderr open still, so this does not wait for ever.
    pub(super) fn read_to_end(&self) {
        let deadline = Instant::now() + READ_MAX;
        while !self.said().ended && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.said().lines.iter().cloned().collect()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
