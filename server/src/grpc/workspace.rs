//! `WorkspaceService`: what surrounds a session. Still to come.

use super::not_yet::service_not_yet;

/// The service.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WorkspaceRpcs;

service_not_yet! {
    WorkspaceRpcs: tenure::v1::workspace_service_server::WorkspaceService,
    get_projection(GetProjectionRequest) -> GetProjectionResponse = "GetProjection";
    register_workspace(RegisterWorkspaceRequest) -> RegisterWorkspaceResponse = "RegisterWorkspace";
    list_workspaces(ListWorkspacesRequest) -> ListWorkspacesResponse = "ListWorkspaces";
    delete_workspace(DeleteWorkspaceRequest) -> DeleteWorkspaceResponse = "DeleteWorkspace";
    put_handoff(PutHandoffRequest) -> PutHandoffResponse = "PutHandoff";
    put_gates(PutGatesRequest) -> PutGatesResponse = "PutGates";
    update_gate(UpdateGateRequest) -> UpdateGateResponse = "UpdateGate";
    raise_escalation(RaiseEscalationRequest) -> RaiseEscalationResponse = "RaiseEscalation";
    resolve_escalation(ResolveEscalationRequest) -> ResolveEscalationResponse = "ResolveEscalation";
    list_escalations(ListEscalationsRequest) -> ListEscalationsResponse = "ListEscalations";
    import_legacy_state(ImportLegacyStateRequest) -> ImportLegacyStateResponse = "ImportLegacyState";
}
