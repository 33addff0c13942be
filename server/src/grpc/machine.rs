//! `MachineService`: where holders run. Each handler converts in, calls, and converts out.
//!
//! Guarantees: an order is answered when it is durable, and holds from then on; reads see one
//! snapshot of the store and never wait for the engine.
//!
//! Must not know: the rules, the store's form.

use std::sync::Arc;

use tenure::v1;
use tenure::v1::machine_service_server::MachineService;
use tenure_core::machine::MachineCommand;
use tenure_core::name::MachineId;
use tonic::{Request, Response, Status};

use super::convert::machines;
use super::filling::Filling;
use super::status::Fault;
use crate::access::{self, Caller};
use crate::engine::Engine;
use crate::engine::machines::MachineOrder;
use crate::store::{Reads, StoredMachine};

/// The service.
#[derive(Clone)]
pub(super) struct MachineRpcs {
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
}

impl MachineRpcs {
    async fn list(
        &self,
        request: v1::ListMachinesRequest,
    ) -> Result<v1::ListMachinesResponse, Fault> {
        let listing = machines::parse_list(request)?;
        let machines::Listing { filter, state, page_size, after, scope } = listing;
        let filling = Filling { after, size: page_size, picks: state.is_some() };
        let read = |after, rows| self.reads.machines(filter.clone(), after, rows);
        let show = |row: StoredMachine| {
            let now = self.engine.clock().now.wall;
            let is_wanted = state.is_none_or(|wanted| wanted == row.machine.state(row.held, now));
            is_wanted.then(|| machines::shown(&row, now))
        };
        let page = filling.fill(read, |row| row.machine.id.clone(), show).await?;
        Ok(machines::page(page.rows, page.next.as_ref(), &scope))
    }

    /// Has an order carried out, which only operators may give.
    async fn order(
        &self,
        caller: Arc<Caller>,
        (id, command): (MachineId, MachineCommand),
    ) -> Result<v1::Machine, Fault> {
        Fault::unless_operator(&caller)?;
        let known = self.reads.machine(id.clone()).await;
        let known = known.map_err(|error| Fault::unreadable(&error))?;
        let ordered = self.engine.order(MachineOrder { id, command, caller, known }).await;
        let clock = self.engine.clock();
        match ordered {
            Ok(machine) => Ok(machines::shown(&machine, clock.now.wall)),
            Err(failure) => Err(Fault::not_ordered(&failure, &clock)),
        }
    }
}

#[tonic::async_trait]
impl MachineService for MachineRpcs {
    async fn list_machines(
        &self,
        request: Request<v1::ListMachinesRequest>,
    ) -> Result<Response<v1::ListMachinesResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn cordon_machine(
        &self,
        request: Request<v1::CordonMachineRequest>,
    ) -> Result<Response<v1::CordonMachineResponse>, Status> {
        let caller = access::caller(&request);
        let order = machines::parse_cordon(request.get_ref()).map_err(Fault::from)?;
        let machine = Some(self.order(caller, order).await?);
        Ok(Response::new(v1::CordonMachineResponse { machine }))
    }

    async fn uncordon_machine(
        &self,
        request: Request<v1::UncordonMachineRequest>,
    ) -> Result<Response<v1::UncordonMachineResponse>, Status> {
        let caller = access::caller(&request);
        let order = machines::parse_uncordon(request.get_ref()).map_err(Fault::from)?;
        let machine = Some(self.order(caller, order).await?);
        Ok(Response::new(v1::UncordonMachineResponse { machine }))
    }

    async fn forget_machine(
        &self,
        request: Request<v1::ForgetMachineRequest>,
    ) -> Result<Response<v1::ForgetMachineResponse>, Status> {
        let caller = access::caller(&request);
        let order = machines::parse_forget(request.get_ref()).map_err(Fault::from)?;
        let machine = Some(self.order(caller, order).await?);
        Ok(Response::new(v1::ForgetMachineResponse { machine }))
    }
}

#[cfg(test)]
mod tests;
