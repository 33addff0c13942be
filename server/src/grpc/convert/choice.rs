//! Enumerations, both ways. A value that this server does not know is a violation, never taken
//! for the default.

use tenure::v1;
use tenure_core::escalation::EscalationKind;
use tenure_core::gate::GateState;
use tenure_core::handoff::ActionState;
use tenure_core::ledger::EndCause;
use tenure_core::machine::MachineState;
use tenure_core::reply::Warning;
use tenure_core::session::{AutonomousKind, Lifecycle, Mode, OwnerKind};

use super::violation::Violations;

const UNKNOWN: &str = "is not a value that this server knows";

/// A mode; unspecified keeps the one that is stored.
pub fn requested_mode(value: i32, violations: &mut Violations) -> Option<Mode> {
    match v1::Mode::try_from(value) {
        Ok(v1::Mode::Unspecified) => None,
        Ok(v1::Mode::General) => Some(Mode::General),
        Ok(v1::Mode::Research) => Some(Mode::Research),
        Ok(v1::Mode::Implement) => Some(Mode::Implement),
        Err(_) => {
            violations.add("mode", UNKNOWN);
            None
        }
    }
}

/// The kind of a program that starts; unspecified means a worker.
pub fn requested_kind(value: i32, violations: &mut Violations) -> AutonomousKind {
    let refused = match v1::OwnerKind::try_from(value) {
        Ok(v1::OwnerKind::Unspecified | v1::OwnerKind::RuntimeWorker) => {
            return AutonomousKind::RuntimeWorker;
        }
        Ok(v1::OwnerKind::RuntimeSupervisor) => return AutonomousKind::RuntimeSupervisor,
        Ok(v1::OwnerKind::Interactive) => {
            "must be runtime_worker or runtime_supervisor: a person is the holder `interactive`"
        }
        Err(_) => UNKNOWN,
    };
    violations.add("autonomous.owner_kind", refused);
    AutonomousKind::default()
}

/// The kind of a program that takes over, which is always a worker.
pub fn require_worker(value: i32, violations: &mut Violations) {
    let refused = match v1::OwnerKind::try_from(value) {
        Ok(v1::OwnerKind::Unspecified | v1::OwnerKind::RuntimeWorker) => return,
        Ok(_) => "must be runtime_worker or left out: a takeover installs a worker",
        Err(_) => UNKNOWN,
    };
    violations.add("autonomous.owner_kind", refused);
}

/// The status to filter by; absent for any.
pub fn filtered_status(value: i32, violations: &mut Violations) -> Option<v1::WorkspaceStatus> {
    match v1::WorkspaceStatus::try_from(value) {
        Ok(v1::WorkspaceStatus::Unspecified) => None,
        Ok(status) => Some(status),
        Err(_) => {
            violations.add("filter.status", "must be MISSING, ACTIVE or STALE, or left out");
            None
        }
    }
}

/// A lifecycle to filter by; unspecified means both.
pub fn filtered_lifecycle(value: i32, violations: &mut Violations) -> Option<Lifecycle> {
    match v1::Lifecycle::try_from(value) {
        Ok(v1::Lifecycle::Unspecified) => None,
        Ok(v1::Lifecycle::Interactive) => Some(Lifecycle::Interactive),
        Ok(v1::Lifecycle::Autonomous) => Some(Lifecycle::Autonomous),
        Err(_) => {
            violations.add("filter.lifecycle", UNKNOWN);
            None
        }
    }
}

/// The kind of an escalation that is raised, which must be given.
pub fn escalation_kind(value: i32, violations: &mut Violations) -> Option<EscalationKind> {
    let kind = any_escalation_kind("kind", value, violations);
    if value == i32::from(v1::EscalationKind::Unspecified) {
        violations.add("kind", "must be given: blocking or non_blocking");
    }
    kind
}

/// A kind of escalations to filter by; unspecified means both.
pub fn filtered_escalation_kind(value: i32, violations: &mut Violations) -> Option<EscalationKind> {
    any_escalation_kind("filter.kind", value, violations)
}

fn any_escalation_kind(
    field: &'static str,
    value: i32,
    violations: &mut Violations,
) -> Option<EscalationKind> {
    match v1::EscalationKind::try_from(value) {
        Ok(v1::EscalationKind::Unspecified) => None,
        Ok(v1::EscalationKind::Blocking) => Some(EscalationKind::Blocking),
        Ok(v1::EscalationKind::NonBlocking) => Some(EscalationKind::NonBlocking),
        Err(_) => {
            violations.add(field, UNKNOWN);
            None
        }
    }
}

