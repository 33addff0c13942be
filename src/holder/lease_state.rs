//! One lease as its holder sees it: until when it may believe, and when to ask again.
//!
//! Pure: time is an argument, nothing is sent from here. A question (a join or a beat) is
//! known by the id of its message, which rises over all streams. An answer counts from
//! when *its own* question was sent, never from when the answer came, and only if that
//! question is newer than the one answered last.
//!
//! Invariants: every input first looks at the deadline, so an answer that is read too late
//! does not help; the end of a lease is final, whatever comes after; while the lease is
//! held, a beat is either due at some instant or waited for.

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::Moment;
use super::timing::Timing;

/// The most unanswered beats that are remembered. Beyond it an answer counts from an older
/// beat than its own, which errs on the safe side.
const BEATS_SENT_MAX: usize = 8;

/// How long an answer is waited for: a third of `renew_after`, within these bounds. That
/// leaves three tries, on three endpoints if need be, before the work must stop.
const PATIENCE_MIN: Duration = Duration::from_millis(50);
const PATIENCE_MAX: Duration = Duration::from_secs(5);

/// The shortest time between a beat and one that only carries news.
const NEWS_SPACING: Duration = Duration::from_millis(200);

/// What [`LeaseState::tick`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing but perhaps a beat; see [`LeaseState::work_at`].
    Nothing,
    /// The newest question, sent then, was not answered in time; it is due again.
    Unanswered { sent_at: Moment },
    /// No answer came until the work must stop. Said once, and final.
    StopWork,
}

#[derive(Debug)]
pub(crate) struct LeaseState {
    /// When the question was sent whose answer counts.
    basis: Moment,
    timing: Timing,
    /// The newest question that was answered. A beat of the same message as a join is the
    /// newer question.
    answered: (u64, Question),
    join_sent: Option<(u64, Moment)>,
    beats_sent: VecDeque<(u64, Moment)>,
    last_sent: Option<(u64, Moment)>,
    beat_at: Option<Moment>,
    overdue_at: Option<Moment>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Held,
    /// The deadline was seen to have passed; the next tick says so.
    PastDeadline,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Join,
    Beat,
}

impl LeaseState {
    /// A lease that was answered with this timing to a request sent at `basis`.
    pub(crate) fn new(basis: Moment, timing: Timing) -> Self {
        Self {
            basis,
            timing,
            answered: (0, Question::Join),
            join_sent: None,
            beats_sent: VecDeque::new(),
            last_sent: None,
            beat_at: Some(basis.after(timing.renew_after)),
            overdue_at: None,
            phase: Phase::Held,
        }
    }

    /// When the work must stop, unless a newer answer comes.
    pub(crate) fn stop_at(&self) -> Moment {
        self.basis.after(self.timing.stop_work_after)
    }

    /// The timing that was answered last.
    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// When the next beat is due; absent while the last one is waited for.
    pub(crate) fn beat_at(&self) -> Option<Moment> {
        self.beat_at
    }

    /// When there is something to do besides stopping.
    pub(crate) fn work_at(&self) -> Option<Moment> {
        match (self.beat_at, self.overdue_at) {
            (Some(beat), Some(overdue)) => Some(beat.min(overdue)),
            (beat, overdue) => beat.or(overdue),
        }
    }

    /// How much earlier than due a beat may go out, to share a message with others.
    pub(crate) fn earliness(&self) -> Duration {
        self.timing.renew_after / 8
    }

