//! The server: the stored workspace, the lease clock and the outcomes that are kept. Every
//! transition is the core's own.
//!
//! It is told what the engine tells the core: settle first, then look the request up, then
//! decide, and all of it is one durable step that stores the clock's mark with it.

mod planted;

use std::sync::Arc;

use tenure_core::change::{Change, Changes};
use tenure_core::command::Command;
use tenure_core::context::{Clock, Context};
use tenure_core::decide::decide;
use tenure_core::evolve::evolve;
use tenure_core::refusal::Reason;
use tenure_core::replay::replay;
use tenure_core::reply::Reply;
use tenure_core::session::Revision;
use tenure_core::settle::settle;
use tenure_core::time::{LeaseInstant, Moment, WallTime};
use tenure_core::workspace::Workspace;

use super::client::{Nth, ProcessIndex};
use super::config::Config;
use super::history::History;
use super::mutant::Mutant;
use super::names::Names;
use super::rule::{Rule, Rules};
use super::tally::{Row, Tally};

/// What all steps of a model share.
#[derive(Debug)]
pub struct Setting {
    /// The bounds.
    pub config: Config,
    /// The names that commands carry.
    pub names: Names,
    /// What was reached.
    pub tally: Tally,
}

/// Names one request, over all its repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId {
    /// Whose.
    pub process: ProcessIndex,
    /// Its how manieth try.
    pub try_: u8,
    /// Whether it gives up what the try came to.
    pub yields: bool,
}

/// Who does something to the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Nobody: something came due.
    Time,
    /// A process, on behalf of the tenure that it believes to be its own, if of one.
    Process(Option<Nth>),
    /// The supervisor.
    Supervisor,
    /// An operator.
    Operator,
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What is answered.
    pub result: Result<Arc<Reply>, Reason>,
    /// Whether it is a repeat that was answered from what is stored.
    pub replayed: bool,
}

/// The server.
#[derive(Debug, Clone)]
pub struct Server {
    /// What is stored of the workspace.
    pub workspace: Arc<Workspace>,
    /// The lease clock.
    pub now: LeaseInstant,
    /// Where it stood at the last boot.
    pub boot_mark: LeaseInstant,
    /// Where it stood when something was made durable last.
    pub durable_at: LeaseInstant,
    /// Whether it serves.
    pub up: bool,
    /// How often it died.
    pub crashes: u8,
    /// The outcomes that are kept.
    pub outcomes: Vec<(RequestId, Arc<Reply>)>,
    /// How many session ids were given out.
    pub ids_given: u8,
    /// What nobody stores, and the rules are judged by.
    pub history: History,
}

impl Server {
    /// A server with a new store.
    #[must_use]
    pub fn new(names: &Names) -> Self {
        // Nothing surrounds the session here: the core then decides as if there were nothing.
        let workspace = Workspace { surroundings: None, ..Workspace::unknown(names.key.clone()) };
        Self {
            workspace: Arc::new(workspace),
            now: LeaseInstant::ORIGIN,
            boot_mark: LeaseInstant::ORIGIN,
            durable_at: LeaseInstant::ORIGIN,
            up: true,
            crashes: 0,
            outcomes: Vec::new(),
            ids_given: 0,
            history: History::default(),
        }
    }

    /// The clock as decisions see it.
    #[must_use]
    pub fn clock(&self, config: &Config) -> Clock {
        // No stored expiry is later than that mark, so none gets a grace.
        let boot_mark =
            if config.has(Mutant::NoBootGrace) { LeaseInstant(u64::MAX) } else { self.boot_mark };
        Clock { now: Moment { lease: self.now, wall: WallTime(self.now.0) }, boot_mark }
    }

    /// Brings the workspace up to the present.
    pub fn settle(&mut self, setting: &Setting, broken: &mut Rules) {
        let mut clock = self.clock(&setting.config);
        let pending = self.workspace.tenure.transfer.is_some();
        if pending && setting.config.has(Mutant::TransferBeforeDeadline) {
            clock.now.lease = clock.now.lease.after(setting.config.tick);
        }
        if let Some(changes) = settle(&self.workspace, &clock) {
            self.apply(&changes, By::Time, setting, broken);
        }
    }

    /// Carries a command out, or repeats its answer.
    pub fn carry_out(
        &mut self,
        command: &Command,
        request: Option<RequestId>,
        by: By,
        setting: &Setting,
        broken: &mut Rules,
    ) -> Verdict {
        let clock = self.clock_for(command, setting);
        if clock == self.clock(&setting.config) {
            self.settle(setting, broken);
        }
        let context = self.context(clock, command, setting);
        if let Some(verdict) = request.and_then(|id| self.repeat(id, &context, setting)) {
            if let Ok(reply) = &verdict.result {
                self.repeat_told(reply, setting, broken);
            }
            return verdict;
        }
        let result = decide(&self.workspace, command, &context);
        super::rows::of_command(&self.workspace, command, &context, &result, &setting.tally);
        let result = match result {
            Err(refusal) => Err(refusal.reason),
            Ok(decision) => {
                self.acts(request, &decision.changes, broken);
                if uses_the_new_id(&decision.changes, &context) {
                    self.ids_given += 1;
                }
                self.apply(&decision.changes, by, setting, broken);
                let reply = Arc::new(self.told(decision.reply, setting));
                self.outcomes.extend(request.map(|id| (id, Arc::clone(&reply))));
                self.answered(&reply);
                Ok(reply)
            }
        };
        Verdict { result, replayed: false }
    }

