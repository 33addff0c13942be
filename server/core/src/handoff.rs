//! Handoff: what one tenure leaves to the next. Replaced as a whole; outlives every session,
//! also a clear.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::smallvec;

use crate::change::Change;
use crate::command::PutHandoff;
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::name::{ActorId, Principal, SessionId};
use crate::reply::Reply;
use crate::time::WallTime;
use crate::workspace::Workspace;

/// The most characters of a handoff's title.
pub const HANDOFF_TITLE_MAX_CHARS: usize = 200;
/// The most actions of a handoff.
pub const HANDOFF_ACTIONS_MAX: usize = 100;
/// The most characters of an action.
pub const HANDOFF_ACTION_MAX_CHARS: usize = 500;

/// How far an action has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Still to be done.
    #[default]
    Open,
    /// Done.
    Done,
    /// It will not be done.
    Dropped,
}

/// One thing that is left to whoever comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffAction {
    /// What is to be done, 1 to 500 characters.
    pub text: Arc<str>,
    /// How far it has come.
    pub state: ActionState,
}

/// A handoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// What it is about, 1 to 200 characters.
    pub title: Arc<str>,
    /// What is to be done, in order, at most 100.
    pub actions: Vec<HandoffAction>,
    /// When it was put.
    pub put_at: WallTime,
    /// The actor who put it, if one was named.
    pub actor: Option<ActorId>,
    /// The principal who put it.
    pub principal: Principal,
    /// The session that was stored then, if one was and it had an id.
    pub session_id: Option<SessionId>,
}

pub(crate) fn put(workspace: &Workspace, request: &PutHandoff, context: &Context) -> Decided {
    let handoff = Arc::new(Handoff {
        title: Arc::clone(&request.title),
        actions: request.actions.clone(),
        put_at: context.clock.now.wall,
        actor: request.actor.clone(),
        principal: context.principal.clone(),
        session_id: workspace.session_id().cloned(),
    });
    let change = Change::HandoffPut { handoff: Arc::clone(&handoff) };
    Ok(Decision { changes: smallvec![change], reply: Reply::HandoffPut(handoff) })
}

#[cfg(test)]
mod tests;
