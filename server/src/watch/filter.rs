//! Which events a caller asked for, as a pure function of the event.
//!
//! Guarantees: an event matches if the holder that it found, or the one that it left, is one
//! that the filter selects. So a watcher of an owner sees a session come to the owner and sees
//! it leave.
//!
//! Must not know: the wire, cursors, the store.

use std::collections::BTreeSet;

use tenure_core::event::{Event, Facts, What};
use tenure_core::name::INTERACTIVE_OWNER;
use tenure_core::session::Lifecycle;

use crate::store::ListFilter;

/// What an event is about, by the names of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A session was minted.
    SessionStarted,
    /// A session was started again by its owner.
    SessionRefreshed,
    /// A session was found stale.
    SessionExpired,
    /// A session ended.
    SessionEnded,
    /// A forced takeover is pending.
    TransferScheduled,
    /// The pending transfer was removed.
    TransferCancelled,
    /// The owner says what it is doing.
    ActivityChanged,
    /// A live session was found not to progress.
    SessionStalled,
    /// A stalled session progresses again.
    SessionResumed,
    /// An escalation was raised.
    EscalationRaised,
    /// An escalation was resolved.
    EscalationResolved,
    /// Escalations went with a transition.
    EscalationsCleared,
    /// The list of gates was set.
    GatesSet,
    /// One gate was set.
    GateUpdated,
    /// The gates went with a transition.
    GatesCleared,
    /// The handoff was replaced.
    HandoffPut,
    /// A file of an older installation was imported.
    StateImported,
    /// A workspace was registered.
    WorkspaceRegistered,
    /// A workspace was deleted.
    WorkspaceDeleted,
    /// A machine gets no new sessions any more.
    MachineCordoned,
    /// A machine gets new sessions again.
    MachineUncordoned,
    /// The server began to serve.
    ServerStarted,
    /// The server was told to drain.
    ServerDrained,
    /// The wall clock was stepped.
    ClockStepped,
    /// The commit loop stood still.
    StallSeen,
}

impl EventType {
    /// The type of an event that says `what`.
    #[must_use]
    pub const fn of(what: &What) -> Self {
        match what {
            What::SessionStarted { .. } => Self::SessionStarted,
            What::SessionRefreshed(_) => Self::SessionRefreshed,
            What::SessionExpired { .. } => Self::SessionExpired,
            What::SessionEnded { .. } => Self::SessionEnded,
            What::TransferScheduled { .. } => Self::TransferScheduled,
            What::TransferCancelled { .. } => Self::TransferCancelled,
            What::ActivityChanged(_) => Self::ActivityChanged,
            What::SessionStalled(_) => Self::SessionStalled,
            What::SessionResumed(_) => Self::SessionResumed,
            What::EscalationRaised(_) => Self::EscalationRaised,
            What::EscalationResolved(_) => Self::EscalationResolved,
            What::EscalationsCleared { .. } => Self::EscalationsCleared,
            What::GatesSet(_) => Self::GatesSet,
            What::GateUpdated { .. } => Self::GateUpdated,
            What::GatesCleared { .. } => Self::GatesCleared,
            What::HandoffPut(_) => Self::HandoffPut,
            What::StateImported(_) => Self::StateImported,
            What::WorkspaceRegistered => Self::WorkspaceRegistered,
            What::WorkspaceDeleted { .. } => Self::WorkspaceDeleted,
            What::MachineCordoned { .. } => Self::MachineCordoned,
            What::MachineUncordoned { .. } => Self::MachineUncordoned,
            What::ServerStarted { .. } => Self::ServerStarted,
            What::ServerDrained { .. } => Self::ServerDrained,
            What::ClockStepped { .. } => Self::ClockStepped,
            What::StallSeen { .. } => Self::StallSeen,
        }
    }
}

/// Which events are wanted. Absent conditions hold for all events; the conditions about a
/// holder must hold together, for the holder before or for the one after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Whole segments of the workspace's name. Events of no workspace do not match.
    pub prefix: Option<String>,
    /// The owning actor; `interactive` means every person.
    pub owner: Option<String>,
    /// The second actor.
    pub supervisor: Option<String>,
    /// The id of the holder's machine, or of the one that the event is about.
    pub machine: Option<String>,
    /// What happened. A set that is there and empty matches nothing: the caller named only
    /// types that are never written.
    pub types: Option<BTreeSet<EventType>>,
}

impl EventFilter {
    /// Whether `event` is wanted.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.wants_type_of(event) && self.wants_place_of(event) && self.wants_holder_of(event)
    }

    /// The sessions that this filter selects, for a snapshot. Types select events only.
    #[must_use]
    pub fn sessions(&self) -> ListFilter {
        ListFilter {
            prefix: self.prefix.clone(),
            owner: self.owner.clone(),
            supervisor: self.supervisor.clone(),
            machine: self.machine.clone(),
            ..ListFilter::default()
        }
    }

    fn wants_type_of(&self, event: &Event) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&EventType::of(&event.what)))
    }

    fn wants_place_of(&self, event: &Event) -> bool {
        self.prefix
            .as_ref()
            .is_none_or(|prefix| event.key.as_ref().is_some_and(|key| key.is_under(prefix)))
    }

    fn wants_holder_of(&self, event: &Event) -> bool {
        if self.owner.is_none() && self.supervisor.is_none() && self.machine.is_none() {
            return true;
        }
        if let What::MachineCordoned { machine } | What::MachineUncordoned { machine } = &event.what
        {
            let has_no_holder = self.owner.is_none() && self.supervisor.is_none();
            return has_no_holder && self.machine.as_deref() == Some(machine.as_str());
        }
        [&event.before, &event.after].into_iter().flatten().any(|holder| self.selects(holder))
    }

    fn selects(&self, holder: &Facts) -> bool {
        // An imported program may have no owner: then it is nobody's, and no person's either.
        let owner = match holder.lifecycle {
            Lifecycle::Interactive => Some(INTERACTIVE_OWNER),
            Lifecycle::Autonomous => holder.owner.as_ref().map(|actor| actor.as_str()),
        };
        let supervisor = holder.supervisor.as_ref().map(|actor| actor.as_str());
        let machine = holder.machine.as_ref().map(|id| id.as_str());
        self.owner.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == owner)
            && self.supervisor.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == supervisor)
            && self.machine.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == machine)
    }
}

#[cfg(test)]
mod tests;
