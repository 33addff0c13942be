//! Calls that change a workspace: settled, looked up, decided, applied.

use std::rc::Rc;
use std::sync::Arc;

use tenure_core::command::Command;
use tenure_core::decide::decide;
use tenure_core::evolve::evolve;
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::replay::replay;
use tenure_core::reply::Reply;
use tenure_core::workspace::Workspace;
use tenured::engine::{Answer, Once};
use tenured::grpc::convert::violation::Parsed;
use tenured::grpc::status::Fault;

use super::{Kept, Prepared, State, WorkspaceModel, context, settled, tick};
use crate::history::record::{self, Told};
use crate::history::turned_clock::{TICK_MS, clock_at};

/// How far the clocks of two servers may be apart: one decides a chain anew after a conflict, by
/// the clock of its batch, while the other's has been turned.
const CLOCKS_APART_MAX_MS: u64 = 2 * TICK_MS;

/// What became of a command.
enum Outcome {
    Done { reply: Reply, replayed: bool },
    Refused(Box<Refusal>),
}

impl WorkspaceModel {
    /// The states that a command may leave which was decided between `from_ms` and `until_ms`.
    pub(super) fn decided(
        &self,
        state: &State,
        call: &Prepared,
        parsed: &Parsed,
        from_ms: u64,
        until_ms: u64,
    ) -> Vec<State> {
        let mut states: Vec<State> = Vec::new();
        for now_ms in (from_ms..=until_ms).step_by(tick()) {
            for workspace in self.brought_up_to(state, now_ms) {
                let settled = State { workspace, now_ms, ..state.clone() };
                let (outcome, after) = carry_out(&settled, call.at, parsed);
                let told = match &call.call.told {
                    // Whoever was told nothing only counts for what it has changed.
                    Told::Nothing(_) => (after != settled).then(|| after.clone()),
                    _ => self.tells(call, &outcome, &after, now_ms, until_ms),
                };
                let told = told.map(|after| match self.one_clock {
                    true => after,
                    false => State { now_ms: state.now_ms, ..after },
                });
                // The same, but later, allows nothing more.
                let is_new = |after: &State| {
                    let same = |met: &State| State { now_ms: after.now_ms, ..met.clone() };
                    !states.iter().any(|met| same(met) == *after)
                };
                states.extend(told.filter(is_new));
            }
        }
        states
    }

    /// The workspace as a command may find it that is decided at `now_ms`. Another server's clock
    /// may be ahead, and have settled what is not due yet by this one's.
    fn brought_up_to(&self, state: &State, now_ms: u64) -> Vec<Rc<Workspace>> {
        let ahead_ms = if self.one_clock { 0 } else { CLOCKS_APART_MAX_MS };
        let instants = (now_ms..=now_ms + ahead_ms).step_by(tick());
        let mut found: Vec<Rc<Workspace>> = Vec::new();
        for at_ms in instants {
            for (workspace, _) in settled(&state.workspace, state.now_ms, at_ms) {
                if !found.contains(&workspace) {
                    found.push(workspace);
                }
            }
        }
        found
    }

    /// The state after `outcome`, if that is what the call was told.
    fn tells(
        &self,
        call: &Prepared,
        outcome: &Outcome,
        after: &State,
        now_ms: u64,
        until_ms: u64,
    ) -> Option<State> {
        match (&call.call.told, outcome) {
            (Told::Done(_), Outcome::Done { reply, replayed }) => {
                let clock = clock_at(now_ms);
                let answer = Answer { reply: reply.clone(), replayed: *replayed, clock };
                let said = self.answer(&call.call, &call.call.asked.shown(&answer)?).ok()?;
                self.same(call, &said, after)
            }
            (Told::Refused(..), Outcome::Refused(refusal)) => {
                // The wire judges by its own clock whether a transfer is due.
                let is_due_later = refusal.standing.as_ref().is_some_and(|s| s.transfer.is_some());
                let last_ms = if is_due_later { until_ms } else { now_ms };
                let mut shown = (now_ms..=last_ms).step_by(tick());
                shown.find_map(|shown_ms| self.refuses(call, refusal, after, shown_ms))
            }
            _ => None,
        }
    }

    /// The state after a refusal, if that is what the call was told.
    pub(super) fn refuses(
        &self,
        call: &Prepared,
        refusal: &Refusal,
        after: &State,
        shown_ms: u64,
    ) -> Option<State> {
        let Told::Refused(code, _) = &call.call.told else { return None };
        let status = Fault::refused(refusal, &clock_at(shown_ms)).into_status();
        let refusal = record::refusal(&status).filter(|_| status.code() == *code)?;
        let said = self.message(&self.refusal, &prost::Message::encode_to_vec(&refusal)).ok()?;
        self.same(call, &said, after)
    }

    /// The state with what its names learn from the answer, if it is the one that was said.
    pub(super) fn same(
        &self,
        call: &Prepared,
        said: &prost_reflect::DynamicMessage,
        after: &State,
    ) -> Option<State> {
        let mut names = (*after.names).clone();
        let same = names.are_the_same(said, call.told.as_ref()?);
        let names = if names == *after.names { Rc::clone(&after.names) } else { Rc::new(names) };
        same.then(|| State { names, ..after.clone() })
    }
}

/// What the engine does with a command of a settled workspace.
fn carry_out(state: &State, at: usize, parsed: &Parsed) -> (Outcome, State) {
    let context = context(at, state.now_ms);
    let command = state.names.in_the_model(&parsed.command);
    let workspace = &state.workspace;
    if let Some(once) = &parsed.once
        && let Some(kept) = state.kept.get(&(once.rpc, Arc::clone(&once.request_id)))
    {
        let told = if kept.digest == once.digest {
            replay(workspace, &kept.reply, &context)
        } else {
            Err(Refusal::new(Reason::RequestIdReused, workspace, &context))
        };
        let outcome = match told {
            Ok(reply) => Outcome::Done { reply, replayed: true },
            Err(refusal) => Outcome::Refused(Box::new(refusal)),
        };
        return (outcome, state.clone());
    }
    match decide(workspace, &command, &context) {
        Err(refusal) => (Outcome::Refused(Box::new(refusal)), state.clone()),
        Ok(decision) => {
            let mut next: Workspace = (**workspace).clone();
            decision.changes.iter().for_each(|change| evolve(&mut next, change));
            let workspace = Rc::new(next);
            let mut after = State { workspace, ..state.clone() };
            if let Some(once) = &parsed.once {
                keep(&mut after, once, &command, &decision.reply);
            }
            (Outcome::Done { reply: decision.reply, replayed: false }, after)
        }
    }
}

fn keep(state: &mut State, once: &Once, command: &Command, reply: &Reply) {
    if matches!(command, Command::ForceTakeOver(force) if force.dry_run) {
        return;
    }
    let kept = Rc::new(Kept { digest: once.digest, reply: reply.clone() });
    Rc::make_mut(&mut state.kept).insert((once.rpc, Arc::clone(&once.request_id)), kept);
}
