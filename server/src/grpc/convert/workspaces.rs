//! Workspaces as such: registration, deletion, and lists of what is known.

use prost::Message;
use tenure::v1;
use tenure_core::command::Command;
use tenure_core::context::Clock;
use tenure_core::name::Key;
use tenure_core::registration::Origin;
use tenure_core::reply::{Registered, SessionView, WorkspaceDeleted};
use tenure_core::workspace::{Tenure, Workspace};

use super::list::{page_size, position, prefix};
use super::session::owner;
use super::time::timestamp;
use super::violation::{Parsed, Violations};
use super::{choice, once};
use crate::grpc::page_token::Scope;

/// A registration.
///
/// # Errors
/// Every violation.
pub fn parse_register(mut request: v1::RegisterWorkspaceRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    parsed(key, Command::Register, once, violations)
}

/// A deletion.
///
/// # Errors
/// Every violation.
pub fn parse_delete(mut request: v1::DeleteWorkspaceRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    parsed(key, Command::DeleteWorkspace, once, violations)
}

fn parsed(
    key: Option<Key>,
    command: Command,
    once: Option<crate::engine::Once>,
    violations: Violations,
) -> Result<Parsed, Violations> {
    match key {
        Some(key) if violations.is_empty() => Ok(Parsed { key, command, once }),
        _ => Err(violations),
    }
}

/// The answer of a registration, with the workspace as it stands now.
#[must_use]
pub fn registered(
    registered: &Registered,
    info: v1::WorkspaceInfo,
    replayed: bool,
) -> v1::RegisterWorkspaceResponse {
    let Registered { created, .. } = *registered;
    v1::RegisterWorkspaceResponse { info: Some(info), created, replayed }
}

/// The answer of a deletion.
#[must_use]
pub const fn deleted(deleted: WorkspaceDeleted, replayed: bool) -> v1::DeleteWorkspaceResponse {
    let WorkspaceDeleted { deleted, revision_floor } = deleted;
    v1::DeleteWorkspaceResponse { deleted, revision_floor: revision_floor.0, replayed }
}

/// A workspace that is known, as it stands at `clock`.
#[must_use]
pub fn info(key: &Key, tenure: Tenure, open_escalations: u32, clock: &Clock) -> v1::WorkspaceInfo {
    let origin: Origin = tenure.origin.as_deref().cloned().unwrap_or_default();
    let revision = tenure.revision.unwrap_or_default();
    let workspace = Workspace { key: key.clone(), tenure, surroundings: None };
    let view = SessionView::of(&workspace, clock);
    let session = view.as_ref().map(|view| &view.session);
    let status = match &view {
        None => v1::WorkspaceStatus::Missing,
        Some(view) if view.stale => v1::WorkspaceStatus::Stale,
        Some(_) => v1::WorkspaceStatus::Active,
    };
    v1::WorkspaceInfo {
        workspace: key.workspace.as_str().to_owned(),
        profile: key.profile.as_str().to_owned(),
        status: status.into(),
        revision: revision.0,
        registered: origin.registered,
        created_at: origin.at.map(timestamp),
        principal: origin.principal.map_or_else(String::new, |it| it.as_str().to_owned()),
        session_id: session
            .and_then(|session| session.id.as_ref())
            .map_or_else(String::new, |id| id.as_str().to_owned()),
        actor_id: session
            .map_or_else(String::new, |session| owner(session.lifecycle(), session.actor())),
        open_escalations,
    }
}

/// What is asked of a list of workspaces.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Those under this prefix, by whole segments.
    pub prefix: Option<String>,
    /// Those of this status.
    pub status: Option<v1::WorkspaceStatus>,
    /// How many rows the page may have.
    pub page_size: u32,
    /// The key to continue after.
    pub after: Option<Key>,
    /// What the token of the next page belongs to.
    pub scope: Scope,
}

/// A request for a page of workspaces.
///
/// # Errors
/// Every violation.
pub fn parse_list(request: v1::ListWorkspacesRequest) -> Result<Listing, Violations> {
    let mut violations = Violations::default();
    let filter = request.filter.unwrap_or_default();
    let scope = Scope::new("ListWorkspaces", &filter.encode_to_vec());
    let status = choice::filtered_status(filter.status, &mut violations);
    let prefix = prefix(&filter.prefix, &mut violations);
    let page_size = page_size(request.page_size, &mut violations);
    let after = position(&request.page_token, &scope, &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(Listing { prefix, status, page_size, after, scope })
}
