//! The calls of `WorkspaceService`.

use super::calls::calls;
use super::pages::Pages;
use crate::v1::workspace_service_client::WorkspaceServiceClient;
use crate::{Client, v1};

calls! { WorkspaceServiceClient:
    /// Reads the whole of a workspace in one consistent step.
    read projection(GetProjectionRequest) -> GetProjectionResponse = get_projection;
    /// Makes a workspace known; needs the operator role.
    write register_workspace(RegisterWorkspaceRequest) -> RegisterWorkspaceResponse
        = register_workspace;
    /// Reads one page of known workspaces; see [`Client::list_workspaces`].
    read workspaces_page(ListWorkspacesRequest) -> ListWorkspacesResponse = list_workspaces;
    /// Removes a workspace and all that is stored under it; needs the operator role.
    write delete_workspace(DeleteWorkspaceRequest) -> DeleteWorkspaceResponse = delete_workspace;
    /// Replaces the handoff as a whole.
    write put_handoff(PutHandoffRequest) -> PutHandoffResponse = put_handoff;
    /// Replaces the list of gates as a whole.
    write put_gates(PutGatesRequest) -> PutGatesResponse = put_gates;
    /// Sets state and note of one gate.
    write update_gate(UpdateGateRequest) -> UpdateGateResponse = update_gate;
    /// Opens an escalation.
    write raise_escalation(RaiseEscalationRequest) -> RaiseEscalationResponse = raise_escalation;
    /// Closes an escalation.
    write resolve_escalation(ResolveEscalationRequest) -> ResolveEscalationResponse
        = resolve_escalation;
    /// Reads one page of open escalations; see [`Client::list_escalations`].
    read escalations_page(ListEscalationsRequest) -> ListEscalationsResponse = list_escalations;
    /// Brings in the contents of older installations' files; needs the operator role.
    write import_legacy_state(ImportLegacyStateRequest) -> ImportLegacyStateResponse
        = import_legacy_state;
}

impl Client {
    /// Reads the known workspaces page by page, ordered by workspace and profile.
    #[must_use]
    pub fn list_workspaces(
        &self,
        request: v1::ListWorkspacesRequest,
    ) -> Pages<v1::ListWorkspacesRequest> {
        Pages::new(self.clone(), request)
    }

    /// Reads the open escalations page by page, ordered by workspace, profile and id.
    #[must_use]
    pub fn list_escalations(
        &self,
        request: v1::ListEscalationsRequest,
    ) -> Pages<v1::ListEscalationsRequest> {
        Pages::new(self.clone(), request)
    }
}
