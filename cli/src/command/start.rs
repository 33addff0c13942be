//! `tenure start`: takes a workspace, as a person or for a program.

use std::time::Duration;

use clap::Args;
use tenure::v1::{
    AutonomousHolder, AwaitSessionRequest, HeartbeatRequest, InteractiveHolder, Mode, OwnerKind,
    StartSessionRequest, StartSessionResponse, grant, start_session_request::Holder,
};

use crate::arguments::{Global, Workspace};
use crate::command::holder::{self, ModeFlag, OwnerKindFlag};
use crate::command::waiting::Waiting;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::machine::this_machine;
use crate::output::details::Details;
use crate::output::time::{Now, parse_duration, parse_positive_duration, wire};
use crate::output::{Output, note, session, words};

const EXAMPLES: &str = "\
Examples:
  tenure start acme/api                                a person takes the workspace
  tenure start acme/api --actor worker-1 --lease 60s   a program takes it, and must heartbeat
  tenure start acme/api --actor worker-1 --lease 60s --wait 5m    as soon as it can be had";

/// Takes a workspace.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Start {
    #[command(flatten)]
    workspace: Workspace,
    /// The program that takes it; without, a person does
    #[arg(long, value_name = "ACTOR", requires = "lease")]
    actor: Option<String>,
    /// How long the lease lives without a heartbeat
    #[arg(long, value_name = "DURATION", requires = "actor", value_parser = parse_duration)]
    lease: Option<Duration>,
    /// Kind of owner [default: runtime_worker]
    #[arg(long, value_enum, value_name = "KIND", requires = "actor")]
    owner_kind: Option<OwnerKindFlag>,
    /// A second actor who may clear and yield
    #[arg(long, value_name = "ACTOR", requires = "actor")]
    supervisor: Option<String>,
    /// The process of the actor, where several of one name may run
    #[arg(long, value_name = "ID", requires = "actor")]
    instance: Option<String>,
    /// End the live session of another instance of the same actor
    #[arg(long, requires = "instance")]
    supersede: bool,
    /// What the session is for [default: general, or kept]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeFlag>,
    /// Wait so long for the workspace, first come, first served
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    wait: Option<Duration>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(start: Start, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let answer = match start.wait {
        Some(patience) => wait(start, patience, &connection).await?,
        None => connection.client.start(request(start)).await.map_err(|e| connection.failure(e))?,
    };
    if !output.is_json() {
        for warning in &answer.warnings {
            note(&format!("warning: {}", warning.message));
        }
    }
    output.answer(&answer, || text(&answer, output))
}

/// Waits for the workspace; a program's grant is claimed by one beat, from which its lease counts.
async fn wait(
    start: Start,
    patience: Duration,
    connection: &Connection,
) -> Result<StartSessionResponse, Failure> {
    let place = start.workspace.shown();
    let stale = "tenure takeover takes it over";
    let waiting = Waiting { connection, place, patience, stale };
    let asks = AwaitSessionRequest { start: Some(request(start)), ..Default::default() };
    let mut answer = match waiting.grant(asks).await? {
        grant::Outcome::Started(started) => started,
        grant::Outcome::TakenOver(_) => {
            return Err(Failure::general("the server took over what was to be started"));
        }
    };
    let claims = answer.session.as_mut().filter(|session| session.lease_ttl.is_some());
    if let Some(session) = claims {
        let beat = HeartbeatRequest {
            workspace: session.workspace.clone(),
            profile: session.profile.clone(),
            actor_id: session.actor_id.clone(),
            session_id: Some(session.session_id.clone()),
            ..HeartbeatRequest::default()
        };
        let claimed = connection.client.heartbeat(beat).await.map_err(|e| connection.failure(e))?;
        session.revision = claimed.revision;
        session.last_heartbeat_at = claimed.last_heartbeat_at;
        session.lease_expires_at = claimed.timing.as_ref().and_then(|it| it.lease_expires_at);
        session.beats += 1;
        answer.timing = claimed.timing;
        answer.directives = claimed.directives;
    }
    Ok(answer)
}

fn request(start: Start) -> StartSessionRequest {
    let holder = match start.actor {
        None => Holder::Interactive(InteractiveHolder {}),
        Some(actor_id) => Holder::Autonomous(AutonomousHolder {
            actor_id,
            lease_ttl: start.lease.map(wire),
            owner_kind: start.owner_kind.map_or(OwnerKind::Unspecified, OwnerKind::from).into(),
            supervisor_id: start.supervisor,
            instance_id: start.instance,
        }),
    };
    StartSessionRequest {
        workspace: start.workspace.workspace,
        profile: start.workspace.profile,
        holder: Some(holder),
        mode: start.mode.map_or(Mode::Unspecified, Mode::from).into(),
        supersede: start.supersede,
        machine: this_machine(),
        ..StartSessionRequest::default()
    }
}

/// The answer to a start, as people read it.
fn text(answer: &StartSessionResponse, output: Output) -> String {
    let now = Now::read();
    let Some(started) = &answer.session else { return String::new() };
    let act = if answer.reset { "started" } else { "refreshed" };
    let mut details =
        Details::new(format!("{act} {}", session::place(&started.workspace, &started.profile)));
    session::add_facts(&mut details, started, now, output.is_wide());
    holder::add_timing(&mut details, answer.timing.as_ref());
    if let Some(prior) = &answer.predecessor {
        let cause = words::end_cause(prior.cause);
        details.fact("ended", format!("{} of {} ({cause})", prior.session_id, prior.actor_id));
        if let Some(activity) = &prior.activity {
            let set = now.relative(activity.set_at);
            details.fact("it was at", format!("{} ({set})", activity.text));
        }
    }
    let (checkpoint, handoff) = (answer.checkpoint.as_ref(), answer.handoff.as_ref());
    holder::add_legacy_of_work(&mut details, checkpoint, handoff, now);
    holder::add_directives(&mut details, answer.directives.as_ref(), now, output.is_wide());
    details.render()
}
