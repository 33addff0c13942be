//! A client as `LeaseHolder` is one: what it asks, what it believes, and when it stops.
//!
//! Retold from `src/holder` of the crate `tenure` (`lease_state`, `supervisor`): a holder counts
//! from when the last acknowledged question was *sent*, on its own clock, suspension included;
//! it looks at that clock before anything else; at `stop_work_after`, two thirds of the answered
//! `expires_in`, it is lost, and a loss is final.
//!
//! Instants are ages on the client's own clock, in milliseconds, and stand still at
//! [`Ages::limit`]: older than that no answer helps, so all such ages are alike.

use super::mutant::Mutant;

/// The n-th tenure of the workspace, from 0.
pub type Nth = u8;

/// The n-th process.
pub type ProcessIndex = u8;

/// How long ago something was, on the client's clock.
pub type AgeMs = u64;

/// Whether the process runs, and whether its clocks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Running {
    /// It does.
    Yes,
    /// It is stopped, as by SIGSTOP; its clocks go on.
    Stopped,
    /// Its machine is suspended: of its clocks only the one that counts suspension goes on.
    Suspended,
}

/// How a client asks for the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ask {
    /// By a start.
    Start,
    /// By a takeover of what is stale.
    TakeOver,
    /// It was given the session by another's doing, and claims it by one beat.
    Adopt(Nth),
}

/// What a client is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// Its request was sent, the last attempt so long ago.
    Asking(Ask, AgeMs),
    /// It holds.
    Holding(Lease),
    /// It lost the session, or gave it up; with a bug, what it has in hand still counts.
    Over(Nth, Option<Lease>),
}

/// What goes over a holder's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// Renews.
    Beat,
    /// Only asks.
    Join,
}

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The lease runs for so long.
    Timing {
        /// From the decision on.
        expires_in_ms: u64,
    },
    /// It does not, or nothing was granted.
    Refused,
}

/// A lease as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which tenure, known to the client by its session id and token.
    pub tenure: Nth,
    /// How long ago the question was sent whose answer counts.
    pub age: AgeMs,
    /// At which age the work stops.
    pub stop_at: AgeMs,
    /// The questions that are not answered, oldest first, and how long ago they were sent; no
    /// age where the answer does not count any more.
    pub asked: Vec<(Question, Option<AgeMs>)>,
    /// The answers that are on their way, to the oldest of them.
    pub answers: Vec<Answer>,
}

impl Lease {
    fn new(tenure: Nth, age: AgeMs, stop_at: AgeMs) -> Self {
        Self { tenure, age, stop_at, asked: Vec::new(), answers: Vec::new() }
    }

    /// The next question that the server gets to see.
    #[must_use]
    pub fn next_up(&self) -> Option<Question> {
        self.asked.get(self.answers.len()).map(|(question, _)| *question)
    }

    /// Whether the holder may go on working.
    #[must_use]
    pub const fn believes(&self) -> bool {
        self.age < self.stop_at
    }
}

/// What ages there are, and what becomes of them.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// Older than this is as old.
    pub limit: AgeMs,
    /// The bug that is planted.
    pub mutant: Option<Mutant>,
}

impl Ages {
    /// When the work stops that was answered with `expires_in`.
    #[must_use]
    pub fn stop_work_after(self, expires_in_ms: u64) -> AgeMs {
        if self.mutant == Some(Mutant::StopsAtExpiry) {
            return expires_in_ms;
        }
        expires_in_ms.saturating_mul(2) / 3
    }

    fn counted_from(self, asked: AgeMs) -> AgeMs {
        if self.mutant == Some(Mutant::CountsFromTheAnswer) { 0 } else { asked }
    }

    fn older(self, age: AgeMs, by_ms: u64) -> AgeMs {
        age.saturating_add(by_ms).min(self.limit)
    }
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The client holds.
    Holds,
    /// It does not, and did not.
    Nothing,
    /// It holds no more, or will not.
    Lost,
    /// An answer to a question too old to help.
    TooLate,
}

