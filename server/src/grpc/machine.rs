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
use super::status::Fault;
use crate::access::{self, Caller};
use crate::engine::Engine;
use crate::engine::machines::MachineOrder;
use crate::store::{PAGE_MAX, Reads};

/// How many pages of the store one call reads at most. A filter that matches little then gets
/// a short page, or an empty one, with a token to go on with.
const STORE_PAGES_MAX: usize = 10;

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
        let mut page = machines::Page::new(&listing);
        let mut after = listing.after.clone();
        for _ in 0..STORE_PAGES_MAX {
            let rows = if listing.state.is_some() { PAGE_MAX } else { page.missing() };
            let read = self.reads.machines(listing.filter.clone(), after, rows).await;
            let read = read.map_err(|error| Fault::unreadable(&error))?;
            let now = self.engine.clock().now.wall;
            let mut unread = read.rows.len();
            for row in &read.rows {
                if page.is_full() {
                    break;
                }
                unread -= 1;
                page.take(row, &listing, now);
            }
            after = if unread > 0 { page.last().cloned() } else { read.next };
            if after.is_none() || page.is_full() {
                break;
            }
        }
        Ok(page.answer(after.as_ref(), &listing.scope))
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