/// A cause to filter by; unspecified means all.
pub fn filtered_cause(value: i32, violations: &mut Violations) -> Option<EndCause> {
    match v1::EndCause::try_from(value) {
        Ok(v1::EndCause::Unspecified) => None,
        Ok(v1::EndCause::Replaced) => Some(EndCause::Replaced),
        Ok(v1::EndCause::Cleared) => Some(EndCause::Cleared),
        Ok(v1::EndCause::Yielded) => Some(EndCause::Yielded),
        Ok(v1::EndCause::TakenOver) => Some(EndCause::TakenOver),
        Ok(v1::EndCause::ForceTakenOver) => Some(EndCause::ForceTakenOver),
        Ok(v1::EndCause::Superseded) => Some(EndCause::Superseded),
        Err(_) => {
            violations.add("filter.cause", UNKNOWN);
            None
        }
    }
}

/// A state of machines to filter by; unspecified means all.
pub fn filtered_machine_state(value: i32, violations: &mut Violations) -> Option<MachineState> {
    match v1::MachineState::try_from(value) {
        Ok(v1::MachineState::Unspecified) => None,
        Ok(v1::MachineState::Ready) => Some(MachineState::Ready),
        Ok(v1::MachineState::Idle) => Some(MachineState::Idle),
        Ok(v1::MachineState::Draining) => Some(MachineState::Draining),
        Ok(v1::MachineState::Lost) => Some(MachineState::Lost),
        Ok(v1::MachineState::Absent) => Some(MachineState::Absent),
        Err(_) => {
            violations.add("filter.state", UNKNOWN);
            None
        }
    }
}

/// A state of machines, as it is sent.
#[must_use]
pub const fn machine_state(state: MachineState) -> v1::MachineState {
    match state {
        MachineState::Ready => v1::MachineState::Ready,
        MachineState::Idle => v1::MachineState::Idle,
        MachineState::Draining => v1::MachineState::Draining,
        MachineState::Lost => v1::MachineState::Lost,
        MachineState::Absent => v1::MachineState::Absent,
    }
}

/// The state of a gate; absent where it is unspecified.
pub fn gate_state(value: i32, violations: &mut Violations) -> Option<GateState> {
    match v1::GateState::try_from(value) {
        Ok(v1::GateState::Unspecified) => None,
        Ok(v1::GateState::Open) => Some(GateState::Open),
        Ok(v1::GateState::Passed) => Some(GateState::Passed),
        Ok(v1::GateState::Waived) => Some(GateState::Waived),
        Ok(v1::GateState::Failed) => Some(GateState::Failed),
        Err(_) => {
            violations.add("state", UNKNOWN);
            None
        }
    }
}

/// The state of a handoff's action; unspecified means open.
pub fn action_state(value: i32, violations: &mut Violations) -> ActionState {
    match v1::HandoffActionState::try_from(value) {
        Ok(v1::HandoffActionState::Unspecified | v1::HandoffActionState::Open) => ActionState::Open,
        Ok(v1::HandoffActionState::Done) => ActionState::Done,
        Ok(v1::HandoffActionState::Dropped) => ActionState::Dropped,
        Err(_) => {
            violations.add("state", UNKNOWN);
            ActionState::Open
        }
    }
}

/// A lifecycle, as it is sent.
#[must_use]
pub const fn lifecycle(lifecycle: Lifecycle) -> v1::Lifecycle {
    match lifecycle {
        Lifecycle::Interactive => v1::Lifecycle::Interactive,
        Lifecycle::Autonomous => v1::Lifecycle::Autonomous,
    }
}

/// A kind of owner, as it is sent.
#[must_use]
pub const fn owner_kind(kind: OwnerKind) -> v1::OwnerKind {
    match kind {
        OwnerKind::Interactive => v1::OwnerKind::Interactive,
        OwnerKind::RuntimeSupervisor => v1::OwnerKind::RuntimeSupervisor,
        OwnerKind::RuntimeWorker => v1::OwnerKind::RuntimeWorker,
    }
}

/// A mode, as it is sent.
#[must_use]
pub const fn mode(mode: Mode) -> v1::Mode {
    match mode {
        Mode::General => v1::Mode::General,
        Mode::Research => v1::Mode::Research,
        Mode::Implement => v1::Mode::Implement,
    }
}

/// Why a session ended, as it is sent.
#[must_use]
pub const fn end_cause(cause: EndCause) -> v1::EndCause {
    match cause {
        EndCause::Replaced => v1::EndCause::Replaced,
        EndCause::Cleared => v1::EndCause::Cleared,
        EndCause::Yielded => v1::EndCause::Yielded,
        EndCause::TakenOver => v1::EndCause::TakenOver,
        EndCause::ForceTakenOver => v1::EndCause::ForceTakenOver,
        EndCause::Superseded => v1::EndCause::Superseded,
    }
}

