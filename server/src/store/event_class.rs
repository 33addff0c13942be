//! Names and retention classes of events, alike in every store.

use tenure_core::event::What;
use tenure_core::ledger::EndCause;

/// The event's type, in the words of the event log.
pub(super) fn type_name(what: &What) -> &'static str {
    match what {
        What::SessionStarted { .. } => "SESSION_STARTED",
        What::SessionRefreshed(_) => "SESSION_REFRESHED",
        What::SessionExpired { .. } => "SESSION_EXPIRED",
        What::SessionEnded { .. } => "SESSION_ENDED",
        What::TransferScheduled { .. } => "TRANSFER_SCHEDULED",
        What::TransferCancelled { .. } => "TRANSFER_CANCELLED",
        What::ActivityChanged(_) => "ACTIVITY_CHANGED",
        What::SessionStalled(_) => "SESSION_STALLED",
        What::SessionResumed(_) => "SESSION_RESUMED",
        What::EscalationRaised(_) => "ESCALATION_RAISED",
        What::EscalationResolved(_) => "ESCALATION_RESOLVED",
        What::EscalationsCleared { .. } => "ESCALATIONS_CLEARED",
        What::GatesSet(_) => "GATES_SET",
        What::GateUpdated { .. } => "GATE_UPDATED",
        What::GatesCleared { .. } => "GATES_CLEARED",
        What::HandoffPut(_) => "HANDOFF_PUT",
        What::StateImported(_) => "STATE_IMPORTED",
        What::WorkspaceRegistered => "WORKSPACE_REGISTERED",
        What::WorkspaceDeleted { .. } => "WORKSPACE_DELETED",
        What::MachineCordoned { .. } => "MACHINE_CORDONED",
        What::MachineUncordoned { .. } => "MACHINE_UNCORDONED",
        What::ServerStarted { .. } => "SERVER_STARTED",
        What::ServerDrained { .. } => "SERVER_DRAINED",
        What::ClockStepped { .. } => "CLOCK_STEPPED",
        What::StallSeen { .. } => "STALL_SEEN",
    }
}

/// Whether retention keeps the event longer, so that chatter cannot flush it.
pub(super) fn is_important(what: &What) -> bool {
    match what {
        What::SessionEnded { entry, .. } => entry.cause == EndCause::ForceTakenOver,
        What::TransferScheduled { .. } | What::TransferCancelled { .. } => true,
        What::SessionStarted { .. }
        | What::SessionRefreshed(_)
        | What::SessionExpired { .. }
        | What::ActivityChanged(_)
        | What::SessionStalled(_)
        | What::SessionResumed(_)
        | What::EscalationRaised(_)
        | What::EscalationResolved(_)
        | What::EscalationsCleared { .. }
        | What::GatesSet(_)
        | What::GateUpdated { .. }
        | What::GatesCleared { .. }
        | What::HandoffPut(_)
        | What::StateImported(_)
        | What::WorkspaceRegistered
        | What::WorkspaceDeleted { .. }
        | What::MachineCordoned { .. }
        | What::MachineUncordoned { .. }
        | What::ServerStarted { .. }
        | What::ServerDrained { .. }
        | What::ClockStepped { .. }
        | What::StallSeen { .. } => false,
    }
}
