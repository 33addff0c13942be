//! Calls that look: at a committed state, by the clock of the moment.

use std::rc::Rc;

use prost::Message;
use tenure::v1;
use tenure_core::fence::Fence;
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::SessionView;
use tenure_core::session::FencingToken;
use tenure_core::workspace::Workspace;
use tenured::grpc::convert::{fence, session};

use super::{Prepared, State, WorkspaceModel, context, settled, tick};
use crate::history::rpc::Asked;
use crate::history::turned_clock::clock_at;

impl WorkspaceModel {
    /// The states in which a read may have been answered as it was, until `until_ms`.
    ///
    /// A read takes its snapshot first and looks at the clock afterwards, so it does not keep
    /// later commands from being decided at an earlier tick than the one that it was judged by.
    pub(super) fn seen(&self, state: &State, call: &Prepared, until_ms: u64) -> Vec<State> {
        let from_ms = state.now_ms.max(call.call.invoked.elapsed_ms);
        let judged = |state: &State, from_ms: u64| {
            let mut ticks = (from_ms..=until_ms).step_by(tick());
            ticks.find_map(|at_ms| self.judged(state, call, at_ms))
        };
        // What can still be settled later includes what has been settled by now.
        if let Some(state) = judged(state, from_ms) {
            return vec![state];
        }
        let mut states: Vec<State> = Vec::new();
        for settled_ms in (state.now_ms..=until_ms).step_by(tick()) {
            for (workspace, at_ms) in settled(&state.workspace, state.now_ms, settled_ms) {
                if Rc::ptr_eq(&workspace, &state.workspace) {
                    continue;
                }
                let settled = State { workspace, now_ms: at_ms, ..state.clone() };
                let next = judged(&settled, from_ms.max(at_ms));
                let is_new = |next: &State| {
                    let same = |met: &State| State { now_ms: next.now_ms, ..met.clone() } == *next;
                    !states.iter().any(same)
                };
                states.extend(next.filter(is_new));
            }
        }
        states
    }

    /// The state, if a read of it at `at_ms` is answered as the call was.
    fn judged(&self, state: &State, call: &Prepared, at_ms: u64) -> Option<State> {
        let workspace = &state.workspace;
        match &call.call.asked {
            Asked::Get(_) => self.session(state, call, at_ms),
            Asked::Fence(request) => {
                let token = FencingToken(request.checks.first()?.fencing_token);
                let known = is_stored(workspace).then_some(&workspace.tenure);
                let found = Fence::check(known, token, &clock_at(at_ms));
                let results = vec![fence::result(&workspace.key, found)];
                let said = v1::CheckFenceResponse { results }.encode_to_vec();
                self.same(call, &self.answer(&call.call, &said).ok()?, state)
            }
            _ => None,
        }
    }

    fn session(&self, state: &State, call: &Prepared, at_ms: u64) -> Option<State> {
        let (workspace, clock) = (&state.workspace, clock_at(at_ms));
        let Some(view) = SessionView::of(workspace, &clock) else {
            let refusal = Refusal::new(Reason::NoSession, workspace, &context(call.at, at_ms));
            return self.refuses(call, &refusal, state, at_ms);
        };
        let session = Some(session::shown(&view, &clock));
        let said = v1::GetSessionResponse { session }.encode_to_vec();
        self.same(call, &self.answer(&call.call, &said).ok()?, state)
    }
}

/// Whether a store holds anything of the workspace.
fn is_stored(workspace: &Workspace) -> bool {
    workspace.tenure.origin.is_some() || workspace.tenure.revision.is_some()
}
