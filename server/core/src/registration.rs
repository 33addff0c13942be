//! Registration: how a workspace comes to be known, and how it is forgotten.
//!
//! Where nothing else is configured it comes into being with the first thing that is stored of
//! it. Where registration is required, only by being registered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::Command;
use crate::context::Context;
use crate::decide::{Decided, Decision};
use crate::name::Principal;
use crate::refusal::Reason;
use crate::reply::{Registered, Reply, WorkspaceDeleted};
use crate::time::WallTime;
use crate::workspace::Workspace;

/// How a known workspace came to be known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Whether somebody registered it, be it later.
    pub registered: bool,
    /// Since when it is known; absent in stores from before this was kept.
    pub at: Option<WallTime>,
    /// Who made it known; absent in stores from before this was kept.
    pub principal: Option<Principal>,
}

impl Origin {
    fn now(registered: bool, context: &Context) -> Self {
        let at = Some(context.clock.now.wall);
        Self { registered, at, principal: Some(context.principal.clone()) }
    }
}

impl Command {
    /// Whether this may bring a workspace into being, and therefore needs one that is known
    /// where registration is required.
    const fn brings_into_being(&self) -> bool {
        matches!(
            self,
            Self::Start(_)
                | Self::Await(_)
                | Self::PutGates(_)
                | Self::UpdateGate(_)
                | Self::RaiseEscalation(_)
                | Self::ResolveEscalation(_)
                | Self::PutHandoff(_)
        )
    }
}

/// Refuses what would bring a workspace into being that must be registered first.
pub(crate) fn check(
    workspace: &Workspace,
    command: &Command,
    context: &Context,
) -> Result<(), Reason> {
    let is_known = workspace.tenure.origin.is_some();
    if context.registration_required && !is_known && command.brings_into_being() {
        return Err(Reason::WorkspaceNotRegistered);
    }
    Ok(())
}

/// What makes a workspace known of which `changes` store something for the first time.
pub(crate) fn with_origin(workspace: &Workspace, changes: Changes, context: &Context) -> Changes {
    let tells = |change: &Change| {
        matches!(change, Change::OriginSet { .. } | Change::WorkspaceDeleted { .. })
    };
    if workspace.tenure.origin.is_some() || changes.is_empty() || changes.iter().any(tells) {
        return changes;
    }
    let origin = Arc::new(Origin::now(false, context));
    let mut all: Changes = smallvec![Change::OriginSet { origin, registered: false }];
    all.extend(changes);
    all
}

pub(crate) fn register(workspace: &Workspace, context: &Context) -> Decided {
    let known = workspace.tenure.origin.as_deref();
    let origin = match known {
        Some(origin) if origin.registered => {
            let registered = Registered { created: false, origin: origin.clone() };
            let reply = Reply::Registered(Box::new(registered));
            return Ok(Decision { changes: Changes::new(), reply });
        }
        Some(origin) => Origin { registered: true, ..origin.clone() },
        None => Origin::now(true, context),
    };
    let reply = Reply::Registered(Box::new(Registered { created: true, origin: origin.clone() }));
    let change = Change::OriginSet { origin: Arc::new(origin), registered: true };
    Ok(Decision { changes: smallvec![change], reply })
}

/// Forgets a workspace and all that is stored under it. Its revisions never come again: the
/// floor of the whole service rises to them.
pub(crate) fn delete(workspace: &Workspace, context: &Context) -> Decided {
    if workspace.tenure.session.is_some() {
        return Err(Reason::WorkspaceInUse);
    }
    let deleted = workspace.tenure.origin.is_some();
    let last = workspace.tenure.revision.unwrap_or_default();
    let revision_floor =
        if deleted { last.max(context.revision_floor) } else { context.revision_floor };
    let changes = if deleted {
        smallvec![Change::WorkspaceDeleted { revision_floor }]
    } else {
        Changes::new()
    };
    let reply = Reply::WorkspaceDeleted(WorkspaceDeleted { deleted, revision_floor });
    Ok(Decision { changes, reply })
}

#[cfg(test)]
mod tests;
