//! `MachineService`: where holders run. Still to come.

use super::not_yet::service_not_yet;

/// The service.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MachineRpcs;

service_not_yet! {
    MachineRpcs: tenure::v1::machine_service_server::MachineService,
    list_machines(ListMachinesRequest) -> ListMachinesResponse = "ListMachines";
    cordon_machine(CordonMachineRequest) -> CordonMachineResponse = "CordonMachine";
    uncordon_machine(UncordonMachineRequest) -> UncordonMachineResponse = "UncordonMachine";
    forget_machine(ForgetMachineRequest) -> ForgetMachineResponse = "ForgetMachine";
}
