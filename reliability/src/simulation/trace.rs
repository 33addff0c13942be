//! What happened, in order: the last of it for people, all of it as one number, by which two runs
//! are compared.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tokio::time::Instant;

/// So many of the last lines are kept for a violation.
const LAST_LINES_MAX: usize = 60;

/// What happened.
#[derive(Debug)]
pub struct Trace {
    began: Instant,
    last_lines: VecDeque<String>,
    // Its keys are fixed, so equal runs have equal digests.
    hasher: DefaultHasher,
    verbose: bool,
    violation: Option<String>,
}

impl Trace {
    /// Nothing happened yet.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self {
            began: Instant::now(),
            last_lines: VecDeque::new(),
            hasher: DefaultHasher::new(),
            verbose,
            violation: None,
        }
    }

    /// Something happened.
    pub fn note(&mut self, what: &str) {
        let at_ms = self.began.elapsed().as_millis();
        (at_ms, what).hash(&mut self.hasher);
        let line = format!("{:>8.3} s  {what}", self.began.elapsed().as_secs_f64());
        if self.verbose {
            tracing::info!(target: "simulation", "{line}");
        }
        if self.last_lines.len() == LAST_LINES_MAX {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(line);
    }

    /// Something happened that must not. Only the first counts: what comes after may follow
    /// from it.
    pub fn violation(&mut self, what: &str) {
        self.note(&format!("VIOLATION: {what}"));
        if self.violation.is_none() {
            let before: Vec<_> = self.last_lines.iter().map(String::as_str).collect();
            self.violation = Some(format!("{what}\n{}", before.join("\n")));
        }
    }

    /// The first violation, with what happened before it.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        self.violation.clone()
    }

    /// All that happened, as one number.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.hasher.finish()
    }
}
