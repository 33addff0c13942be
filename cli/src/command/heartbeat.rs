//! `tenure heartbeat`: renews a lease once.

use clap::Args;
use tenure::v1::{HeartbeatRequest, HeartbeatResponse};

use crate::arguments::{Global, Workspace};
use crate::command::holder;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::output::details::Details;
use crate::output::time::Now;

/// The most bytes of a checkpoint.
const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;

const EXAMPLES: &str = "\
Example:
  tenure heartbeat acme/api --actor worker-1 --activity 'running the tests' \\
      --work-stream tests --checkpoint state.json";

/// Renews a lease once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Heartbeat {
    #[command(flatten)]
    workspace: Workspace,
    /// The owner of the session
    #[arg(long, value_name = "ACTOR")]
    actor: String,
    /// The session to renew; without, whichever the actor holds
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// What the owner is doing; without, unchanged
    #[arg(long, value_name = "TEXT")]
    activity: Option<String>,
    /// The strand of work that this touches, which shows that there is progress
    #[arg(long, value_name = "NAME")]
    work_stream: Option<String>,
    /// File with the state by which a successor can resume, or - for standard input; an empty
    /// one removes what is stored
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(heartbeat: Heartbeat, global: &Global) -> Result<(), Failure> {
    let checkpoint = heartbeat.checkpoint.as_deref();
    let checkpoint = checkpoint.map(|path| input::read(path, CHECKPOINT_BYTES_MAX)).transpose()?;
    let connection = Connection::open(global).await?;
    let output = global.output();
    let place = heartbeat.workspace.shown();
    let request = HeartbeatRequest {
        workspace: heartbeat.workspace.workspace,
        profile: heartbeat.workspace.profile,
        actor_id: heartbeat.actor,
        session_id: heartbeat.session,
        activity: heartbeat.activity,
        work_stream: heartbeat.work_stream,
        checkpoint,
        ..HeartbeatRequest::default()
    };
    let answer =
        connection.client.heartbeat(request).await.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || text(&place, &answer, output))
}

fn text(place: &str, answer: &HeartbeatResponse, output: Output) -> String {
    let now = Now::read();
    let mut details = Details::new(format!("renewed {place}"));
    if let Some(timing) = &answer.timing {
        details.fact("expires", now.shown(timing.lease_expires_at, output.is_wide()));
    }
    holder::add_timing(&mut details, answer.timing.as_ref());
    if let Some(activity) = &answer.activity {
        let set = now.shown(activity.set_at, output.is_wide());
        details.fact("activity", format!("{} ({set})", activity.text));
    }
    holder::add_directives(&mut details, answer.directives.as_ref(), now, output.is_wide());
    details.fact("session", answer.session_id.as_str());
    details.fact("token", answer.fencing_token.to_string());
    details.fact("revision", answer.revision.to_string());
    details.render()
}
