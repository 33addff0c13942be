//! Work streams: named strands of work whose scores decay, so that a session that lives without
//! progressing can be told from one that works.
//!
//! A touch adds 1; a score halves in every half-life of lease-clock time. Computed in integers,
//! so that every machine comes to the same instant.

use serde::{Deserialize, Serialize};

use crate::name::WorkStreamName;
use crate::time::{LeaseInstant, Moment, Span};

mod score;

pub use score::Score;

/// The most work streams of a session; one more evicts the one with the lowest score.
pub const WORK_STREAMS_MAX: usize = 100;
/// The half-life of a score, where nothing else is configured.
pub const HALF_LIFE_DEFAULT: Span = Span::from_secs(900);
/// A session whose best score is under this is stalled.
pub const STALLED_UNDER: Score = Score::ONE_QUARTER;

/// A strand of work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkStream {
    /// Its name.
    pub name: WorkStreamName,
    /// Its score when it was last touched, that touch included.
    pub score: Score,
    /// When it was last touched.
    pub touched_at: Moment,
}

/// The work streams of a session, with the half-life that they were last touched under.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkStreams {
    /// In how much lease-clock time a score halves.
    pub half_life: Span,
    /// The strands, in no particular order.
    pub streams: Vec<WorkStream>,
}

/// What touching a work stream does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The work stream after the touch.
    pub stream: WorkStream,
    /// The one that made room for it, if one had to.
    pub evicted: Option<WorkStreamName>,
    /// The half-life from now on.
    pub half_life: Span,
    /// The first instant at which the session will be stalled, unless it is touched before.
    pub stalls_at: LeaseInstant,
}

/// The best of a session's work streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Best {
    /// Its score.
    pub score: Score,
    /// Its name; absent if the session has none.
    pub stream: Option<WorkStreamName>,
}

impl WorkStreams {
    /// None.
    pub const NONE: Self = Self { half_life: Span::ZERO, streams: Vec::new() };

    /// The score of `stream` at `now`.
    #[must_use]
    pub fn score_at(&self, stream: &WorkStream, now: LeaseInstant) -> Score {
        stream.score.after(now.since(stream.touched_at.lease), self.half_life)
    }

    /// The work streams with their scores at `now`, the highest first.
    #[must_use]
    pub fn ranked(&self, now: LeaseInstant) -> Vec<(Score, &WorkStream)> {
        let mut ranked: Vec<_> =
            self.streams.iter().map(|stream| (self.score_at(stream, now), stream)).collect();
        ranked.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.name.cmp(&b.name)));
        ranked
    }

    /// The best one at `now`.
    #[must_use]
    pub fn best(&self, now: LeaseInstant) -> Best {
        self.ranked(now).first().map_or(Best { score: Score::ZERO, stream: None }, |(score, s)| {
            Best { score: *score, stream: Some(s.name.clone()) }
        })
    }

    /// What touching `name` at `now` does.
    #[must_use]
    pub fn touch(&self, name: &WorkStreamName, now: Moment, half_life: Span) -> Touch {
        let known = self.streams.iter().find(|stream| stream.name == *name);
        let score = known.map_or(Score::ZERO, |stream| self.score_at(stream, now.lease));
        let evicted = match known {
            None if self.streams.len() >= WORK_STREAMS_MAX => {
                self.ranked(now.lease).last().map(|(_, stream)| stream.name.clone())
            }
            _ => None,
        };
        let stream = WorkStream { name: name.clone(), score: score.touched(), touched_at: now };
        let mut touch = Touch { stream, evicted, half_life, stalls_at: LeaseInstant(0) };
        let mut after = self.clone();
        after.apply(&touch);
        touch.stalls_at = after.stalls_at();
        touch
    }

    /// Applies a touch.
    pub(crate) fn apply(&mut self, touch: &Touch) {
        self.half_life = touch.half_life;
        self.streams.retain(|stream| {
            stream.name != touch.stream.name && Some(&stream.name) != touch.evicted.as_ref()
        });
        self.streams.push(touch.stream.clone());
    }

    /// The first instant at which every score is under [`STALLED_UNDER`].
    #[must_use]
    pub fn stalls_at(&self) -> LeaseInstant {
        let mut latest = LeaseInstant(0);
        for stream in &self.streams {
            // One that is under already then does not have to be searched.
            if latest < stream.touched_at.lease || self.score_at(stream, latest) >= STALLED_UNDER {
                let fall = stream.score.falls_under(STALLED_UNDER, self.half_life);
                latest = latest.max(stream.touched_at.lease.after(fall));
            }
        }
        latest
    }
}

#[cfg(test)]
mod tests;
