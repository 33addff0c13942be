//! What the commands that take a workspace have in common: who will hold it, and how the
//! answer is shown.

use clap::ValueEnum;
use tenure::v1::{Checkpoint, Directives, Handoff, LeaseTiming, Mode, OwnerKind};

use crate::output::details::Details;
use crate::output::surroundings;
use crate::output::time::{Now, span};

/// Kind of owner of an autonomous session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum OwnerKindFlag {
    /// A program that does the work
    RuntimeWorker,
    /// A program that directs workers
    RuntimeSupervisor,
}

impl From<OwnerKindFlag> for OwnerKind {
    fn from(kind: OwnerKindFlag) -> Self {
        match kind {
            OwnerKindFlag::RuntimeWorker => Self::RuntimeWorker,
            OwnerKindFlag::RuntimeSupervisor => Self::RuntimeSupervisor,
        }
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ModeFlag {
    /// No particular purpose
    General,
    /// Finding out
    Research,
    /// Making changes
    Implement,
}

impl From<ModeFlag> for Mode {
    fn from(mode: ModeFlag) -> Self {
        match mode {
            ModeFlag::General => Self::General,
            ModeFlag::Research => Self::Research,
            ModeFlag::Implement => Self::Implement,
        }
    }
}

/// Adds when the next heartbeat is wanted; nothing for a person.
pub fn add_timing(details: &mut Details, timing: Option<&LeaseTiming>) {
    if let Some(timing) = timing {
        let renew = span(timing.renew_after);
        let stop = span(timing.stop_work_after);
        details
            .fact("next beat", format!("in {renew}; stop working after {stop} without an answer"));
    }
}

/// Adds what the service asks of the holder.
pub fn add_directives(
    details: &mut Details,
    directives: Option<&Directives>,
    now: Now,
    wide: bool,
) {
    let Some(directives) = directives else { return };
    if directives.blocked {
        let reason = &directives.blocking_reason;
        let id = &directives.blocking_escalation_id;
        let more = match directives.blocking_escalations {
            0 | 1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        details.fact("blocked", format!("wait, and keep beating: {reason} ({id}){more}"));
    }
    if let Some(asked) = &directives.yield_requested {
        let left = span(asked.grace_left);
        let by = now.shown(asked.deadline, wide);
        details.fact("yield", format!("within {left}, {by} at the latest: {}", asked.reason));
    }
}

/// Adds what earlier tenures left behind.
pub fn add_legacy_of_work(
    details: &mut Details,
    checkpoint: Option<&Checkpoint>,
    handoff: Option<&Handoff>,
    now: Now,
) {
    if let Some(checkpoint) = checkpoint {
        details.fact("checkpoint", surroundings::checkpoint(checkpoint, now));
    }
    if let Some(handoff) = handoff {
        details.fact("handoff", surroundings::handoff(handoff, now));
    }
}