/// One process that wants the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    /// Whether it runs.
    pub running: Running,
    /// What it is about.
    pub phase: Phase,
    /// How often it has asked: names its instance and its request.
    pub tries: u8,
    /// How often it has repeated the last request.
    pub repeats: u8,
    /// The answer to the present attempt, on its way, and what it grants.
    pub answer: Option<(Answer, Nth)>,
    /// A write that it has begun, after a look at the clock, under which tenure.
    pub writing: Option<Nth>,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            running: Running::Yes,
            phase: Phase::Idle,
            tries: 0,
            repeats: 0,
            answer: None,
            writing: None,
        }
    }
}

impl Client {
    /// The tenure that it believes in, were it to look at its clock now.
    #[must_use]
    pub fn believes_in(&self) -> Option<Nth> {
        match &self.phase {
            Phase::Holding(lease) if lease.believes() => Some(lease.tenure),
            _ => None,
        }
    }

    /// Its clocks go on.
    pub fn time_passes(&mut self, by_ms: u64, ages: Ages) -> Heard {
        let sleeps = ages.mutant == Some(Mutant::ClockSleeps);
        if self.running == Running::Suspended && sleeps {
            return Heard::Nothing;
        }
        match &mut self.phase {
            Phase::Idle | Phase::Over(..) => Heard::Nothing,
            Phase::Asking(_, age) => {
                *age = ages.older(*age, by_ms);
                Heard::Nothing
            }
            Phase::Holding(lease) => {
                lease.age = ages.older(lease.age, by_ms);
                for (_, age) in &mut lease.asked {
                    *age = age.map(|age| ages.older(age, by_ms));
                }
                self.look(ages)
            }
        }
    }

    /// Looks at the clock. A stopped process looks later and finds the same, so this need not
    /// wait until it runs again.
    fn look(&mut self, ages: Ages) -> Heard {
        match &self.phase {
            Phase::Holding(lease) if !lease.believes() => self.lose(ages),
            Phase::Holding(_) => Heard::Holds,
            _ => Heard::Nothing,
        }
    }

    /// The lease is over.
    pub fn lose(&mut self, ages: Ages) -> Heard {
        let Phase::Holding(lease) = &self.phase else { return Heard::Nothing };
        let in_hand = ages.mutant == Some(Mutant::BelievesAfterLoss);
        self.phase = Phase::Over(lease.tenure, in_hand.then(|| lease.clone()));
        Heard::Lost
    }

    /// The unary answer is read.
    pub fn hear(&mut self, ages: Ages) -> Heard {
        let Some((answer, tenure)) = self.answer.take() else { return Heard::Nothing };
        let Phase::Asking(_, age) = self.phase else { return Heard::Nothing };
        match answer {
            Answer::Refused => {
                self.phase = Phase::Idle;
                Heard::Nothing
            }
            Answer::Timing { expires_in_ms } => {
                let age = ages.counted_from(age);
                let stop_at = ages.stop_work_after(expires_in_ms);
                self.phase = Phase::Holding(Lease::new(tenure, age, stop_at));
                match self.look(ages) {
                    Heard::Lost => Heard::TooLate,
                    heard => heard,
                }
            }
        }
    }

    /// An answer on the stream is read.
    pub fn hear_stream(&mut self, ages: Ages) -> Heard {
        let (Phase::Holding(lease) | Phase::Over(_, Some(lease))) = &mut self.phase else {
            return Heard::Nothing;
        };
        if lease.asked.is_empty() || lease.answers.is_empty() {
            return Heard::Nothing;
        }
        let (_, asked) = lease.asked.remove(0);
        match (lease.answers.remove(0), asked) {
            (Answer::Refused, _) => self.lose(ages),
            (Answer::Timing { .. }, None) => Heard::TooLate,
            (Answer::Timing { expires_in_ms }, Some(asked)) => {
                lease.age = ages.counted_from(asked);
                lease.stop_at = ages.stop_work_after(expires_in_ms);
                let lease = lease.clone();
                self.phase = Phase::Holding(lease);
                self.look(ages)
            }
        }
    }

    /// A push asks to yield within `grace_left`: it counts if it is sooner, and answers to older
    /// questions do not count any more.
    pub fn hear_yield(&mut self, grace_left_ms: u64, ages: Ages) {
        let Phase::Holding(lease) = &mut self.phase else { return };
        for (_, age) in &mut lease.asked {
            *age = None;
        }
        let stop_at = ages.stop_work_after(grace_left_ms);
        if stop_at < lease.stop_at - lease.age {
            (lease.age, lease.stop_at) = (0, stop_at);
        }
    }
}
