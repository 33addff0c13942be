//! `tenure status`: who has a workspace, as a person wants to read it.

use clap::Args;
use tenure::v1::{GetSessionRequest, GetSessionResponse, Lifecycle, Session};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::details::Details;
use crate::output::session;
use crate::output::time::Now;

const EXAMPLES: &str = "\
Exits with 3 when the workspace has no session, and with 0 also when the session is stale.

Example:
  tenure status acme/api -o wide";

/// Shows who has a workspace.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    #[command(flatten)]
    workspace: Workspace,
    /// Say also whether another than this actor holds the lease
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with, such as `NO_SESSION`.
pub async fn run(status: Status, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let request = GetSessionRequest {
        workspace: status.workspace.workspace,
        profile: status.workspace.profile,
    };
    let answer =
        connection.client.get_session(request).await.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || text(&answer, status.actor.as_deref(), output))
}

fn text(answer: &GetSessionResponse, actor: Option<&str>, output: Output) -> String {
    let Some(stored) = &answer.session else { return String::new() };
    let mut details = Details::new(session::place(&stored.workspace, &stored.profile));
    session::add_facts(&mut details, stored, Now::read(), output.is_wide());
    if let Some(actor) = actor {
        let conflict =
            if is_conflict(stored, actor) { "yes: another holds the lease" } else { "no" };
        details.fact("conflict", conflict);
    }
    details.render()
}

/// Whether the session is autonomous, live, and another's.
fn is_conflict(stored: &Session, actor: &str) -> bool {
    stored.lifecycle() == Lifecycle::Autonomous && !stored.stale && stored.actor_id != actor
}
