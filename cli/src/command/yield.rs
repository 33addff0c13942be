//! `tenure yield`: gives a session up, to the pending successor or to nobody.

use clap::Args;
use tenure::v1::{YieldSessionRequest, YieldSessionResponse};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::{session, words};

const EXAMPLES: &str = "\
Examples:
  tenure yield acme/api --actor worker-1
  tenure yield acme/api                    what a person holds";

/// Gives a session up.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Yield {
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
pub async fn run(given_up: Yield, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let place = given_up.workspace.shown();
    let request = YieldSessionRequest {
        workspace: given_up.workspace.workspace,
        profile: given_up.workspace.profile,
        expected_session_id: given_up.session,
        actor_id: given_up.actor.unwrap_or_default(),
        reason: given_up.reason.unwrap_or_default(),
        ..YieldSessionRequest::default()
    };
    let answer = connection
        .client
        .yield_session(request)
        .await
        .map_err(|error| connection.failure(error))?;
    global.output().answer(&answer, || text(&place, &answer))
}

fn text(place: &str, answer: &YieldSessionResponse) -> String {
    let mut details = Details::new(format!("yielded {place}"));
    details.known("ended", answer.ended_session_id.as_str());
    details.fact("cause", words::end_cause(answer.cause));
    if let Some(successor) = &answer.successor {
        details.fact("to", session::owner(successor));
        details.fact("session", successor.session_id.as_str());
        details.fact("token", successor.fencing_token.to_string());
    }
    details.fact("revision", answer.revision.to_string());
    details.render()
}
