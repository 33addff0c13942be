//! `WorkspaceService`: what surrounds a session. Each handler converts in, calls, and converts
//! out.
//!
//! Guarantees: writes go through the engine and are answered when they are durable; reads see
//! one snapshot of the store and never wait for the engine.
//!
//! Must not know: the rules, the store's form.

use std::sync::Arc;

use tenure::v1;
use tenure::v1::workspace_service_server::WorkspaceService;
use tenure_core::reply::Reply;
use tonic::{Request, Response, Status};

use super::carry_out::carry_out;
use super::convert::{escalation, gate, handoff};
use super::status::Fault;
use crate::access;
use crate::engine::Engine;
use crate::store::Reads;

mod import;
mod known;
mod large_messages;
mod read;

pub(super) use large_messages::service;

/// The service.
#[derive(Clone)]
pub(super) struct WorkspaceRpcs {
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
}

#[tonic::async_trait]
impl WorkspaceService for WorkspaceRpcs {
    async fn get_projection(
        &self,
        request: Request<v1::GetProjectionRequest>,
    ) -> Result<Response<v1::GetProjectionResponse>, Status> {
        Ok(Response::new(self.projection(request.into_inner()).await?))
    }

    async fn register_workspace(
        &self,
        request: Request<v1::RegisterWorkspaceRequest>,
    ) -> Result<Response<v1::RegisterWorkspaceResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.register(caller, request.into_inner()).await?))
    }

    async fn list_workspaces(
        &self,
        request: Request<v1::ListWorkspacesRequest>,
    ) -> Result<Response<v1::ListWorkspacesResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn delete_workspace(
        &self,
        request: Request<v1::DeleteWorkspaceRequest>,
    ) -> Result<Response<v1::DeleteWorkspaceResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.delete(caller, request.into_inner()).await?))
    }

    async fn put_handoff(
        &self,
        request: Request<v1::PutHandoffRequest>,
    ) -> Result<Response<v1::PutHandoffResponse>, Status> {
        let caller = access::caller(&request);
        let parsed = handoff::parse_put(request.into_inner()).map_err(Fault::from)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match &answer.reply {
            Reply::HandoffPut(put) => Ok(Response::new(handoff::put(put, answer.replayed))),
            _ => Err(Fault::wrong_kind_of_reply().into_status()),
        }
    }

    async fn put_gates(
        &self,
        request: Request<v1::PutGatesRequest>,
    ) -> Result<Response<v1::PutGatesResponse>, Status> {
        let caller = access::caller(&request);
        let parsed = gate::parse_put(request.into_inner()).map_err(Fault::from)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match &answer.reply {
            Reply::Gates(gates) => Ok(Response::new(gate::put(gates, answer.replayed))),
            _ => Err(Fault::wrong_kind_of_reply().into_status()),
        }
    }

    async fn update_gate(
        &self,
        request: Request<v1::UpdateGateRequest>,
    ) -> Result<Response<v1::UpdateGateResponse>, Status> {
        let caller = access::caller(&request);
        let parsed = gate::parse_update(request.into_inner()).map_err(Fault::from)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match &answer.reply {
            Reply::Gates(gates) => Ok(Response::new(gate::updated(gates, answer.replayed))),
            _ => Err(Fault::wrong_kind_of_reply().into_status()),
        }
    }

    async fn raise_escalation(
        &self,
        request: Request<v1::RaiseEscalationRequest>,
    ) -> Result<Response<v1::RaiseEscalationResponse>, Status> {
        let caller = access::caller(&request);
        let parsed = escalation::parse_raise(request.into_inner()).map_err(Fault::from)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match &answer.reply {
            Reply::EscalationRaised(raised) => {
                Ok(Response::new(escalation::raised(raised, answer.replayed)))
            }
            _ => Err(Fault::wrong_kind_of_reply().into_status()),
        }
    }

    async fn resolve_escalation(
        &self,
        request: Request<v1::ResolveEscalationRequest>,
    ) -> Result<Response<v1::ResolveEscalationResponse>, Status> {
        let caller = access::caller(&request);
        let parsed = escalation::parse_resolve(request.into_inner()).map_err(Fault::from)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match &answer.reply {
            Reply::EscalationResolved(resolved) => {
                Ok(Response::new(escalation::resolved(resolved, answer.replayed)))
            }
            _ => Err(Fault::wrong_kind_of_reply().into_status()),
        }
    }

    async fn list_escalations(
        &self,
        request: Request<v1::ListEscalationsRequest>,
    ) -> Result<Response<v1::ListEscalationsResponse>, Status> {
        Ok(Response::new(self.escalations(request.into_inner()).await?))
    }

    async fn import_legacy_state(
        &self,
        request: Request<v1::ImportLegacyStateRequest>,
    ) -> Result<Response<v1::ImportLegacyStateResponse>, Status> {
        let caller = access::caller(&request);
        Ok(Response::new(self.import(caller, request.into_inner()).await?))
    }
}
