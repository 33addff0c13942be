//! Bugs to plant: tests of the rules themselves. Each is to be caught by the rule that it names.

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Mutant {
    /// A holder counts from when an answer arrived, and not from when its question was sent.
    CountsFromTheAnswer,
    /// A holder stops at the expiry, and not a third of the lease before.
    StopsAtExpiry,
    /// A holder's clock stands still while its machine is suspended.
    ClockSleeps,
    /// A holder that lost its lease believes a success that comes after.
    BelievesAfterLoss,
    /// A holder gives the workspace up without naming its session.
    YieldsWithoutSession,
    /// The server gives no boot grace.
    NoBootGrace,
    /// A join, which renews nothing, is answered with the boot grace.
    JoinPromisesGrace,
    /// A lease can be taken over a tick before it is stale.
    TakeoverBeforeExpiry,
    /// A pending transfer is applied a tick before its deadline.
    TransferBeforeDeadline,
    /// Beats are answered with the expiry that they would have without the pending transfer.
    AnswersWithoutDeadline,
    /// A superseding session has the id of the one that it supersedes.
    SupersedeKeepsSessionId,
    /// A repeat is answered with what is stored, whatever has become of it.
    RepeatTellsWhatIsGone,
    /// No outcome is stored, so that a repeat is carried out again.
    RepeatActs,
    /// A beat renews a lease that has expired.
    BeatRevives,
    /// The counter of a workspace that was left free begins anew.
    RevisionBeginsAnew,
    /// The lease clock jumps ahead by a whole lease at a boot.
    ClockJumpsAtBoot,
    /// What is to be protected by tokens takes every write.
    TokensNotCompared,
}
