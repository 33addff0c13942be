//! `tenure clear`: removes a session with what surrounds it.

use clap::Args;
use tenure::v1::{ClearSessionRequest, ClearSessionResponse, Lifecycle};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::{session, words};

const EXAMPLES: &str = "\
Examples:
  tenure clear acme/api                                         what a person holds
  tenure clear acme/api --actor worker-1 --reason 'work is void'";

/// Removes a session with its activity, gates, escalations and checkpoint; the handoff stays.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Clear {
    #[command(flatten)]
    workspace: Workspace,
    /// The owner or the supervisor; needed unless a person holds the workspace
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Refuse unless this session is stored
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(clear: Clear, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let place = clear.workspace.shown();
    let request = ClearSessionRequest {
        workspace: clear.workspace.workspace,
        profile: clear.workspace.profile,
        expected_session_id: clear.session,
        actor_id: clear.actor.unwrap_or_default(),
        reason: clear.reason.unwrap_or_default(),
        ..ClearSessionRequest::default()
    };
    let answer =
        connection.client.clear(request).await.map_err(|error| connection.failure(error))?;
    global.output().answer(&answer, || text(&place, &answer))
}

fn text(place: &str, answer: &ClearSessionResponse) -> String {
    if !answer.cleared {
        return Details::new(format!("nothing to clear: {place} has no session")).render();
    }
    let mut details = Details::new(format!("cleared {place}"));
    details.known("session", answer.cleared_session_id.as_str());
    let owner = if answer.lifecycle() == Lifecycle::Interactive {
        "a person".to_owned()
    } else {
        format!("{} ({})", answer.actor_id, words::owner_kind(answer.owner_kind))
    };
    details.fact("owner", owner);
    details.known("supervisor", answer.supervisor_id.as_str());
    if let Some(successor) = &answer.successor {
        details.fact("to", session::owner(successor));
        details.fact("successor", successor.session_id.as_str());
    }
    if let Some(revision) = answer.cleared_revision {
        details.fact("revision", revision.to_string());
    }
    details.known("reason", answer.reason.as_str());
    details.render()
}
