//! The calls of `MachineService`.

use super::calls::calls;
use super::pages::Pages;
use crate::v1::machine_service_client::MachineServiceClient;
use crate::{Client, v1};

calls! { MachineServiceClient:
    /// Reads one page of known machines; see [`Client::list_machines`].
    read machines_page(ListMachinesRequest) -> ListMachinesResponse = list_machines;
    /// Bars a machine from new sessions; doing it twice is the same as once.
    read cordon_machine(CordonMachineRequest) -> CordonMachineResponse = cordon_machine;
    /// Lifts a cordon; doing it twice is the same as once.
    read uncordon_machine(UncordonMachineRequest) -> UncordonMachineResponse = uncordon_machine;
    /// Removes a machine. A repeat would answer `NO_SUCH_MACHINE`, so the call is attempted
    /// once.
    once forget_machine(ForgetMachineRequest) -> ForgetMachineResponse = forget_machine;
}

impl Client {
    /// Reads the known machines page by page, ordered by id.
    #[must_use]
    pub fn list_machines(
        &self,
        request: v1::ListMachinesRequest,
    ) -> Pages<v1::ListMachinesRequest> {
        Pages::new(self.clone(), request)
    }
}
