//! `tenure list`: the stored sessions, once or live.

mod live;
mod lost;

use clap::Args;
use tenure::v1::{ListSessionsRequest, ListSessionsResponse, Session, SessionFilter};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::session;
use crate::output::table::Table;
use crate::output::time::{Now, absolute, span};
use crate::output::{Output, words};

/// How many sessions a page asks for.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  tenure list --prefix acme --stale
  tenure list --stalled
  tenure list --owner worker-1 -o wide
  tenure list --watch";

/// Lists the stored sessions.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Only stale sessions
    #[arg(long)]
    stale: bool,
    /// Only sessions that are alive, but make no progress
    #[arg(long)]
    stalled: bool,
    /// Only sessions owned by this actor
    #[arg(long, value_name = "ACTOR")]
    owner: Option<String>,
    /// Only sessions on the machine with this id
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// Only workspaces under this prefix, by whole segments
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only sessions with this supervisor
    #[arg(long, value_name = "ACTOR")]
    supervisor: Option<String>,
    /// Keep the list up to date until interrupted
    #[arg(short, long)]
    watch: bool,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(list: List, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    if list.watch {
        return live::run(list, &connection, output).await;
    }
    let mut pages = connection.client.list_sessions(ListSessionsRequest {
        page_size: PAGE_SIZE,
        page_token: String::new(),
        filter: Some(list.filter()),
    });
    let mut all = ListSessionsResponse::default();
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        all.sessions.extend(page.sessions);
    }
    output.answer(&all, || table(all.sessions.iter(), Times::Leases, output))?;
    if !output.is_json() {
        lost::tell(&all.sessions, &connection).await;
    }
    Ok(())
}

impl List {
    fn filter(&self) -> SessionFilter {
        SessionFilter {
            prefix: self.prefix.clone().unwrap_or_default(),
            owner: self.owner.clone().unwrap_or_default(),
            supervisor: self.supervisor.clone().unwrap_or_default(),
            machine: self.machine.clone().unwrap_or_default(),
            stale: self.stale.then_some(true),
            stalled: self.stalled.then_some(true),
            ..SessionFilter::default()
        }
    }

    /// Whether a session belongs into the list; the prefix is left to the server.
    fn selects(&self, session: &Session) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| w == value);
        let machine = session.machine.as_ref().map_or("", |machine| &machine.machine_id);
        (!self.stale || session.stale)
            && (!self.stalled || session.stalled && !session.stale)
            && is(&self.owner, &session.actor_id)
            && is(&self.supervisor, &session.supervisor_id)
            && is(&self.machine, machine)
    }
}

/// Which times of a lease are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// When each expires, as just read.
    Leases,
    /// Only how long each lives: heartbeats are not events, so a live list does not see them.
    Lengths,
}

fn table<'a>(sessions: impl Iterator<Item = &'a Session>, times: Times, output: Output) -> String {
    let now = Now::read();
    let lease = if times == Times::Leases { "expires" } else { "lease" };
    let mut headers = vec!["workspace", "profile", "state", "owner", "for", lease, "activity"];
    if output.is_wide() {
        headers.extend(["kind", "supervisor", "mode", "machine", "session", "token", "revision"]);
        headers.extend(["started", "transfer"]);
    }
    let mut table = Table::new(output, &headers);
    for session in sessions {
        table.add(&cells(session, times, now, output.is_wide()));
    }
    table.render()
}

fn cells(session: &Session, times: Times, now: Now, wide: bool) -> Vec<String> {
    let or_none =
        |text: &str| if text.is_empty() { words::NONE.to_owned() } else { text.to_owned() };
    let lease = match times {
        Times::Leases if session.stale => words::NONE.to_owned(),
        Times::Leases => now.until(session.lease_expires_at),
        Times::Lengths => span(session.lease_ttl),
    };
    let activity = session.activity.as_ref().map_or("", |activity| &activity.text);
    let mut cells = vec![
        session.workspace.clone(),
        session.profile.clone(),
        session::standing(session).to_owned(),
        or_none(&session.actor_id),
        now.age(session.started_at),
        lease,
        or_none(activity),
    ];
    if wide {
        let transfer = session.pending_transfer.as_ref();
        cells.extend([
            words::owner_kind(session.owner_kind),
            or_none(&session.supervisor_id),
            words::mode(session.mode),
            session::machine(session.machine.as_ref(), true),
            or_none(&session.session_id),
            session.fencing_token.to_string(),
            session.revision.to_string(),
            absolute(session.started_at),
            transfer.map_or_else(|| or_none(""), |it| session::pending(it, now, false)),
        ]);
    }
    cells
}
