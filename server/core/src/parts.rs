//! Which stored parts of a workspace a command needs, and which a change alters.

use crate::change::Change;
use crate::command::Command;
use crate::context::Clock;
use crate::surroundings::Surroundings;
use crate::workspace::Tenure;

/// What has to be loaded before a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// The tenure.
    Tenure,
    /// The tenure and its surroundings.
    Everything,
}

/// A set of the parts that surround a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Parts(u16);

impl Parts {
    /// No part.
    pub const NONE: Self = Self(0);
    /// The open escalations.
    pub const ESCALATIONS: Self = Self(1);
    /// The list of gates; its revision is the tenure's.
    pub const GATES: Self = Self(1 << 1);
    /// The handoff.
    pub const HANDOFF: Self = Self(1 << 2);
    /// The checkpoint.
    pub const CHECKPOINT: Self = Self(1 << 3);
    /// The work streams, which are stored as one half of the progress.
    pub const WORK_STREAMS: Self = Self(1 << 4);
    /// The usage, which is stored as the other half.
    pub const USAGE: Self = Self(1 << 5);
    /// Both halves.
    pub const PROGRESS: Self = Self::WORK_STREAMS.with(Self::USAGE);
    /// The client sections.
    pub const SECTIONS: Self = Self(1 << 6);
    /// The baseline.
    pub const BASELINE: Self = Self(1 << 7);
    /// What was imported.
    pub const IMPORTED: Self = Self(1 << 8);

    /// Every part.
    pub const ALL: Self = Self((1 << 9) - 1);

    /// These and those.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Whether there is any of `others` among these.
    #[must_use]
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Command {
    /// What has to be loaded before this is decided. Asked without it, a command is decided as
    /// if nothing surrounded the session.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match self {
            Self::Join(_) | Self::CancelTransfer(_) | Self::Register => Needs::Tenure,
            Self::Heartbeat(beat) => match &beat.report {
                Some(report) if !report.is_of_the_tenure() => Needs::Everything,
                _ => Needs::Tenure,
            },
            Self::Start(_)
            | Self::Await(_)
            | Self::TakeOver(_)
            | Self::ForceTakeOver(_)
            | Self::Yield(_)
            | Self::Clear(_)
            | Self::RaiseEscalation(_)
            | Self::ResolveEscalation(_)
            | Self::PutGates(_)
            | Self::UpdateGate(_)
            | Self::PutHandoff(_)
            | Self::Import(_)
            | Self::DeleteWorkspace => Needs::Everything,
        }
    }
}

/// What has to be loaded before a workspace is settled at `clock`; absent if nothing is due.
#[must_use]
pub fn settle_needs(tenure: &Tenure, clock: &Clock) -> Option<Needs> {
    let due = tenure.next_due(clock.boot_mark)? <= clock.now.lease;
    due.then(|| {
        let unclaimed = tenure.session.as_ref().is_some_and(|session| session.unclaimed);
        let records_expiry = tenure.is_stale(clock) && tenure.transfer.is_none() && !unclaimed;
        if records_expiry { Needs::Tenure } else { Needs::Everything }
    })
}

impl Change {
    /// Which parts beside the tenure this alters.
    #[must_use]
    pub const fn touches(&self) -> Parts {
        match self {
            Self::Renewed { .. }
            | Self::Claimed
            | Self::ActivitySet { .. }
            | Self::GatesApplied { .. }
            | Self::Minted { .. }
            | Self::Refreshed { .. }
            | Self::ExpiryRecorded { .. }
            | Self::Stalled { .. }
            | Self::Resumed { .. }
            | Self::Ended { .. }
            | Self::TransferScheduled { .. }
            | Self::TransferCancelled { .. }
            | Self::OriginSet { .. } => Parts::NONE,
            Self::WorkspaceDeleted { .. } => Parts::ALL,
            Self::WorkStreamTouched { .. } => Parts::WORK_STREAMS,
            Self::UsageReported { .. } => Parts::USAGE,
            Self::CheckpointSet { .. } => Parts::CHECKPOINT,
            Self::SectionSet { .. } | Self::SectionRemoved { .. } => Parts::SECTIONS,
            Self::EscalationRaised { .. }
            | Self::EscalationResolved { .. }
            | Self::EscalationsCleared { .. } => Parts::ESCALATIONS,
            Self::GatesPut { .. } | Self::GateUpdated { .. } | Self::GatesCleared { .. } => {
                Parts::GATES
            }
            Self::HandoffPut { .. } => Parts::HANDOFF,
            Self::Imported { .. } => Parts::ESCALATIONS.with(Parts::IMPORTED),
            Self::Dropped { parts } => *parts,
            Self::BaselineTaken { .. } => Parts::BASELINE,
        }
    }

    /// Whether this alters the tenure beyond what a plain beat does: session, transfer or
    /// signals.
    #[must_use]
    pub const fn touches_tenure(&self) -> bool {
        match self {
            Self::Renewed { .. }
            | Self::UsageReported { .. }
            | Self::CheckpointSet { .. }
            | Self::SectionSet { .. }
            | Self::SectionRemoved { .. }
            | Self::HandoffPut { .. }
            | Self::Dropped { .. }
            | Self::BaselineTaken { .. } => false,
            Self::Claimed
            | Self::ActivitySet { .. }
            | Self::GatesApplied { .. }
            | Self::WorkStreamTouched { .. }
            | Self::Minted { .. }
            | Self::Refreshed { .. }
            | Self::ExpiryRecorded { .. }
            | Self::Stalled { .. }
            | Self::Resumed { .. }
            | Self::Ended { .. }
            | Self::TransferScheduled { .. }
            | Self::TransferCancelled { .. }
            | Self::EscalationRaised { .. }
            | Self::EscalationResolved { .. }
            | Self::EscalationsCleared { .. }
            | Self::GatesPut { .. }
            | Self::GateUpdated { .. }
            | Self::GatesCleared { .. }
            | Self::Imported { .. }
            | Self::OriginSet { .. }
            | Self::WorkspaceDeleted { .. } => true,
        }
    }
}

impl Surroundings {
    /// The parts that hold anything.
    #[must_use]
    pub fn held(&self) -> Parts {
        let parts = [
            (Parts::ESCALATIONS, !self.escalations.is_empty()),
            (Parts::GATES, !self.gates.is_empty()),
            (Parts::HANDOFF, self.handoff.is_some()),
            (Parts::CHECKPOINT, self.checkpoint.is_some()),
            (Parts::WORK_STREAMS, !self.progress.work_streams.streams.is_empty()),
            (Parts::USAGE, self.progress.usage.is_some()),
            (Parts::SECTIONS, !self.sections.is_empty()),
            (Parts::BASELINE, self.baseline.is_some()),
            (Parts::IMPORTED, !self.imported.is_empty()),
        ];
        let held = parts.into_iter().filter(|(_, held)| *held);
        held.fold(Parts::NONE, |all, (part, _)| all.with(part))
    }
}

#[cfg(test)]
mod tests;