/// A warning, with words for people.
#[must_use]
pub fn warning(warning: &Warning) -> v1::Warning {
    match warning {
        Warning::SessionRefreshed { other_principal: None } => v1::Warning {
            code: v1::WarningCode::SessionRefreshed.into(),
            message: "the session was live already and has been refreshed".to_owned(),
            principal: String::new(),
        },
        Warning::SessionRefreshed { other_principal: Some(principal) } => v1::Warning {
            code: v1::WarningCode::SessionRefreshed.into(),
            message: "the session was live already, started by another principal, and has been \
                      refreshed"
                .to_owned(),
            principal: principal.as_str().to_owned(),
        },
        Warning::LegacySessionReplaced => v1::Warning {
            code: v1::WarningCode::LegacySessionReplaced.into(),
            message: "a record of an older installation, without session id, has been replaced"
                .to_owned(),
            principal: String::new(),
        },
        Warning::LeaseTtlCut { to } => v1::Warning {
            code: v1::WarningCode::LeaseTtlCut.into(),
            message: format!(
                "the lease was longer than the longest, and is {} s now",
                to.0 / 1_000
            ),
            principal: String::new(),
        },
        Warning::LeaseTtlRaised { to } => v1::Warning {
            code: v1::WarningCode::LeaseTtlRaised.into(),
            message: format!(
                "the lease was shorter than the shortest, and is {} s now",
                to.0 / 1_000
            ),
            principal: String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation<T>(check: impl FnOnce(&mut Violations) -> T) -> Option<&'static str> {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.iter().map(|violation| violation.field).next()
    }

    #[test]
    fn a_value_that_is_not_known_is_a_violation() {
        for value in [-1, 99, i32::MIN, i32::MAX] {
            assert_eq!(violation(|v| requested_mode(value, v)), Some("mode"));
            assert_eq!(violation(|v| requested_kind(value, v)), Some("autonomous.owner_kind"));
            assert_eq!(violation(|v| require_worker(value, v)), Some("autonomous.owner_kind"));
            assert_eq!(violation(|v| filtered_lifecycle(value, v)), Some("filter.lifecycle"));
            assert_eq!(violation(|v| escalation_kind(value, v)), Some("kind"));
            assert_eq!(violation(|v| filtered_escalation_kind(value, v)), Some("filter.kind"));
            assert_eq!(violation(|v| gate_state(value, v)), Some("state"));
            assert_eq!(violation(|v| action_state(value, v)), Some("state"));
            assert_eq!(violation(|v| filtered_cause(value, v)), Some("filter.cause"));
        }
    }

    #[test]
    fn every_cause_can_be_filtered_by() {
        for cause in [
            EndCause::Replaced,
            EndCause::Cleared,
            EndCause::Yielded,
            EndCause::TakenOver,
            EndCause::ForceTakenOver,
            EndCause::Superseded,
        ] {
            let sent = end_cause(cause).into();
            assert_eq!(violation(|v| assert_eq!(filtered_cause(sent, v), Some(cause))), None);
        }
        assert_eq!(violation(|v| assert_eq!(filtered_cause(0, v), None)), None);
    }

    #[test]
    fn an_unspecified_kind_is_a_worker_and_a_program_is_never_interactive() {
        let kind = |kind: v1::OwnerKind| requested_kind(kind.into(), &mut Violations::default());
        assert_eq!(kind(v1::OwnerKind::Unspecified), AutonomousKind::RuntimeWorker);
        assert_eq!(kind(v1::OwnerKind::RuntimeSupervisor), AutonomousKind::RuntimeSupervisor);
        let interactive = v1::OwnerKind::Interactive.into();
        assert_eq!(violation(|v| requested_kind(interactive, v)), Some("autonomous.owner_kind"));
    }

    #[test]
    fn a_takeover_installs_a_worker_and_refuses_any_other_kind() {
        let check = |kind: v1::OwnerKind| violation(|v| require_worker(kind.into(), v));
        assert_eq!(check(v1::OwnerKind::Unspecified), None);
        assert_eq!(check(v1::OwnerKind::RuntimeWorker), None);
        assert_eq!(check(v1::OwnerKind::RuntimeSupervisor), Some("autonomous.owner_kind"));
        assert_eq!(check(v1::OwnerKind::Interactive), Some("autonomous.owner_kind"));
    }
}
