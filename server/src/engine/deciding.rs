//! Decides the items of one batch, one after another, in memory: settle, look the request up,
//! decide, apply.

use std::sync::Arc;

use tenure_core::command::{Await, Command, RequestedHolder, RequestedSuccessor};
use tenure_core::context::{Clock, Context};
use tenure_core::decide::decide;
use tenure_core::event::Stamp;
use tenure_core::name::{ActorId, EscalationId, Key, Principal, SessionId};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::replay::replay;
use tenure_core::reply::Reply;
use tenure_core::session::Revision;
use tenure_core::settle::settle;
use tenure_core::time::Span;

use crate::access::Caller;
use crate::engine::cache::{Entry, Slot};
use crate::engine::chain::Chain;
use crate::engine::item::{Item, Source, Verdict};
use crate::engine::machines::Cordons;
use crate::engine::waits::Waits;
use crate::engine::{Once, Request};
use crate::ids::IdSource;
use crate::store::{OutcomeKey, StoredOutcome};

mod waits;

/// How long the outcome of a request with an id is kept, in lease-clock time.
pub const OUTCOME_KEPT_FOR: Span = Span::from_secs(900);

/// What all decisions of a batch share.
#[derive(Debug)]
pub struct Deciding<'a> {
    /// The batch's clock.
    pub clock: Clock,
    /// The writes in the making.
    pub chains: &'a mut Vec<Chain>,
    /// The machines that get no new sessions.
    pub cordons: &'a Cordons,
    /// Who waits for what.
    pub waits: &'a mut Waits,
    /// Those who waited and are served, or refused, by this batch.
    pub granted: Vec<Item>,
    /// Outcomes of earlier requests that the batch repeats.
    pub outcomes: &'a [StoredOutcome],
    /// Who is named for what time alone has done.
    pub service: &'a Principal,
    /// Where new ids come from.
    pub ids: &'a dyn IdSource,
    /// Stands in for a minted id where none will be needed.
    pub no_session_id: &'a SessionId,
    /// The same for escalations.
    pub no_escalation_id: &'a EscalationId,
    /// In how much lease-clock time the score of a work stream halves.
    pub work_stream_half_life: Span,
    /// Unknown workspaces start above it. Deletions raise it.
    pub revision_floor: Revision,
    /// Whether workspaces must be registered.
    pub registration_required: bool,
    /// The circumstances of the last command that minted nothing, and whose they were: beats
    /// come in long runs of one caller.
    pub last: Option<(Arc<Caller>, Context)>,
}

