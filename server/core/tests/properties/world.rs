//! One workspace, its clock and everything that was ever seen of it.

use std::collections::BTreeSet;

use tenure_core::change::{Change, Changes};
use tenure_core::command::Command;
use tenure_core::context::{Clock, Context};
use tenure_core::decide::{Decision, decide};
use tenure_core::event::{Stamp, derive};
use tenure_core::evolve::evolve;
use tenure_core::ledger::EndCause;
use tenure_core::name::{EscalationId, Key, Principal, SessionId, WorkspaceName};
use tenure_core::refusal::{Quota, Reason};
use tenure_core::reply::{ForcedOutcome, ImportOutcome, Reply, SessionView};
use tenure_core::session::{Revision, Session};
use tenure_core::settle::settle;
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;

use crate::around;
use crate::checks::{
    Past, check_refusal, check_repeat, check_reply, check_settled, check_step, check_wait,
};
use crate::imported;
use crate::log::Log;
use crate::ops::{Ask, Import, Passing, Step};
use crate::resolve::command;

/// How many answers are kept to be asked for again after each step.
const ANSWERS_MAX: usize = 6;

pub struct World {
    pub workspace: Workspace,
    pub clock: Clock,
    /// What has happened, for the test that sequences get anywhere.
    pub outcomes: BTreeSet<String>,
    floor: Revision,
    ids: u64,
    past: Past,
    log: Log,
    answers: Vec<Reply>,
    last_import: Option<Command>,
}

impl World {
    pub fn new() -> Self {
        let key = Key {
            workspace: WorkspaceName::parse("acme/api").unwrap(),
            profile: Default::default(),
        };
        let now = Moment { lease: LeaseInstant(100_000_000), wall: WallTime(1_700_000_000_000) };
        Self {
            workspace: Workspace::unknown(key),
            clock: Clock { now, boot_mark: LeaseInstant(0) },
            outcomes: BTreeSet::new(),
            floor: Revision(0),
            ids: 0,
            past: Past::default(),
            log: Log::default(),
            answers: Vec::new(),
            last_import: None,
        }
    }

    pub fn take(&mut self, step: &Step) {
        match step {
            Step::Pass(passing) => self.pass(passing),
            Step::WallJumps(by_ms) => {
                let wall = &mut self.clock.now.wall.0;
                *wall = wall.saturating_add_signed(*by_ms);
            }
            Step::Restart => self.clock.boot_mark = self.clock.now.lease,
            Step::Delete => self.delete(),
            Step::Import(import) => self.import(import),
            Step::Ask { ask, principal, operator, cordoned, strict } => {
                // The expectations name what is stored once time has had its say.
                self.settle();
                let context = self.context(*principal, *operator, *cordoned, *strict);
                let times = if let Ask::Raise { times, .. } = ask { *times } else { 1 };
                self.ask(&command(ask, &self.workspace), &context);
                for _ in 1..times {
                    let context = self.context(*principal, *operator, *cordoned, *strict);
                    self.ask(&command(ask, &self.workspace), &context);
                }
            }
        }
        self.settle();
        for answer in &self.answers {
            let context = self.context(0, false, false, false);
            let told = check_repeat(&self.workspace, answer, &context);
            self.outcomes.insert(format!("repeat {}", if told { "told" } else { "refused" }));
        }
    }

    fn context(
        &self,
        principal: u8,
        operator: bool,
        machine_cordoned: bool,
        registration_required: bool,
    ) -> Context {
        Context {
            clock: self.clock,
            principal: Principal::imported(if principal == 0 { "p" } else { "q" }),
            operator,
            address: None,
            new_session_id: SessionId::imported(&format!("ses_{}", self.ids)),
            new_escalation_id: EscalationId::imported(&format!("esc_{}", self.ids)),
            work_stream_half_life: HALF_LIFE_DEFAULT,
            revision_floor: self.floor,
            registration_required,
            machine_cordoned,
        }
    }

    fn pass(&mut self, passing: &Passing) {
        let now = self.clock.now.lease;
        let until = match passing {
            Passing::Ms(ms) => now.after(Span(*ms)),
            Passing::ToExpiry(by_ms) => self
                .workspace
                .tenure
                .effective_expiry(self.clock.boot_mark)
                .map_or(now, |expiry| LeaseInstant(expiry.0.saturating_add_signed(*by_ms))),
            Passing::ToStall(by_ms) => {
                let session = self.workspace.tenure.session.as_ref();
                let stall = session.and_then(|session| session.stalls_at).unwrap_or(now);
                // A lease that ended long before would hide the stall.
                let expiry = self.workspace.tenure.effective_expiry(self.clock.boot_mark);
                let stall = stall.min(expiry.unwrap_or(stall));
                LeaseInstant(stall.0.saturating_add_signed(*by_ms))
            }
        };
        let passed = until.since(now);
        self.clock.now.lease = now.after(passed);
        self.clock.now.wall = self.clock.now.wall.after(passed);
    }

    fn delete(&mut self) {
        self.settle();
        let context = self.context(0, true, false, false);
        match decide(&self.workspace, &Command::DeleteWorkspace, &context) {
            Err(refusal) => {
                assert!(self.workspace.tenure.session.is_some());
                self.outcomes.insert(format!("refused {:?}", refusal.reason));
            }
            Ok(Decision { changes, reply }) => {
                let Reply::WorkspaceDeleted(answer) = reply else { panic!("{reply:?}") };
                assert_eq!(answer.deleted, self.workspace.tenure.origin.is_some());
                assert!(answer.revision_floor >= self.floor);
                let last = self.workspace.tenure.revision;
                changes.iter().for_each(|change| evolve(&mut self.workspace, change));
                assert_eq!(self.workspace, Workspace::unknown(self.workspace.key.clone()));
                assert!(last.unwrap_or_default() <= answer.revision_floor);
                self.floor = answer.revision_floor;
                self.log = Log::default();
                // What it remembered is gone with it.
                self.last_import = None;
                self.outcomes.insert("deleted".into());
            }
        }
    }

