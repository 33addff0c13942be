//! The short words for the values of the contract: `runtime_worker` for
//! `OWNER_KIND_RUNTIME_WORKER`.

use tenure::v1::{
    EndCause, ErrorReason, EscalationKind, EventType, GateState, LegacyFileOutcome, MachineState,
    OwnerKind, Role, ServingState, StoreKind, WorkspaceStatus,
};

/// Shown where a fact does not exist.
pub const NONE: &str = "-";

macro_rules! short_words {
    ($($(#[$doc:meta])* $name:ident: $of:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(value: i32) -> String {
            match $of::try_from(value) {
                Ok($of::Unspecified) => NONE.to_owned(),
                Ok(known) => lower(known.as_str_name(), $prefix),
                // A newer server may send what this client does not know.
                Err(_) => format!("unknown({value})"),
            }
        }
    )*};
}

short_words! {
    /// The word for a kind of owner.
    owner_kind: OwnerKind, "OWNER_KIND_";
    /// The word for the cause of an end.
    end_cause: EndCause, "END_CAUSE_";
    /// The word for a kind of escalation.
    escalation_kind: EscalationKind, "ESCALATION_KIND_";
    /// The word for the state of a gate.
    gate_state: GateState, "GATE_STATE_";
    /// The word for how a machine stands.
    machine_state: MachineState, "MACHINE_STATE_";
    /// The word for a type of event.
    event_type: EventType, "EVENT_TYPE_";
    /// The word for the status of a workspace.
    workspace_status: WorkspaceStatus, "WORKSPACE_STATUS_";
    /// The word for what became of a legacy file.
    legacy_file_outcome: LegacyFileOutcome, "LEGACY_FILE_OUTCOME_";
    /// The word for a role.
    role: Role, "ROLE_";
    /// The word for the state of a server.
    serving_state: ServingState, "SERVING_STATE_";
    /// The word for a kind of store.
    store_kind: StoreKind, "STORE_KIND_";
}

/// The word for a mode.
#[must_use]
pub fn mode(value: i32) -> String {
    tenure::v1::Mode::try_from(value)
        .map_or_else(|_| format!("unknown({value})"), |mode| lower(mode.as_str_name(), "MODE_"))
}

/// The name of a reason as it stands in `ErrorInfo`: `LEASE_HELD`.
#[must_use]
pub fn reason(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_by_their_short_words() {
        assert_eq!(owner_kind(OwnerKind::RuntimeSupervisor.into()), "runtime_supervisor");
        assert_eq!(event_type(EventType::SessionStarted.into()), "session_started");
        assert_eq!(mode(tenure::v1::Mode::Implement.into()), "implement");
        assert_eq!(reason(ErrorReason::LeaseHeld), "LEASE_HELD");
        assert_eq!(end_cause(0), NONE);
        assert_eq!(end_cause(9_999), "unknown(9999)");
    }
}