    fn context(&self, clock: Clock, command: &Command, setting: &Setting) -> Context {
        let mut new_session_id = setting.names.session_id(self.ids_given);
        if setting.config.has(Mutant::SupersedeKeepsSessionId)
            && matches!(command, Command::Start(start) if start.supersede)
            && let Some(stored) = self.workspace.session_id()
        {
            new_session_id = stored.clone();
        }
        setting.names.context(clock, new_session_id)
    }

    fn repeat(&self, id: RequestId, context: &Context, setting: &Setting) -> Option<Verdict> {
        if setting.config.has(Mutant::RepeatActs) {
            return None;
        }
        let (_, stored) = self.outcomes.iter().find(|(kept, _)| *kept == id)?;
        let result = if setting.config.has(Mutant::RepeatTellsWhatIsGone) {
            Ok(Arc::clone(stored))
        } else {
            let told = replay(&self.workspace, stored, context);
            super::rows::of_repeat(&told, &setting.tally);
            told.map(Arc::new).map_err(|refusal| refusal.reason)
        };
        Some(Verdict { result, replayed: true })
    }

    /// A repeat may hand out only what is stored and live, and then it is a promise.
    fn repeat_told(&mut self, reply: &Reply, setting: &Setting, broken: &mut Rules) {
        let Some(granted) = reply.granted() else { return };
        let stored = self.workspace.token() == Some(granted.session.token);
        let live = stored && !self.workspace.tenure.is_stale(&self.clock(&setting.config));
        broken.unless(live, Rule::RepeatGrantsNothingGone);
        if live {
            self.answered(reply);
        }
    }

    fn acts(&mut self, request: Option<RequestId>, changes: &Changes, broken: &mut Rules) {
        let Some(id) = request.filter(|_| !changes.is_empty()) else { return };
        broken.unless(!self.history.acted.contains(&id), Rule::ActsOnce);
        self.history.acted.push(id);
    }

    /// Applies what was decided: one durable step.
    fn apply(&mut self, changes: &Changes, by: By, setting: &Setting, broken: &mut Rules) {
        self.durable_at = self.now;
        for change in changes {
            let clock = self.clock(&setting.config);
            self.history.note(&self.workspace, change, by, &clock, &setting.tally, broken);
            evolve(Arc::make_mut(&mut self.workspace), change);
        }
        let left_free = changes.iter().any(|change| matches!(change, Change::Ended { .. }))
            && self.workspace.tenure.session.is_none();
        if left_free && setting.config.has(Mutant::RevisionBeginsAnew) {
            Arc::make_mut(&mut self.workspace).tenure.revision = Some(Revision(0));
        }
    }

    /// Until when an answer says that the lease runs, which is a promise.
    fn answered(&mut self, reply: &Reply) {
        if let Some(expiry) = expiry_of(reply) {
            let promised = self.history.promised.get_or_insert(expiry);
            *promised = (*promised).max(expiry);
        }
    }

    /// The server dies. Its clock goes on from the mark, which is at most a tick behind, and
    /// not behind what is durable.
    pub fn crash(&mut self, behind: bool, config: &Config, tally: &Tally) {
        self.up = false;
        self.crashes += 1;
        if behind {
            tally.count(Row::BootBehindTheCrash);
            self.now = self.now.before(config.tick).max(self.durable_at);
        }
    }

    /// The server serves again; downtime was not charged.
    pub fn boot(&mut self, setting: &Setting) {
        self.up = true;
        if setting.config.has(Mutant::ClockJumpsAtBoot) {
            self.now = self.now.after(setting.config.ttl());
        }
        self.boot_mark = self.now;
        self.durable_at = self.now;
        self.history.booted(&self.workspace, self.now, &setting.tally);
    }
}

/// Until when an answer lets its caller believe.
#[must_use]
pub fn expiry_of(reply: &Reply) -> Option<LeaseInstant> {
    match reply {
        Reply::Beat(beat) => Some(beat.effective_expiry),
        Reply::Joined(joined) => Some(joined.session.effective_expiry),
        _ => reply.granted().map(|granted| granted.effective_expiry),
    }
}

/// Whether the new session id is used up: by a session, or by a transfer that keeps it for one.
fn uses_the_new_id(changes: &Changes, context: &Context) -> bool {
    changes.iter().any(|change| match change {
        Change::Minted { session, .. } => session.id.as_ref() == Some(&context.new_session_id),
        Change::TransferScheduled { transfer } => {
            transfer.successor_session_id == context.new_session_id
        }
        _ => false,
    })
}
