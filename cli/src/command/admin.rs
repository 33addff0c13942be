//! `tenure admin`: what the server is, as whom it knows the caller, and drain.

use clap::{Args, Subcommand};
use tenure::v1::{
    DrainRequest, DrainResponse, GetServerInfoRequest, GetServerInfoResponse, WhoAmIRequest,
    WhoAmIResponse,
};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::time::{Now, span};
use crate::output::{Output, words};

const EXAMPLES: &str = "\
Examples:
  tenure admin info -o wide
  tenure admin drain";

/// Runs the service.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Admin {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what the server is, how it stands, and which limits hold
    Info,
    /// Show as whom the server knows the caller
    Whoami,
    /// Stop the server in good order; leases go on in the store
    Drain,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(admin: Admin, global: &Global) -> Result<(), Failure> {
    let output = global.output();
    let connection = Connection::open(global).await?;
    let client = &connection.client;
    let failed = |error| connection.failure(error);
    match admin.action {
        Action::Info => {
            let answer = client.server_info(GetServerInfoRequest {}).await.map_err(failed)?;
            output.answer(&answer, || info(&answer, output))
        }
        Action::Whoami => {
            let answer = client.who_am_i(WhoAmIRequest {}).await.map_err(failed)?;
            output.answer(&answer, || whoami(&answer, output))
        }
        Action::Drain => {
            let answer = client.drain(DrainRequest {}).await.map_err(failed)?;
            output.answer(&answer, || drained(&answer, output))
        }
    }
}

fn info(answer: &GetServerInfoResponse, output: Output) -> String {
    let now = Now::read();
    let mut details = Details::new(format!("tenured {}", answer.version));
    details.known("build", answer.build.as_str());
    details.fact("state", words::serving_state(answer.serving_state));
    details.fact("since", now.shown(answer.started_at, output.is_wide()));
    details.fact("store", words::store_kind(answer.store_kind));
    details.known("location", answer.store_location.as_str());
    details.fact("log", answer.log_id.as_str());
    details.fact("events", format!("{} to {}", answer.oldest_sequence, answer.newest_sequence));
    details.fact("epoch", answer.epoch.to_string());
    details.fact("lease clock", span(answer.lease_clock));
    if answer.registration_required {
        details.fact("registration", "required");
    }
    if let Some(counts) = &answer.counts {
        let (live, stale) = (counts.live_sessions, counts.stale_sessions);
        let stalled = match counts.stalled_sessions {
            0 => String::new(),
            stalled => format!(" ({stalled} of them stalled)"),
        };
        details.fact("sessions", format!("{live} live{stalled}, {stale} stale"));
        details.fact("workspaces", counts.workspaces.to_string());
        details.fact("transfers", counts.pending_transfers.to_string());
        let (streams, watches) = (counts.heartbeat_streams, counts.watches);
        details.fact("streams", format!("{streams} of heartbeats, {watches} watches"));
        details.fact("connections", counts.connections.to_string());
    }
    if let Some(limits) = &answer.limits {
        let (min, max) = (span(limits.lease_ttl_min), span(limits.lease_ttl_max));
        details.fact("lease", format!("{min} to {max}"));
        details.fact("grace", format!("at most {}", span(limits.transfer_grace_max)));
        if output.is_wide() {
            details.fact("message", format!("at most {} bytes", limits.message_bytes_max));
            details.fact("import", format!("at most {} bytes", limits.import_message_bytes_max));
            details.fact("events kept", span(limits.event_retention));
            details.fact("ledger kept", span(limits.ledger_retention));
        }
    }
    details.render()
}

fn whoami(answer: &WhoAmIResponse, output: Output) -> String {
    let roles: Vec<String> = answer.roles.iter().map(|role| words::role(*role)).collect();
    let any = |list: &[String]| if list.is_empty() { "all".to_owned() } else { list.join(", ") };
    let mut details = Details::new(answer.principal.as_str());
    details.fact("roles", roles.join(", "));
    details.fact("workspaces", any(&answer.workspace_prefixes));
    details.fact("actors", any(&answer.actor_patterns));
    details.known("address", answer.address.as_str());
    details.known("token", answer.token_id.as_str());
    details.known("expires", Now::read().shown(answer.expires_at, output.is_wide()));
    details.render()
}

fn drained(answer: &DrainResponse, output: Output) -> String {
    let mut details = Details::new("draining");
    let ends = Now::read().shown(answer.deadline, output.is_wide());
    details.fact("ends", format!("{ends} at the latest"));
    details.fact("heartbeat streams", answer.heartbeat_streams.to_string());
    details.fact("watches", answer.watches.to_string());
    details.fact("waiters", answer.waiters.to_string());
    details.fact("live sessions", format!("{}, whose leases go on", answer.live_sessions));
    details.render()
}