    /// How long an answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        (self.timing.renew_after / 3).clamp(PATIENCE_MIN, PATIENCE_MAX)
    }

    /// Looks at the clock.
    pub(crate) fn tick(&mut self, now: Moment) -> Due {
        if self.phase == Phase::Over {
            return Due::Nothing;
        }
        if !self.holds(now) {
            self.phase = Phase::Over;
            return Due::StopWork;
        }
        if self.overdue_at.is_some_and(|at| at <= now) {
            self.overdue_at = None;
            self.beat_at = Some(now);
            let sent_at = self.last_sent.map_or(now, |(_, at)| at);
            return Due::Unanswered { sent_at };
        }
        Due::Nothing
    }

    /// A join went out in this message.
    pub(crate) fn sent_join(&mut self, message_id: u64, at: Moment) {
        self.join_sent = Some((message_id, at));
        self.asked(message_id, at);
    }

    /// A beat went out in this message.
    pub(crate) fn sent_beat(&mut self, message_id: u64, at: Moment) {
        if self.beats_sent.len() == BEATS_SENT_MAX {
            self.beats_sent.pop_back();
        }
        self.beats_sent.push_back((message_id, at));
        self.beat_at = None;
        self.asked(message_id, at);
    }

    /// A join was answered, covering messages up to `message_id`. It renewed nothing, so it
    /// never puts a beat off.
    pub(crate) fn joined(&mut self, now: Moment, message_id: u64, timing: Option<Timing>) {
        if !self.holds(now) {
            return;
        }
        let Some((own_id, sent_at)) = self.join_sent.filter(|(own_id, _)| *own_id <= message_id)
        else {
            return;
        };
        self.join_sent = None;
        self.adopt((own_id, Question::Join), sent_at, timing);
        self.settle_overdue();
        let renew_at = self.basis.after(self.timing.renew_after);
        self.beat_at = self.beat_at.map(|at| at.min(renew_at));
    }

    /// Beats were answered, covering messages up to `message_id`. Without timing they are
    /// as good as unanswered, and the next beat is due after some patience.
    pub(crate) fn renewed(&mut self, now: Moment, message_id: u64, timing: Option<Timing>) {
        if !self.holds(now) {
            return;
        }
        let mut newest = None;
        while let Some(beat) = self.beats_sent.front().copied().filter(|(id, _)| *id <= message_id)
        {
            self.beats_sent.pop_front();
            newest = Some(beat);
        }
        let Some((own_id, sent_at)) = newest else {
            return;
        };
        self.adopt((own_id, Question::Beat), sent_at, timing);
        self.settle_overdue();
        if self.beats_sent.is_empty() {
            let next = match timing {
                Some(_) => self.basis.after(self.timing.renew_after),
                None => now.after(self.patience()),
            };
            self.beat_at = Some(self.beat_at.map_or(next, |at| at.min(next)));
        }
    }

    /// A question was refused, but trying again may help.
    pub(crate) fn put_off(&mut self, now: Moment, wait: Duration) {
        self.forget_questions();
        self.beat_at = Some(now.after(wait));
    }

    /// The stream is gone, and with it all answers to what was asked on it.
    pub(crate) fn disconnected(&mut self, now: Moment) {
        if !self.beats_sent.is_empty() {
            self.beat_at = Some(now);
        }
        self.forget_questions();
    }

    /// The owner has news to send: as soon as the spacing allows.
    pub(crate) fn has_news(&mut self, now: Moment) {
        let allowed = self.last_sent.map_or(now, |(_, at)| at.after(NEWS_SPACING).max(now));
        self.beat_at = Some(self.beat_at.map_or(allowed, |at| at.min(allowed)));
    }

    /// A transfer is pending: ask at once how long the lease has, and until then count on
    /// no more than the grace. Answers to older questions no longer count, since pushes
    /// overtake results.
    pub(crate) fn asked_to_yield(&mut self, now: Moment, grace_left: Option<Duration>) {
        if !self.holds(now) {
            return;
        }
        self.beat_at = Some(now);
        if let Some((message_id, _)) = self.last_sent {
            self.answered = (message_id, Question::Beat);
        }
        let shorter = grace_left.map(Timing::ending_in);
        if let Some(shorter) = shorter.filter(|it| now.after(it.stop_work_after) < self.stop_at()) {
            (self.basis, self.timing) = (now, shorter);
        }
    }

    /// The service said that the lease is over. Answers whether that was news.
    pub(crate) fn end(&mut self) -> bool {
        std::mem::replace(&mut self.phase, Phase::Over) != Phase::Over
    }

    fn asked(&mut self, message_id: u64, at: Moment) {
        self.last_sent = Some((message_id, at));
        self.overdue_at = Some(at.after(self.patience()));
    }

    fn adopt(&mut self, question: (u64, Question), sent_at: Moment, timing: Option<Timing>) {
        if let Some(timing) = timing
            && question > self.answered
        {
            (self.answered, self.basis, self.timing) = (question, sent_at, timing);
        }
    }

    fn holds(&mut self, now: Moment) -> bool {
        if self.phase == Phase::Held && now >= self.stop_at() {
            self.phase = Phase::PastDeadline;
        }
        self.phase == Phase::Held
    }

    fn settle_overdue(&mut self) {
        if self.join_sent.is_none() && self.beats_sent.is_empty() {
            self.overdue_at = None;
        }
    }

    fn forget_questions(&mut self) {
        self.join_sent = None;
        self.beats_sent.clear();
        self.overdue_at = None;
        self.beat_at.get_or_insert(self.basis.after(self.timing.renew_after));
    }
}

#[cfg(test)]
mod tests;
