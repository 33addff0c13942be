//! `tenure cancel-takeover`: removes the forced takeover that waits for its grace.

use clap::Args;
use tenure::v1::{CancelForcedTakeoverRequest, CancelForcedTakeoverResponse};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::details::Details;
use crate::output::session;
use crate::output::time::Now;

const EXAMPLES: &str = "\
Example:
  tenure cancel-takeover acme/api --reason 'worker-1 answered after all'";

/// Removes the forced takeover that waits for its grace; the session goes on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CancelTakeover {
    #[command(flatten)]
    workspace: Workspace,
    /// Refuse unless this session is stored
    #[arg(long, value_name = "ID")]
    expect_session: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(cancel: CancelTakeover, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let place = cancel.workspace.shown();
    let request = CancelForcedTakeoverRequest {
        workspace: cancel.workspace.workspace,
        profile: cancel.workspace.profile,
        expected_session_id: cancel.expect_session,
        reason: cancel.reason.unwrap_or_default(),
        ..CancelForcedTakeoverRequest::default()
    };
    let answer = connection
        .client
        .cancel_forced_takeover(request)
        .await
        .map_err(|error| connection.failure(error))?;
    output.answer(&answer, || text(&place, &answer, output))
}

fn text(place: &str, answer: &CancelForcedTakeoverResponse, output: Output) -> String {
    let now = Now::read();
    let mut details = Details::new(format!("cancelled the takeover of {place}"));
    if let Some(transfer) = &answer.cancelled_transfer {
        details.fact("it was", session::pending(transfer, now, output.is_wide()));
        details.known("reason", session::transfer_reason(transfer));
    }
    if let Some(goes_on) = &answer.session {
        session::add_facts(&mut details, goes_on, now, output.is_wide());
    }
    details.render()
}
