//! What happened, as far as the rules are judged by it: nothing of this is stored by the server
//! or known to a client.

use tenure_core::change::Change;
use tenure_core::context::{BOOT_GRACE_MAX, Clock};
use tenure_core::expiry::effective_expiry;
use tenure_core::fence::Fence;
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::SessionId;
use tenure_core::session::FencingToken;
use tenure_core::time::LeaseInstant;
use tenure_core::workspace::{Tenure, Workspace};

use super::client::Nth;
use super::rule::{Rule, Rules};
use super::server::{By, RequestId};
use super::tally::{Row, Tally};

/// What became of a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It is stored.
    Stored,
    /// It ended, and its holder must have stopped before.
    Ended,
    /// It ended by a cause that may cut its holder short.
    CutShort(Row),
}

/// One tenure that came into being.
#[derive(Debug, Clone)]
pub struct Past {
    /// The id of its session.
    pub id: Option<SessionId>,
    /// Its token.
    pub token: FencingToken,
    /// What became of it.
    pub fate: Fate,
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// All tenures, in order.
    pub tenures: Vec<Past>,
    /// The latest expiry of the stored session that was answered to anybody who holds it.
    pub promised: Option<LeaseInstant>,
    /// Until when the stored session has boot grace.
    pub grace_until: Option<LeaseInstant>,
    /// Whether the pending transfer has less grace than had been promised to the holder.
    pub short: bool,
    /// Whether the server was booted since the transfer was scheduled.
    pub booted_since: bool,
    /// The requests that had an effect.
    pub acted: Vec<RequestId>,
}

impl History {
    /// The stored tenure, or the last one that was.
    #[must_use]
    pub fn last(&self) -> Option<Nth> {
        Nth::try_from(self.tenures.len().checked_sub(1)?).ok()
    }

    /// What became of a tenure.
    #[must_use]
    pub fn fate(&self, tenure: Nth) -> Option<Fate> {
        self.tenures.get(usize::from(tenure)).map(|past| past.fate)
    }

    /// The newest tenure with this token.
    #[must_use]
    pub fn with_token(&self, token: FencingToken) -> Option<Nth> {
        let at = self.tenures.iter().rposition(|past| past.token == token)?;
        Nth::try_from(at).ok()
    }

    /// A change is about to be applied.
    pub fn note(
        &mut self,
        workspace: &Workspace,
        change: &Change,
        by: By,
        clock: &Clock,
        tally: &Tally,
        broken: &mut Rules,
    ) {
        let stored = self.last();
        match change {
            Change::Renewed { .. } => broken.unless(is_about(by, stored), Rule::NotAnothersSession),
            Change::Minted { session, .. } => {
                let rises = self.tenures.iter().all(|past| past.token < session.token);
                broken.unless(rises, Rule::TokensRise);
                let (id, token) = (session.id.clone(), session.token);
                self.tenures.push(Past { id, token, fate: Fate::Stored });
                (self.promised, self.grace_until) = (None, None);
                self.transfer_gone();
            }
            Change::ExpiryRecorded { .. } => {
                tally.count(Row::ExpiryRecorded);
                self.check_not_early(clock, broken);
            }
            Change::Ended { entry } => {
                broken.unless(is_about(by, stored), Rule::NotAnothersSession);
                let fate = self.fate_of(workspace, entry, by, clock, tally);
                if fate == Fate::Ended && !matches!(by, By::Process(Some(_))) {
                    self.check_not_early(clock, broken);
                }
                if let Some(past) = self.tenures.last_mut() {
                    past.fate = fate;
                }
            }
            Change::TransferScheduled { transfer } => {
                let promised = workspace
                    .tenure
                    .session
                    .as_ref()
                    .map(|session| effective_expiry(session, None, clock.boot_mark));
                self.short = promised.is_some_and(|promised| transfer.deadline < promised);
                self.booted_since = false;
            }
            Change::TransferCancelled { .. } => self.transfer_gone(),
            _ => {}
        }
    }

    fn transfer_gone(&mut self) {
        (self.short, self.booted_since) = (false, false);
    }

    /// By which right the stored session ends.
    fn fate_of(
        &self,
        workspace: &Workspace,
        entry: &LedgerEntry,
        by: By,
        clock: &Clock,
        tally: &Tally,
    ) -> Fate {
        let transfer = workspace.tenure.transfer.as_ref();
        if transfer.is_some() && by != By::Operator {
            super::rows::of_transfer(workspace, by, self.booted_since, clock, tally);
        }
        match (entry.cause, by) {
            (EndCause::Superseded, _) => Fate::CutShort(Row::CutShortBySupersede),
            (_, By::Supervisor) => Fate::CutShort(Row::CutShortBySupervisor),
            (EndCause::ForceTakenOver, By::Operator) => Fate::CutShort(Row::CutShortByForce),
            (EndCause::ForceTakenOver, By::Time) if self.short => {
                Fate::CutShort(Row::CutShortByShortGrace)
            }
            _ => Fate::Ended,
        }
    }

    fn check_not_early(&self, clock: &Clock, broken: &mut Rules) {
        let reached = |until: Option<LeaseInstant>| until.is_none_or(|at| at <= clock.now.lease);
        if !self.short {
            broken.unless(reached(self.promised), Rule::AnsweredExpiryHolds);
        }
        broken.unless(reached(self.grace_until), Rule::BootGrace);
    }

    /// The server was booted, and its lease clock reads `mark`.
    pub fn booted(&mut self, workspace: &Workspace, mark: LeaseInstant, tally: &Tally) {
        self.booted_since = workspace.tenure.transfer.is_some();
        self.grace_until = None;
        let Some(session) = &workspace.tenure.session else { return };
        let held = session.autonomous().and_then(|held| held.ttl.zip(held.renewal));
        if let Some((ttl, renewal)) = held.filter(|(_, renewal)| renewal.expires_at > mark) {
            tally.count(Row::BootWithRunningLease);
            let until = mark.after(ttl.min(BOOT_GRACE_MAX)).max(renewal.expires_at);
            let deadline = workspace.tenure.transfer.as_ref().map(|transfer| transfer.deadline);
            self.grace_until = Some(deadline.map_or(until, |deadline| deadline.min(until)));
        }
    }

    /// What the tokens say of all tenures.
    pub fn check_tokens(&self, tenure: &Tenure, clock: &Clock, broken: &mut Rules) {
        let passes = |past: &Past| Fence::check(Some(tenure), past.token, clock).current;
        let current = self.tenures.iter().filter(|past| passes(past)).count();
        broken.unless(current <= 1, Rule::OneLiveTenure);
        let mut ended = self.tenures.iter().filter(|past| past.fate != Fate::Stored);
        broken.unless(!ended.any(passes), Rule::OldTokenRefused);
    }
}

/// Whether what is done to the stored tenure was meant for it.
fn is_about(by: By, stored: Option<Nth>) -> bool {
    !matches!(by, By::Process(Some(meant)) if Some(meant) != stored)
}
