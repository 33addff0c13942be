//! The scene of a test: a stored workspace, the circumstances, and what a command makes of them.

use std::sync::Arc;

use super::{NOW, REVISION, actor, at};
use crate::change::{Change, Changes};
use crate::command::Command;
use crate::context::{Clock, Context};
use crate::decide::decide;
use crate::event::{Event, Stamp, derive};
use crate::evolve::evolve;
use crate::ledger::LedgerEntry;
use crate::name::{EscalationId, Key, Principal, SessionId, WorkspaceName};
use crate::refusal::{Reason, Refusal};
use crate::reply::Reply;
use crate::session::{Revision, Session, Transfer};
use crate::settle::settle;
use crate::time::LeaseInstant;
use crate::work_stream::HALF_LIFE_DEFAULT;
use crate::workspace::Workspace;

/// A stored workspace, and the circumstances of the command that comes next.
pub(crate) struct Scene {
    pub workspace: Workspace,
    pub context: Context,
}

/// What a command that was carried out left behind.
pub(crate) struct Done {
    pub workspace: Workspace,
    pub changes: Changes,
    pub reply: Reply,
}

impl Scene {
    /// A workspace that was never heard of; the service's revision floor is 100.
    pub(crate) fn unknown() -> Self {
        let key =
            Key { workspace: WorkspaceName::imported("acme/api"), profile: Default::default() };
        let context = Context {
            clock: Clock { now: at(NOW), boot_mark: LeaseInstant(1) },
            principal: Principal::imported("caller"),
            operator: false,
            address: None,
            new_session_id: SessionId::imported("ses_new"),
            new_escalation_id: EscalationId::imported("esc_new"),
            work_stream_half_life: HALF_LIFE_DEFAULT,
            revision_floor: Revision(100),
            registration_required: false,
            machine_cordoned: false,
        };
        Self { workspace: Workspace::unknown(key), context }
    }

    /// A workspace whose session has ended.
    pub(crate) fn free() -> Self {
        let mut scene = Self::unknown().at_revision(REVISION.0);
        scene.workspace.tenure.origin = Some(Arc::default());
        scene
    }

    pub(crate) fn with(session: Session) -> Self {
        let mut scene = Self::free();
        scene.workspace.tenure.session = Some(session);
        scene
    }

    pub(crate) fn pending(mut self, transfer: Transfer) -> Self {
        self.workspace.tenure.transfer = Some(transfer);
        self
    }

    pub(crate) fn at_revision(mut self, revision: u64) -> Self {
        self.workspace.tenure.revision = Some(Revision(revision));
        self
    }

    pub(crate) fn cordoned(mut self) -> Self {
        self.context.machine_cordoned = true;
        self
    }

    pub(crate) fn operator(mut self) -> Self {
        self.context.operator = true;
        self
    }

    pub(crate) fn booted_at(mut self, mark_ms: u64) -> Self {
        self.context.clock.boot_mark = LeaseInstant(mark_ms);
        self
    }

    pub(crate) fn now(mut self, lease_ms: u64) -> Self {
        self.context.clock.now = at(lease_ms);
        self
    }

    pub(crate) fn session(&self) -> &Session {
        self.workspace.tenure.session.as_ref().unwrap()
    }

    /// Carries a command out that must succeed.
    pub(crate) fn done(&self, command: impl Into<Command>) -> Done {
        let decision = decide(&self.workspace, &command.into(), &self.context).unwrap();
        let mut workspace = self.workspace.clone();
        decision.changes.iter().for_each(|change| evolve(&mut workspace, change));
        Done { workspace, changes: decision.changes, reply: decision.reply }
    }

    /// The reason for which a command is refused, as it must be.
    pub(crate) fn refused(&self, command: impl Into<Command>) -> Reason {
        self.refusal(command).reason
    }

    pub(crate) fn refusal(&self, command: impl Into<Command>) -> Refusal {
        decide(&self.workspace, &command.into(), &self.context).unwrap_err()
    }

    /// The events of changes, applied one after another.
    pub(crate) fn events_of(&self, changes: &Changes) -> Vec<Event> {
        let stamp = Stamp {
            at: self.context.clock.now.wall,
            principal: self.context.principal.clone(),
            actor: Some(actor("acting")),
            address: Some("192.0.2.7:4000".into()),
        };
        let mut workspace = self.workspace.clone();
        let mut events = Vec::new();
        for change in changes {
            let before = workspace.tenure.clone();
            evolve(&mut workspace, change);
            events.extend(derive(&before, change, &workspace, &stamp));
        }
        events
    }

    /// Settles the workspace, which must have something due.
    pub(crate) fn settled(&self) -> (Workspace, Changes) {
        let changes = settle(&self.workspace, &self.context.clock).unwrap();
        let mut workspace = self.workspace.clone();
        changes.iter().for_each(|change| evolve(&mut workspace, change));
        (workspace, changes)
    }
}

impl Done {
    pub(crate) fn session(&self) -> &Session {
        self.workspace.tenure.session.as_ref().unwrap()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.workspace.tenure.revision.unwrap().0
    }

    /// The records that were sealed, oldest first.
    pub(crate) fn sealed(&self) -> Vec<&LedgerEntry> {
        sealed(&self.changes)
    }
}

pub(crate) fn sealed(changes: &Changes) -> Vec<&LedgerEntry> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::Ended { entry } => Some(&**entry),
            _ => None,
        })
        .collect()
}
