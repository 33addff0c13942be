//! The whole of a workspace, as several commands read it.

use tenure::v1::{GetProjectionRequest, Projection};

use crate::arguments::Workspace;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;

/// Reads a workspace, for `actor` if one asks.
///
/// # Errors
/// What the service refuses with.
pub async fn read(
    workspace: &Workspace,
    actor: Option<String>,
    connection: &Connection,
) -> Result<Projection, Failure> {
    let request = GetProjectionRequest {
        workspace: workspace.workspace.clone(),
        profile: workspace.profile.clone(),
        actor_id: actor,
        known_sections: Vec::new(),
    };
    let answer = connection.client.projection(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    answer.projection.ok_or_else(|| Failure::general("the server's answer is empty"))
}

/// What is said where a workspace has none of what was to be shown.
#[must_use]
pub fn nothing(workspace: &Workspace, what: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("{} has no {what}", workspace.shown()))
}
