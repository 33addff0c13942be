//! Counts how often each row of the tables was taken, so that a rule that nothing put to the
//! test is noticed.
//!
//! A count is kept beside the states and not in them: in them it would tell states apart that
//! go on alike, and multiply them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A row of the tables of semantics.md, or another case worth reaching; its name says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Row {
    StartOfNothing,
    StartRefreshes,
    StartMeetsOtherProcess,
    StartSupersedes,
    StartMeetsOtherActor,
    StartMeetsStaleOfOther,
    StartReplacesOwnStale,
    SupersedeWhileTransferPends,
    BeatRenews,
    BeatRenewsUpToDeadline,
    BeatOfNothing,
    BeatNotHolder,
    BeatSessionMismatch,
    BeatExpired,
    JoinAnswered,
    JoinRefused,
    TakeoverOfStale,
    TakeoverOfNothing,
    TakeoverOfLive,
    TakeoverBySameActor,
    TakeoverWhileTransferPends,
    ForcedAtOnce,
    ForcedOfStale,
    ForcedScheduled,
    ForcedAgain,
    ForcedCancelled,
    TransferAtDeadline,
    TransferAtExpiry,
    TransferAtYield,
    TransferBySupervisor,
    TransferAfterBoot,
    YieldByOwner,
    YieldOfStale,
    YieldBySupervisor,
    YieldOfNothing,
    YieldSessionMismatch,
    ClearBySupervisor,
    ExpiryRecorded,
    RepeatTold,
    RepeatOfEnded,
    RepeatOfStale,
    BootWithRunningLease,
    BootBehindTheCrash,
    CutShortByForce,
    CutShortByShortGrace,
    CutShortBySupervisor,
    CutShortBySupersede,
    LostByItsOwnClock,
    LostWhileStopped,
    LostWhileSuspended,
    LostByPush,
    LostByRefusal,
    AnswerCameTooLate,
    YieldAsked,
    HolderGoesOn,
    WriteAccepted,
    WriteOfOldTenureRefused,
}

/// The number of rows.
pub const ROWS: usize = Row::ALL.len();

impl Row {
    /// All of them, in order.
    pub const ALL: [Self; 57] = [
        Self::StartOfNothing,
        Self::StartRefreshes,
        Self::StartMeetsOtherProcess,
        Self::StartSupersedes,
        Self::StartMeetsOtherActor,
        Self::StartMeetsStaleOfOther,
        Self::StartReplacesOwnStale,
        Self::SupersedeWhileTransferPends,
        Self::BeatRenews,
        Self::BeatRenewsUpToDeadline,
        Self::BeatOfNothing,
        Self::BeatNotHolder,
        Self::BeatSessionMismatch,
        Self::BeatExpired,
        Self::JoinAnswered,
        Self::JoinRefused,
        Self::TakeoverOfStale,
        Self::TakeoverOfNothing,
        Self::TakeoverOfLive,
        Self::TakeoverBySameActor,
        Self::TakeoverWhileTransferPends,
        Self::ForcedAtOnce,
        Self::ForcedOfStale,
        Self::ForcedScheduled,
        Self::ForcedAgain,
        Self::ForcedCancelled,
        Self::TransferAtDeadline,
        Self::TransferAtExpiry,
        Self::TransferAtYield,
        Self::TransferBySupervisor,
        Self::TransferAfterBoot,
        Self::YieldByOwner,
        Self::YieldOfStale,
        Self::YieldBySupervisor,
        Self::YieldOfNothing,
        Self::YieldSessionMismatch,
        Self::ClearBySupervisor,
        Self::ExpiryRecorded,
        Self::RepeatTold,
        Self::RepeatOfEnded,
        Self::RepeatOfStale,
        Self::BootWithRunningLease,
        Self::BootBehindTheCrash,
        Self::CutShortByForce,
        Self::CutShortByShortGrace,
        Self::CutShortBySupervisor,
        Self::CutShortBySupersede,
        Self::LostByItsOwnClock,
        Self::LostWhileStopped,
        Self::LostWhileSuspended,
        Self::LostByPush,
        Self::LostByRefusal,
        Self::AnswerCameTooLate,
        Self::YieldAsked,
        Self::HolderGoesOn,
        Self::WriteAccepted,
        Self::WriteOfOldTenureRefused,
    ];
}

/// How often each row was taken, over all steps of an exploration.
#[derive(Debug)]
pub struct Tally {
    counts: [AtomicU64; ROWS],
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; ROWS] }
    }
}

impl Tally {
    /// Counts one.
    pub fn count(&self, row: Row) {
        if let Some(count) = self.counts.get(row as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often the row of this index was taken.
    #[must_use]
    pub fn at(&self, row: usize) -> u64 {
        self.counts.get(row).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
