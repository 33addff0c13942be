//! What must hold in every state that can be reached: the promises, one by one.

use std::fmt;

/// A promise. Broken in one state, it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
#[repr(u8)]
pub enum Rule {
    /// Of all tenures that ever were, the fence check passes for one at most.
    OneLiveTenure,
    /// Each tenure's fencing token is larger than those of all tenures before it.
    TokensRise,
    /// A holder that looks at its clock never finds that it may work under a tenure that has
    /// passed on, but for the causes of semantics.md, section 4.
    NotBeforeStopWorkAfter,
    /// The token of a tenure that has passed on is refused.
    OldTokenRefused,
    /// An expiry that was answered to a holder is not brought forward, but for the same causes.
    AnsweredExpiryHolds,
    /// A lease that was running at a boot is left at least min(TTL, 60 s) from the boot on.
    BootGrace,
    /// A request id acts once at most.
    ActsOnce,
    /// A repeat never hands out a session that has ended or gone stale.
    RepeatGrantsNothingGone,
    /// What was sent for one tenure neither renews nor ends another.
    NotAnothersSession,
    /// Once a lease was lost, its holder never holds it again.
    LossIsFinal,
    /// A lease that was recorded as expired is not live again.
    NeverRevived,
    /// What is protected by tokens never takes a write of an older tenure after one of a newer.
    NoOlderWriteAfterNewer,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::OneLiveTenure,
        Self::TokensRise,
        Self::NotBeforeStopWorkAfter,
        Self::OldTokenRefused,
        Self::AnsweredExpiryHolds,
        Self::BootGrace,
        Self::ActsOnce,
        Self::RepeatGrantsNothingGone,
        Self::NotAnothersSession,
        Self::LossIsFinal,
        Self::NeverRevived,
        Self::NoOlderWriteAfterNewer,
    ];

    /// The rule in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneLiveTenure => "one live tenure",
            Self::TokensRise => "tokens strictly rise",
            Self::NotBeforeStopWorkAfter => "no lease passes on before its stop_work_after",
            Self::OldTokenRefused => "the old token is refused",
            Self::AnsweredExpiryHolds => "an answered expiry holds",
            Self::BootGrace => "boot grace is given",
            Self::ActsOnce => "a request id acts once",
            Self::RepeatGrantsNothingGone => "a repeat grants nothing that has gone",
            Self::NotAnothersSession => "nobody renews or ends another's session",
            Self::LossIsFinal => "a loss is final",
            Self::NeverRevived => "an expired lease is never revived",
            Self::NoOlderWriteAfterNewer => "no older write after a newer one",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules(u16);

impl Rules {
    /// No rule.
    pub const NONE: Self = Self(0);

    /// Adds `rule`.
    pub const fn add(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u8;
    }

    /// Adds `rule` if it does not hold.
    pub const fn unless(&mut self, holds: bool, rule: Rule) {
        if !holds {
            self.add(rule);
        }
    }

    /// Whether `rule` is among these.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u8) != 0
    }

    /// Those that are not among `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl From<Rule> for Rules {
    fn from(rule: Rule) -> Self {
        let mut rules = Self::NONE;
        rules.add(rule);
        rules
    }
}
