//! Machines: which to list, what operators order of them, and how they are shown.

use prost::Message;
use tenure::v1;
use tenure_core::machine::{MachineCommand, MachineState};
use tenure_core::name::MachineId;
use tenure_core::time::WallTime;

use super::choice;
use super::list::{id, page_size, position_with};
use super::machine::{HOST_MAX_CHARS, check_labels};
use super::text::{is_longer_than, optional_reason};
use super::time::timestamp;
use super::violation::Violations;
use crate::grpc::page_token::Scope;
use crate::store::{MachineFilter, StoredMachine};

/// Which machines to list, and from where.
#[derive(Debug, Clone)]
pub struct Listing {
    /// What the store can tell.
    pub filter: MachineFilter,
    /// Only those that stand so. The store cannot tell: time alone makes an idle machine absent.
    pub state: Option<MachineState>,
    /// At most so many.
    pub page_size: u32,
    /// Only after this id.
    pub after: Option<MachineId>,
    /// What the token of the next page belongs to.
    pub scope: Scope,
}

/// A request for a page of machines.
///
/// # Errors
/// Every violation.
pub fn parse_list(request: v1::ListMachinesRequest) -> Result<Listing, Violations> {
    let mut violations = Violations::default();
    let page_size = page_size(request.page_size, &mut violations);
    let filter = request.filter.unwrap_or_default();
    let scope = Scope::new("ListMachines", &filter.encode_to_vec());
    let after = position_with(&request.page_token, &scope, parse_position, &mut violations);
    let state = choice::filtered_machine_state(filter.state, &mut violations);
    let machine = id("filter.machine", filter.machine, &mut violations);
    if is_longer_than(&filter.host, HOST_MAX_CHARS) {
        violations.add("filter.host", "must be at most 255 characters");
    }
    check_labels("filter.labels", &filter.labels, &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    let filter = MachineFilter {
        id: machine.as_deref().map(MachineId::imported),
        host: (!filter.host.is_empty()).then_some(filter.host),
        labels: filter.labels.into_iter().collect(),
        cordoned: filter.cordoned,
        holding: state.map(|state| match state {
            MachineState::Ready | MachineState::Draining | MachineState::Lost => true,
            MachineState::Idle | MachineState::Absent => false,
        }),
    };
    Ok(Listing { filter, state, page_size, after, scope })
}

/// An order to cordon a machine.
///
/// # Errors
/// Every violation.
pub fn parse_cordon(
    request: &v1::CordonMachineRequest,
) -> Result<(MachineId, MachineCommand), Violations> {
    let mut violations = Violations::default();
    let id = machine_id(&request.machine_id, &mut violations);
    let reason = optional_reason(&request.reason, &mut violations);
    ordered(id, MachineCommand::Cordon { reason }, violations)
}

/// An order to uncordon a machine.
///
/// # Errors
/// Every violation.
pub fn parse_uncordon(
    request: &v1::UncordonMachineRequest,
) -> Result<(MachineId, MachineCommand), Violations> {
    let mut violations = Violations::default();
    let id = machine_id(&request.machine_id, &mut violations);
    let reason = optional_reason(&request.reason, &mut violations);
    ordered(id, MachineCommand::Uncordon { reason }, violations)
}

/// An order to forget a machine.
///
/// # Errors
/// Every violation.
pub fn parse_forget(
    request: &v1::ForgetMachineRequest,
) -> Result<(MachineId, MachineCommand), Violations> {
    let mut violations = Violations::default();
    let id = machine_id(&request.machine_id, &mut violations);
    ordered(id, MachineCommand::Forget, violations)
}

fn machine_id(text: &str, violations: &mut Violations) -> Option<MachineId> {
    violations.required("machine_id", text, MachineId::parse)
}

fn ordered(
    id: Option<MachineId>,
    command: MachineCommand,
    violations: Violations,
) -> Result<(MachineId, MachineCommand), Violations> {
    match id.filter(|_| violations.is_empty()) {
        Some(id) => Ok((id, command)),
        None => Err(violations),
    }
}

/// A machine as it stands `now`.
#[must_use]
pub fn shown(stored: &StoredMachine, now: WallTime) -> v1::Machine {
    let StoredMachine { machine, held } = stored;
    let cordon = machine.cordon.as_ref();
    v1::Machine {
        machine_id: machine.id.as_str().to_owned(),
        host: machine.host.to_string(),
        labels: machine.labels.clone(),
        state: choice::machine_state(machine.state(*held, now)).into(),
        cordoned: cordon.is_some(),
        cordoned_at: cordon.map(|cordon| timestamp(cordon.at)),
        cordoned_by: cordon.map_or_else(String::new, |cordon| cordon.by.as_str().to_owned()),
        cordon_reason: cordon
            .and_then(|cordon| cordon.reason.as_ref())
            .map_or_else(String::new, ToString::to_string),
        live_sessions: number(held.live),
        stale_sessions: number(held.stale),
        last_seen_at: machine.last_seen(*held, now).map(timestamp),
    }
}

fn number(sessions: u64) -> u32 {
    u32::try_from(sessions).unwrap_or(u32::MAX)
}

/// A page of machines, of which the next continues after `next`.
#[must_use]
pub fn page(
    machines: Vec<v1::Machine>,
    next: Option<&MachineId>,
    scope: &Scope,
) -> v1::ListMachinesResponse {
    let next_page_token =
        next.map_or_else(String::new, |next| scope.seal(next.as_str().as_bytes()));
    v1::ListMachinesResponse { machines, next_page_token }
}

fn parse_position(position: &[u8]) -> Option<MachineId> {
    std::str::from_utf8(position).ok().map(MachineId::imported)
}

#[cfg(test)]
mod tests;