    fn import(&mut self, import: &Import) {
        // The workspace is asked as every other command finds it.
        self.settle();
        self.ids += 1;
        let command = match (import, &self.last_import) {
            (Import::Again, None) => return,
            (Import::Again, Some(last)) => last.clone(),
            (import, _) => imported::command(import, self.clock.now.wall, self.ids),
        };
        self.last_import = Some(command.clone());
        let context = self.context(0, true, false, true);
        self.ask(&command, &context);
    }

    fn settle(&mut self) {
        around::check_due(&self.workspace, &self.clock);
        if let Some(changes) = settle(&self.workspace, &self.clock) {
            let what = match &changes[0] {
                Change::ExpiryRecorded { .. } => "expiry recorded",
                Change::Stalled { .. } => "stall recorded",
                _ if changes.iter().any(yields) => "grant lapsed",
                _ => "transfer completed by time",
            };
            self.outcomes.insert(what.into());
            self.apply(&changes, None);
        }
        let again = settle(&self.workspace, &self.clock);
        assert_eq!(again, None, "something is due although it was settled");
        check_settled(&self.workspace, &self.clock, &mut self.past);
    }

    fn ask(&mut self, command: &Command, context: &Context) {
        self.ids += 1;
        let before = self.workspace.clone();
        around::check_needs(&before, command, context);
        if let Command::Await(request) = command {
            check_wait(&before, request, context);
        }
        match decide(&before, command, context) {
            Err(refusal) => {
                check_refusal(&before, &refusal, context);
                self.outcomes.insert(refused(refusal.reason));
            }
            Ok(decision) => {
                self.apply(&decision.changes, Some(command));
                check_reply(&before, &self.workspace, &decision, &self.clock);
                self.see(&before, &decision.reply);
                self.answers.push(decision.reply);
                if self.answers.len() > ANSWERS_MAX {
                    self.answers.remove(0);
                }
            }
        }
    }

    fn apply(&mut self, changes: &Changes, command: Option<&Command>) {
        let before = self.workspace.clone();
        let stamp = Stamp {
            at: self.clock.now.wall,
            principal: Principal::imported("p"),
            actor: None,
            address: None,
        };
        for change in changes {
            let previous = self.workspace.clone();
            evolve(&mut self.workspace, change);
            around::check_touches(&previous, change, &self.workspace);
            let event = derive(&previous.tenure, change, &self.workspace, &stamp);
            self.log.read(event.as_ref(), &self.workspace);
            if let Change::Ended { entry } = change {
                self.outcomes.insert(format!("end {:?}", entry.cause));
            }
        }
        self.log.reproduces(&self.workspace);
        around::check_state(&self.workspace, &self.clock);
        self.outcomes.extend(self.log.seen.iter().map(|what| format!("logged {what}")));
        check_step(&before, &self.workspace, changes, command, &self.clock, &mut self.past);
    }

    fn see(&mut self, before: &Workspace, reply: &Reply) {
        let what = match reply {
            Reply::Started(started) if started.reset => "started",
            Reply::Started(_) => "refreshed",
            Reply::Forced(forced) => match forced.outcome {
                ForcedOutcome::Installed(_) => "installed",
                ForcedOutcome::Scheduled(_) => "scheduled",
            },
            Reply::Yielded(yielded) if yielded.successor.is_some() => {
                "transfer completed by its holder"
            }
            Reply::Beat(_) => "Beat",
            Reply::Joined(_) => "Joined",
            Reply::TakenOver(_) => "TakenOver",
            Reply::TransferCancelled(_) => "TransferCancelled",
            Reply::Yielded(_) => "Yielded",
            Reply::Cleared(_) => "Cleared",
            Reply::EscalationRaised(_) => "EscalationRaised",
            Reply::EscalationResolved(_) => "EscalationResolved",
            Reply::Gates(_) => "Gates",
            Reply::HandoffPut(_) => "HandoffPut",
            Reply::Imported(imported) => match imported.outcome {
                ImportOutcome::Imported => "imported",
                ImportOutcome::AlreadyImported => "already imported",
                ImportOutcome::SessionKept => "session kept",
            },
            Reply::Registered(_) => "Registered",
            Reply::WorkspaceDeleted(_) => "WorkspaceDeleted",
        };
        self.outcomes.insert(what.into());
        match reply {
            Reply::Beat(beat) if beat.signals.blocking.is_some() => {
                self.outcomes.insert("blocked beat".into());
            }
            Reply::TakenOver(taken) if taken.found.checkpoint.is_some() => {
                self.outcomes.insert("found a checkpoint".into());
            }
            _ => {}
        }
        let stored = before.tenure.session.as_ref().and_then(Session::autonomous);
        let expiry = SessionView::of(before, &self.clock).map(|view| view.effective_expiry);
        let stored = stored.and_then(|held| held.renewal).map(|renewal| renewal.expires_at);
        if stored.is_some() && expiry > stored {
            self.outcomes.insert("boot grace".into());
        }
    }
}

fn yields(change: &Change) -> bool {
    matches!(change, Change::Ended { entry } if entry.cause == EndCause::Yielded)
}

fn refused(reason: Reason) -> String {
    match reason {
        Reason::QuotaExceeded(Quota::ImportedEscalations { .. }) => {
            "refused QuotaExceeded(ImportedEscalations)".into()
        }
        reason => format!("refused {reason:?}"),
    }
}
