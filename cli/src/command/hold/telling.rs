//! What a person is told on standard error while the command runs.

use std::time::Duration;

use tenure::LeaseHolder;
use tenure::v1::Directives;
use tokio::time::Instant;

use super::timing::{KillAfter, Plan};
use crate::output::note;
use crate::output::time::humane;

/// How much longer than `renew_after` a lease may go without an answer until that is told, at
/// most. The holder has tried again by then.
const LATE_MAX: Duration = Duration::from_secs(10);

/// Tells a person what the service asks for now, and plans for a pending transfer.
pub fn told(
    before: &Directives,
    now: &Directives,
    kill_after: KillAfter,
    lease: &LeaseHolder,
) -> Option<Plan> {
    if now.blocked && !before.blocked {
        note(&format!("tenure: blocked, waiting for an answer: {}", now.blocking_reason));
    } else if before.blocked && !now.blocked {
        note("tenure: no longer blocked");
    }
    let Some(asked) = now.yield_requested.clone() else {
        if before.yield_requested.is_some() {
            note("tenure: the takeover was cancelled");
        }
        return None;
    };
    let plan = Plan::of(asked, kill_after.of(lease.timing().expires_in), Instant::now());
    // The answer to the next beat says the same again, with what is left by then.
    let known = before.yield_requested.as_ref();
    if known.is_some_and(|it| it.successor_session_id == plan.asked.successor_session_id) {
        return Some(plan);
    }
    let left = humane(plan.end_at.saturating_duration_since(Instant::now()));
    let (to, why) = (&plan.asked.successor_actor_id, &plan.asked.reason);
    note(&format!("tenure: the workspace passes to {to}, the command is ended in {left}: {why}"));
    Some(plan)
}

/// Whether answers have stopped coming: told once when they do, and once when they come again.
#[derive(Debug, Default)]
pub struct Silence {
    told: bool,
}

impl Silence {
    /// Tells what there is to tell now. A pending transfer ends the command at `must_end`.
    pub fn look(&mut self, lease: &LeaseHolder, must_end: Option<Instant>) {
        // In this order, an answer that comes in between makes it no more silent than it was.
        let (timing, unanswered_for) = (lease.timing(), lease.unanswered_for());
        let work_time_left = lease.work_time_left();
        let ends_in = must_end.map_or(work_time_left, |at| {
            work_time_left.min(at.saturating_duration_since(Instant::now()))
        });
        if let Some(text) = self.news(timing.renew_after, unanswered_for, ends_in) {
            note(&text);
        }
    }

    fn news(
        &mut self,
        renew_after: Duration,
        unanswered_for: Duration,
        ends_in: Duration,
    ) -> Option<String> {
        let silent = unanswered_for >= renew_after + (renew_after / 2).min(LATE_MAX);
        if silent == self.told || (silent && ends_in.is_zero()) {
            return None;
        }
        self.told = silent;
        Some(if silent {
            let (since, left) = (humane(unanswered_for), humane(ends_in));
            format!(
                "tenure: no answer for {since}; the command is ended in {left} unless one comes"
            )
        } else {
            "tenure: answers come again".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_once_and_its_end_once() {
        let seconds = Duration::from_secs;
        let mut silence = Silence::default();
        let mut news = |unanswered, left| {
            silence.news(seconds(10), seconds(unanswered), seconds(left)).unwrap_or_default()
        };
        assert_eq!(news(0, 20), "");
        assert_eq!(news(14, 6), "", "the holder is trying again");
        let outage = "tenure: no answer for 15s; the command is ended in 5s unless one comes";
        assert_eq!(news(15, 5), outage);
        assert_eq!(news(17, 3), "");
        assert_eq!(news(1, 19), "tenure: answers come again");
        assert_eq!(news(2, 18), "");
        assert_eq!(news(15, 5), outage, "the next outage");
    }

    #[test]
    fn a_long_lease_is_not_silent_for_long_before_it_is_told() {
        let hour = Duration::from_secs(3_600);
        let late = |by: u64| {
            Silence::default().news(8 * hour, 8 * hour + Duration::from_secs(by), 8 * hour)
        };
        assert_eq!(late(9), None);
        assert!(late(10).is_some());
    }

    #[test]
    fn what_has_ended_already_is_not_threatened() {
        let second = Duration::from_secs(1);
        assert_eq!(Silence::default().news(second, 3 * second, Duration::ZERO), None);
    }
}