impl Deciding<'_> {
    /// Whether `item` has to wait for the next batch: a deletion is a step of its own.
    fn must_wait(&self, item: &Item, entry: &Entry) -> bool {
        let Some(chain) = entry.chain.and_then(|at| self.chains.get(at as usize)) else {
            return false;
        };
        chain.deletes() || item.deletes_its_workspace()
    }

    /// Decides one item on its workspace; a timer only settles, and has no verdict. Whoever
    /// waits and can be served is served before anything that comes later. Returns whether the
    /// item is decided; if not, it has to wait for the next batch.
    pub fn item(&mut self, item: &mut Item, slot: Slot, entry: &mut Entry) -> bool {
        if self.must_wait(item, entry) {
            return false;
        }
        self.settle(slot, entry);
        if self.waits.has(&entry.workspace.key) {
            self.serve(slot, entry);
        }
        // What has just come due is part of no deletion's step.
        if self.must_wait(item, entry) {
            return false;
        }
        match &item.source {
            Source::Timer(_) => {}
            Source::Wait(_) => self.newcomer(item, slot, entry),
            Source::Call { request, .. } => item.verdict = Some(self.call(request, slot, entry)),
            Source::Join { outbox, work } => {
                item.verdict = Some(self.of_stream(outbox.caller(), &work.command, slot, entry));
            }
            Source::Beat { outbox, work } => {
                let command = work.telling.as_deref().unwrap_or(&work.identity.plain_beat);
                item.verdict = Some(self.of_stream(outbox.caller(), command, slot, entry));
            }
        }
        if self.waits.has(&entry.workspace.key) {
            self.serve(slot, entry);
        }
        true
    }

    /// Brings the workspace up to the present. A due transfer is the doing of who scheduled
    /// it; anything else is the service's.
    fn settle(&mut self, slot: Slot, entry: &mut Entry) {
        let Some(changes) = settle(&entry.workspace, &self.clock) else { return };
        let scheduled_by = entry.workspace.tenure.transfer.as_ref().map(|t| t.principal.clone());
        let principal = scheduled_by.unwrap_or_else(|| self.service.clone());
        let at = self.clock.now.wall;
        let stamp = || Stamp { at, principal: principal.clone(), actor: None, address: None };
        chain_of(self.chains, slot, entry).apply(entry, &changes, stamp);
    }

    /// Decides a command that mints nothing.
    fn of_stream(
        &mut self,
        caller: &Arc<Caller>,
        command: &Command,
        slot: Slot,
        entry: &mut Entry,
    ) -> Verdict {
        let last = self.last.take().filter(|(whose, _)| Arc::ptr_eq(whose, caller));
        let last = last.unwrap_or_else(|| (Arc::clone(caller), self.context(caller, command)));
        let verdict = self.command(command, &last.1, slot, entry);
        self.last = Some(last);
        verdict
    }

    fn call(&mut self, request: &Request, slot: Slot, entry: &mut Entry) -> Verdict {
        let context = self.context(&request.caller, &request.command);
        let Some(once) = &request.once else {
            return self.command(&request.command, &context, slot, entry);
        };
        let key = outcome_key(&request.caller, &request.key, once);
        if let Some(verdict) = self.repeat(once, &key, &context, entry) {
            return verdict;
        }
        let verdict = self.command(&request.command, &context, slot, entry);
        let is_dry = matches!(&request.command, Command::ForceTakeOver(force) if force.dry_run);
        if let Verdict::Done(reply) = &verdict
            && !is_dry
        {
            let keep_until = self.clock.now.lease.after(OUTCOME_KEPT_FOR);
            let reply = reply.clone();
            let outcome = StoredOutcome { key, digest: once.digest, reply, keep_until };
            chain_of(self.chains, slot, entry).keep(outcome);
        }
        verdict
    }

    /// The verdict of a request that was carried out before, be it in this very batch.
    fn repeat(
        &self,
        once: &Once,
        key: &OutcomeKey,
        context: &Context,
        entry: &Entry,
    ) -> Option<Verdict> {
        let chain = entry.chain.and_then(|at| self.chains.get(at as usize));
        let in_batch = chain.and_then(|chain| chain.kept(key));
        let stored = in_batch.or_else(|| self.outcomes.iter().find(|o| o.key == *key))?;
        let workspace = &entry.workspace;
        let told = if stored.digest == once.digest {
            replay(workspace, &stored.reply, context)
        } else {
            Err(Refusal::new(Reason::RequestIdReused, workspace, context))
        };
        Some(match told {
            Ok(reply) => Verdict::Replayed(reply),
            Err(refusal) => Verdict::Refused(Box::new(refusal)),
        })
    }

    fn command(
        &mut self,
        command: &Command,
        context: &Context,
        slot: Slot,
        entry: &mut Entry,
    ) -> Verdict {
        let decision = match decide(&entry.workspace, command, context) {
            Err(refusal) => return Verdict::Refused(Box::new(refusal)),
            Ok(decision) => decision,
        };
        if let Reply::WorkspaceDeleted(deleted) = &decision.reply {
            self.revision_floor = self.revision_floor.max(deleted.revision_floor);
        }
        if !decision.changes.is_empty() {
            let stamp = || Stamp {
                at: context.clock.now.wall,
                principal: context.principal.clone(),
                actor: acting(command).cloned(),
                address: context.address.clone(),
            };
            chain_of(self.chains, slot, entry).apply(entry, &decision.changes, stamp);
        }
        Verdict::Done(decision.reply)
    }

    fn context(&self, caller: &Caller, command: &Command) -> Context {
        let mints = matches!(
            command,
            Command::Start(_)
                | Command::Await(_)
                | Command::TakeOver(_)
                | Command::ForceTakeOver(_)
        );
        Context {
            clock: self.clock,
            principal: caller.principal.clone(),
            operator: caller.operator,
            address: caller.address.clone(),
            new_session_id: if mints { self.mint() } else { self.no_session_id.clone() },
            new_escalation_id: match command {
                Command::RaiseEscalation(_) => self.mint_escalation(),
                _ => self.no_escalation_id.clone(),
            },
            work_stream_half_life: self.work_stream_half_life,
            revision_floor: self.revision_floor,
            registration_required: self.registration_required,
            machine_cordoned: self.cordons.bar(command),
        }
    }

    fn mint(&self) -> SessionId {
        SessionId::imported(&format!("ses_{}", self.ids.mint()))
    }

    fn mint_escalation(&self) -> EscalationId {
        EscalationId::imported(&format!("esc_{}", self.ids.mint()))
    }
}

/// The key under which the outcome of what `caller` asks once of `key` is kept.
#[must_use]
pub fn outcome_key(caller: &Caller, key: &Key, once: &Once) -> OutcomeKey {
    OutcomeKey {
        principal: caller.principal.clone(),
        rpc: once.rpc,
        key: key.clone(),
        request_id: once.request_id.clone(),
    }
}

/// The chain of the entry at `slot`, begun if this is its first change in the batch.
fn chain_of<'a>(chains: &'a mut Vec<Chain>, slot: Slot, entry: &mut Entry) -> &'a mut Chain {
    let at = entry.chain.map_or(chains.len(), |at| at as usize);
    if at >= chains.len() {
        entry.chain = u32::try_from(chains.len()).ok();
        chains.push(Chain::new(slot));
    }
    let last = chains.len() - 1;
    &mut chains[at.min(last)]
}

/// Who acts, as the command claims.
fn acting(command: &Command) -> Option<&ActorId> {
    match command {
        Command::Start(start) | Command::Await(Await { start, .. }) => match &start.holder {
            RequestedHolder::Interactive => None,
            RequestedHolder::Autonomous(lease) => Some(&lease.actor),
        },
        Command::Heartbeat(beat) => Some(&beat.actor),
        Command::Join(join) => Some(&join.actor),
        Command::TakeOver(take) => match &take.successor {
            RequestedSuccessor::Interactive => None,
            RequestedSuccessor::Autonomous { actor, .. } => Some(actor),
        },
        Command::ForceTakeOver(_) | Command::CancelTransfer(_) | Command::Import(_) => None,
        Command::Yield(request) => request.actor.as_ref(),
        Command::Clear(request) => request.actor.as_ref(),
        Command::RaiseEscalation(request) => request.actor.as_ref(),
        Command::ResolveEscalation(request) => request.actor.as_ref(),
        Command::PutGates(request) => request.actor.as_ref(),
        Command::UpdateGate(request) => request.actor.as_ref(),
        Command::PutHandoff(request) => request.actor.as_ref(),
        Command::Register | Command::DeleteWorkspace => None,
    }
}
