//! `tenure status`: who has a workspace and how the work stands, as a person wants to read it.

use clap::Args;
use tenure::v1::{GetProjectionResponse, Projection};

use crate::arguments::{Global, Workspace};
use crate::command::projection;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::details::Details;
use crate::output::time::Now;
use crate::output::{session, surroundings};

const EXAMPLES: &str = "\
Exits with 3 when the workspace has no session (what work it has is shown all the same), and with
0 also when the session is stale.

Example:
  tenure status acme/api -o wide";

/// Shows who has a workspace, and how the work stands.
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
/// What the service refuses with; `NO_SESSION` when nobody has the workspace.
pub async fn run(status: Status, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let projection = projection::read(&status.workspace, status.actor, &connection).await?;
    let missing = projection.session.is_none();
    let shown = text(&projection, output);
    if !missing || shown.is_some() || output.is_json() {
        let answer = GetProjectionResponse { projection: Some(projection) };
        output.answer(&answer, || shown.unwrap_or_default())?;
    }
    if missing {
        let message = format!("{} has no session", status.workspace.shown());
        return Err(Failure::new(Exit::NotFound, message).with_reason("NO_SESSION"));
    }
    Ok(())
}

/// What there is to show; nothing where the workspace has neither session nor work.
fn text(projection: &Projection, output: Output) -> Option<String> {
    let now = Now::read();
    let place = session::place(&projection.workspace, &projection.profile);
    let mut details = Details::new(place);
    if let Some(stored) = &projection.session {
        session::add_facts(&mut details, stored, now, output.is_wide());
    }
    surroundings::add_facts(&mut details, projection, now, output.is_wide());
    if projection.session.is_some()
        && let Some(conflict) = projection.ownership_conflict
    {
        let conflict = if conflict { "yes: another holds the lease" } else { "no" };
        details.fact("conflict", conflict);
    }
    (!details.is_empty()).then(|| details.render())
}
