//! How large a model is and what may happen in it. A few small ones tell more than a large one
//! that never ends.

use tenure_core::time::Span;

use super::mutant::Mutant;
use super::rule::Rules;

/// The most processes of a model: the choices of a tick grow with each.
pub const PROCESSES_MAX: usize = 3;

/// One process that wants to hold the workspace.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// On behalf of whom: an index, so that two processes may have one actor.
    pub actor: u8,
    /// Whether its starts supersede another process of the same actor.
    pub supersedes: bool,
    /// Whether it takes stale leases over.
    pub takes_over: bool,
    /// How often it repeats an unanswered request under the same id.
    pub repeats_max: u8,
}

/// What an operator may do.
#[derive(Debug, Clone)]
pub struct Forces {
    /// The actor that is installed.
    pub successor: u8,
    /// The graces that may be given, in ticks; zero is at once.
    pub graces: Vec<u64>,
    /// How often, at most.
    pub at_most: u8,
    /// Whether pending transfers are cancelled.
    pub cancels: bool,
}

/// One model.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name, for the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Who wants the workspace; at most [`PROCESSES_MAX`].
    pub processes: Vec<Process>,
    /// The lease-clock time of one tick. A multiple of 3, so that two thirds are whole.
    pub tick: Span,
    /// The lease of every session, in ticks.
    pub ttl_ticks: u64,
    /// By how much a client's clock may advance in one tick, in milliseconds; each client's and
    /// each tick's choice is free.
    pub client_tick_ms: Vec<u64>,
    /// The most tenures that come into being; what lies beyond is not looked at.
    pub tenures_max: u8,
    /// How often one process may try to come by the workspace.
    pub tries_max: u8,
    /// The most beats and joins of one holder that are not answered.
    pub questions_max: u8,
    /// Whether a holder joins a stream anew, which is answered with a timing and renews nothing.
    pub joins: bool,
    /// Whether streams break, with all that is on them.
    pub cuts: bool,
    /// Whether the network delivers a unary request twice.
    pub duplicates: bool,
    /// Whether a process is stopped and goes on later.
    pub stops: bool,
    /// Whether a client's machine is suspended: then only the clock that counts it goes on.
    pub suspends: bool,
    /// Whether holders write to something that compares tokens.
    pub writes: bool,
    /// How often the server dies.
    pub crashes_max: u8,
    /// Whether a supervisor clears and yields.
    pub supervisor: bool,
    /// How often the owner starts again by a command that names no instance.
    pub plain_starts_max: u8,
    /// What an operator may do.
    pub forces: Option<Forces>,
    /// The bug that is planted.
    pub mutant: Option<Mutant>,
    /// The rules that are not looked at.
    pub unchecked: Rules,
}

impl Config {
    /// The lease of every session.
    #[must_use]
    pub const fn ttl(&self) -> Span {
        self.ticks(self.ttl_ticks)
    }

    /// So many ticks, as time.
    #[must_use]
    pub const fn ticks(&self, ticks: u64) -> Span {
        Span(self.tick.0.saturating_mul(ticks))
    }

    /// Whether this bug is planted.
    #[must_use]
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// The same with a bug.
    #[must_use]
    pub fn with(self, mutant: Mutant) -> Self {
        Self { mutant: Some(mutant), ..self }
    }
}
